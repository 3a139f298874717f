"""Unit tests in promtool's format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from monitor.rules.groups import RuleGroup
from monitor.rules.unit_test_files import TestFileError, read_test_file
from monitor.rules.unit_tests import TestResult, run_test
from tests.support.rule_worlds import MemoryBench, groups_of

_DOWN = groups_of(
    {"record": "down", "expr": "count by (job) (up == 0)"},
    {
        "alert": "Down",
        "expr": "up == 0",
        "for": "2m",
        "labels": {"severity": "page"},
        "annotations": {"s": "{{ $labels.job }} in {{ $externalLabels.env }} is {{ $value }}"},
    },
)
_UP: list[dict[str, Any]] = [{"series": 'up{job="a"}', "values": "1 0x10"}]
_ALERT = {"exp_labels": {"job": "a", "severity": "page"}, "exp_annotations": {"s": "a in p is 0"}}


async def result(test: Mapping[str, Any], groups: Sequence[RuleGroup] = _DOWN, **file: object) -> TestResult:
    read = read_test_file({"tests": [test], **file})
    return await run_test(read.tests[0], read, groups, MemoryBench)


def case(at: str, *alerts: object, name: str = "Down") -> dict[str, object]:
    return {"eval_time": at, "alertname": name, "exp_alerts": list(alerts)}


def asks(expr: str, at: str, *samples: object) -> dict[str, object]:
    return {"expr": expr, "eval_time": at, "exp_samples": list(samples)}


async def test_alerts_are_compared_at_their_times() -> None:
    """Nothing before `for` has passed, then exactly labels and annotations; a time between evaluations counts for the
    one before."""
    test = {
        "input_series": _UP,
        "external_labels": {"env": "p"},
        "alert_rule_test": [
            case("2m"),
            case("3m", _ALERT),
            case("3m59s", _ALERT),
            case("2m59s"),
            case("3m", name="Other"),
        ],
    }
    assert (await result(test)).failures == ()


async def test_an_annotation_of_nothing_is_one() -> None:
    """It must be expected, as with promtool."""
    groups = groups_of({"alert": "Down", "expr": "up == 0", "annotations": {"s": "{{ $labels.nope }}"}})
    for notes, passes in (({"s": ""}, True), ({}, False)):
        test = {
            "input_series": _UP,
            "alert_rule_test": [case("2m", {"exp_labels": {"job": "a"}, "exp_annotations": notes})],
        }
        assert ((await result(test, groups)).failures == ()) is passes


async def test_difference_is_shown_line_by_line() -> None:
    """What is missing with -, what is too much with +, what fits without mark."""
    test = {
        "name": "t",
        "input_series": [*_UP, {"series": 'up{job="b"}', "values": "0x10"}],
        "external_labels": {"env": "p"},
        "alert_rule_test": [case("5m", _ALERT, {"exp_labels": {"job": "z"}})],
    }
    (failure,) = (await result(test)).failures
    assert str(failure) == (
        "alertname: Down, time: 5m:\n"
        '  - Labels:{alertname="Down", job="z"} Annotations:{}\n'
        '  + Labels:{alertname="Down", job="b", severity="page"} Annotations:{s="b in p is 0"}\n'
        '    Labels:{alertname="Down", job="a", severity="page"} Annotations:{s="a in p is 0"}'
    )


async def test_expressions_see_input_recordings_and_alerts() -> None:
    """At their own time, exactly."""
    test = {
        "input_series": _UP,
        "promql_expr_test": [
            asks("down", "1m", {"labels": 'down{job="a"}', "value": "1"}),
            asks("up", "0", {"labels": 'up{job="a"}', "value": 1}),
            asks(
                "ALERTS",
                "2m",
                {"labels": 'ALERTS{alertname="Down",alertstate="pending",job="a",severity="page"}', "value": 1},
            ),
            asks("up > 7", "3m"),
            asks("1 + 1", "3m", {"value": 2}),
            asks("0 / 0", "0", {"value": ".nan"}),
        ],
    }
    assert (await result(test)).failures == ()


async def test_groups_run_at_the_evaluation_interval_in_the_order_given() -> None:
    """Their own interval is ignored; `group_eval_order` puts readers behind writers."""
    groups = (
        *groups_of({"record": "b", "expr": "a + 1"}, name="reader", interval="1h"),
        *groups_of({"record": "a", "expr": "time()"}, name="writer", file="z.yml"),
    )
    test = {"promql_expr_test": [asks("b", "30s", {"labels": "b", "value": 31})]}
    ordered = await result(test, groups, evaluation_interval="30s", group_eval_order=["writer", "reader"])
    assert ordered.passed
    swapped = await result(test, groups, evaluation_interval="30s", group_eval_order=["reader", "writer"])
    assert [failure.got for failure in swapped.failures] == [("b 1.0",)]


@pytest.mark.parametrize("start", ["2024-01-01T00:00:00Z", 1_704_067_200])
async def test_start_can_be_given(start: object) -> None:
    """As RFC 3339 or Unix seconds; everything in the test happens after it."""
    test = {
        "start_timestamp": start,
        "input_series": _UP,
        "external_labels": {"env": "p"},
        "alert_rule_test": [case("3m", _ALERT)],
        "promql_expr_test": [
            asks("time()", "5m", {"value": 1_704_067_500}),
            asks("up @ 1704067200", "3m", {"labels": 'up{job="a"}', "value": 1}),
        ],
    }
    assert (await result(test)).failures == ()


@pytest.mark.parametrize(
    ("value", "fuzzy", "passes"),
    [
        ("2.9999999999999996", True, True),
        ("2.9999999999999996", False, False),
        ("2.9999999999999987", True, False),
    ],
)
async def test_comparison_is_exact_or_to_the_next_float(value: str, fuzzy: bool, passes: bool) -> None:
    """`fuzzy_compare` forgives one step."""
    test = {
        "input_series": [{"series": "x", "values": value}],
        "promql_expr_test": [asks("x", "0", {"labels": "x", "value": 3})],
    }
    assert (await result(test, fuzzy_compare=fuzzy)).passed is passes


async def test_failing_rule_ends_the_test() -> None:
    """With rule, time and reason."""
    groups = groups_of({"record": "y", "expr": "x + on(a) x"})
    test = {
        "input_series": [{"series": f'x{{a="1",b="{n}"}}', "values": "_ 1"} for n in (1, 2)],
        "promql_expr_test": [asks("y", "5m")],
    }
    (failure,) = (await result(test, groups)).failures
    assert str(failure).startswith("rule: y, time: 1m, err: found duplicate series for the match group")


async def test_test_that_cannot_be_run_fails_alone() -> None:
    """A bad series or a missing alertname concerns its own test; the others are read."""
    read = read_test_file(
        {
            "tests": [
                {"input_series": [{"series": "x{", "values": "1"}]},
                {"name": "n", "alert_rule_test": [{"eval_time": "1m"}]},
                {"promql_expr_test": [asks("1", "0", {"value": 1})]},
            ]
        }
    )
    results = [await run_test(test, read, (), MemoryBench) for test in read.tests]
    assert [one.passed for one in results] == [False, False, True]
    assert "misses required attribute alertname at eval_time 1m (in TestGroup n)" in results[1].failures[0].error


_MISTAKEN: list[dict[str, Any]] = [
    {"test": []},
    {"tests": [{"inputs": []}]},
    {"evaluation_interval": "x"},
    {"tests": {}},
    {"group_eval_order": ["a", "a"]},
]


@pytest.mark.parametrize("document", _MISTAKEN, ids=["key", "test-key", "duration", "shape", "order"])
def test_file_with_a_mistake_is_refused(document: Mapping[str, Any]) -> None:
    """Unknown keys, bad durations, wrong shapes, a group named twice."""
    with pytest.raises(TestFileError):
        read_test_file(document)


def test_unknown_keys_can_be_ignored() -> None:
    """As promtool's --ignore-unknown-fields."""
    assert read_test_file({"tests": [{"owner": "me"}]}, ignore_unknown=True).tests[0].name == ""
