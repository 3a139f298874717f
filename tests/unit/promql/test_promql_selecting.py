"""Which samples an expression sees."""

from __future__ import annotations

import pytest

from monitor.model.labels import Labels
from monitor.model.samples import Series
from monitor.promql.engine import Query
from tests.support.queries import answer, ask, ask_range
from tests.support.sources import MemorySource

_UP = ['up{job="a"} 1 2 3 4 5 6 7 8 9 10 11', 'up{job="b"} 10 20 30']


def test_the_newest_sample_within_the_lookback_counts() -> None:
    """At 6m59.999s the last sample of b (2m) is just inside five minutes, at 7m just outside."""
    assert ask("up", _UP, at="6m59s999ms") == {'up{job="a"}': 7, 'up{job="b"}': 30}
    assert ask("up", _UP, at="7m") == {'up{job="a"}': 8}


def test_a_stale_marker_ends_a_series_at_once() -> None:
    """No older sample is tried; a later sample brings the series back."""
    lines = ["x 1 stale _ 4"]
    assert ask("x", lines, at="59s") == {"x": 1}
    assert ask("x", lines, at="1m") == {}
    assert ask("x", lines, at="2m30s") == {}
    assert ask("x", lines, at="3m") == {"x": 4}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("up{job='a'} offset 3m", 7),
        ("up{job='a'} offset -1m", 11),
        ("up{job='a'} @ 120", 3),
        ("up{job='a'} @ 120 offset 1m", 2),
        ("up{job='a'} offset 1m @ 120", 2),
        ("up{job='a'} @ end()", 10),
    ],
)
def test_offset_and_at_move_the_eye(text: str, value: float) -> None:
    """`@` first, then minus the offset, in either order of writing."""
    assert ask(text, _UP, at="9m") == {'up{job="a"}': value}


def test_ranges_are_open_on_the_left() -> None:
    """Five minutes of one-minute samples hold five samples."""
    assert ask("count_over_time(up{job='a'}[5m])", _UP, at="10m") == {'{job="a"}': 5}
    assert ask("rate(up{job='a'}[1m])", _UP, at="10m") == {}


def test_stale_markers_within_a_range_are_passed_over() -> None:
    """They neither count nor end the range."""
    assert ask("sum_over_time(x[5m])", ["x 1 stale 4 _ 5"], at="4m") == {"{}": 10}


def test_a_range_vector_is_answered_with_its_samples() -> None:
    """The samples themselves, with their own times."""
    value = answer("up{job='b'}[2m]", _UP, at="2m").value
    assert value == (Series(Labels({"__name__": "up", "job": "b"}), ((60_000, 20.0), (120_000, 30.0))),)


def test_subquery_steps_are_multiples_of_the_step() -> None:
    """Independent of the evaluation time, the range open on the left."""
    assert ask("count_over_time(vector(time())[5m:2m])", at="10m") == {"{}": 3}
    assert ask("sum_over_time(vector(time())[5m:2m])", at="9m30s") == {"{}": 6 * 60 + 8 * 60}


def test_subqueries_default_to_one_step_a_minute() -> None:
    """`[5m:]` has five steps."""
    assert ask("count_over_time(up{job='a'}[5m:])", _UP, at="10m") == {'{job="a"}': 5}


def test_at_inside_a_subquery_does_not_see_its_steps() -> None:
    """A pinned selector has one value at every step."""
    assert ask("sum_over_time((up{job='a'} @ 60)[3m:1m])", _UP, at="10m") == {'{job="a"}': 6}


def test_duration_expressions_are_worked_out_before_the_evaluation() -> None:
    """step() and range() are those of the query."""
    found = ask_range("count_over_time(up{job='a'}[2 * step()])", _UP, "4m", "8m", "2m")
    assert found == {'{job="a"}': [4, 4, 4]}
    found = ask_range("up{job='a'} offset (range() / 2)", _UP, "4m", "8m", "2m")
    assert found == {'up{job="a"}': [3, 5, 7]}


@pytest.mark.parametrize("gappy", [False, True])
def test_matchers_choose_series(gappy: bool) -> None:
    """A matcher that matches the empty text also takes series without the label."""
    lines = ['x{a="1"} 1', 'x{a="2"} 2', "x 3"]
    assert ask("sum(x{a=~'1|2'})", lines, "0s", gappy=gappy) == {"{}": 3}
    assert ask("sum(x{a!='1'})", lines, "0s", gappy=gappy) == {"{}": 5}
    assert ask("sum(x{a=''})", lines, "0s", gappy=gappy) == {"{}": 3}
    assert ask("sum(x{a!~''})", lines, "0s", gappy=gappy) == {"{}": 3}


def test_the_same_series_set_is_planned_once() -> None:
    """Plans follow the identity of the label sequences; a new series makes new ones."""
    source = MemorySource.of_lines(60_000, _UP)
    query = Query("sum by (job) (up)")
    first = query.instant(source, 60_000).value
    plans = repr(query)
    assert query.instant(source, 60_000).value == first
    assert repr(query) == plans
    source.add('up{job="c"} 7 7', 60_000)
    value = query.instant(source, 60_000).value
    assert isinstance(value, tuple)
    assert len(value) == 3
    assert repr(query) == plans


def test_times_beyond_all_calendars_are_just_empty() -> None:
    """The farthest `@` neither overflows nor finds anything."""
    assert ask("up @ 9e18", _UP) == {}
    assert ask("rate(up[5m] @ -9e18)", _UP) == {}
