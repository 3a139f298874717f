"""The functions that Prometheus gives to the templates of rules.

Source: prometheus template/template.go and prometheus/common helpers/templates. `query` asks for answers that were fetched
before; when one is missing it raises `Unanswered`, the caller fetches it and renders again. So rendering stays a plain
function, and a template without queries costs nothing for those that have them.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from monitor.gotemplate.builtin_functions import url_query_escape
from monitor.gotemplate.format import float_text, text_of
from monitor.gotemplate.moments import MILLISECOND, SECOND, Moment, Span
from monitor.gotemplate.regexps import matches, replace_all
from monitor.gotemplate.values import ANY, STRING, Function, Kind, Object, Safe, Value, go_type
from monitor.model.labels import Labels, quote
from monitor.model.times import Timestamp, parse_duration


class Unanswered(Exception):  # noqa: N818 - not an error: a question
    """A template asks for the answer to this query."""

    def __init__(self, query: str) -> None:
        self.query = query
        super().__init__(query)


@dataclass(frozen=True, slots=True)
class Row(Object):
    """One element of a query's answer."""

    labels: Labels
    value: Value

    @property
    def go_type(self) -> str:
        return "*template.sample"

    def go_fields(self) -> Mapping[str, Value]:
        return {"Labels": self.labels, "Value": self.value}


class Rows(tuple[Row, ...], Object):
    """A query's answer."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        return "template.queryResult"


def functions(*, external_url: str, now: Timestamp, answers: Mapping[str, Rows | ValueError]) -> Mapping[str, Function]:
    """All functions for one evaluation. `answers` may be filled between renderings; an error there fails the call."""

    def query(text: str) -> Rows:
        answer = answers.get(text)
        if answer is None:
            raise Unanswered(text)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    return {
        **_PURE,
        "query": Function(query, (STRING,)),
        "now": Function(lambda: now / 1000),
        "externalURL": Function(lambda: external_url),
        "pathPrefix": Function(lambda: urlsplit(external_url).path),
    }


def graph_link(expression: str, tab: int) -> str:
    """The path of Prometheus's expression browser; tab 0 is the graph, 1 the table."""
    return f"/graph?g0.expr={url_query_escape(expression)}&g0.tab={tab}"


def parse_float(text: str) -> float:
    """Go's strconv.ParseFloat. Raises ValueError with its text."""
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    value = float.fromhex(text) if "x" in text.lower() else float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def to_float(value: Value) -> float:
    """A number from a number or a text. Raises ValueError."""
    if isinstance(value, str):
        return parse_float(value)
    if isinstance(value, Span):
        return int(value) / SECOND
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"can't convert {go_type(value)} to float")


_FLOAT: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan"
    r"|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+)",
    re.IGNORECASE | re.ASCII,
)
_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")
_INT64: Final = 2.0**63


def _short(value: float) -> str:
    return float_text(value, "g", 4)


def _humanize(given: Value) -> str:
    value = to_float(given)
    if value == 0 or not math.isfinite(value):
        return _short(value)
    prefix = ""
    if abs(value) >= 1:
        for prefix_next in _LARGE:
            if abs(value) < 1000:
                break
            prefix = prefix_next
            value /= 1000
    else:
        value, prefix = _scaled_up(value)
    return _short(value) + prefix


def _scaled_up(value: float) -> tuple[float, str]:
    prefix = ""
    for smaller in _SMALL:
        if abs(value) >= 1:
            break
        prefix = smaller
        value *= 1000
    return value, prefix


def _humanize_1024(given: Value) -> str:
    value = to_float(given)
    if abs(value) <= 1 or not math.isfinite(value):
        return _short(value)
    prefix = ""
    for larger in ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"):
        if abs(value) < 1024:
            break
        prefix = larger
        value /= 1024
    return _short(value) + prefix


def humanize_duration(given: Value) -> str:
    """Seconds as `1d 2h 3m 4s`, or with four digits below a minute."""
    value = to_float(given)
    if not math.isfinite(value):
        return _short(value)
    if value == 0:
        return f"{_short(value)}s"
    if abs(value) < 1:
        scaled, prefix = _scaled_up(value)
        return f"{_short(scaled)}{prefix}s"
    sign = "-" if value < 0 else ""
    whole = int(abs(value))
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_short(abs(value))}s"


def _humanize_percentage(given: Value) -> str:
    return f"{_short(to_float(given) * 100)}%"


def _to_time(given: Value) -> Moment:
    value = to_float(given)
    if not math.isfinite(value):
        raise ValueError("value is NaN or Inf")
    nanos = value * 1e9
    if not -_INT64 <= nanos < _INT64:
        raise ValueError(f"{text_of(value)} cannot be represented as a nanoseconds timestamp since it overflows int64")
    return Moment(int(nanos / MILLISECOND) * MILLISECOND)


