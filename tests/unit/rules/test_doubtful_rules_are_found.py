"""What is certain of a rule before it is evaluated, and hardly meant."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from monitor.promql.bounds import label_names
from monitor.promql.parser import parse
from monitor.rules.lint import doubts
from tests.support.rule_worlds import groups_of

_GOOD = {"for": "5m", "labels": {"severity": "warning"}, "annotations": {"summary": "s"}}


def told(expr: str, **more: object) -> list[str]:
    """The problems of an alert that is good but for this."""
    return [doubt.problem for doubt in doubts(groups_of({"alert": "A", "expr": expr, **_GOOD, **more}))]


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        ("count(up) == 0", "where there is nothing to count, count() gives nothing, not 0"),
        ("count by (job) (up == 0) < 1", "where there is nothing to count, count() gives nothing, not 0"),
        ("absent(up) == 0", "the value is always 1"),
        ("up > 1", "the value lies between 0 and 1"),
        ("min by (job) (up) == 2", "the value lies between 0 and 1"),
        ("rate(x_total[5m]) < 0", "the value is never below 0"),
        ("x > 10 < 5", "the value is never below 10"),
        ("hour() > 23", "the value lies between 0 and 23"),
        ("(x < 5) + on () y > 2 and count_over_time(x[5m]) < 1", "the value is never below 1"),
    ],
)
def test_a_comparison_that_never_holds(expr: str, why: str) -> None:
    """With the reason."""
    (problem,) = told(expr)
    assert problem.endswith(f" can never hold: {why}")


@pytest.mark.parametrize(
    "expr",
    [
        "count(up) > 0",
        "up == 0",
        "absent(up)",
        "x > 5 < 10",
        "count(x) or vector(0) == 0",
        "sum(up) == 0",
        "x > bool 1 > 0",
    ],
)
def test_what_can_hold_is_left_alone(expr: str) -> None:
    """Nothing is said that is not certain."""
    assert told(expr) == []


def test_an_alert_without_a_condition() -> None:
    """Any series fires it; a recorded series, an absence or no series at all are another matter."""
    assert told("up")[0].startswith("has no condition")
    assert told("up == bool 0")[0].startswith("has no condition")
    assert told("job:down:ratio") == told("absent(up)") == told("vector(1)") == told("a and b") == []


def test_the_rate_of_a_sum() -> None:
    """Resets of the parts are lost in the sum, in recording rules too."""
    (doubt,) = doubts(groups_of({"record": "r", "expr": "rate(sum(x_total)[5m:])"}))
    assert doubt.problem.startswith("rate of a sum")
    assert doubts(groups_of({"record": "r", "expr": "rate(max_over_time(x_total[1m])[5m:])"})) == ()


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("x", None),
        ("sum by (a, b) (x)", {"a", "b"}),
        ("sum without (a) (sum by (a, b) (x))", {"b"}),
        ("sum without (a) (x)", None),
        ("time() - max by (a) (x) > 5", {"a"}),
        ("sum by (a) (x) / on (b) y", {"b"}),
        ("sum by (a) (x) * on (a) group_left (n) y", {"a", "n"}),
        ("sum by (a) (x) and on () y", {"a"}),
        ("sum by (a) (x) or sum by (b) (x)", {"a", "b"}),
        ("sum by (a) (x) or y", None),
        ('absent(x{a="1",b=~"2"})', {"a"}),
        ('label_replace(sum by (a) (x), "c", "$1", "a", "(.*)")', {"a", "c"}),
        ("histogram_quantile(0.9, sum by (le, a) (x))", {"le", "a"}),
        ('count_values by (a) ("v", x)', {"a", "v"}),
        ("topk(3, sum by (a) (x))", {"a"}),
        ("vector(1)", set[str]()),
    ],
)
def test_labels_that_a_result_can_have(expr: str, names: set[str] | None) -> None:
    """At most these; None where nobody can tell."""
    assert label_names(parse(expr)) == names


@pytest.mark.parametrize(
    ("annotations", "labels"),
    [
        ({"summary": "{{ $labels.instance }} of {{ $labels.job }}"}, {"severity": "warning"}),
        ({"summary": "{{ .Labels.instance }}"}, {"severity": "warning"}),
        ({"summary": "s"}, {"severity": "warning", "host": "{{ $labels.instance }}"}),
    ],
    ids=["annotation", "the dot", "label"],
)
def test_a_text_that_shows_a_label_which_is_never_there(
    annotations: Mapping[str, str], labels: Mapping[str, str]
) -> None:
    """An aggregation has taken it away."""
    (problem,) = told("sum by (job) (x) > 1", annotations=annotations, labels=labels)
    assert "$labels.instance, which the expression's result never has" in problem
