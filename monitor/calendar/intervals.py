"""Time intervals: `times`, `weekdays`, `days_of_month`, `months`, `years` in a `location`, as Alertmanager has them.

An interval contains an instant when each of its fields does; a field does when one of its ranges does; a field that is
absent always does, and one that is an empty list never. Everything is read off the local clock: in the hour that a clock
change skips no range holds, in the one that it repeats a range holds twice. Source: Alertmanager timeinterval/.
"""

from __future__ import annotations

import re
from calendar import monthrange, weekday
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, cast

from monitor.calendar.walls import first_shifted, local_time, parse_location
from monitor.model.times import DAY, MINUTE, Millis, Timestamp

Range: TypeAlias = tuple[int, int]
"""First and last, both included; of minutes of the day the end is excluded."""

_DAY_MINUTES: Final = 1440
_HORIZON: Final[Millis] = 366 * DAY
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")
_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeInterval:
    """One interval; a field that is None does not restrict it."""

    times: tuple[Range, ...] | None = None
    """[from, to) in minutes of the day."""
    weekdays: tuple[Range, ...] | None = None
    """0 is Sunday."""
    days_of_month: tuple[Range, ...] | None = None
    """From 1; negative ones count from the month's end, -1 is its last day."""
    months: tuple[Range, ...] | None = None
    years: tuple[Range, ...] | None = None
    location: str = ""
    """A zone of the IANA list, `Local` for the machine's, empty for UTC."""

    def contains(self, at: Timestamp) -> bool:
        """Does it hold at this instant?"""
        local = local_time(at, self.location)
        return self._has_date(local) and self._has_minute(local.hour * 60 + local.minute)

    def next_change(self, now: Timestamp) -> Timestamp | None:
        """The next instant at which it begins or ends to hold; None if there is none within a year."""
        held, at = self.contains(now), now
        while at < now + _HORIZON:
            at = self._next_look(at)
            if self.contains(at) != held:
                return at
        return None

    def comes(self, since_year: int) -> bool:
        """Is there a day of this year or a later one on which it holds at some time? Years repeat after 400."""
        if self.times == ():
            return False
        spans = [(since_year, since_year + 400)] if self.years is None else self.years
        years = {
            (monthrange(year, 2)[1], weekday(year, 1, 1)): year
            for first, last in spans
            for year in range(max(first, since_year, 1), min(last, max(first, since_year) + 400, 9999) + 1)
        }
        return any(
            self._has_date(datetime(year, month, day))  # noqa: DTZ001 - a date of a calendar, in whatever zone
            for year in years.values()
            for month in range(1, 13)
            if _in(self.months, month)
            for day in range(1, monthrange(year, month)[1] + 1)
        )

    def began(self, at: Timestamp) -> Timestamp:
        """When it began to hold, if it holds at this instant; 0 for longer than a year ago."""
        day = at
        while day > at - _HORIZON:
            look = day = day - DAY
            held, began = self.contains(day), None
            while (look := self._next_look(look)) <= min(day + DAY, at):
                if self.contains(look) != held:
                    held = not held
                    began = look if held else None
            if began is not None:
                return began
        return 0

    def _has_date(self, local: datetime) -> bool:
        if not _in(self.months, local.month) or not _in(self.years, local.year):
            return False
        if not _in(self.weekdays, local.isoweekday() % 7):
            return False
        return self.days_of_month is None or any(_has_day(one, local) for one in self.days_of_month)

    def _has_minute(self, minute: int) -> bool:
        return self.times is None or any(first <= minute < end for first, end in self.times)

    def _next_look(self, at: Timestamp) -> Timestamp:
        """The next instant at which a field may change its mind: a bound of a range, midnight, or a clock change."""
        local = local_time(at, self.location)
        minute = local.hour * 60 + local.minute
        bounds = {bound for span in self.times or () for bound in span} if self._has_date(local) else set[int]()
        bound = min((one for one in bounds if one > minute), default=_DAY_MINUTES)
        after = at - at % MINUTE + (bound - minute) * MINUTE
        return first_shifted(at, after, self.location)


def any_contains(intervals: Iterable[TimeInterval], at: Timestamp) -> bool:
    """Does one of them hold?"""
    return any(one.contains(at) for one in intervals)


def names_containing(
    intervals: Mapping[str, Sequence[TimeInterval]], names: Iterable[str], at: Timestamp
) -> tuple[str, ...]:
    """Those of the named intervals that hold, in the order of the names. Raises KeyError for a name that is not there."""
    return tuple(name for name in names if any_contains(intervals[name], at))


# -- reading and printing -------------------------------------------------------------------------------------------------


def parse_times(start: str, end: str) -> Range:
    """`09:00` and `17:00` as minutes. Raises ValueError, as all that follow."""
    if not start or not end:
        raise ValueError("both start and end times must be provided")
    first, last = _minutes(start), _minutes(end)
    if first >= last:
        raise ValueError("start time cannot be equal or greater than end time")
    return first, last


