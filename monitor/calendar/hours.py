"""Hours of a day on days of the week, in the time that the clocks of a place show.

Membership is asked of the wall clock, so changes of the clock need no rule of their own: an hour that the clocks skip has no
instants, one that they show twice is inside both times, and 09:00 is nine by the clock all year. A span that ends before
it begins goes on past midnight and belongs to the day on which it began: 22:00-06:00 on Fridays holds Saturday's 05:00.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.model.times import Timestamp

WEEK: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY: Final = frozenset(range(7))
_MINUTES: Final = 24 * 60
_SPAN: Final = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day up to, and without, another."""

    begin: int
    """0 to 1439."""
    end: int
    """1 to 1440; not after `begin`: of the next day."""

    def __str__(self) -> str:
        return f"{self.begin // 60:02}:{self.begin % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHours:
    """The spans of `hours` that begin on one of `days`, in the local time of `zone`."""

    zone: ZoneInfo
    hours: tuple[Span, ...] = (Span(0, _MINUTES),)
    days: frozenset[int] = _EVERY_DAY
    """0 is Monday."""

    def __str__(self) -> str:
        days = "" if self.days == _EVERY_DAY else f"{', '.join(WEEK[day][:3] for day in sorted(self.days))} "
        return f"{days}{', '.join(map(str, self.hours))} {self.zone.key}"

    def covers(self, at: Timestamp) -> bool:
        """Is this instant inside?"""
        local = datetime.fromtimestamp(at / 1000, self.zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        for span in self.hours:
            past_midnight = span.end <= span.begin
            if day in self.days and span.begin <= minute and (past_midnight or minute < span.end):
                return True
            if past_midnight and minute < span.end and (day - 1) % 7 in self.days:
                return True
        return False


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name in the time zone database. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{name}" is no time zone: write it as Europe/Berlin or UTC') from None


def span_of(text: str) -> Span:
    """`09:00-17:00`; 24:00 may end it. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is no span of hours: write it as 09:00-17:00')
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if begin_minute > 59 or end_minute > 59 or begin >= _MINUTES or end > _MINUTES:
        raise ValueError(f'"{text}" is no span of hours: a day goes from 00:00 to 24:00')
    if begin == end:
        raise ValueError(f'"{text}" is empty: write 00:00-24:00 for a whole day')
    return Span(begin, end or _MINUTES)


def days_of(texts: Iterable[str]) -> frozenset[int]:
    """Days (`mon`, `monday`) and runs of them (`mon-fri`, `sat-mon`). Raises ValueError."""
    days: set[int] = set()
    for text in texts:
        ends: Sequence[int] = [_day(part) for part in re.split(r"[-:]", text)]
        if len(ends) > 2:
            raise ValueError(f'"{text}" is no run of days: write it as mon-fri')
        days.update((ends[0] + more) % 7 for more in range((ends[-1] - ends[0]) % 7 + 1))
    return frozenset(days)


def _day(text: str) -> int:
    name = text.strip().lower()
    found = [number for number, day in enumerate(WEEK) if name in (day, day[:3])]
    if not found:
        raise ValueError(f'"{text.strip()}" is no day of the week: write mon, tue, wed, thu, fri, sat or sun')
    return found[0]
