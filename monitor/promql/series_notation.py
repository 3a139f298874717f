"""The short notation for test series: `http_requests{job="a"} 0+10x5 _x2 stale`.

Values, separated by spaces: `V`; `VxN`, that value and N more; `V+DxN` and `V-DxN`, N more each a step further; `_` and
`_xN`, no sample; `stale`, the stale marker. Source: prometheus promql/parser, series descriptions. Native histograms
(`{{...}}`) are values as well; `parse_mixed_series_line` reads them, the others refuse them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from monitor.model.errors import QueryError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE
from monitor.promql.cursor import Kind, LexError, Token
from monitor.promql.lexer import Lexer
from monitor.promql.native_histograms import HistogramReader, NativeHistogram
from monitor.promql.numbers import parse_number
from monitor.promql.quoting import bytes_of, text_of, unquote

_NUMBER: Final = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN]"
_GAP: Final = re.compile(r"_(?:x(\d+))?", re.ASCII)
_RUN: Final = re.compile(rf"([+-]?)({_NUMBER})(?:(?:([+-])({_NUMBER}))?x(\d+))?", re.ASCII)
_REPEAT: Final = re.compile(r"x(\d+)", re.ASCII)
_SPACE: Final = " \t\n\r"
_MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One line of the notation."""

    labels: Labels
    values: tuple[float | None, ...]
    """One a step; None where there is no sample."""


@dataclass(frozen=True, slots=True)
class MixedSeriesLine:
    """One line with samples of both kinds."""

    labels: Labels
    values: tuple[float | NativeHistogram | None, ...]


def parse_series_line(text: str) -> SeriesLine:
    """Read a series of floats and its values. Raises QueryError with byte places."""
    line = parse_mixed_series_line(text)
    floats = tuple(value for value in line.values if not isinstance(value, NativeHistogram))
    if len(floats) != len(line.values):
        start = bytes_of(text).index("{{")
        raise QueryError("native histograms are not supported in series", start=start, end=len(bytes_of(text)))
    return SeriesLine(line.labels, floats)


def parse_mixed_series_line(text: str) -> MixedSeriesLine:
    """Read a series of floats, native histograms or both. Raises QueryError with byte places."""
    data = bytes_of(text)
    labels, place = _read_labels(data)
    if place < len(data) and data[place] not in _SPACE:
        raise QueryError(f'unexpected "{text_of(data[place])}" in series values', start=place, end=place + 1)
    values: list[float | NativeHistogram | None] = []
    while True:
        while place < len(data) and data[place] in _SPACE:
            place += 1
        if place == len(data):
            return MixedSeriesLine(labels, tuple(values))
        if data.startswith("{{", place):
            items, place = _histograms(data, place)
            values += items
        else:
            end = next((at for at in range(place, len(data)) if data[at] in _SPACE), len(data))
            values += _item(data[place:end], place)
            place = end
        if len(values) > _MOST:
            raise QueryError("series with too many values", start=place, end=len(data))


def parse_labels(text: str) -> Labels:
    """Read a series without values, such as `up{job="a"}`. Raises QueryError."""
    line = parse_series_line(text)
    if line.values:
        raise QueryError("unexpected values after the series", start=0, end=len(bytes_of(text)))
    return line.labels


def parse_values(text: str) -> tuple[float | None, ...]:
    """Read values alone, such as `1+2x3`. Raises QueryError."""
    return parse_series_line("{} " + text).values


def _item(text: str, place: int) -> list[float | None]:
    if text == "stale":
        return [STALE]
    gap = _GAP.fullmatch(text)
    if gap:
        return [None] * _times(gap.group(1) or "1", place, text)
    run = _RUN.fullmatch(text)
    if run is None:
        raise QueryError(f"unexpected {_shown(text)} in series values", start=place, end=place + len(text))
    sign, number, step_sign, step, times = run.groups()
    value = parse_number(number) * (-1.0 if sign == "-" else 1.0)
    growth = parse_number(step) * (-1.0 if step_sign == "-" else 1.0) if step else 0.0
    values: list[float | None] = [value]
    for _ in range(_times(times or "0", place, text)):
        value = value + growth if step else value
        values.append(value)
    return values


def _histograms(data: str, place: int) -> tuple[list[NativeHistogram], int]:
    """The histograms of one item, and where it ends."""
    reader = HistogramReader(data, place)
    first = reader.read()
    step, sign = None, 1
    if data[reader.at : reader.at + 1] in ("+", "-") and data.startswith("{{", reader.at + 1):
        sign = 1 if data[reader.at] == "+" else -1
        reader.at += 1
        step = reader.read()
    found = _REPEAT.match(data, reader.at)
    end = found.end() if found else reader.at
    if (found is None and step is not None) or (end < len(data) and data[end] not in _SPACE):
        shown = _shown(data[end : end + 1]) if end < len(data) else "end of input"
        raise QueryError(f"unexpected {shown} in series values", start=end, end=min(end + 1, len(data)))
    values = [first]
    for _ in range(_times(found.group(1), place, data[place:end]) if found else 0):
        try:
            values.append(values[-1] if step is None else values[-1].plus(step, sign))
        except ValueError as error:
            raise QueryError(f"error combining histograms: {error}", start=end - 1, end=end) from error
    return values, end


def _times(digits: str, place: int, text: str) -> int:
    count = int(digits)
    if count > _MOST:
        raise QueryError("series with too many values", start=place, end=place + len(text))
    return count


def _read_labels(data: str) -> tuple[Labels, int]:
    """The labels, and where the values begin."""
    lexer = Lexer(data, series=True)
    try:
        return _labels(data, lexer)
    except LexError as error:
        raise QueryError(error.message, start=error.start, end=len(data)) from error


def _labels(data: str, lexer: Lexer) -> tuple[Labels, int]:
    pairs: dict[str, str] = {}
    if data.strip(_SPACE) == "":
        return Labels(), len(data)
    token = lexer.next()
    if token.kind in (Kind.IDENTIFIER, Kind.METRIC, Kind.KEYWORD, Kind.AGGREGATION) or token.text.isalpha():
        pairs[METRIC_NAME] = token.text
        rest = data[lexer.at :].lstrip(_SPACE)
        if not rest.startswith("{") or rest.startswith("{{"):
            return Labels(pairs), lexer.at
        token = lexer.next()
    if token.text != "{":
        raise _unexpected(token, "series description", "metric name or labels")
    token = lexer.next()
    while token.text != "}":
        if token.kind not in (Kind.IDENTIFIER, Kind.STRING):
            raise _unexpected(token, "label set", 'identifier or "}"')
        name = unquote(token.text) if token.kind is Kind.STRING else token.text
        quoted = token.kind is Kind.STRING
        token = lexer.next()
        if quoted and token.text in (",", "}"):
            pairs[METRIC_NAME] = name
        elif token.text == "=":
            token = lexer.next()
            if token.kind is not Kind.STRING:
                raise _unexpected(token, "label set", "string")
            pairs[name] = unquote(token.text)
            token = lexer.next()
        else:
            raise _unexpected(token, "label set", '"," or "}"' if quoted else '"="')
        if token.text == ",":
            token = lexer.next()
        elif token.text != "}":
            raise _unexpected(token, "label set", '"," or "}"')
    return Labels(pairs), lexer.at


def _unexpected(token: Token, context: str, expected: str) -> QueryError:
    return QueryError(f"unexpected {token.shown()} in {context}, expected {expected}", start=token.start, end=token.end)


def _shown(text: str) -> str:
    return '"' + text_of(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
