"""Go's time.Time and time.Duration, as far as templates reach them: nanoseconds, layouts by example, methods.

Source of layouts and texts: Go's time/format.go and time/time.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.gotemplate.civil import Face, days_before, zone_at
from monitor.gotemplate.values import INT, STRING, Function, Kind, Object, Value

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE


class Span(int, Object):
    """time.Duration: nanoseconds."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "time.Duration"

    def go_string(self) -> str:
        size = abs(int(self))
        sign = "-" if self < 0 else ""
        if size == 0:
            return "0s"
        if size < SECOND:
            unit, name = (
                (NANOSECOND, "ns")
                if size < MICROSECOND
                else (MICROSECOND, "µs")
                if size < MILLISECOND
                else (MILLISECOND, "ms")
            )
            return f"{sign}{_decimal(size, unit)}{name}"
        hours, rest = divmod(size, HOUR)
        minutes, rest = divmod(rest, MINUTE)
        out = f"{_decimal(rest, SECOND)}s"
        if hours or minutes:
            out = f"{minutes}m{out}"
        if hours:
            out = f"{hours}h{out}"
        return sign + out

    def go_methods(self) -> Mapping[str, Function]:
        size = int(self)
        return {
            "String": Function(self.go_string),
            "Nanoseconds": Function(lambda: size),
            "Microseconds": Function(lambda: _toward_zero(size, MICROSECOND)),
            "Milliseconds": Function(lambda: _toward_zero(size, MILLISECOND)),
            "Seconds": Function(lambda: size / SECOND),
            "Minutes": Function(lambda: size / MINUTE),
            "Hours": Function(lambda: size / HOUR),
            "Abs": Function(lambda: Span(abs(size))),
            "Truncate": Function(self.truncate, (SPAN,)),
            "Round": Function(self.round, (SPAN,)),
        }

    def truncate(self, unit: int) -> Span:
        size = int(self)
        return Span(_toward_zero(size, unit) * unit if unit > 0 else size)

    def round(self, unit: int) -> Span:
        """Half away from zero."""
        size = int(self)
        if unit <= 0:
            return self
        whole = (2 * abs(size) + unit) // (2 * unit) * unit
        return Span(min(whole, _WRAP - 1) if size >= 0 else max(-whole, -_WRAP))


class _Named(int, Object):
    """time.Month or time.Weekday: a number with a name."""

    names: tuple[str, ...] = ()
    kind = ""

    @property
    def go_type(self) -> str:
        return self.kind

    def go_string(self) -> str:
        return self.names[int(self)]

    def go_methods(self) -> Mapping[str, Function]:
        return {"String": Function(self.go_string)}


class Month(_Named):
    names = (
        "",
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    )
    kind = "time.Month"


class Weekday(_Named):
    names = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    kind = "time.Weekday"


