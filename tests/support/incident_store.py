"""An incident store in memory. It keeps the contract of the real one and can be told to fail before a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from monitor.model.changes import AuditEntry, Timer
from monitor.model.errors import CorruptionError, StoreError
from monitor.model.incidents import IncidentEvent, TimelineEntry
from monitor.model.notifications import DeliveryReport, OutboxRow
from monitor.model.times import Timestamp
from monitor.oncall.incident import Incident, IncidentKey
from monitor.oncall.stores import Decide, Decision, InboxRow, Snapshot, Unreadable, raised


class FakeIncidentStore:
    """An `IncidentStore` and `IncidentQueries`. Everything is committed at once or, with `fail_next`, not at all."""

    def __init__(self) -> None:
        self.fail_next = 0
        """So many transactions raise StoreError after they decided and before they write."""
        self.commits = 0
        self.outbox: dict[str, OutboxRow] = {}
        """By dedupe key; what was cancelled moves to `cancelled`."""
        self.unreadable: set[str] = set()
        """Ids of incidents whose rows are broken."""
        self.attempted: set[str] = set()
        """Dedupe keys of what is under way or may have arrived."""
        self.cancelled: dict[str, OutboxRow] = {}
        self.audit: list[AuditEntry] = []
        self.timers: dict[str, tuple[Timer, ...]] = {}
        """By incident id."""
        self._incidents: dict[str, Incident] = {}
        self._timeline: list[TimelineEntry] = []
        self._inbox: dict[int, InboxRow] = {}
        self._last_inbox = 0

    def hand_over(self, content: IncidentEvent | DeliveryReport) -> None:
        """What the transactions of alerts and notify do."""
        key = (
            IncidentKey(policy=content.policy, group_key=content.group_key)
            if isinstance(content, IncidentEvent)
            else self._key_of(content.incident)
        )
        if key is not None:
            self._last_inbox += 1
            self._inbox[self._last_inbox] = InboxRow(id=self._last_inbox, key=key, content=content)

    async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
        decision = decide(self._snapshot(keys))
        if self.fail_next:
            self.fail_next -= 1
            raise StoreError("the disk is full")
        self.commits += 1
        for incident in decision.incidents:
            self._incidents[incident.id] = incident
            self.timers[incident.id] = incident.timers
        for row in decision.rows:
            if row.dedupe_key not in self.cancelled:
                self.outbox.setdefault(row.dedupe_key, row)
        for cancel in decision.cancels:
            for key, row in list(self.outbox.items()):
                if cancel.covers(row) and key not in self.attempted:
                    self.cancelled[key] = self.outbox.pop(key)
        self._timeline.extend(decision.timeline)
        self.audit.extend(decision.audit)
        for id_ in decision.consumed:
            self._inbox.pop(id_, None)
        return decision

    async def waiting(self, limit: int) -> tuple[IncidentKey, ...]:
        return tuple(dict.fromkeys(row.key for row in self._inbox.values()))[:limit]

    async def due(self, now: Timestamp, limit: int) -> tuple[IncidentKey, ...]:
        found = sorted((timer.due_at, id_) for id_, timers in self.timers.items() for timer in timers)
        return tuple(dict.fromkeys(self._incidents[id_].key for due_at, id_ in found if due_at <= now))[:limit]

    async def next_due(self, but: Collection[IncidentKey] = ()) -> Timestamp | None:
        wanted = [timers for id_, timers in self.timers.items() if self._incidents[id_].key not in but]
        return min((timer.due_at for timers in wanted for timer in timers), default=None)

    async def open_incidents(self, unreadable: Unreadable = raised) -> tuple[tuple[Incident, tuple[Timer, ...]], ...]:
        opened = self._read((one for one in self._by_number() if one.state.is_open), unreadable)
        return tuple((one, self.timers[one.id]) for one in opened)

    async def find(self, reference: str) -> Incident | None:
        by_id = self._incidents.get(reference.upper())
        if by_id is not None:
            return by_id
        number = reference.removeprefix("#")
        return next((one for one in self._incidents.values() if str(one.number) == number), None)

    async def recent(
        self, limit: int, *, open_only: bool = False, unreadable: Unreadable = raised
    ) -> tuple[Incident, ...]:
        newest = reversed(self._by_number())
        found = [one for one in newest if one.state.is_open or not open_only][:limit]
        return tuple(self._read(found, unreadable))

    async def timeline(self, incident: str) -> tuple[TimelineEntry, ...]:
        return tuple(entry for entry in self._timeline if entry.incident == incident)

    def _snapshot(self, keys: Sequence[IncidentKey]) -> Snapshot:
        latest = {one.key: one for one in sorted(self._incidents.values(), key=lambda one: one.generation)}
        self._read((latest[key] for key in keys if key in latest), raised)
        return Snapshot(
            incidents={key: latest[key] for key in keys if key in latest},
            inbox=tuple(row for row in self._inbox.values() if row.key in keys),
            next_number=max((one.number for one in self._incidents.values()), default=0) + 1,
        )

    def _read(self, incidents: Iterable[Incident], unreadable: Unreadable) -> list[Incident]:
        good: list[Incident] = []
        for one in incidents:
            if one.id in self.unreadable:
                unreadable(one.key, CorruptionError("a stored Incident cannot be read"))
            else:
                good.append(one)
        return good

    def _by_number(self) -> list[Incident]:
        return sorted(self._incidents.values(), key=lambda one: one.number)

    def _key_of(self, incident: str) -> IncidentKey | None:
        found = self._incidents.get(incident)
        return found.key if found is not None else None

    def __repr__(self) -> str:
        return f"FakeIncidentStore({len(self._incidents)} incidents, {len(self._inbox)} in the inbox)"
