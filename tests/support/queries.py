"""Asking small questions of the evaluator."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.model.samples import Series
from monitor.model.times import parse_duration
from monitor.promql.engine import Answer, Options, Query, ScalarValue, StringValue
from monitor.promql.features import ALL_FEATURES
from tests.support.sources import MemorySource

EVERYTHING = Options(features=ALL_FEATURES)


def answer(text: str, lines: Sequence[str] = (), at: str = "10m", step: str = "1m", gappy: bool = False) -> Answer:
    """The answer to an instant query over series loaded with one sample per `step`, the first at 0."""
    source = MemorySource.of_lines(parse_duration(step), lines, gappy=gappy)
    return Query(text, EVERYTHING).instant(source, parse_duration(at))


def ask(
    text: str, lines: Sequence[str] = (), at: str = "10m", step: str = "1m", gappy: bool = False
) -> dict[str, float] | float | str:
    """The same as plain values: a vector as {series: value} in the order given, values rounded to 9 digits."""
    value = answer(text, lines, at, step, gappy).value
    if isinstance(value, ScalarValue):
        return _rounded(value.value)
    if isinstance(value, StringValue):
        return value.value
    return {str(one.labels): _rounded(one.value) for one in value if not isinstance(one, Series)}


def ask_range(text: str, lines: Sequence[str], start: str, end: str, step: str) -> dict[str, list[float]]:
    """A range query over series with one sample a minute: {series: values of the steps that have one}."""
    source = MemorySource.of_lines(60_000, lines)
    times = (parse_duration(start), parse_duration(end), parse_duration(step))
    value = Query(text, EVERYTHING).range(source, *times).value
    assert not isinstance(value, ScalarValue | StringValue)
    return {str(one.labels): [_rounded(own) for _, own in one.points] for one in value if isinstance(one, Series)}


def _rounded(value: float) -> float:
    return value if math.isnan(value) or math.isinf(value) else round(value, 9)
