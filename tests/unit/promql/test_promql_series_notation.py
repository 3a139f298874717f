"""The notation of test series."""

from __future__ import annotations

import math

import pytest

from monitor.model.errors import QueryError
from monitor.model.samples import is_stale
from monitor.promql.native_histograms import Buckets, NativeHistogram
from monitor.promql.series_notation import parse_labels, parse_mixed_series_line, parse_series_line, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 -2 +3", (1, -2, 3)),
        ("1x3", (1, 1, 1, 1)),
        ("0+10x3", (0, 10, 20, 30)),
        ("5-2x2", (5, 3, 1)),
        ("_ 1 _x2", (None, 1, None, None)),
        ("1.5e3 .5 2.", (1500, 0.5, 2)),
        ("Inf -inf", (math.inf, -math.inf)),
        ("-1+0.5x2", (-1, -0.5, 0)),
        ("0x2", (0, 0, 0)),
        ("", ()),
    ],
)
def test_items_stand_for_values(text: str, values: tuple[float | None, ...]) -> None:
    """Runs have one value more than their count; a zero before x is a value, not a prefix."""
    assert parse_values(text) == values


def test_stale_is_the_marker_and_nan_is_not() -> None:
    """Two different NaNs."""
    stale, nan = parse_values("stale NaN")
    assert stale is not None
    assert is_stale(stale)
    assert nan is not None
    assert math.isnan(nan)
    assert not is_stale(nan)


def test_labels_are_read_in_every_spelling() -> None:
    """Bare and quoted names, both quote marks, and none at all."""
    assert dict(parse_labels("up{job='a', b=\"c\"}")) == {"__name__": "up", "job": "a", "b": "c"}
    assert dict(parse_labels('{"x.y", "l l"=`z`}')) == {"__name__": "x.y", "l l": "z"}
    assert dict(parse_series_line("{} 1").labels) == {}
    assert dict(parse_labels("sum:rate")) == {"__name__": "sum:rate"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("up 1+1", 'unexpected "1\\+1" in series values'),
        ("up 1,2", "in series values"),
        ("up _y2", "in series values"),
        ("up staler", "in series values"),
        ("up{a=b} 1", 'unexpected identifier "b" in label set, expected string'),
        ('up{a="b" 1', "in label set|inside braces"),
        ("up {{sum:1}}", "native histograms"),
        ("up {{sum:1}}+{{sum:2}}", "unexpected end of input in series values"),
        ("up {{what:1}}", 'bad histogram descriptor found: "what"'),
        ("up {{sum}}", "missing `:` for histogram descriptor"),
        ("up {{sum:1 sum:2}}", 'duplicate key "sum" in histogram'),
        ("up {{sum:x}}", 'unexpected "x" in series values'),
        ("up {{buckets:[1,2]}}", 'unexpected "," in series values'),
        ("up {{counter_reset_hint:maybe}}", 'bad histogram descriptor found: "maybe"'),
        ("up {{schema:2}}+{{schema:1}}x2", "error combining histograms: cannot merge from schema 1 to 2"),
        ("up {{sum:1", "histogram description incomplete"),
        ("up 1x99999999999", "too many values"),
    ],
)
def test_mistakes_are_refused(text: str, problem: str) -> None:
    """With words that name the item."""
    with pytest.raises(QueryError, match=problem):
        parse_series_line(text)


def test_native_histograms_are_read_beside_floats() -> None:
    """With all their keys, repeated, and each the one before plus another."""
    line = parse_mixed_series_line(
        "lat 1 {{schema:1 sum:2 count:3 z_bucket:1 z_bucket_w:0.5 buckets:[1 2] offset:-1 n_buckets:[Inf]}}x1 _"
    )
    first = NativeHistogram(
        schema=1,
        sum=2,
        count=3,
        zero_count=1,
        zero_threshold=0.5,
        positive=Buckets(-1, (1, 2)),
        negative=Buckets(0, (math.inf,)),
    )
    assert line.values == (1.0, first, first, None)


def test_native_histograms_add_up_in_the_first_ones_resolution() -> None:
    """Finer buckets of the second are put together, and buckets that only one has are kept."""
    line = parse_mixed_series_line(
        "lat {{schema:0 count:3 buckets:[1 2]}}-{{schema:1 count:9 buckets:[1 2 3 3] offset:-1}}x1"
    )
    assert line.values[1] == NativeHistogram(schema=0, count=-6, positive=Buckets(0, (-2, -4)))
