"""Verdicts follow runs of outcomes, and tell each change once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.checks import (
    BodyReading,
    Check,
    Component,
    FailureReason,
    HealthState,
    Outcome,
    StatusChanged,
    Verdict,
    VersionChanged,
)
from monitor.probe.verdict import UNTOLD, Event, judge

CHECK = Check(name="api", kind="http", target="http://api/")
H, D, U = HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNHEALTHY
NAMES = {"H": H, "D": D, "U": U, "?": HealthState.UNKNOWN}


def outcome(state: HealthState, version: str = "") -> Outcome:
    good = state is H
    return Outcome(
        success=state is not U,
        state=state,
        started=0,
        reason=None if good else FailureReason.STATUS,
        text="" if good else "HTTP status 500, expected 2xx",
        version=version,
    )


def run(states: str, check: Check = CHECK, verdict: Verdict = UNTOLD) -> tuple[list[Verdict], list[Event]]:
    verdicts: list[Verdict] = []
    told: list[Event] = []
    for at, letter in enumerate(states, start=1):
        verdict, events = judge(check, verdict, outcome(NAMES[letter]), at * 1000)
        verdicts.append(verdict)
        told.extend(events)
    return verdicts, told


@pytest.mark.parametrize(
    ("raw", "judged"),
    [
        ("H", "H"),
        ("UUU", "??U"),
        ("UUH", "??H"),
        ("DDD", "??D"),
        ("HUU", "HHH"),
        ("HUUU", "HHHU"),
        ("HUUHUUU", "HHHHHHU"),
        ("HUUUH", "HHHUU"),
        ("HUUUHH", "HHHUUH"),
        ("HUUUHUHH", "HHHUUUUH"),
        ("HDDD", "HHHD"),
        ("HDUD", "HHHD"),
        ("HDUUU", "HHHDU"),
        ("HDDDHH", "HHHDDH"),
        ("HUUUDD", "HHHUUD"),
        ("HUUUDH", "HHHUUD"),
        ("HUUUDHH", "HHHUUDH"),
    ],
)
def test_a_verdict_changes_after_three_bad_or_two_good_in_a_row(raw: str, judged: str) -> None:
    """raw outcomes => judged states, at the default thresholds."""
    verdicts, told = run(raw)
    assert [verdict.state for verdict in verdicts] == [NAMES[letter] for letter in judged]
    changes = [v for b, v in zip("?" + judged, judged, strict=False) if b != v]
    assert [NAMES[letter] for letter in changes] == [e.verdict.state for e in told if isinstance(e, StatusChanged)]


def test_a_run_on_its_way_is_pending_and_says_how_far_it_is() -> None:
    """The text counts; pending asks for a confirming attempt until the state is judged."""
    verdicts, _ = run("HUUUH")
    assert [verdict.pending for verdict in verdicts] == [False, True, True, False, True]
    assert verdicts[1].text == "failing 1/3: HTTP status 500, expected 2xx"
    assert verdicts[2].text == "failing 2/3: HTTP status 500, expected 2xx"
    assert verdicts[3].text == "HTTP status 500, expected 2xx"
    assert verdicts[4].text == "recovering 1/2 (was: HTTP status 500, expected 2xx)"


def test_since_is_the_time_of_the_change_and_stays() -> None:
    """Later outcomes of the same state do not move it."""
    verdicts, _ = run("HUUUUU")
    assert [verdict.since for verdict in verdicts] == [1000, 1000, 1000, 4000, 4000, 4000]
    assert [verdict.changed for verdict in verdicts] == [True, False, False, True, False, False]


def test_a_steady_healthy_check_costs_no_new_verdict() -> None:
    """The same object comes back once nothing changes any more."""
    verdicts, _ = run("HHHH")
    assert verdicts[2] is verdicts[3]


def test_another_version_is_an_event_and_the_first_one_is_not() -> None:
    """A deployment shows as one VersionChanged; error pages do not count."""
    verdict: Verdict = UNTOLD
    told: list[VersionChanged] = []
    for at, (state, version) in enumerate([(H, "1.0"), (H, "1.0"), (H, ""), (U, "9.9"), (H, "1.1"), (H, "1.1")]):
        verdict, events = judge(CHECK, verdict, outcome(state, version), at)
        told.extend(event for event in events if isinstance(event, VersionChanged))
    assert [(event.before, event.version, event.at) for event in told] == [("1.0", "1.1", 4)]
    assert verdict.version == "1.1"


def test_a_definite_outcome_needs_no_threshold_and_brings_its_own_since() -> None:
    """Heartbeats prove their state, from the instant of the deadline on."""
    verdict, _ = judge(CHECK, UNTOLD, outcome(H), 10_000)
    missed = replace(outcome(U), definite=True, since=20_000)
    verdict, events = judge(CHECK, verdict, missed, 25_000)
    assert (verdict.state, verdict.since, verdict.pending, len(events)) == (U, 20_000, False, 1)


def test_components_of_the_last_answer_are_kept_while_nothing_answers() -> None:
    """A refusal says nothing about components."""
    parts = (Component("db", H),)
    verdict, _ = judge(CHECK, UNTOLD, replace(outcome(H), reading=BodyReading(dialect="x", components=parts)), 1)
    verdict, _ = judge(CHECK, verdict, outcome(U), 2)
    assert verdict.components == parts


@given(st.text(alphabet="HDU", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_no_state_is_judged_without_a_long_enough_run(raw: str, failures: int, successes: int) -> None:
    """Worse needs `failures` outcomes in a row that are at least as bad, better needs `successes` at least as good."""
    check = replace(CHECK, failure_threshold=failures, success_threshold=successes)
    verdicts, _ = run(raw, check)
    before = HealthState.UNKNOWN
    for at, verdict in enumerate(verdicts):
        ranks = [NAMES[letter].rank for letter in raw[: at + 1]]
        if verdict.state is not before and before is not HealthState.UNKNOWN:
            if verdict.state.rank > before.rank:
                assert all(rank >= verdict.state.rank for rank in ranks[-failures:])
            else:
                assert all(rank <= verdict.state.rank for rank in ranks[-successes:])
        if len(ranks) >= max(failures, successes) and len(set(ranks[-max(failures, successes) :])) == 1:
            assert verdict.state.rank == ranks[-1]
        before = verdict.state
