"""What a decision over alert groups writes: one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.alerts.groups import AlertGroup
from monitor.model.alerts import Alert, MuteReason
from monitor.model.incidents import IncidentEvent
from monitor.model.notifications import OutboxRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStep:
    """What a decision writes."""

    groups: tuple[AlertGroup, ...] = ()
    removed: tuple[str, ...] = ()
    events: tuple[IncidentEvent, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    suppressed: tuple[MuteReason, ...] = ()
    """For each alert that a flush left out because it is muted, by what first."""
    began: tuple[Alert, ...] = ()
    """For the history: those that did not fire before, as they are in their first group."""
    ended: tuple[Alert, ...] = ()
    """For the history: those that fired, with their end, whether it was reported or came by time alone."""
    consumed: tuple[int, ...] = ()
    """Reports of undelivered notifications that are dealt with."""
    arrived: Mapping[str, Mapping[str, Alert]] = field(default_factory=dict[str, Mapping[str, Alert]])
    """Of groups whose members changed only because alerts arrived: these, by group and fingerprint."""
    review: bool = False
    """Alerts of other groups may be muted, or no longer muted, because of this."""

    @classmethod
    def of(cls, steps: Sequence[AlertStep]) -> AlertStep:
        """One step that writes what these write, in their order."""
        return cls(
            groups=tuple(group for step in steps for group in step.groups),
            removed=tuple(id_ for step in steps for id_ in step.removed),
            events=tuple(event for step in steps for event in step.events),
            outbox=tuple(row for step in steps for row in step.outbox),
            suppressed=tuple(reason for step in steps for reason in step.suppressed),
            began=tuple(alert for step in steps for alert in step.began),
            ended=tuple(alert for step in steps for alert in step.ended),
            consumed=tuple(id_ for step in steps for id_ in step.consumed),
            arrived={id_: members for step in steps for id_, members in step.arrived.items()},
            review=any(step.review for step in steps),
        )
