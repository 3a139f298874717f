"""Instants as callers write them: RFC 3339 and the relatives that the schema's `format: date-time` takes.

Go's calendar is wider than ours. What lies before our first instant or after our last one is taken for the nearest that we
can tell, so that an alert is not refused for a year that nobody means.

Source: go-openapi/strfmt time.go, Go time/format.go.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from monitor.model.times import FIRST_INSTANT, LAST_INSTANT, MINUTE, Timestamp, from_datetime

NO_TIME: Final = FIRST_INSTANT
"""What Go calls zero."""

_COMMON: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)
_TIME: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d?):(?P<minute>\d\d)"
    r"(?:Z|:(?P<second>\d\d)"
    r"(?:(?P<part>[.,]\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?|(?P<part2>[.,](?:\d{3}|\d{6}))(?P<zone2>[+-]\d{4})))?"
    r"| (?P<hour2>\d\d?):(?P<minute2>\d\d):(?P<second2>\d\d)(?P<part3>[.,]\d+)?)?",
    re.ASCII,
)
_DATE: Final = (("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"))
_LEAP_YEAR: Final = 2000
_REMEMBERED: Final = 256
"""Characters; longer texts are read anew, since they are written by strangers and would fill the memory."""


def instant(text: str) -> Timestamp:
    """UTC where no zone is named. Raises ValueError with Go's words."""
    return _known(text) if len(text) <= _REMEMBERED else _read(text)


def _read(text: str) -> Timestamp:
    if _COMMON.fullmatch(text):
        try:
            found = from_datetime(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            pass  # an hour or a year that Go takes, or one that nobody does
        else:
            if NO_TIME < found <= LAST_INSTANT:
                return found
    return _odd(text)


_known: Final = lru_cache(256)(_read)


def nanos(text: str) -> int:
    """What stands behind the milliseconds."""
    found = _TIME.fullmatch(text)
    part = (found["part"] or found["part2"] or found["part3"] or "") if found is not None else ""
    return int(part[4:10].ljust(6, "0"))


def _odd(text: str) -> Timestamp:
    """With all that Go allows. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(_not_a_time(text))
    hour, minute, second = (int(found[name] or found[name + "2"] or 0) for name in ("hour", "minute", "second"))
    zone = (found["zone"] or found["zone2"] or "Z").replace(":", "")
    offset = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[3:]))
    if zone != "Z" and (int(zone[1:3]) > 24 or int(zone[3:]) > 60):
        raise ValueError(_not_a_time(text))
    year = int(found["year"])
    part = found["part"] or found["part2"] or found["part3"] or ""
    try:
        day = datetime(year or _LEAP_YEAR, int(found["month"]), int(found["day"]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError(_not_a_time(text)) from None
    if not year:
        return NO_TIME + 1
    moved = from_datetime(day) - offset * MINUTE + int(part[1:4].ljust(3, "0"))
    if moved == NO_TIME and not nanos(text):
        return NO_TIME
    return min(max(moved, NO_TIME + 1), LAST_INSTANT)


def _not_a_time(text: str) -> str:
    """What Go says of a text for the last of the forms that it tries, a date."""
    about, rest = f"parsing time {_quoted(text)}", text
    for shown, wanted in _DATE:
        found = re.match(wanted, rest, re.ASCII)
        if found is None:
            return f'{about} as "2006-01-02": cannot parse {_quoted(rest)} as "{shown}"'
        rest = rest[found.end() :]
        if shown == "01" and not 1 <= int(found[0]) <= 12:
            return f"{about}: month out of range"
    return f"{about}: extra text: {_quoted(rest)}" if rest else f"{about}: day out of range"


def _quoted(text: str) -> str:
    """As Go's time package quotes: bytes that are not printable ASCII are escaped one by one."""
    plain = (chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}" for byte in text.encode())
    return '"' + "".join(f"\\{char}" if char in '"\\' and len(char) == 1 else char for char in plain) + '"'
