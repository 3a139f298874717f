"""What a decision gives back. All of it is written in the one transaction of that decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from monitor.model.changes import AuditEntry
from monitor.model.incidents import TimelineEntry
from monitor.model.notifications import OutboxRow
from monitor.model.times import Timestamp
from monitor.oncall.incident import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Rows of this incident whose message wakes somebody, whose epoch is below this one and which surely did not arrive
    (none under way, none in doubt), are no longer wanted, however often they were tried: what follows them to the same
    destination need not wait out their pause. Rows that inform (acknowledge, update, resolve) stay."""

    incident: str
    below_epoch: int
    at: Timestamp
    """When they end so."""

    def covers(self, row: OutboxRow) -> bool:
        """Is this row meant? Whether an attempt may have arrived is for the store to know."""
        return row.incident == self.incident and row.epoch < self.below_epoch and row.message.kind.wakes


Effect: TypeAlias = OutboxRow | Cancel | TimelineEntry | AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the person who acted is told."""

    text: str
    changed: bool = True
    """False: nothing to do, as for a second acknowledgement."""
    refused: bool = False
    """The present state forbids it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A decision: the next state, what to write with it, and when to look again."""

    incident: Incident | None
    effects: tuple[Effect, ...] = ()
    superseded: Incident | None = None
    """The generation before, when this decision opened a new one: written without its timers."""
    answer: Answer | None = None
    """Set for every action of a person."""

    @property
    def wake_at(self) -> Timestamp | None:
        """When the incident wants to be looked at next without a new event."""
        if self.incident is None:
            return None
        return min((timer.due_at for timer in self.incident.timers), default=None)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The states to write."""
        return tuple(one for one in (self.superseded, self.incident) if one is not None)
