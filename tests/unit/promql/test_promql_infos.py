"""info() puts labels of info metrics on series of the same instance and job."""

from __future__ import annotations

import pytest

from monitor.model.errors import EvaluationError
from tests.support.queries import ask, ask_range

_LINES = [
    'x{instance="a", job="j"} 1 2 3',
    'x{instance="b", job="j"} 4 5 6',
    'target_info{instance="a", job="j", version="v1", zone="z"} 1 1 1',
    'build_info{instance="a", job="j", go="1.22"} 1 1 1',
]


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("info(x)", 'x{instance="a", job="j", version="v1", zone="z"}', 'x{instance="b", job="j"}'),
        ("info(x, {version=~'.*'})", 'x{instance="a", job="j", version="v1"}', 'x{instance="b", job="j"}'),
        ("info(x, {version=~'.+'})", 'x{instance="a", job="j", version="v1"}', None),
        ("info(x, {__name__='build_info'})", 'x{go="1.22", instance="a", job="j"}', 'x{instance="b", job="j"}'),
        ("info(x, {__name__!='target_info'})", 'x{go="1.22", instance="a", job="j"}', 'x{instance="b", job="j"}'),
    ],
)
def test_info_labels_are_added(text: str, first: str, second: str | None) -> None:
    """All labels, or those that are asked for; a required label that is missing drops the series."""
    wanted = {first: 3.0} | ({} if second is None else {second: 6.0})
    assert ask(text, _LINES, "2m") == wanted


def test_own_labels_win() -> None:
    """What the series has already stays."""
    lines = [
        'x{instance="a", job="j", version="mine"} 1',
        'target_info{instance="a", job="j", version="v1", zone="z"} 1',
    ]
    assert ask("info(x)", lines, "0s") == {'x{instance="a", job="j", version="mine", zone="z"}': 1}


def test_the_newest_info_counts_and_a_tie_is_an_error() -> None:
    """While two are within the lookback, the one with the newer sample is right."""
    lines = [
        'x{instance="a", job="j"} 1 2 3',
        'target_info{instance="a", job="j", v="1"} 1 1 _',
        'target_info{instance="a", job="j", v="2"} _ _ 1',
    ]
    assert ask_range("info(x)", lines, "1m", "2m", "1m") == {
        'x{instance="a", job="j", v="1"}': [2],
        'x{instance="a", job="j", v="2"}': [3],
    }
    with pytest.raises(EvaluationError, match="found duplicate series for info metric"):
        ask("info(x)", [*lines, 'target_info{instance="a", job="j", v="3"} 1 1 1'], "2m")


def test_infos_are_seen_where_the_series_are() -> None:
    """An offset of the series is one of its infos too."""
    lines = [
        'x{instance="a", job="j"} 1 2 3 4',
        'target_info{instance="a", job="j", v="1"} 1 1 stale',
        'target_info{instance="a", job="j", v="2"} _ _ 1 1',
    ]
    assert ask("info(x offset 2m)", lines, "3m") == {'x{instance="a", job="j", v="1"}': 2}
