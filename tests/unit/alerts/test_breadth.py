"""How much a silence or a window would mute, and when somebody is asked."""

from __future__ import annotations

import pytest

from monitor.alerts.breadth import Bounds, breadth, doubt
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import Labels


def firing(**numbers: int) -> list[Alert]:
    """So many alerts of each name, each of another host."""
    return [
        Alert(
            labels=Labels({"alertname": name, "host": f"h{place}"}),
            annotations=Labels({}),
            starts_at=1,
            ends_at=9,
            updated_at=1,
        )
        for name, number in numbers.items()
        for place in range(number)
    ]


def asked(matchers: str, fire: list[Alert], bounds: Bounds | None = None) -> str:
    return doubt(breadth((parse_matchers(matchers),), fire), bounds or Bounds())


@pytest.mark.parametrize(
    ("matchers", "fire", "why"),
    [
        ("alertname=Down", firing(Down=1), ""),
        ("alertname=Down", firing(Down=10), ""),
        ("alertname=Down", firing(Down=11, Other=11), ""),
        ("host=h1", firing(Down=5, Full=3), ""),
        ('host=~".*[0-9]+"', [], ""),
        (
            "alertname=Down",
            firing(Down=11),
            "would mute more than 50 % of all alerts: 11 of 11 that fire now (Down: 11)",
        ),
        (
            "alertname=~Down|Full",
            firing(Down=40, Full=11, Other=900),
            "would mute more than 50 alerts: 51 of 951 that fire now (Down: 40, Full: 11)",
        ),
        (
            'alertname=~".+"',
            [],
            "names no alerts in particular: nearly all that come, and 0 of 0 that fire now",
        ),
        (
            "host!=h1",
            firing(Down=2),
            "names no alerts in particular: nearly all that come, and 1 of 2 that fire now (Down: 1)",
        ),
        (
            'host!=h1,alertname=~".*"',
            [],
            "names no alerts in particular: nearly all that come, and 0 of 0 that fire now",
        ),
    ],
)
def test_what_is_asked_first(matchers: str, fire: list[Alert], why: str) -> None:
    """Many alerts, a large part of more than a few, or none in particular."""
    assert asked(matchers, fire) == why


def test_a_bound_of_nothing_is_none() -> None:
    """But what names no alerts in particular is asked all the same."""
    assert asked("alertname=Down", firing(Down=500), Bounds(alerts=0, percent=0)) == ""
    assert asked("host!=x", firing(Down=1), Bounds(alerts=0, percent=0)) != ""


def test_the_names_are_told_the_most_frequent_first_and_not_all() -> None:
    """Enough to see that it is not what was meant."""
    said = asked("alertname!=X", firing(A=1, B=7, C=3, D=1, E=1, F=1, G=2))
    assert said.endswith("16 of 16 that fire now (B: 7, C: 3, G: 2, A: 1, D: 1 and 2 more)")
