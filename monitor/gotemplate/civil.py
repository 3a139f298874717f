"""Days, clocks and zones in any year: Go's calendar neither begins with year 1 nor ends with year 9999.

The zero time of Go, which every firing alert has for its end, reads in New York as one of the year 0. Python's calendar is
used for a year of the same form, since it repeats itself every 400 years.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 86_400
_CYCLE: Final = 146_097
"""Days of 400 years."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Face:
    """What a calendar and a clock show."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    days: int
    """Since 1970."""
    year_day: int
    weekday: int
    """From Sunday, 0."""

    @classmethod
    def of(cls, seconds: int) -> Face:
        """So many seconds since 1970 began on that clock."""
        days, second = divmod(seconds, DAY)
        cycles, within = divmod(days, _CYCLE)
        found = _EPOCH + timedelta(days=within, seconds=second)
        return cls(
            found.year + 400 * cycles,
            found.month,
            found.day,
            found.hour,
            found.minute,
            found.second,
            days,
            found.timetuple().tm_yday,
            found.isoweekday() % 7,
        )

    @property
    def long_year(self) -> str:
        return f"{'-' if self.year < 0 else ''}{abs(self.year):04d}"

    @property
    def short_year(self) -> int:
        return abs(self.year) % 100


def days_before(year: int, month: int) -> int:
    """From 1970 to the first of a month."""
    cycles, within = divmod(year - 1970, 400)
    return (datetime(1970 + within, month, 1, tzinfo=UTC) - _EPOCH).days + cycles * _CYCLE


_FIRST: Final = days_before(2, 1) * DAY
_LAST: Final = days_before(9999, 1) * DAY


def zone_at(name: str, seconds: int) -> tuple[int, str]:
    """Seconds east of UTC and the zone's short name, so many seconds after 1970 began in UTC. Raises ValueError for an
    unknown zone."""
    zone = _zone(name)
    while seconds < _FIRST or seconds > _LAST:
        seconds += _CYCLE * DAY if seconds < _FIRST else -_CYCLE * DAY
    local = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    offset = local.utcoffset() or timedelta()
    return int(offset.total_seconds()), local.tzname() or ""


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"unknown time zone {name}") from error