def parse_weekdays(text: str) -> Range:
    """`monday` or `monday:friday`."""
    first, last = _range(text, _weekday)
    if first > last:
        raise ValueError("start day cannot be before end day")
    return first, last


def parse_days_of_month(text: str) -> Range:
    """`1`, `-1`, `1:15`, `25:-1`, `-3:-1`."""
    first, last = _range(text, _number)
    for day in (first, last):
        if day == 0 or not -31 <= day <= 31:
            raise ValueError(f"{day} is not a valid day of the month: out of range")
    if first < 0 < last:
        raise ValueError("end day must be negative if start day is negative")
    # What is empty in every month is a mistake; the shortest has 28 days.
    if (first + 28 if first < 0 else first) > (last + 28 if last < 0 else last):
        raise ValueError(f"end day {last} is always before start day {first}")
    return first, last


def parse_months(text: str) -> Range:
    """`january`, `1:3`, `january:march`."""
    first, last = _range(text, _month)
    if first > last:
        raise ValueError(f"end month {_MONTHS[last - 1]} is before start month {_MONTHS[first - 1]}")
    return first, last


def parse_years(text: str) -> Range:
    """`2026` or `2026:2030`."""
    first, last = _range(text, _number)
    if first > last:
        raise ValueError(f"end year {last} is before start year {first}")
    return first, last


def interval_document(interval: TimeInterval) -> dict[str, object]:
    """The interval as configuration writes it; read again it is the same."""
    found: dict[str, object] = {}
    if interval.times is not None:
        found["times"] = [{"start_time": _clock(first), "end_time": _clock(end)} for first, end in interval.times]
    if interval.weekdays is not None:
        found["weekdays"] = [_shown(one, _WEEKDAYS.__getitem__) for one in interval.weekdays]
    if interval.days_of_month is not None:
        found["days_of_month"] = [_shown(one, str) for one in interval.days_of_month]
    if interval.months is not None:
        found["months"] = [_shown(one, lambda month: _MONTHS[month - 1]) for one in interval.months]
    if interval.years is not None:
        found["years"] = [_shown(one, str) for one in interval.years]
    if interval.location:
        found["location"] = interval.location
    return found


def read_interval_document(document: Mapping[str, object]) -> TimeInterval:
    """What `interval_document` makes, or somebody sends. Raises ValueError that names the field."""
    unknown = sorted(set(document) - {"times", "weekdays", "days_of_month", "months", "years", "location"})
    if unknown:
        raise ValueError(f'a time interval has no field "{unknown[0][:80]}"')
    return TimeInterval(
        times=_each(document, "times", _times),
        weekdays=_each(document, "weekdays", lambda one: parse_weekdays(str(one))),
        days_of_month=_each(document, "days_of_month", lambda one: parse_days_of_month(str(one))),
        months=_each(document, "months", lambda one: parse_months(str(one))),
        years=_each(document, "years", lambda one: parse_years(str(one))),
        location=parse_location(str(document.get("location") or "")),
    )


def _each(document: Mapping[str, object], name: str, parse: Callable[[object], Range]) -> tuple[Range, ...] | None:
    given = document.get(name)
    if given is None:
        return None
    if not isinstance(given, list):
        raise ValueError(f"{name} must be a list")
    try:
        return tuple(parse(one) for one in cast("list[object]", given))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _times(document: object) -> Range:
    if not isinstance(document, dict):
        raise ValueError("write start_time and end_time")
    given = cast("dict[str, object]", document)
    return parse_times(str(given.get("start_time", "")), str(given.get("end_time", "")))


def _in(ranges: tuple[Range, ...] | None, value: int) -> bool:
    return ranges is None or any(first <= value <= last for first, last in ranges)


def _has_day(days: Range, local: datetime) -> bool:
    in_month = _days_in_month(local.year, local.month)
    first, last = (in_month + day + 1 if day < 0 else day for day in days)
    # A range that begins after the month's end is not in it; one that ends later ends with it.
    return first <= in_month and first <= local.day <= last


def _days_in_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _range(text: str, member: Callable[[str], int]) -> Range:
    text = text.lower()
    parts = text.split(":")
    if len(parts) > 2:
        raise ValueError(f"couldn't parse range {text}, invalid format")
    return member(parts[0]), member(parts[-1])


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f"{text} is not a valid weekday")
    return _WEEKDAYS.index(text)


def _month(text: str) -> int:
    if text in _MONTHS:
        return _MONTHS.index(text) + 1
    if _NUMBER.fullmatch(text) and 1 <= int(text) <= 12:
        return int(text)
    raise ValueError(f"{text} is not a valid month")


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text[:20])  # no year and no day is longer


def _minutes(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise ValueError(f"couldn't parse timestamp {text}, invalid format")
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _shown(one: Range, member: Callable[[int], str]) -> str:
    first, last = one
    return member(first) if first == last else f"{member(first)}:{member(last)}"
