"""Cron expressions: five fields that the clocks of a place are held against, as crontab has them.

APScheduler's trigger reads the fields and finds the next match. It is asked on a clock without changes, because on a real
one it fires twice in the hour that comes twice, and half an hour late in the one that is skipped; which instants a match
stands for is decided here, as Debian's cron does. What runs at a certain hour runs once a day: at the change if its time is
skipped, the first time if it comes twice. What runs every hour (`*` first in the hours) goes by the minutes that pass.
Two more of its habits are not cron's: its Monday is 0, and it wants day of month and day of week to hold both where
cron, if both are named, takes either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from monitor.calendar.walls import first_shifted, instant_of, wall_of
from monitor.model.times import Millis, Timestamp, from_datetime, parse_rfc3339, to_datetime

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

_END: Final = to_datetime(parse_rfc3339("2200-01-01T00:00:00Z"))
"""Beyond it nothing is looked for: 29 February on a Sunday comes every 28 years, 31 February never."""
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY_ITEM: Final = re.compile(r"(\*|[0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?(?:/([1-9][0-9]?))?")
_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_CHANGES: Final = 8
"""So many clock changes may lie before the next match of an hourly one."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that was found good, and whose clocks it is held against. Made with `parse_cron`."""

    text: str
    location: str = ""

    def after(self, at: Timestamp) -> Timestamp | None:
        """The first match after this instant; None if there is none in the next centuries."""
        if _fields(self.text)[1].startswith("*"):
            return self._by_minutes(at)
        wall: Millis | None = wall_of(at, self.location)
        while (wall := _next_wall(self.text, wall)) is not None:
            found = instant_of(wall, self.location)
            if found > at:  # else it is the second time that the clocks show it
                return found
        return None

    def shortest_pause(self, matches: int = 40) -> Millis | None:
        """Between two of its first matches; None if it has fewer than two."""
        walls: list[Millis] = []
        wall: Millis | None = 0
        while len(walls) < matches and (wall := _next_wall(self.text, wall)) is not None:
            walls.append(wall)
        return min((later - earlier for earlier, later in pairwise(walls)), default=None)

    def _by_minutes(self, at: Timestamp) -> Timestamp | None:
        """As if there were no clock changes, from one to the next."""
        since, wall, look = at, wall_of(at, self.location), wall_of(at, self.location)
        for _ in range(_CHANGES):
            match = _next_wall(self.text, look)
            if match is None:
                return None
            found = since + match - wall
            change = first_shifted(since, found, self.location)
            if wall_of(found, self.location) == match:
                return found
            since, wall = change, wall_of(change, self.location)
            look = wall - 1
        return None


def parse_cron(text: str, location: str = "") -> Cron:
    """`30 2 * * sun`: minute, hour, day of month, month, day of week; or `@daily`. Raises ValueError."""
    if len(text) > _LONGEST:
        raise ValueError("a cron expression is not that long")
    cron = Cron(" ".join(text.lower().split()), location)
    try:
        never = _next_wall(cron.text, 0) is None
    except ValueError as error:
        raise ValueError(f'"{text}" is no cron expression: {error}') from error
    if never:
        raise ValueError(f'"{text}" never comes')
    return cron


@lru_cache(2_000)  # a tenth of a millisecond and more each, and a look at a window asks the same several times
def _next_wall(text: str, wall: Millis) -> Millis | None:
    """The first match after this reading of the clocks."""
    now = to_datetime(wall + 1)
    found = [one for trigger in _triggers(text) if (one := trigger.get_next_fire_time(None, now)) is not None]
    return min(map(from_datetime, found), default=None)


@lru_cache(1_000)
def _triggers(text: str) -> tuple[CronTrigger, ...]:
    """One, or one by the day of month and one by the day of week. Raises ValueError."""
    minute, hour, day, month, weekday = _fields(text)
    for name, given in zip(_WANTED, (minute, hour, day, month), strict=True):
        _check(name, given)
    weekdays = _weekdays(weekday)
    if not day.startswith("*") and not weekday.startswith("*"):
        return _trigger(minute, hour, day, month, "*"), _trigger(minute, hour, "*", month, weekdays)
    return (_trigger(minute, hour, day, month, weekdays),)


def _check(name: str, given: str) -> None:
    """Raises ValueError that names the field and what it takes."""
    wanted = _WANTED[name]
    try:
        _trigger(**{**_ANY, wanted.key: given})
    except ValueError as error:
        raise ValueError(
            f'the {name} "{given}" is not understood: write {wanted.range}, as {wanted.example}'
        ) from error


def _trigger(minute: str, hour: str, day: str, month: str, weekdays: str) -> CronTrigger:
    # Half a megabyte that only those need who have such windows.
    from apscheduler.triggers.cron import CronTrigger

    try:
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=weekdays, end_date=_END, timezone="UTC"
        )
    except (ValueError, TypeError) as error:
        raise ValueError(str(error)) from error


class _Wanted(NamedTuple):
    key: str
    range: str
    example: str


_WANTED: Final = {
    "minute": _Wanted("minute", "0 to 59", "30 or */15"),
    "hour": _Wanted("hour", "0 to 23", "2 or 8-17"),
    "day of month": _Wanted("day", "1 to 31", "1 or 1,15"),
    "month": _Wanted("month", "1 to 12 or jan to dec", "6 or jan-mar"),
}
"""What each field takes, in the order of an expression; the day of the week is read by `_weekdays`."""
_ANY: Final = {"minute": "*", "hour": "*", "day": "*", "month": "*", "weekdays": "*"}


def _fields(text: str) -> list[str]:
    parts = _NICKNAMES.get(text, text).split()
    if len(parts) != 5:
        raise ValueError("write five fields (minute, hour, day of month, month, day of week), as 30 2 * * sun")
    return parts


def _weekdays(text: str) -> str:
    """The names of the days, since numbers mean others here than in a crontab. Raises ValueError."""
    found: set[int] = set()
    for item in text.split(","):
        match = _DAY_ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f'"{item}" is no day of the week: write 0 to 7 or sun to sat, mon-fri, or *')
        first, last, step = match.groups()
        begin, end = (0, 6) if first == "*" else (_day(first), _day(last or first))
        if last == "7":
            end = 7
        found.update(day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1, int(step or 1)))
    return "*" if len(found) == 7 else ",".join(_DAYS[day] for day in sorted(found))


def _day(text: str) -> int:
    if text.isdecimal():
        return int(text) % 7
    if text not in _DAYS:
        raise ValueError(f'"{text}" is no day of the week: write 0 to 7 or sun to sat')
    return _DAYS.index(text)
