"""Alerts: what rules hand over, what groups hold, and why one is kept quiet.

Rules send an alert again and again while it fires (level-triggered, as Prometheus does), so a lost hand-off repairs
itself; `ends_at` tells until when the last report is to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.times import Timestamp


class AlertState(Enum):
    """Where an alert of a rule stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"

    __hash__ = object.__hash__  # that of Enum is many times slower, and this is asked for every alert


class MuteReason(Enum):
    """Why an alert that fires does not notify. The value is stable; `sentence` is for people."""

    SILENCE = "silence"
    INHIBITION = "inhibition"
    MUTE_INTERVAL = "mute_time_interval"
    OUTSIDE_ACTIVE_INTERVAL = "active_time_interval"
    MAINTENANCE = "maintenance"

    @property
    def sentence(self) -> str:
        return _MUTE_SENTENCES[self]


_MUTE_SENTENCES = {
    MuteReason.SILENCE: "a silence matches it",
    MuteReason.INHIBITION: "another alert that fires explains it",
    MuteReason.MUTE_INTERVAL: "its route is muted at this time",
    MuteReason.OUTSIDE_ACTIVE_INTERVAL: "its route is not active at this time",
    MuteReason.MAINTENANCE: "a maintenance window covers it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One report of one alert; its identity is its label set."""

    labels: Labels
    annotations: Labels
    starts_at: Timestamp
    ends_at: Timestamp
    """Resolved from this instant on. In the future: believed to fire until then."""
    updated_at: Timestamp
    generator_url: str = ""
    ends_by_timeout: bool = False
    """The end was not reported but comes from `resolve_timeout`."""
    value: float | None = None
    """The rule's value at the last evaluation, also at the one that resolved it; None when pushed from outside."""

    @property
    def fingerprint(self) -> str:
        return self.labels.fingerprint

    @property
    def name(self) -> str:
        return self.labels.get(ALERT_NAME, "")

    def resolved(self, now: Timestamp) -> bool:
        return self.ends_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTransition:
    """One alert of one rule changed its state at an evaluation."""

    group: str
    """`file;name` of the rule group."""
    rule: str
    labels: Labels
    before: AlertState
    after: AlertState
    at: Timestamp
    active_at: Timestamp
    """Since when the expression has held."""
    value: float