def _to_duration(given: Value) -> Span:
    value = to_float(given)
    if not math.isfinite(value):
        raise ValueError("value is NaN or Inf")
    nanos = value * 1e9
    if not -_INT64 <= nanos < _INT64:
        raise ValueError(f"{text_of(value)} cannot be represented as a nanoseconds duration since it overflows int64")
    return Span(int(nanos))


def _humanize_timestamp(given: Value) -> str:
    value = to_float(given)
    return _short(value) if not math.isfinite(value) else _to_time(value).go_string()


def _parse_duration(text: str) -> float:
    sign, span = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * parse_duration(span) / 1000


def _first(rows: Sequence[Value]) -> Value:
    if not rows:
        raise ValueError("first() called on vector with no elements")
    return rows[0]


def _label(name: str, row: Row) -> str:
    return row.labels.get(name, "")


def _value(row: Row) -> Value:
    return row.value


def _string_value(row: Row) -> str:
    return row.labels.get("__value__", "")


def _sort_by_label(name: str, rows: Sequence[Row]) -> Rows:
    return Rows(sorted(rows, key=lambda row: row.labels.get(name, "")))


def _arguments(*values: Value) -> Mapping[str, Value]:
    return {f"arg{number}": value for number, value in enumerate(values)}


def title(text: str) -> str:
    """Go's strings.Title: the first letter of each word large."""
    out: list[str] = []
    inside = False
    for char in text:
        out.append(char if inside else char.title() if len(char.title()) == 1 else char)
        inside = char == "_" or char.isalnum() or (ord(char) >= 0x80 and not char.isspace())
    return "".join(out)


def split_host_port(text: str) -> tuple[str, str] | None:
    """Go's net.SplitHostPort; None where that fails."""
    if text.startswith("["):
        end = text.find("]")
        if end < 0 or text[end + 1 : end + 2] != ":" or ":" in text[end + 2 :]:
            return None
        host, port = text[1:end], text[end + 2 :]
        if "[" in host:
            return None
    else:
        host, colon, port = text.rpartition(":")
        if not colon or ":" in host or "[" in host or "]" in host:
            return None
    if "[" in port or "]" in port:
        return None
    return host, port


def _strip_port(text: str) -> str:
    parts = split_host_port(text)
    return text if parts is None else parts[0]


def _strip_domain(text: str) -> str:
    host, port = split_host_port(text) or (text, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        short = host.split(".")[0]
        if not port:
            return short
        return f"[{short}]:{port}" if ":" in short else f"{short}:{port}"
    return text


def _graph_link(text: str) -> str:
    return graph_link(text, 0)


def _table_link(text: str) -> str:
    return graph_link(text, 1)


_ROW: Final = Kind("*template.sample", lambda value: isinstance(value, Row))
_ROWS: Final = Kind("template.queryResult", lambda value: isinstance(value, Rows))
_PURE: Final[Mapping[str, Function]] = {
    "args": Function(_arguments, (), ANY),
    "first": Function(_first, (_ROWS,)),
    "graphLink": Function(_graph_link, (STRING,)),
    "humanize": Function(_humanize, (ANY,)),
    "humanize1024": Function(_humanize_1024, (ANY,)),
    "humanizeDuration": Function(humanize_duration, (ANY,)),
    "humanizePercentage": Function(_humanize_percentage, (ANY,)),
    "humanizeTimestamp": Function(_humanize_timestamp, (ANY,)),
    "label": Function(_label, (STRING, _ROW)),
    "match": Function(matches, (STRING, STRING)),
    "parseDuration": Function(_parse_duration, (STRING,)),
    "reReplaceAll": Function(replace_all, (STRING, STRING, STRING)),
    "safeHtml": Function(Safe, (STRING,)),
    "sortByLabel": Function(_sort_by_label, (STRING, _ROWS)),
    "stripDomain": Function(_strip_domain, (STRING,)),
    "stripPort": Function(_strip_port, (STRING,)),
    "strvalue": Function(_string_value, (_ROW,)),
    "tableLink": Function(_table_link, (STRING,)),
    "title": Function(title, (STRING,)),
    "toDuration": Function(_to_duration, (ANY,)),
    "toLower": Function(str.lower, (STRING,)),
    "toTime": Function(_to_time, (ANY,)),
    "toUpper": Function(str.upper, (STRING,)),
    "urlQueryEscape": Function(url_query_escape, (STRING,)),
    "value": Function(_value, (_ROW,)),
}

FUNCTION_NAMES: Final = frozenset((*_PURE, "query", "now", "externalURL", "pathPrefix"))
"""Prometheus's functions but `tmpl`, which exists in its console pages only."""
