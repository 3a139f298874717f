"""Heartbeats: jobs that report themselves, and are missed when they do not.

The state holds instants only, and the deadline is computed from them whenever it is asked for, so that a restart neither
invents nor forgets a miss. A heartbeat is late from the moment it was expected (`grace_start`) and down `grace` later. A
job that reported its start must report its end within `max_runtime` (or, without that, within `grace`). Before the first
ping nothing is expected. A deadline that fell while we ourselves were down gets one more grace from our start, because
nobody could have taken the ping. Source of the arithmetic: healthchecks, hc/api/models.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol

from monitor.model.checks import FailureReason, HealthState
from monitor.model.times import HOUR, Millis, Timestamp, spoken_duration

_LONGEST_RUN: Final[Millis] = 72 * HOUR
"""A longer run says nothing about how long runs take."""


class PingKind(Enum):
    """What a job reports."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One report of a job."""

    kind: PingKind
    run_id: str = ""
    """Pairs a start with its end; empty when the job gives none."""
    text: str = ""
    """What it said of itself, one line."""


def ping_for_exit_code(code: int, run_id: str = "") -> Ping:
    """0 is success, 1 to 255 a failure. Raises ValueError for other numbers."""
    if not 0 <= code <= 255:
        raise ValueError(f"exit code {code} is not between 0 and 255")
    if code == 0:
        return Ping(kind=PingKind.SUCCESS, run_id=run_id)
    return Ping(kind=PingKind.FAIL, run_id=run_id, text=f"exit code {code}")


class Schedule(Protocol):
    """When pings are expected."""

    def following(self, after: Timestamp) -> Timestamp | None:
        """The first expected instant after a ping at `after`; None if there is never another."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """A ping each `period`."""

    period: Millis

    def following(self, after: Timestamp) -> Timestamp | None:
        return after + self.period


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatRule:
    """What is expected of a job."""

    schedule: Schedule
    grace: Millis
    max_runtime: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatState:
    """Everything known of a job, as instants."""

    last_ping: Timestamp | None = None
    """Of the last success."""
    last_start: Timestamp | None = None
    """Of the run that is under way; None when none is."""
    start_run_id: str = ""
    failed_at: Timestamp | None = None
    """Of a reported failure since the last success."""
    failure_text: str = ""
    last_duration: Millis | None = None
    """Of the last run whose start and end were reported."""
    extended_until: Timestamp | None = None
    """Not down before this: the extra grace after a downtime of ours."""


@dataclass(frozen=True, slots=True)
class HeartbeatStanding:
    """How a job stands at some instant."""

    state: HealthState
    reason: FailureReason | None
    text: str
    since: Timestamp | None
    """When the state began, as far as the instants tell."""
    again_at: Timestamp | None
    """The next instant at which the standing can change by itself."""


def pinged(state: HeartbeatState, ping: Ping, now: Timestamp) -> HeartbeatState:
    """The state after a ping. A success with another run id leaves the run that is under way; a failure ends any."""
    match ping.kind:
        case PingKind.LOG:
            return state
        case PingKind.START:
            return replace(state, last_start=now, start_run_id=ping.run_id)
        case PingKind.FAIL:
            return replace(state, last_start=None, start_run_id="", failed_at=now, failure_text=ping.text)
        case PingKind.SUCCESS:
            after = replace(state, last_ping=now, failed_at=None, failure_text="", extended_until=None)
            if state.last_start is not None and ping.run_id == state.start_run_id:
                ran = now - state.last_start
                after = replace(
                    after, last_start=None, start_run_id="", last_duration=ran if ran <= _LONGEST_RUN else None
                )
            return after


def expected_at(state: HeartbeatState, rule: HeartbeatRule) -> Timestamp | None:
    """When the next success is due; None before the first ping."""
    return None if state.last_ping is None else rule.schedule.following(state.last_ping)


def down_at(state: HeartbeatState, rule: HeartbeatRule) -> Timestamp | None:
    """When the job counts as down unless it reports; None if nothing is expected."""
    expected = expected_at(state, rule)
    limits = [expected + rule.grace] if expected is not None else []
    if state.last_start is not None:
        limits.append(state.last_start + (rule.grace if rule.max_runtime is None else rule.max_runtime))
    if not limits:
        return None
    return max(min(limits), state.extended_until or 0)


def after_downtime(state: HeartbeatState, rule: HeartbeatRule, last_alive: Timestamp, now: Timestamp) -> HeartbeatState:
    """The state with which to go on after we were away from `last_alive` to `now`."""
    deadline = down_at(state, rule)
    if deadline is not None and last_alive < deadline <= now:
        return replace(state, extended_until=now + rule.grace)
    return state


def standing(state: HeartbeatState, rule: HeartbeatRule, now: Timestamp) -> HeartbeatStanding:
    """How the job stands at `now`."""
    if state.failed_at is not None:
        text = f"job reported a failure: {state.failure_text}" if state.failure_text else "job reported a failure"
        return HeartbeatStanding(HealthState.UNHEALTHY, FailureReason.HEARTBEAT_FAILED, text, state.failed_at, None)
    deadline, expected = down_at(state, rule), expected_at(state, rule)
    if deadline is None:
        return HeartbeatStanding(HealthState.UNKNOWN, None, "waiting for the first ping", None, None)
    if now >= deadline:
        started = state.last_start
        if started is not None and (expected is None or expected + rule.grace > deadline):
            text = f"job started {spoken_duration(now - started)} ago and did not finish"
            return HeartbeatStanding(HealthState.UNHEALTHY, FailureReason.RAN_TOO_LONG, text, deadline, None)
        last = "" if state.last_ping is None else f", last ping {spoken_duration(now - state.last_ping)} ago"
        text = f"heartbeat missed{last}"
        return HeartbeatStanding(HealthState.UNHEALTHY, FailureReason.HEARTBEAT_MISSED, text, deadline, None)
    if expected is not None and now >= expected:
        text = f"heartbeat is {spoken_duration(now - expected)} late, down in {spoken_duration(deadline - now)}"
        return HeartbeatStanding(HealthState.DEGRADED, FailureReason.HEARTBEAT_LATE, text, expected, deadline)
    if expected is None and state.last_ping is None:
        return HeartbeatStanding(HealthState.UNKNOWN, None, "first run is under way", None, deadline)
    edge = deadline if expected is None else min(expected, deadline)
    return HeartbeatStanding(HealthState.HEALTHY, None, "", state.last_ping, edge)
