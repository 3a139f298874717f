"""Maintenance windows: known in advance, by matchers and the calendar."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.calendar.intervals import TimeInterval
from monitor.matching.matchers import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """While one of its intervals holds, alerts that all its matchers match are quiet."""

    name: str
    matchers: tuple[Matcher, ...]
    intervals: tuple[TimeInterval, ...]
