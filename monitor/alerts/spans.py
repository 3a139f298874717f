"""Spans of time that are known in advance: once, by a cron expression, by Alertmanager's time intervals.

All answer the same three questions, so that what is muted need not know how its hours were written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.calendar.cron import Cron
from monitor.calendar.intervals import TimeInterval
from monitor.model.times import Millis, Timestamp

_JOINED: Final = 100
"""So many spans that follow one another without a pause are walked through to find where they begin or end."""


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

    def began(self, at: Timestamp) -> Timestamp:
        """As `TimeInterval.began`."""
        return self.starts_at


@dataclass(frozen=True, slots=True)
class Repeated:
    """So long from each match of a cron expression on: of time that passes, whatever the clocks do meanwhile."""

    cron: Cron
    duration: Millis

    def contains(self, at: Timestamp) -> bool:
        begin = self.cron.after(at - self.duration)
        return begin is not None and begin <= at

    def next_change(self, now: Timestamp) -> Timestamp | None:
        """As `TimeInterval.next_change`, however far away."""
        begin = self.cron.after(now - self.duration)
        if begin is None or begin > now:
            return begin
        for _ in range(_JOINED):
            another = self.cron.after(begin)
            if another is None or another > begin + self.duration:
                break
            begin = another
        return begin + self.duration

    def began(self, at: Timestamp) -> Timestamp:
        """As `TimeInterval.began`."""
        begin = at
        for _ in range(_JOINED):
            earlier = self.cron.after(begin - self.duration - 1)
            if earlier is None or earlier >= begin:
                break
            begin = earlier
        return begin


Span: TypeAlias = TimeInterval | Once | Repeated


def holds(spans: Sequence[Span], at: Timestamp) -> bool:
    """Does one of them?"""
    return any(one.contains(at) for one in spans)


def next_flip(spans: Sequence[Span], now: Timestamp) -> Timestamp | None:
    """When it changes whether one of them holds; None if that is not within a year (for cron: ever)."""
    held, at = holds(spans, now), now
    for _ in range(_JOINED):
        changes = [change for one in spans if (change := one.next_change(at)) is not None]
        if not changes:
            return None
        at = min(changes)
        if holds(spans, at) != held:
            return at
    return None


def began(spans: Sequence[Span], at: Timestamp) -> Timestamp:
    """Since when one or another of them has held without a pause, if one does at this instant; 0 for longer than a year."""
    for _ in range(_JOINED):
        earlier = min((one.began(at) for one in spans if one.contains(at)), default=at)
        if earlier <= 0 or not holds(spans, earlier - 1):
            return max(earlier, 0)
        at = earlier - 1
    return 0


class Watched:
    """Whether one of some spans holds, reckoned anew only after it may have changed."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._since: Timestamp = 0
        self._until: Timestamp | None = 0
        self._held = False

    def holds(self, now: Timestamp) -> bool:
        self._reckon(now)
        return self._held

    def next_change(self, now: Timestamp) -> Timestamp | None:
        """When one of them begins or ends; with several that overlap that need not change the answer."""
        self._reckon(now)
        return self._until

    def _reckon(self, now: Timestamp) -> None:
        if self._since <= now and (self._until is None or now < self._until) and self._since:
            return
        self._since, self._held = now, holds(self._spans, now)
        changes = [one.next_change(now) for one in self._spans]
        self._until = min((at for at in changes if at is not None), default=None)


def latest(times: Sequence[Timestamp | None]) -> Timestamp | None:
    """The last of them; None if one is not known."""
    known = [at for at in times if at is not None]
    return max(known, default=None) if len(known) == len(times) else None
