"""Parameters of Prometheus's API: a query string and a form as one, times, durations, limits, selectors.

A time is Unix seconds or RFC 3339, a duration seconds or `5m`. Errors have Prometheus's wording and are its `bad_data`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from multidict import MultiDict

from monitor.model.errors import QueryError
from monitor.model.labels import quote
from monitor.model.times import Millis, Timestamp, parse_duration, parse_rfc3339
from monitor.web.answers import BadCallError
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.matching.matchers import Matcher

EARLIEST: Final[Timestamp] = -(1 << 53)
LATEST: Final[Timestamp] = 1 << 53
"""Instants beyond these are taken as these: far outside of any sample, and still exact in every number format."""

_LONGEST: Final = 2**63 / 1e9
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
# What clients send for "since ever" and "for ever" does not fit into our years.
_MARKS: Final = {
    "-292273086-05-16T16:47:06Z": EARLIEST,
    "292277025-08-18T07:12:54.999999999Z": LATEST,
}
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_ESCAPED: Final = re.compile(r"_(?:_|([0-9a-fA-F]{1,6})_)")


async def parameters(call: Call) -> MultiDict[str]:
    """All parameters; those of a form come first."""
    found = await call.form()
    found.extend(call.request.query)
    return found


def invalid(name: str, problem: str) -> BadCallError:
    """As Prometheus says it."""
    return BadCallError(f'invalid parameter "{name}": {problem}')


def time_of(given: Mapping[str, str], name: str, default: Timestamp | None = None) -> Timestamp:
    """An instant; without a default the parameter must be there. Raises BadCallError."""
    text = given.get(name, "")
    if text == "" and default is not None:
        return default
    if text in _MARKS:
        return _MARKS[text]
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text)
            if math.isnan(seconds):
                raise ValueError
            return round(max(min(seconds * 1000, LATEST), EARLIEST))
        return parse_rfc3339(_FRACTION.sub(r"\1", text))
    except ValueError:
        raise invalid(name, f"cannot parse {quote(text)} to a valid timestamp") from None


def duration_of(given: Mapping[str, str], name: str) -> Millis:
    """A duration. Raises BadCallError."""
    text = given.get(name, "")
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text)
            if math.isnan(seconds):
                raise ValueError
            if abs(seconds) > _LONGEST:
                raise invalid(name, f"cannot parse {quote(text)} to a valid duration. It overflows int64")
            return round(seconds * 1000)
        return parse_duration(text)
    except ValueError:
        raise invalid(name, f"cannot parse {quote(text)} to a valid duration") from None


def limit_of(given: Mapping[str, str], name: str = "limit") -> int:
    """How many at most; 0 is no limit. Raises BadCallError."""
    text = given.get(name, "")
    if text == "":
        return 0
    if not text.isdecimal():
        raise invalid(name, f"{quote(text)} is not a number of 0 or more")
    return int(text[:18])


def selectors_of(given: MultiDict[str]) -> list[Sequence[Matcher]]:
    """The matchers of each `match[]`. Raises BadCallError."""
    from monitor.promql.parser import parse_selector

    found: list[Sequence[Matcher]] = []
    for text in given.getall("match[]", []):
        try:
            found.append(parse_selector(text).matchers)
        except QueryError as error:
            raise invalid("match[]", parse_error_text(text, error.message, error.start)) from None
    return found


def bad_query(text: str, error: QueryError) -> BadCallError:
    """A query that cannot be read or asked so."""
    from monitor.promql.parser import ParseError

    if isinstance(error, ParseError):
        return invalid("query", parse_error_text(text, error.message, error.start))
    return invalid("query", error.message)


def span_of(given: Mapping[str, str]) -> tuple[Timestamp, Timestamp]:
    """`start` and `end`; as far as there are times where they are not given. Raises BadCallError."""
    start, end = time_of(given, "start", EARLIEST), time_of(given, "end", LATEST)
    if end < start:
        raise invalid("end", "end timestamp must not be before start time")
    return start, end


def parse_error_text(text: str, message: str, start: int) -> str:
    """`1:5: parse error: ...`; `start` is a byte offset."""
    if not text:
        return f"unknown position: parse error: {message}"
    before = text.encode(errors="replace")[:start]
    line, column = before.count(b"\n") + 1, start - before.rfind(b"\n")
    return f"{line}:{column}: parse error: {message}"


def unescaped_name(name: str) -> str:
    """`U__a_2e_b` is `a.b`; other names, and ones that are escaped badly, are themselves."""
    if not name.startswith("U__"):
        return name
    inner = name[3:]
    bare = _ESCAPED.sub("", inner)
    if "_" in bare:
        return name
    try:
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)) if match[1] else "_", inner)
    except (ValueError, OverflowError):
        return name
