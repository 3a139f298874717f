"""Go's time.Parse: a text read by a layout that shows how the reference time would be written.

Source: Go's time/format.go. Zones that are given by name only are taken as UTC, as Go does where it does not know them.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime
from typing import Final

from monitor.gotemplate.moments import LAYOUT, SECOND, Moment, Month, Weekday
from monitor.model.labels import quote

_MONTHS: Final = Month.names[1:]
_DAYS: Final = Weekday.names
_WIDTHS: Final = {
    "2006": ("year", r"\d{4}"),
    "06": ("year2", r"\d{2}"),
    "01": ("month", r"\d{2}"),
    "1": ("month", r"\d{1,2}"),
    "02": ("day", r"\d{1,2}"),
    "_2": ("day", r" ?\d{1,2}"),
    "2": ("day", r"\d{1,2}"),
    "002": ("yearday", r"\d{3}"),
    "15": ("hour", r"\d{1,2}"),
    "03": ("hour12", r"\d{2}"),
    "3": ("hour12", r"\d{1,2}"),
    "04": ("minute", r"\d{2}"),
    "4": ("minute", r"\d{1,2}"),
    "05": ("second", r"\d{2}"),
    "5": ("second", r"\d{1,2}"),
}
_ZONES: Final = {
    "07:00:00": r"[+-]\d{2}:\d{2}:\d{2}",
    "070000": r"[+-]\d{6}",
    "07:00": r"[+-]\d{2}:\d{2}",
    "0700": r"[+-]\d{4}",
    "07": r"[+-]\d{2}",
}
_FRACTION: Final = re.compile(r"[.,]\d+")
_BOUNDS: Final = {
    "month": (1, 12, "month"),
    "hour": (0, 23, "hour"),
    "hour12": (0, 12, "hour"),
    "minute": (0, 59, "minute"),
    "second": (0, 59, "second"),
}


def parse_moment(layout: str, text: str) -> Moment:
    """Raises ValueError with Go's text."""
    return _Parsing(layout, text).moment()


class _Parsing:
    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.numbers: dict[str, int] = {}
        self.nanos = 0
        self.afternoon: bool | None = None
        self.offset: int | None = None
        self.zone = ""

    def moment(self) -> Moment:
        at = 0
        for found in LAYOUT.finditer(self.layout):
            self._literal(self.layout[at : found.start()])
            self._element(found.group())
            at = found.end()
        self._literal(self.layout[at:])
        if self.rest:
            raise self._error(f": extra text: {quote(self.rest)}")
        return self._assembled()

    def _error(self, why: str) -> ValueError:
        return ValueError(f"parsing time {quote(self.text)}{why}")

    def _mismatch(self, element: str) -> ValueError:
        return ValueError(
            f"parsing time {quote(self.text)} as {quote(self.layout)}: "
            f"cannot parse {quote(self.rest)} as {quote(element)}"
        )

    def _literal(self, literal: str) -> None:
        for char in literal:
            if char == " ":
                if self.rest and not self.rest.startswith(" "):
                    raise self._mismatch(literal)
                self.rest = self.rest.removeprefix(" ")
            elif not self.rest.startswith(char):
                raise self._mismatch(literal)
            else:
                self.rest = self.rest[1:]

    def _element(self, element: str) -> None:
        known = _WIDTHS.get(element)
        if known is not None:
            name, shape = known
            self._number(name, self._take(element, re.compile(shape, re.ASCII)).strip())
            if name == "second" and _FRACTION.match(self.rest) and not self._fraction_follows():
                self._set_fraction(self._take(element, _FRACTION))
        elif element in ("January", "Jan"):
            self.numbers["month"] = 1 + self._word(element, _MONTHS)
        elif element in ("Monday", "Mon"):
            self._word(element, _DAYS)
        elif element in ("PM", "pm"):
            word = self._take(element, re.compile("[AP]M" if element == "PM" else "[ap]m"))
            self.afternoon = word in ("PM", "pm")
        elif element == "MST":
            self.zone = self._take(element, re.compile(r"[A-Z]{3,5}|[+-]\d{2}"))
        elif element[0] in "Z-":
            self._zone(element)
        elif element[1] == "0":
            self._set_fraction(self._take(element, re.compile(rf"[.,]\d{{{len(element) - 1}}}")))
        elif _FRACTION.match(self.rest):
            self._set_fraction(self._take(element, _FRACTION))

    def _take(self, element: str, shape: re.Pattern[str]) -> str:
        found = shape.match(self.rest)
        if found is None:
            raise self._mismatch(element)
        self.rest = self.rest[found.end() :]
        return found.group()

    def _number(self, name: str, digits: str) -> None:
        value = int(digits)
        if name == "year2":
            name, value = "year", value + (1900 if value >= 69 else 2000)
        bounds = _BOUNDS.get(name)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            raise self._error(f": {bounds[2]} out of range")
        self.numbers["hour" if name == "hour12" else name] = value

    def _word(self, element: str, names: tuple[str, ...]) -> int:
        short = len(element) == 3
        for number, name in enumerate(names):
            word = name[:3] if short else name
            if self.rest[: len(word)].lower() == word.lower():
                self.rest = self.rest[len(word) :]
                return number
        raise self._mismatch(element)

    def _fraction_follows(self) -> bool:
        return re.search(r"5[.,][09]", self.layout) is not None

    def _set_fraction(self, text: str) -> None:
        self.nanos = int(text[1:10].ljust(9, "0"))

    def _zone(self, element: str) -> None:
        if element[0] == "Z" and self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            self.offset = 0
            return
        sign, digits = (text := self._take(element, re.compile(_ZONES[element[1:]])))[0], text[1:].replace(":", "")
        hours, minutes, seconds = (int(digits[at : at + 2] or 0) for at in (0, 2, 4))
        self.offset = (-1 if sign == "-" else 1) * (hours * 3600 + minutes * 60 + seconds)

    def _assembled(self) -> Moment:
        numbers = self.numbers
        hour = numbers.get("hour", 0)
        if self.afternoon is not None:
            hour = hour % 12 + (12 if self.afternoon else 0)
        year, month, day = numbers.get("year", 1), numbers.get("month", 1), numbers.get("day", 1)
        if year < 1:
            raise self._error(": year 0 is not served")
        if not 1 <= day <= monthrange(year, month)[1]:
            raise self._error(": day out of range")
        start = datetime(year, month, day, hour, numbers.get("minute", 0), numbers.get("second", 0), tzinfo=UTC)
        offset = self.offset or 0
        elapsed = start - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = elapsed.days * 86_400 + elapsed.seconds - offset
        zone = self.zone or ("UTC" if not offset else "")
        return Moment(seconds * SECOND + self.nanos, offset, zone)
