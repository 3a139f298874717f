"""What is said of the style of metrics."""

from __future__ import annotations

import pytest

from monitor.scrape.exposition.lint import families_of, problems_of

_HISTOGRAM = """# HELP h x
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
"""


@pytest.mark.parametrize(
    ("type_", "line", "problem"),
    [
        ("gauge", "a_total 1", 'non-counter metrics should not have "_total" suffix'),
        ("counter", "a 1", 'counter metrics should have "_total" suffix'),
        ("gauge", "a_bucket 1", 'non-histogram metrics should not have "_bucket" suffix'),
        ("gauge", "a_sum 1", 'non-histogram and non-summary metrics should not have "_sum" suffix'),
        ("gauge", 'a{le="1"} 1', 'non-histogram metrics should not have "le" label'),
        ("gauge", 'a{quantile="1"} 1', 'non-summary metrics should not have "quantile" label'),
        ("gauge", "a_gauge_size 1", "metric name should not include type 'gauge'"),
        ("gauge", "a:b 1", "metric names should not contain ':'"),
        ("gauge", 'a{someLabel="1"} 1', "label names should be written in 'snake_case' not 'camelCase'"),
        ("gauge", "a_ms 1", "metric names should not contain abbreviated units"),
        ("gauge", "a_kilometers 1", 'use base unit "meters" instead of "kilometers"'),
        ("gauge", "a_megabits 1", 'use base unit "bytes" instead of "megabits"'),
        ("gauge", "a_hours 1", 'use base unit "seconds" instead of "hours"'),
        ("gauge", "a_seconds 1", None),
        ("untyped", 'a_count{le="1"} 1', None),
    ],
)
def test_each_rule_of_style(type_: str, line: str, problem: str | None) -> None:
    """A metric that breaks one rule is told that rule, and a good one nothing."""
    name = line.split("{")[0].split()[0]
    found = problems_of(families_of(f"# HELP {name} x\n# TYPE {name} {type_}\n{line}\n".encode()))
    assert [one.text for one in found] == ([problem] if problem else [])


def test_a_histogram_is_one_family() -> None:
    """Its buckets, sum and count are counted together, and its `le` is no mistake."""
    families = families_of(_HISTOGRAM.encode())
    assert [(family.name, family.series) for family in families] == [("h", 4)]
    assert problems_of(families) == ()


def test_a_metric_without_help_is_told_once() -> None:
    """However many series it has; a TYPE without a sample is no metric."""
    families = families_of(b'# TYPE none gauge\na{b="1"} 1\na{b="2"} 1\n')
    assert [(one.metric, one.text) for one in problems_of(families)] == [("a", "no help text")]
