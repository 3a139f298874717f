"""Ranges with anchored and smoothed bounds."""

from __future__ import annotations

import pytest

from monitor.model.errors import EvaluationError
from tests.support.queries import ask

_COUNTER = ["c_total 0 10 20 5 15"]


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("increase(c_total[1m] anchored)", "1m30s", 10),
        ("increase(c_total[2m] anchored)", "3m", 15),
        ("rate(c_total[1m] anchored)", "1m", 10 / 60),
        ("delta(c_total[2m] anchored)", "3m", -5),
        ("resets(c_total[1m] anchored)", "3m", 1),
        ("changes(c_total[2m] anchored)", "2m", 2),
        ("increase(c_total[1m] smoothed)", "1m30s", 10),
        ("increase(c_total[1m] smoothed)", "2m30s", 7.5),
        ("delta(c_total[1m] smoothed)", "2m30s", -2.5),
        ("c_total smoothed + 0", "1m30s", 15),
        ("c_total smoothed + 0", "5m", 15),
    ],
)
@pytest.mark.parametrize("gappy", [False, True])
def test_growth_is_taken_between_the_bounds(text: str, at: str, value: float, gappy: bool) -> None:
    """Anchored: between samples as they are; smoothed: between points on the line."""
    assert ask(text, [*_COUNTER, "other 1 _ 1"], at, gappy=gappy) == {"{}": pytest.approx(value)}


def test_other_functions_do_not_know_such_ranges() -> None:
    """The words are Prometheus's."""
    with pytest.raises(EvaluationError, match=r"anchored modifier can only be used with: .* - not with deriv"):
        ask("deriv(c_total[5m] anchored)", _COUNTER)
    with pytest.raises(EvaluationError, match=r"smoothed modifier can only be used with: .* - not with resets"):
        ask("resets(c_total[5m] smoothed)", _COUNTER)


def test_nothing_after_the_lower_bound_is_nothing() -> None:
    """A sample at the bound alone gives no growth."""
    assert ask("increase(c_total[1m] anchored)", _COUNTER, "5m") == {}
