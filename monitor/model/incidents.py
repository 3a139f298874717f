"""Incidents: the condition that a person is paged for.

Key = (policy, Alertmanager group key); one open generation per key. The events come from alert groups, from people and
from timers; `monitor/oncall` decides what each does. Everything here is stored, so fields are only ever added.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from monitor.model.alerts import MuteReason
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import Timestamp


class Severity(Enum):
    """How bad, in rising order. Unknown texts count as warning."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @classmethod
    def of(cls, text: str) -> Severity:
        return _SEVERITIES.get(text.strip().lower(), cls.WARNING)


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2, Severity.CRITICAL: 3}
_SEVERITIES = {
    **{severity.value: severity for severity in Severity},
    "page": Severity.CRITICAL,
    "crit": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "high": Severity.ERROR,
    "major": Severity.ERROR,
    "warn": Severity.WARNING,
    "minor": Severity.WARNING,
    "low": Severity.INFO,
    "none": Severity.INFO,
}


class IncidentState(Enum):
    """Where an incident stands. Muting is no state: it is an overlay (see `Incident.held_until`)."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        return self is not IncidentState.RESOLVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One alert of the group that an incident stands for, as last reported."""

    fingerprint: str
    labels: Labels
    annotations: Labels
    firing: bool
    starts_at: Timestamp
    ends_at: Timestamp | None = None
    """When it resolved; None while it fires."""
    muted_by: tuple[MuteReason, ...] = ()
    explained_by: str = ""
    """Fingerprint of the alert that inhibits it, if one does."""
    generator_url: str = ""
    value: float | None = None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> Severity:
        return Severity.of(self.labels.get("severity", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """Alerts to oncall: a group of an escalating receiver changed. Carries *all* members, so a later event replaces an
    earlier one. Stored in the inbox in the transaction that made it, and deleted in the one that consumes it."""

    at: Timestamp
    policy: str
    group_key: str
    receiver: str
    group_labels: Labels = EMPTY
    members: tuple[Member, ...] = ()
    held_until: Timestamp | None = None
    """When the overlay that mutes *all* firing members is expected to end; None if they are not all muted or the end is
    not known."""


class Door(Enum):
    """Through which door somebody acted."""

    API = "api"
    CLI = "cli"
    WEB = "web"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted, and how."""

    name: str
    door: Door


SYSTEM = Actor(name="watchkeeper", door=Door.SYSTEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of an incident's history, for people and for `why`."""

    incident: str
    at: Timestamp
    kind: str
    """A stable word: opened, paged, nobody, held, acknowledged, unacknowledged, escalated, resolved, reopened, ..."""
    text: str
    actor: str = ""
