"""A plain alert of a push is read in one pass; whatever it is, careful reading says the same of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.config.configuration import AlertmanagerFacts
from monitor.matching.parse import Syntax
from monitor.model.alerts import Alert
from monitor.model.times import MINUTE, parse_rfc3339, rfc3339
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


_PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", 'say \\"x\\"', "c:\\\\"]), st.sampled_from(["1", "2", "", 'a \\"b\\"', "\\\\"])
    ),
    max_size=3,
)


@given(st.lists(st.tuples(st.sampled_from(["labels", "annotations", "labels ", "LABELS"]), _PAIRS), max_size=4))
@example([("labels", [("a", "1")]), ("labels", [("b", "2")])])
@example([("labels", [("a", "1"), ("a", "2")]), ("annotations", [("a", "\\\\")])])
def test_both_ways_of_reading_agree_on_names_that_stand_twice(fields: list[tuple[str, list[tuple[str, str]]]]) -> None:
    """As JSON is written by hand: with quotes that are escaped, and others."""
    written = (
        f'"{name}" : {{' + ", ".join(f'"{key}": "{value}"' for key, value in pairs) + "}" for name, pairs in fields
    )
    body = f"[{{{', '.join(written)}}}]".encode()
    assert _read(body, Syntax.FALLBACK) == _read(body + b" and more", Syntax.FALLBACK)


def _one(body: str) -> Alert:
    pushed = read_push(body.encode(), _facts(Syntax.FALLBACK), NOW)
    (alert,) = pushed.alerts
    return alert


@pytest.mark.parametrize(
    ("sent", "labels"),
    [
        ('"labels": {"a": "1", "b": "1"}, "labels": {"b": "2"}', {"a": "1", "b": "2"}),
        ('"labels": {"a": "1"}, "LABELS": {"b": "2"}', {"a": "1", "b": "2"}),
        ('"labels": {"a": "1"}, "labels": null, "labels": {"b": "2"}', {"b": "2"}),
        ('"labels": {"a": "1", "b": "2"}, "labels": {"a": ""}', {"b": "2"}),
        ('"labels": {"a": "1", "a": "2"}', {"a": "2"}),
    ],
)
def test_maps_that_are_sent_twice_are_one_map(sent: str, labels: dict[str, str]) -> None:
    """null begins it anew."""
    alert = _one(f"[{{{sent}}}]")
    assert dict(alert.labels) == labels
    if "LABELS" not in sent:
        noted = _one(f'[{{{sent.replace("labels", "annotations")}, "labels": {{"x": "y"}}}}]').annotations
        assert {name: value for name, value in noted.items() if value} == labels


def test_of_other_fields_that_are_sent_twice_the_last_one_counts() -> None:
    """A time that is null says nothing, an address that is null is none."""
    alert = _one(
        '[{"labels": {"a": "b"}, "startsAt": "2026-03-01T08:00:00Z", "startsAt": null, "endsAt": "2026-03-01T11:00:00Z",'
        ' "endsAt": "2026-03-01T12:00:00Z", "generatorURL": "http://a/", "generatorURL": null, "\u017ftartsAt": null}]'
    )
    assert rfc3339(alert.starts_at) == "2026-03-01T08:00:00.000Z"
    assert rfc3339(alert.ends_at) == "2026-03-01T12:00:00.000Z"
    assert alert.generator_url == ""


@pytest.mark.parametrize("after", [b"", b" and more"])
def test_annotations_may_be_empty(after: bytes) -> None:
    """Templates see that they are there. Empty labels are none."""
    body = b'[{"labels": {"a": "b", "c": ""}, "annotations": {"x": "", "y": "z"}}, {"labels": {"a": "c"}, "annotations": {"x": ""}}]'
    first, second = read_push(body + after, _facts(Syntax.FALLBACK), NOW).alerts
    assert (dict(first.labels), dict(first.annotations)) == ({"a": "b"}, {"x": "", "y": "z"})
    assert dict(second.annotations) == {"x": ""}


@pytest.mark.parametrize(
    ("starts", "ends", "taken"),
    [
        (".0005", ".0004", False),
        (".0004", ".0005", True),
        (".0005", ".0005", True),
        (".000000002", ".000000001", False),
    ],
)
def test_less_than_a_millisecond_counts(starts: str, ends: str, taken: bool) -> None:
    """An alert that ends before it starts is none, by however little."""
    times = {"startsAt": f"2026-03-01T11:00:00{starts}Z", "endsAt": f"2026-03-01T11:00:00{ends}Z"}
    pushed = read_push(json.dumps([{"labels": {"a": "b"}, **times}]).encode(), _facts(Syntax.FALLBACK), NOW)
    assert (len(pushed.alerts), pushed.problems) == ((1, []) if taken else (0, ["start time must be before end time"]))


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ('[{"labels": 5}, {]', "invalid character ']' looking for beginning of object key string"),
        (
            '[{"labels": 5}, {}]',
            "json: cannot unmarshal number into Go struct field Alert.labels of type models.LabelSet",
        ),
        (
            '[{"labels": 5, "annotations": 6}]',
            "json: cannot unmarshal number into Go struct field .annotations of type models.LabelSet",
        ),
        (
            '[{"labels": {"a": 1}, "labels": {"a": "b"}}]',
            "json: cannot unmarshal number into Go struct field Alert.labels of type string",
        ),
    ],
)
def test_what_is_no_json_is_told_before_what_it_says(sent: str, why: str) -> None:
    """And of an alert first what is wrong with its report."""
    with pytest.raises(ShapedError) as caught:
        read_push(sent.encode(), _facts(Syntax.FALLBACK), NOW)
    assert str(caught.value) == f'parsing alerts body from "" failed, because {why}'


@pytest.mark.parametrize("sent", ["", " \n"])
def test_nothing_is_no_body(sent: str) -> None:
    """Spaces are nothing."""
    with pytest.raises(ShapedError, match=r"^alerts in body is required$"):
        read_push(sent.encode(), _facts(Syntax.FALLBACK), NOW)


@pytest.mark.parametrize("levels", [3, 1_200, 9_998])
def test_what_nobody_asks_for_may_nest_deep(levels: int) -> None:
    """As deep as in Go."""
    for begin, end in (("[", "]"), ('{"a":', "}")):
        inner = begin * levels + "1" + end * levels
        assert dict(_one(f'[{{"labels": {{"a": "b"}}, "x": {inner}}}]').labels) == {"a": "b"}


@pytest.mark.parametrize("after", [b"", b" and more"])
def test_alerts_and_problems_of_one_call_are_told_apart(after: bytes) -> None:
    """One alert without a name of a label does not keep the others out."""
    pushed = read_push(json.dumps([FIRES, {"labels": {"": "x"}}, FIRES]).encode() + after, _facts(Syntax.FALLBACK), NOW)
    assert ([alert.name for alert in pushed.alerts], pushed.firing) == (["Down", "Down"], 3)
    assert pushed.problems == ['invalid label set: invalid name ""']
