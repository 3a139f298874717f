"""Maintenance windows: known in advance, by matchers and the calendar.

A window is either one span of time, or comes back by time intervals. An incident that is open when one begins keeps going;
one that would open during it is held until its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.calendar.intervals import TimeInterval
from monitor.matching.matchers import Matcher
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True)
class Once:
    """From one instant until another; the end is not included."""

    starts_at: Timestamp
    ends_at: Timestamp

    def contains(self, at: Timestamp) -> bool:
        return self.starts_at <= at < self.ends_at

    def next_change(self, now: Timestamp) -> Timestamp | None:
        """As `TimeInterval.next_change`."""
        return next((at for at in (self.starts_at, self.ends_at) if at > now), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """While one of its spans holds, alerts that all its matchers match are quiet."""

    name: str
    matchers: tuple[Matcher, ...]
    spans: tuple[TimeInterval | Once, ...]
