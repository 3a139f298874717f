"""Maintenance windows: known in advance, by matchers and the calendar.

A window is one span of time, or comes back: by a cron expression and a duration, or by time intervals. A time for which it
holds without a pause is an occurrence of it. An occurrence can be cut short, or left out, and the window goes on; so what a
window is (its spans) and what became of it (`cuts`, whom it was announced to) are kept apart, and the second exists for
windows of the configuration file as well. An incident that is open when an occurrence begins keeps going; one that would
open during it is held until its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.alerts.spans import Once, Repeated, Span, began, holds, next_flip
from monitor.calendar.intervals import TimeInterval
from monitor.matching.matchers import Matcher
from monitor.model.times import DAY, HOUR, Millis, Timestamp

RETENTION: Final[Millis] = 120 * HOUR
"""How long a window that will not come any more is kept, as silences are."""
_FAR: Final[Millis] = 366 * DAY
_SKIPPED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A time for which a window holds."""

    starts_at: Timestamp
    """0: longer than a year ago."""
    ends_at: Timestamp | None
    """None: not within a year."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of an occurrence, up to its end, that does not take place."""

    starts_at: Timestamp
    ends_at: Timestamp

    def covers(self, at: Timestamp) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """While one of its spans holds, alerts that all its matchers match are quiet."""

    name: str
    matchers: tuple[Matcher, ...]
    once: tuple[Once, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    intervals: tuple[TimeInterval, ...] = ()
    location: str = ""
    """Whose clocks it is announced by, beside UTC."""
    comment: str = ""
    created_by: str = ""
    announce_to: str = ""
    """The receiver that hears of its beginnings and ends; empty: nobody does."""
    announce_before: tuple[Millis, ...] = ()
    """How long before a beginning it hears of it, the longest first."""
    place: str = ""
    """Where it stands, as `watchkeeper.yml:12`; empty for one that was added at run time."""

    @property
    def spans(self) -> tuple[Span, ...]:
        return (*self.once, *self.repeated, *self.intervals)


def running(window: MaintenanceWindow, cuts: Sequence[Cut], now: Timestamp) -> Occurrence | None:
    """The occurrence that is under way; None while there is none, or what is left of it was cut."""
    spans = window.spans
    if not holds(spans, now) or any(cut.covers(now) for cut in cuts):
        return None
    return Occurrence(starts_at=began(spans, now), ends_at=next_flip(spans, now))


def upcoming(window: MaintenanceWindow, cuts: Sequence[Cut], now: Timestamp, most: int) -> tuple[Occurrence, ...]:
    """The next ones that begin after this instant, those that were left out not counted."""
    found: list[Occurrence] = []
    for one in _beginning_after(window, now):
        if len(found) == most:
            break
        if not any(cut.covers(one.starts_at) for cut in cuts):
            found.append(one)
    return tuple(found)


def has_ended(window: MaintenanceWindow, now: Timestamp) -> bool:
    """Will it never hold again? Not said of one that comes back by time intervals, which only years can end."""
    return not window.intervals and not holds(window.spans, now) and next_flip(window.spans, now) is None


def cut_running(window: MaintenanceWindow, cuts: Sequence[Cut], now: Timestamp) -> tuple[Cut, ...] | None:
    """The cuts by which the occurrence that is under way ends now; None if there is none."""
    found = running(window, cuts, now)
    if found is None:
        return None
    return (*kept(cuts, now), Cut(now, found.ends_at if found.ends_at is not None else now + _FAR))


def cut_next(window: MaintenanceWindow, cuts: Sequence[Cut], now: Timestamp) -> tuple[Cut, ...] | None:
    """The cuts by which the next occurrence does not take place; None if none is to come."""
    found = upcoming(window, cuts, now, 1)
    if not found:
        return None
    (one,) = found
    return (*kept(cuts, now), Cut(one.starts_at, one.ends_at if one.ends_at is not None else one.starts_at + _FAR))


def kept(cuts: Sequence[Cut], now: Timestamp) -> tuple[Cut, ...]:
    """Those that still matter."""
    return tuple(cut for cut in cuts if cut.ends_at > now)


def ended_now(window: MaintenanceWindow, now: Timestamp) -> MaintenanceWindow:
    """A window that comes once, ended early; what has not begun by then does not come at all."""
    return replace(window, once=tuple(Once(min(one.starts_at, now), min(one.ends_at, now)) for one in window.once))


def _beginning_after(window: MaintenanceWindow, now: Timestamp) -> Iterator[Occurrence]:
    spans, at = window.spans, now
    held = holds(spans, at)
    for _ in range(_SKIPPED):
        change = next_flip(spans, at)
        if change is None:
            return
        at, held = change, not held
        if held:
            yield Occurrence(starts_at=at, ends_at=next_flip(spans, at))
