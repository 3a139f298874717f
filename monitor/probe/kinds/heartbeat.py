"""Heartbeats as a kind: an attempt is a look at the stored instants. No sockets; pings come in from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model.checks import Check, HealthState, Outcome
from monitor.model.times import DAY, HOUR, Millis
from monitor.probe.heartbeat import Every, HeartbeatRule, HeartbeatState, standing
from monitor.probe.kinds.kind import Done, Instruments


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatOptions:
    """Options of a heartbeat check."""

    period: Millis = DAY
    """A success is expected this long after the previous one."""
    grace: Millis = HOUR
    """Late for longer than this is down."""
    max_runtime: Millis | None = None
    """A started job must end within this; without it, within `grace`."""


@dataclass(slots=True)
class HeartbeatTarget:
    """A job with its rule and its present state."""

    rule: HeartbeatRule
    state: HeartbeatState


def compiled(check: Check) -> HeartbeatTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    options = check.options if isinstance(check.options, HeartbeatOptions) else HeartbeatOptions()
    if options.period <= 0 or options.grace < 0:
        raise ValueError("period must be more than nothing and grace not negative")
    rule = HeartbeatRule(schedule=Every(options.period), grace=options.grace, max_runtime=options.max_runtime)
    return HeartbeatTarget(rule, HeartbeatState())


class HeartbeatKind:
    """The heartbeat kind. See `kind.Kind`."""

    __slots__ = ("_instruments",)

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def prepare(self, check: Check) -> HeartbeatTarget:
        return compiled(check)

    def start(self, batch: Sequence[tuple[int, HeartbeatTarget]], deadline: float, done: Done) -> None:
        now = self._instruments.clock.now()
        for slot, target in batch:
            seen = standing(target.state, target.rule, now)
            done(
                slot,
                Outcome(
                    success=seen.state is not HealthState.UNHEALTHY,
                    state=seen.state,
                    started=now,
                    took=(target.state.last_duration or 0) / 1000,
                    reason=seen.reason,
                    text=seen.text,
                    definite=True,
                    since=seen.since,
                    again_at=seen.again_at,
                ),
            )

    def close(self) -> None:
        pass