_WRAP: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Moment(Object):
    """time.Time: nanoseconds since 1970 and the zone it is told in."""

    nanos: int
    offset: int = 0
    """East of UTC, in seconds."""
    zone: str = "UTC"
    place: str = ""
    """The zone's long name, as `Europe/Berlin`: it says which offset another time has there. Empty: the same one."""

    @property
    def go_type(self) -> str:
        return "time.Time"

    def go_fields(self) -> Mapping[str, Value]:
        return {}

    def go_string(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def go_methods(self) -> Mapping[str, Function]:
        local = self.local
        return {
            "String": Function(self.go_string),
            "Format": Function(self.format, (STRING,)),
            "Add": Function(self.add, (SPAN,)),
            "Sub": Function(self.since, (MOMENT,)),
            "AddDate": Function(self.add_date, (INT, INT, INT)),
            "Before": Function(self.before, (MOMENT,)),
            "After": Function(self.after, (MOMENT,)),
            "Equal": Function(self.same, (MOMENT,)),
            "Compare": Function(self.compare, (MOMENT,)),
            "IsZero": Function(lambda: self.nanos == ZERO.nanos),
            "UTC": Function(lambda: Moment(self.nanos)),
            "Local": Function(lambda: Moment(self.nanos)),
            "Unix": Function(lambda: self.nanos // SECOND),
            "UnixMilli": Function(lambda: self.nanos // MILLISECOND),
            "UnixMicro": Function(lambda: self.nanos // MICROSECOND),
            "UnixNano": Function(lambda: (self.nanos + _WRAP) % (2 * _WRAP) - _WRAP),
            "Year": Function(lambda: local.year),
            "Month": Function(lambda: Month(local.month)),
            "Day": Function(lambda: local.day),
            "Hour": Function(lambda: local.hour),
            "Minute": Function(lambda: local.minute),
            "Second": Function(lambda: local.second),
            "Nanosecond": Function(lambda: self.nanos % SECOND),
            "YearDay": Function(lambda: local.year_day),
            "Date": Function(lambda: None, results=3),
            "Clock": Function(lambda: None, results=3),
            "ISOWeek": Function(lambda: None, results=2),
            "Zone": Function(lambda: None, results=2),
            "Weekday": Function(lambda: Weekday(local.weekday)),
            "Truncate": Function(self.truncate, (SPAN,)),
            "Round": Function(self.round, (SPAN,)),
        }

    @property
    def local(self) -> Face:
        """What a clock and a calendar would show there."""
        return Face.of(self.nanos // SECOND + self.offset)

    def at(self, nanos: int) -> Moment:
        return Moment(nanos, self.offset, self.zone) if not self.place else Moment(nanos).within(self.place)

    def within(self, place: str) -> Moment:
        """The same instant in another zone. Raises ValueError."""
        if place in ("", "UTC", "Local"):
            return Moment(self.nanos)
        return Moment(self.nanos, *zone_at(place, self.nanos // SECOND), place)

    def add(self, span: int) -> Moment:
        return self.at(self.nanos + int(span))

    def since(self, other: Moment) -> Span:
        """No longer than a Duration can be, about 292 years."""
        return Span(max(-_WRAP, min(self.nanos - other.nanos, _WRAP - 1)))

    def before(self, other: Moment) -> bool:
        return self.nanos < other.nanos

    def after(self, other: Moment) -> bool:
        return self.nanos > other.nanos

    def same(self, other: Moment) -> bool:
        return self.nanos == other.nanos

    def compare(self, other: Moment) -> int:
        return (self.nanos > other.nanos) - (self.nanos < other.nanos)

    def truncate(self, unit: int) -> Moment:
        return self.at(self.nanos - self._over(unit))

    def round(self, unit: int) -> Moment:
        over = self._over(unit)
        return self.at(self.nanos - over + (unit if unit > 0 and over + over >= unit else 0))

    def add_date(self, years: int, months: int, days: int) -> Moment:
        local = self.local
        month = local.month - 1 + months
        moved = days_before(local.year + years + month // 12, month % 12 + 1) + local.day - 1 + days
        shown = self.nanos + self.offset * SECOND + (moved - local.days) * 24 * HOUR
        if not self.place:
            return self.at(shown - self.offset * SECOND)
        # what the clock shows is kept; its offset is that of the instant at which it would show so
        guess, _ = zone_at(self.place, shown // SECOND)
        offset, _ = zone_at(self.place, shown // SECOND - guess)
        return self.at(shown - offset * SECOND)

    def format(self, layout: str) -> str:
        """The time in the manner of the layout's reference time, Mon Jan 2 15:04:05 MST 2006."""
        local = self.local
        return LAYOUT.sub(lambda found: self._part(found.group(0), local), layout)

    def _over(self, unit: int) -> int:
        """Go counts from year 1."""
        return (self.nanos - ZERO.nanos) % unit if unit > 0 else 0

    def _part(self, part: str, local: Face) -> str:
        simple = _PARTS.get(part)
        if simple is not None:
            return simple.format(local=local, hour=local.hour % 12 or 12)
        match part[0]:
            case "J":
                name = Month(local.month).go_string()
                return name if part == "January" else name[:3]
            case "M" if part != "MST":
                name = Weekday(local.weekday).go_string()
                return name if part == "Monday" else name[:3]
            case "M":
                return self.zone or self._offset("0700")
            case "P":
                return "PM" if local.hour >= 12 else "AM"
            case "p":
                return "pm" if local.hour >= 12 else "am"
            case "Z" if self.offset == 0:
                return "Z"
            case "Z" | "-":
                return self._offset(part[1:])
            case _:
                digits = f"{self.nanos % SECOND:09d}"[: len(part) - 1].ljust(len(part) - 1, "0")
                if part[1] == "9":
                    digits = digits.rstrip("0")
                return part[0] + digits if digits else ""

    def _offset(self, shape: str) -> str:
        sign = "-" if self.offset < 0 else "+"
        hours, rest = divmod(abs(self.offset), 3600)
        minutes, seconds = divmod(rest, 60)
        colon = ":" if ":" in shape else ""
        fields = [f"{hours:02d}", f"{minutes:02d}", f"{seconds:02d}"][: len(shape.replace(":", "")) // 2]
        return sign + colon.join(fields)


ZERO: Final = Moment(-62_135_596_800 * SECOND)
"""Go's zero time, 1 January of year 1."""

MOMENT: Final = Kind("time.Time", lambda value: isinstance(value, Moment))
SPAN: Final = Kind(
    "time.Duration",
    lambda value: isinstance(value, int) and not isinstance(value, bool),
)


def moment_of(value: datetime) -> Moment:
    """An aware datetime as a template sees it."""
    offset = value.utcoffset() or timedelta()
    elapsed = value - datetime(1970, 1, 1, tzinfo=UTC)
    nanos = (elapsed // timedelta(microseconds=1)) * MICROSECOND
    return Moment(nanos, int(offset.total_seconds()), value.tzname() or "")


_PARTS: Final = {
    "2006": "{local.long_year}",
    "06": "{local.short_year:02d}",
    "01": "{local.month:02d}",
    "1": "{local.month}",
    "02": "{local.day:02d}",
    "_2": "{local.day:2d}",
    "2": "{local.day}",
    "002": "{local.year_day:03d}",
    "15": "{local.hour:02d}",
    "03": "{hour:02d}",
    "3": "{hour}",
    "04": "{local.minute:02d}",
    "4": "{local.minute}",
    "05": "{local.second:02d}",
    "5": "{local.second}",
}
LAYOUT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07"
    r"|-07:00:00|-070000|-07:00|-0700|-07|002|_2(?!006)|0[1-6]|15|PM|pm|[.,](?:0+|9+)(?![0-9])|[1-5]",
)


def _decimal(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}." + f"{rest:0{digits}d}".rstrip("0")


def _toward_zero(size: int, unit: int) -> int:
    return size // unit if size >= 0 else -(-size // unit)
