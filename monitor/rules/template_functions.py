"""The functions that Prometheus gives to the templates of rules.

Source: prometheus template/template.go and prometheus/common helpers/templates. `query` asks for answers that were fetched
before; when one is missing it raises `Unanswered`, the caller fetches it and renders again. So rendering stays a plain
function, and a template without queries costs nothing for those that have them.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from monitor.gotemplate.builtin_functions import url_query_escape
from monitor.gotemplate.format import text_of
from monitor.gotemplate.humanize import humanize, humanize_1024, humanize_duration, short, title, to_float
from monitor.gotemplate.moments import MILLISECOND, Moment, Span
from monitor.gotemplate.regexps import matches, replace_all
from monitor.gotemplate.values import ANY, STRING, Function, Kind, Object, Safe, Value
from monitor.model.labels import Labels
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


_INT64: Final = 2.0**63


def _humanize_percentage(given: Value) -> str:
    return f"{short(to_float(given) * 100)}%"


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
    return short(value) if not math.isfinite(value) else _to_time(value).go_string()


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
_ROWS: Final = Kind("template.queryResult", lambda value: isinstance(value, Rows), Rows)
_PURE: Final[Mapping[str, Function]] = {
    "args": Function(_arguments, (), ANY),
    "first": Function(_first, (_ROWS,)),
    "graphLink": Function(_graph_link, (STRING,)),
    "humanize": Function(humanize, (ANY,)),
    "humanize1024": Function(humanize_1024, (ANY,)),
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
