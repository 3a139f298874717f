"""Maintenance windows, short."""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.spans import Once, Repeated
from monitor.calendar.cron import parse_cron
from monitor.matching.parse import parse_matchers
from monitor.model.times import parse_duration, parse_rfc3339


def once(starts: str, ends: str, **more: object) -> MaintenanceWindow:
    """From one instant until another, each as `2026-01-05T00:01Z`."""
    return replace(_plain(), once=(Once(parse_rfc3339(starts), parse_rfc3339(ends)),), **more)


def nightly(cron: str, duration: str, location: str = "", **more: object) -> MaintenanceWindow:
    """By a cron expression."""
    repeated = Repeated(parse_cron(cron, location), parse_duration(duration))
    return replace(_plain(), repeated=(repeated,), location=location, **more)


def _plain() -> MaintenanceWindow:
    return MaintenanceWindow(name="move", matchers=parse_matchers('check=~"api|shop"'), created_by="ana")
