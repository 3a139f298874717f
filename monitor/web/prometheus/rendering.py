"""Answers of queries as JSON, written as text: values are short strings and label sets repeat, so a general encoder would
spend its time on finding that out. Formats are those of prometheus util/jsonutil and web/api/v1/json_codec.go.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from json.encoder import encode_basestring as _quoted
from typing import TYPE_CHECKING, Final, assert_never

from monitor.model.labels import Labels
from monitor.model.samples import Sample, Series
from monitor.model.times import Timestamp, rfc3339

if TYPE_CHECKING:
    from monitor.promql.engine import Answer, Value

_MOST_NOTES: Final = 10


def seconds_text(at: Timestamp) -> str:
    """Unix seconds with three decimals or none."""
    sign, at = ("-", -at) if at < 0 else ("", at)
    whole, rest = divmod(at, 1000)
    return f"{sign}{whole}.{rest:03d}" if rest else f"{sign}{whole}"


def value_text(value: float) -> str:
    """Shortest digits; an exponent only below 1e-6 and from 1e21 on."""
    if value != value:
        return "NaN"
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" not in text:
        return text if text[-1] != "f" else ("+Inf" if value > 0 else "-Inf")
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(text), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


def exponent_text(value: float) -> str:
    """`1e+00`, as values of alerts are written: Go's FormatFloat(value, 'e', -1, 64)."""
    if not math.isfinite(value):
        return value_text(value)
    mantissa, exponent = (
        f"{Decimal(repr(value)):e}".split("e") if value else ("-0" if repr(value)[0] == "-" else "0", "+0")
    )
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{exponent[0]}{exponent[1:].zfill(2)}"


def time_text(at: Timestamp | None) -> str:
    """RFC 3339 without needless zeros; Go's zero time for None."""
    if at is None:
        return "0001-01-01T00:00:00Z"
    return f"{rfc3339(at)[:-1].rstrip('0').rstrip('.')}Z"


def labels_text(labels: Labels) -> str:
    """A label set as a JSON object."""
    return "{" + ",".join([f"{_quoted(name)}:{_quoted(value)}" for name, value in labels.pairs]) + "}"


def query_parts(answer: Answer, limit: int = 0, stats: str = "") -> Iterator[str]:
    """The whole answer to a query, envelope included, a series at a time. `limit` is how many series are told, 0 for
    all; `stats` is a JSON object to be told beside the result."""
    warnings = list(answer.warnings)
    value = answer.value
    if limit and isinstance(value, tuple) and len(value) > limit:
        value = value[:limit]
        warnings.insert(0, "results truncated due to limit")
    yield f'{{"status":"success","data":{{"resultType":"{answer.kind.value}","result":'
    yield from _result(value)
    yield (f',"stats":{stats}' if stats else "") + "}" + notes(warnings, answer.infos) + "}"


def notes(warnings: Sequence[str], infos: Sequence[str] = ()) -> str:
    """The members of the envelope that tell what to know beside the data: of either kind the first ten, as Prometheus has
    it, for a query over many metrics may have a text for each."""
    text = ""
    for name, kind, texts in (("warnings", "warning", warnings), ("infos", "info", infos)):
        if texts:
            left = len(texts) - _MOST_NOTES
            told = [*texts[:_MOST_NOTES], *([f"{left} more {kind} annotations omitted"] if left > 0 else [])]
            text += f',"{name}":{json.dumps(told, ensure_ascii=False)}'
    return text


def _result(value: Value) -> Iterator[str]:
    from monitor.promql.engine import ScalarValue, StringValue

    match value:
        case ScalarValue():
            yield f'[{seconds_text(value.timestamp)},"{value_text(value.value)}"]'
        case StringValue():
            yield f"[{seconds_text(value.timestamp)},{_quoted(value.value)}]"
        case found:
            opening = "["
            for one in found:
                yield f"{opening}{_element(one)}"
                opening = ","
            yield "]" if found else "[]"


def _element(one: Sample | Series) -> str:
    match one:
        case Sample():
            text = f'[{seconds_text(one.timestamp)},"{value_text(one.value)}"]'
            return f'{{"metric":{labels_text(one.labels)},"value":{text}}}'
        case Series():
            points = ",".join([f'[{seconds_text(at)},"{value_text(value)}"]' for at, value in one.points])
            return f'{{"metric":{labels_text(one.labels)},"values":[{points}]}}'
        case _:
            assert_never(one)
