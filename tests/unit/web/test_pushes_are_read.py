"""A plain alert of a push is read in one pass; whatever it is, careful reading says the same of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.config.configuration import AlertmanagerFacts
from monitor.matching.parse import Syntax
from monitor.model.times import MINUTE, parse_rfc3339
from monitor.web.alertmanager.asking import ShapedError
from monitor.web.alertmanager.pushes import Pushed, read_push

NOW = parse_rfc3339("2026-03-01T10:00:00Z")
FIRES = {"labels": {"alertname": "Down", "job": "shop"}, "endsAt": "2026-03-01T11:00:00Z"}
_TIMES = st.sampled_from(
    [
        "2026-03-01T09:00:00Z",
        "2026-03-01T11:00:00.5+01:00",
        "0001-01-01T00:00:00Z",
        "2026-03-01",
        "",
        "soon",
        "0001-01-01T00:00:00+01:00",
        None,
        7,
    ]
)
_WORDS = st.dictionaries(
    st.sampled_from(["alertname", "job", "é", "", "a-b", "0"]),
    st.sampled_from(["x", "", "é", "10", None, 3]),
    max_size=4,
)
_ALERTS = st.lists(
    st.dictionaries(
        st.sampled_from(["labels", "Labels", "annotations", "startsAt", "endsAt", "generatorURL", "more"]),
        st.one_of(_WORDS, _TIMES, st.sampled_from(["http://a/b", "no address", "%zz", []])),
        max_size=5,
    )
    | st.fixed_dictionaries(
        {"labels": _WORDS},
        optional={"annotations": _WORDS, "startsAt": _TIMES, "endsAt": _TIMES, "generatorURL": st.just("http://a/b")},
    ),
    max_size=3,
)


def _facts(syntax: Syntax) -> AlertmanagerFacts:
    return AlertmanagerFacts(resolve_timeout=5 * MINUTE, syntax=syntax)


def _read(body: bytes, syntax: Syntax) -> Pushed | tuple[object, ...]:
    try:
        return read_push(body, _facts(syntax), NOW)
    except ShapedError as error:
        return error.args


@given(_ALERTS, st.sampled_from(Syntax))
@example([{"labels": {"alertname": "Down", "job": ""}}], Syntax.FALLBACK)
@example([{"labels": {"b": "1", "a": "2"}}, {"labels": {"a": "1"}, "annotations": {"x": ""}}], Syntax.FALLBACK)
@example([{"labels": {"a": "1"}, "startsAt": "0001-01-01T00:00:00Z"}], Syntax.FALLBACK)
@example([{"labels": {"a-b": "1"}}], Syntax.CLASSIC)
@example(
    [{"labels": {"a": "1"}, "startsAt": "2026-03-01T09:00:00Z", "endsAt": "2026-03-01T08:00:00Z"}], Syntax.FALLBACK
)
@example([{"labels": {"a": "1"}, "generatorURL": "no address"}, {"labels": None}], Syntax.FALLBACK)
def test_both_ways_of_reading_agree(alerts: list[dict[str, Any]], syntax: Syntax) -> None:
    """Whatever follows the list is not looked at, but makes that the body is read with care."""
    body = json.dumps(alerts).encode()
    assert _read(body, syntax) == _read(body + b" and more", syntax)


@pytest.mark.parametrize("after", [b"", b" and more"])
def test_alerts_and_problems_of_one_call_are_told_apart(after: bytes) -> None:
    """One alert without a name of a label does not keep the others out."""
    pushed = read_push(json.dumps([FIRES, {"labels": {"": "x"}}, FIRES]).encode() + after, _facts(Syntax.FALLBACK), NOW)
    assert ([alert.name for alert in pushed.alerts], pushed.firing) == (["Down", "Down"], 3)
    assert pushed.problems == ['invalid label set: invalid name ""']
