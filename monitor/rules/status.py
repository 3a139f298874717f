"""What is known of groups and rules right now, as plain data for the API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from monitor.model.alerts import AlertState
from monitor.model.times import Timestamp
from monitor.rules.groups import Rule, RuleGroup
from monitor.rules.states import ActiveAlert


class Health(Enum):
    """How the last evaluation of a rule went."""

    UNKNOWN = "unknown"
    OK = "ok"
    BAD = "err"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStatus:
    """One rule."""

    rule: Rule
    health: Health
    last_error: str
    last_evaluation: Timestamp | None
    """The slot of the last evaluation."""
    evaluation_seconds: float
    state: AlertState | None
    """The worst state of its alerts; None for a recording rule."""
    alerts: tuple[ActiveAlert, ...]
    """Pending and firing ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """One group."""

    group: RuleGroup
    last_evaluation: Timestamp | None
    evaluation_seconds: float
    missed: int
    """Slots passed over since the start."""
    rules: tuple[RuleStatus, ...]


def worst(alerts: tuple[ActiveAlert, ...]) -> AlertState:
    """Firing before pending before inactive."""
    states = {alert.state for alert in alerts}
    for state in (AlertState.FIRING, AlertState.PENDING):
        if state in states:
            return state
    return AlertState.INACTIVE
