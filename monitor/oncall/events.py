"""What can happen to an incident, and what a decision may look at besides the incident itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from monitor.model.changes import Deployment
from monitor.model.incidents import Actor, IncidentEvent
from monitor.model.notifications import DeliveryReport
from monitor.model.times import Timestamp
from monitor.oncall.incident import TimerKind
from monitor.oncall.policies import Directory, Policy, Target


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """Alerts reported the whole group anew."""

    event: IncidentEvent


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A stored timer is due. It does nothing unless the incident still wants exactly this one."""

    kind: TimerKind
    epoch: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    actor: Actor


@dataclass(frozen=True, slots=True)
class Unacknowledge:
    """Somebody gives it back: the step taken last is taken again."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Resolve:
    actor: Actor


@dataclass(frozen=True, slots=True)
class Snooze:
    """Acknowledge until an instant."""

    actor: Actor
    until: Timestamp


@dataclass(frozen=True, slots=True)
class EscalateNow:
    """Take the next step at once, also when somebody acknowledged."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Rebase:
    """Take up the newest version of the policy now and start it from its first step."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class PolicyRemoved:
    """A reload brought a configuration without the policy; the pinned version goes on."""


@dataclass(frozen=True, slots=True)
class DeliveryReported:
    """A row of this incident arrived, or failed for good."""

    report: DeliveryReport


@dataclass(frozen=True, slots=True)
class Audited:
    """The minute audit looks at an open incident."""


Action: TypeAlias = Acknowledge | Unacknowledge | Resolve | Snooze | EscalateNow | Rebase
"""What a person does; the decision carries an `Answer`."""

Event: TypeAlias = GroupChanged | TimerFired | Action | PolicyRemoved | DeliveryReported | Audited


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The world around one decision."""

    policies: Mapping[str, Policy]
    directory: Directory
    new_id: str
    """For the generation that this decision may open: a ULID not used before."""
    next_number: int
    """Its number: one more than the highest ever given."""
    fallback: tuple[Target, ...] = ()
    """For policies that name none."""
    deployments: tuple[Deployment, ...] = ()
    """Recent ones, in any order."""
    external_url: str = ""
    """Where people reach our pages, without a slash at the end."""
