"""Heartbeats: the deadline is computed from instants, whatever happened in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.checks import FailureReason, HealthState
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.probe.heartbeat import (
    Every,
    HeartbeatRule,
    HeartbeatState,
    Ping,
    PingKind,
    after_downtime,
    down_at,
    ping_for_exit_code,
    pinged,
    standing,
)

RULE = HeartbeatRule(schedule=Every(HOUR), grace=10 * MINUTE)
SUCCESS, START, FAIL, LOG = (
    Ping(kind=kind) for kind in (PingKind.SUCCESS, PingKind.START, PingKind.FAIL, PingKind.LOG)
)
H, D, U = HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNHEALTHY


def after(*pings: tuple[Timestamp, Ping]) -> HeartbeatState:
    state = HeartbeatState()
    for at, ping in pings:
        state = pinged(state, ping, at)
    return state


def test_before_the_first_ping_nothing_is_expected() -> None:
    """A new check never alerts."""
    seen = standing(HeartbeatState(), RULE, 10**12)
    assert (seen.state, seen.again_at) == (HealthState.UNKNOWN, None)


@pytest.mark.parametrize(
    ("minute", "state", "again"),
    [(0, H, 60), (59, H, 60), (60, D, 70), (69, D, 70), (70, U, None), (500, U, None)],
)
def test_late_is_degraded_and_past_grace_is_down(minute: int, state: HealthState, again: int | None) -> None:
    """Period 1h, grace 10m: late from minute 60, down from minute 70, since then and not since it was noticed."""
    seen = standing(after((0, SUCCESS)), RULE, minute * MINUTE)
    assert seen.state is state
    assert seen.again_at == (None if again is None else again * MINUTE)
    if state is U:
        assert (seen.since, seen.reason) == (70 * MINUTE, FailureReason.HEARTBEAT_MISSED)


def test_a_start_without_an_end_is_down_after_grace() -> None:
    """The run is watched, though the next success is not due yet."""
    state = after((0, SUCCESS), (5 * MINUTE, START))
    assert down_at(state, RULE) == 15 * MINUTE
    assert standing(state, RULE, 14 * MINUTE).state is H
    seen = standing(state, RULE, 15 * MINUTE)
    assert (seen.state, seen.reason) == (U, FailureReason.RAN_TOO_LONG)


def test_max_runtime_is_apart_from_grace() -> None:
    """With max_runtime a run may last that long."""
    rule = replace(RULE, max_runtime=30 * MINUTE)
    assert down_at(after((0, SUCCESS), (5 * MINUTE, START)), rule) == 35 * MINUTE


def test_a_first_run_that_never_ends_is_noticed() -> None:
    """A start is enough to expect an end."""
    state = after((0, START))
    assert standing(state, RULE, 5 * MINUTE).state is HealthState.UNKNOWN
    assert standing(state, RULE, 10 * MINUTE).state is U


def test_a_success_of_another_run_leaves_the_watched_run() -> None:
    """Only the same run id ends a run; a failure ends any."""
    state = after((0, Ping(kind=PingKind.START, run_id="a")), (MINUTE, Ping(kind=PingKind.SUCCESS, run_id="b")))
    assert (state.last_start, state.last_ping) == (0, MINUTE)
    state = pinged(state, Ping(kind=PingKind.SUCCESS, run_id="a"), 2 * MINUTE)
    assert (state.last_start, state.last_duration) == (None, 2 * MINUTE)
    assert pinged(after((0, START)), FAIL, MINUTE).last_start is None


def test_a_failure_is_down_at_once_until_a_success() -> None:
    """A start does not heal it, a success does."""
    state = after((0, SUCCESS), (MINUTE, ping_for_exit_code(3)))
    seen = standing(state, RULE, MINUTE)
    assert (seen.state, seen.text, seen.since) == (U, "job reported a failure: exit code 3", MINUTE)
    assert standing(pinged(state, START, 2 * MINUTE), RULE, 2 * MINUTE).state is U
    assert standing(pinged(state, SUCCESS, 2 * MINUTE), RULE, 2 * MINUTE).state is H


def test_a_log_ping_changes_nothing() -> None:
    """It is a message, not a sign of life."""
    state = after((0, SUCCESS))
    assert pinged(state, LOG, 30 * MINUTE) is state


def test_an_exit_code_past_255_is_refused() -> None:
    """0 is success, 1 to 255 failure."""
    assert ping_for_exit_code(0).kind is PingKind.SUCCESS
    with pytest.raises(ValueError, match="256"):
        ping_for_exit_code(256)


def test_a_deadline_in_our_downtime_gets_one_more_grace() -> None:
    """Nobody could take the ping while we were away; a miss before that stands."""
    state = after((0, SUCCESS))
    away = after_downtime(state, RULE, 65 * MINUTE, 120 * MINUTE)
    assert standing(away, RULE, 121 * MINUTE).state is D
    assert standing(away, RULE, 130 * MINUTE).state is U
    assert standing(away, RULE, 130 * MINUTE).since == 130 * MINUTE
    assert after_downtime(state, RULE, 80 * MINUTE, 120 * MINUTE) is state
    assert after_downtime(state, RULE, 10 * MINUTE, 20 * MINUTE) is state
    assert pinged(away, SUCCESS, 125 * MINUTE).extended_until is None


@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from([SUCCESS, START, FAIL, LOG])), max_size=12),
    st.integers(0, 600),
)
def test_looking_in_between_changes_nothing_and_again_at_is_the_next_change(
    pings: list[tuple[int, Ping]], minute: int
) -> None:
    """From an instant to its `again_at` the state stays the same; it is never in the past."""
    state = after(*((at * MINUTE, ping) for at, ping in sorted(pings, key=lambda pair: pair[0])))
    now = max([minute, *(at for at, _ in pings)]) * MINUTE
    seen = standing(state, RULE, now)
    until = seen.again_at if seen.again_at is not None else now + 48 * HOUR
    assert until > now
    for instant in (now + (until - now) // 2, until - 1):
        assert standing(state, RULE, instant).state is seen.state
