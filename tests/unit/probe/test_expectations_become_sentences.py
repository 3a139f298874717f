"""Expectations: what is met is silent, what is not becomes one sentence."""

from __future__ import annotations

import pytest

from monitor.model.checks import Expect, FailureReason, HeaderRule, HealthState, TlsFacts
from monitor.model.times import DAY
from monitor.probe.answers import Answer
from monitor.probe.expect import Expectations, at_path

NOW = 1_700_000_000_000


def answer(
    body: bytes = b"", *, status: int = 200, took: float = 0.1, complete: bool = True, days: float | None = None
) -> Answer:
    tls = None if days is None else TlsFacts(earliest_expiry=NOW + int(days * DAY))
    headers = {"content-type": "application/json", "server": "nginx"}
    return Answer(
        now=NOW, took=took, status=status, http_version=1.1, headers=headers, body=body, complete=complete, tls=tls
    )


def texts(expect: Expect, given: Answer) -> list[str]:
    return [shortfall.text for shortfall in Expectations(expect).shortfalls(given)]


@pytest.mark.parametrize(
    ("expected", "status", "accepted"),
    [
        ((), 204, True),
        ((), 301, False),
        (("200",), 200, True),
        (("200", "404"), 404, True),
        (("2xx", "3XX"), 302, True),
        (("200-204",), 205, False),
        (("429",), 429, True),
    ],
)
def test_a_status_is_accepted_as_code_class_or_range(expected: tuple[str, ...], status: int, accepted: bool) -> None:
    """Lists of codes, classes and ranges."""
    assert Expectations(Expect(status=expected)).status_accepted(status) is accepted


def test_a_wrong_status_is_the_only_sentence() -> None:
    """An error page is not examined further."""
    expect = Expect(status=("200", "3xx"), contains=("hello",))
    assert texts(expect, answer(status=503)) == ["HTTP status 503, expected 200 or 3xx"]


@pytest.mark.parametrize(
    ("wanted", "body", "sentence"),
    [
        ({"database": "connected"}, b'{"database":"connected"}', None),
        ({"database": "connected"}, b'{"database":"down"}', 'database is "down", expected "connected"'),
        ({"database": "connected"}, b"{}", "database is missing"),
        ({"a.b[1].c": 3}, b'{"a":{"b":[0,{"c":3}]}}', None),
        ({"a.b[7]": 3}, b'{"a":{"b":[0]}}', "a.b[7] is missing"),
        ({"n": ">= 3"}, b'{"n":3}', None),
        ({"n": "< 3"}, b'{"n":3}', "n is 3, expected < 3"),
        ({"n": "< 3"}, b'{"n":"1"}', 'n is "1", expected < 3'),
        ({"n": "!= 3"}, b'{"n":4}', None),
        ({"ok": True}, b'{"ok":1}', "ok is 1, expected true"),
        ({"ok": True}, b'{"ok":true}', None),
        ({"x": None}, b'{"x":null}', None),
        ({"x": 1}, b"<html>", "body is not JSON"),
        ({"x": 1}, b"[" * 99999, "body is not JSON"),
    ],
)
def test_json_fields_are_compared_by_path(wanted: dict[str, object], body: bytes, sentence: str | None) -> None:
    """Equality keeps JSON's types apart; comparisons need numbers."""
    assert texts(Expect(body=wanted), answer(body)) == ([] if sentence is None else [sentence])


def test_a_cut_body_is_not_taken_for_json() -> None:
    """What was not kept whole cannot be parsed."""
    assert texts(Expect(body={"x": 1}), answer(b'{"x":1}', complete=False)) == ["body is too long to read as JSON"]


def test_text_and_expressions_are_searched_in_the_body() -> None:
    """contains, matches and not_matches."""
    expect = Expect(contains=("all good",), matches=("^x",), not_matches=("bad|worse",))
    assert texts(expect, answer(b"it got worse")) == [
        'body does not contain "all good"',
        "body does not match '^x'",
        "body matches 'bad|worse'",
    ]


def test_header_rules_have_blackbox_semantics_for_missing_headers() -> None:
    """Without allow_missing a missing header fails, forbidden or not."""
    rules = (
        HeaderRule(header="X-None", regexp="a", forbid=True),
        HeaderRule(header="X-None", regexp="a", allow_missing=True),
        HeaderRule(header="Server", regexp="nginx", forbid=True),
    )
    assert texts(Expect(header_rules=rules), answer()) == [
        "header X-None is missing",
        "header Server is \"nginx\" and matches 'nginx'",
    ]


@pytest.mark.parametrize(
    ("took", "state"), [(0.1, None), (0.2, HealthState.DEGRADED), (0.5, HealthState.UNHEALTHY)], ids=str
)
def test_a_slow_answer_degrades_and_a_slower_one_fails(took: float, state: HealthState | None) -> None:
    """Both limits are exclusive."""
    found = Expectations(Expect(latency=500, latency_warn=200)).shortfalls(answer(took=took))
    assert [shortfall.state for shortfall in found] == ([] if state is None else [state])
    assert all(shortfall.reason is FailureReason.SLOW for shortfall in found)


@pytest.mark.parametrize(
    ("days", "state"), [(20.0, None), (10.0, HealthState.DEGRADED), (2.0, HealthState.UNHEALTHY)], ids=str
)
def test_days_left_of_a_certificate_have_two_limits(days: float, state: HealthState | None) -> None:
    """Warn degrades, fail fails."""
    found = Expectations(Expect(certificate_days=3, certificate_days_warn=14)).shortfalls(answer(days=days))
    assert [shortfall.state for shortfall in found] == ([] if state is None else [state])


@pytest.mark.parametrize(
    "expect",
    [
        Expect(status=("20",)),
        Expect(status=("abc",)),
        Expect(matches=("(",)),
        Expect(headers={"A": "("}),
        Expect(body={"a[": 1}),
        Expect(body={"a": "< many"}),
    ],
    ids=repr,
)
def test_a_wrong_expectation_is_refused_when_it_is_compiled(expect: Expect) -> None:
    """Mistakes of the user come up before the first attempt."""
    with pytest.raises(ValueError, match=r"."):
        Expectations(expect)


def test_a_path_leads_to_a_value_or_nowhere() -> None:
    """`$.a[0]` and `a[0]` are the same path."""
    assert at_path({"a": [1]}, "$.a[0]") == at_path({"a": [1]}, "a[0]") == 1
    assert at_path({"a": [1]}, "a.b") is None
