"""What on-call asks of the database: two small contracts, and the shapes that cross them.

`tests/contract/incident_store_contract.py` says the same in code; every implementation passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from monitor.model.changes import AuditEntry, Timer
from monitor.model.errors import CorruptionError
from monitor.model.incidents import IncidentEvent, TimelineEntry
from monitor.model.notifications import DeliveryReport, OutboxRow
from monitor.model.times import Timestamp
from monitor.oncall.effects import Answer, Cancel, Step
from monitor.oncall.incident import Incident, IncidentKey


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """Something handed over and not yet decided upon."""

    id: int
    """Rising in the order of arrival."""
    key: IncidentKey
    """Of an `IncidentEvent`: its policy and group key. Of a `DeliveryReport`: those of the incident that it names."""
    content: IncidentEvent | DeliveryReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a transaction read, before it writes anything."""

    incidents: Mapping[IncidentKey, Incident]
    """The latest generation of each key that was asked for; a key that never had one is absent."""
    inbox: tuple[InboxRow, ...]
    """All rows of these keys in order of arrival."""
    next_number: int
    """One more than the highest incident number ever given; 1 at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a transaction is to write. All of it or nothing."""

    incidents: tuple[Incident, ...] = ()
    """In order; each replaces the row of its id, and the stored timers of its id become exactly its `timers`."""
    rows: tuple[OutboxRow, ...] = ()
    """One whose dedupe_key exists already is left out silently."""
    cancels: tuple[Cancel, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    consumed: tuple[int, ...] = ()
    """Inbox rows to delete."""
    answer: Answer | None = None
    """Not written: what the person who acted is told."""

    @classmethod
    def of(cls, steps: Sequence[Step], consumed: Sequence[int] = ()) -> Decision:
        """Several decisions as one, in their order. A page that a later one of them cancels is written as well, and ends
        with the same transaction: it tells what follows it to the same destination that nobody was paged there."""
        effects = [effect for step in steps for effect in step.effects]
        latest = {one.id: one for step in steps for one in step.incidents}
        return cls(
            incidents=tuple(latest.values()),
            rows=tuple(effect for effect in effects if isinstance(effect, OutboxRow)),
            cancels=tuple(effect for effect in effects if isinstance(effect, Cancel)),
            timeline=tuple(effect for effect in effects if isinstance(effect, TimelineEntry)),
            audit=tuple(effect for effect in effects if isinstance(effect, AuditEntry)),
            consumed=tuple(consumed),
            answer=next((step.answer for step in reversed(steps) if step.answer is not None), None),
        )


Decide: TypeAlias = Callable[[Snapshot], Decision]
Unreadable: TypeAlias = Callable[[IncidentKey, CorruptionError], None]
"""Hears, on the loop, of a stored incident that cannot be read and is left out of an answer."""


def raised(key: IncidentKey, error: Exception) -> None:
    """Leaves nothing out: the first incident that cannot be read, or decided upon, ends the call."""
    raise error


class IncidentStore(Protocol):
    """The durable side of escalation."""

    async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
        """In one write transaction: read the snapshot of `keys`, call `decide` (plain, quick, perhaps on another
        thread, and once more if the transaction has to be run again), write what it gives, commit. Cancels take effect
        after rows are inserted. Returns the committed decision. Raises StoreError, and then nothing is written; what
        `decide` raises passes through, and then nothing is written either."""
        ...

    async def waiting(self, limit: int) -> tuple[IncidentKey, ...]:
        """At most `limit` different keys that have inbox rows, the longest waiting first. Rows that belong to no known
        incident (a report about a deleted one) are dropped rather than given."""
        ...

    async def due(self, now: Timestamp, limit: int) -> tuple[IncidentKey, ...]:
        """At most `limit` different keys that have a stored timer with `due_at` <= now, the most overdue first."""
        ...

    async def next_due(self, but: Collection[IncidentKey] = ()) -> Timestamp | None:
        """The earliest stored timer of any incident whose key is not one of these; None when there is none."""
        ...

    async def open_incidents(self, unreadable: Unreadable = raised) -> tuple[tuple[Incident, tuple[Timer, ...]], ...]:
        """Every incident that is not resolved, by number, with the timers as they are stored."""
        ...


class IncidentQueries(Protocol):
    """Reading for people. Sees what is committed."""

    async def find(self, reference: str) -> Incident | None:
        """By id (upper or lower case) or by number (`17` or `#17`)."""
        ...

    async def recent(
        self, limit: int, *, open_only: bool = False, unreadable: Unreadable = raised
    ) -> tuple[Incident, ...]:
        """The newest first, by number."""
        ...

    async def timeline(self, incident: str) -> tuple[TimelineEntry, ...]:
        """Of the incident with this id, in the order in which it was written."""
        ...
