"""The outbox in memory. It passes the same contract suite as the database's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.model.errors import StoreError
from monitor.model.notifications import DeliveryReport, Destination, MessageKind, OutboxRow, OutboxState
from monitor.model.times import Millis, Timestamp
from monitor.notify.attempts import admit
from monitor.notify.outbox import Began, Claimed, Finish, Head, IncidentMark
from monitor.notify.redirects import redirected_key

_ENDED = frozenset({OutboxState.SENT, OutboxState.FAILED, OutboxState.CANCELLED})
_WAITING = (OutboxState.PENDING, OutboxState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row as it is kept."""

    seq: int
    row: OutboxRow
    due_at: Timestamp
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    fence: int = 0
    lease_until: Timestamp = 0
    uncertain: bool = False
    alarmed: bool = False
    handle: str = ""
    error: str = ""

    @property
    def ended(self) -> bool:
        return self.state in _ENDED


class FakeOutboxStore:
    """Implements `OutboxStore`; tests add rows and move incidents."""

    def __init__(self) -> None:
        self._rows: dict[int, Stored] = {}
        self._incidents: dict[str, IncidentMark] = {}
        self.reports: list[DeliveryReport] = []
        self.broken = False
        """While set, claims and ends fail as on a full disk."""

    async def add(self, *rows: OutboxRow) -> None:
        self._insert(rows)

    async def set_incident(self, incident: str, mark: IncidentMark | None) -> None:
        if mark is None:
            self._incidents.pop(incident, None)
        else:
            self._incidents[incident] = mark

    async def rows(self) -> Sequence[Stored]:
        return [self._rows[seq] for seq in sorted(self._rows)]

    async def claim(self, integration: str, now: Timestamp, limit: int, lease: Millis) -> Sequence[Claimed]:
        self._check()
        await self.expire_leases(now)
        taken: list[Claimed] = []
        while len(taken) < limit:
            due = [
                one
                for one in self._heads()
                if one.state is not OutboxState.LEASED
                and one.due_at <= now
                and one.row.destination.integration == integration
            ]
            if not due:
                break
            one = min(due, key=lambda stored: (stored.due_at, stored.seq))
            finish = admit(self._head(one), now)
            if finish is not None:
                self._write(one, finish)
                continue
            leased = replace(one, state=OutboxState.LEASED, fence=one.fence + 1, lease_until=now + lease)
            self._rows[one.seq] = leased
            taken.append(self._claimed(leased, now))
        return taken

    async def finish(self, seq: int, fence: int, finish: Finish, now: Timestamp) -> bool:
        self._check()
        one = self._rows.get(seq)
        if one is None or one.state is not OutboxState.LEASED or one.fence != fence:
            return False
        self._write(one, finish)
        return True

    async def next_due(self) -> Mapping[str, Timestamp]:
        ahead: dict[str, Timestamp] = {}
        for one in self._heads():
            at = one.lease_until if one.state is OutboxState.LEASED else one.due_at
            name = one.row.destination.integration
            ahead[name] = min(at, ahead.get(name, at))
        return ahead

    async def hasten(self, now: Timestamp, most: Millis) -> int:
        self._check()
        late = [
            one
            for one in self._rows.values()
            if one.state in (OutboxState.PENDING, OutboxState.UNKNOWN) and one.due_at > now + most
        ]
        for one in late:
            self._rows[one.seq] = replace(one, due_at=now)
        return len(late)

    async def expire_leases(self, now: Timestamp, *, orphaned: bool = False) -> int:
        ended = [
            one
            for one in self._rows.values()
            if one.state is OutboxState.LEASED and (orphaned or one.lease_until <= now)
        ]
        for one in ended:
            self._rows[one.seq] = replace(
                one, state=OutboxState.UNKNOWN, uncertain=True, attempts=one.attempts + 1, due_at=now
            )
        return len(ended)

    def _check(self) -> None:
        if self.broken:
            raise StoreError("the disk is full")

    def _insert(self, rows: Sequence[OutboxRow]) -> None:
        known = {one.row.dedupe_key for one in self._rows.values()}
        for row in rows:
            if row.dedupe_key not in known:
                known.add(row.dedupe_key)
                seq = len(self._rows) + 1
                self._rows[seq] = Stored(seq=seq, row=row, due_at=row.due_at)

    def _write(self, one: Stored, finish: Finish) -> None:
        self._rows[one.seq] = replace(
            one,
            state=finish.state,
            due_at=finish.due_at,
            error=finish.error or (one.error if finish.state in _WAITING else ""),
            handle=finish.handle or one.handle,
            uncertain=finish.uncertain,
            alarmed=one.alarmed or finish.alarmed,
            attempts=one.attempts + finish.counted,
        )
        self._insert(finish.rows)
        self.reports.extend(finish.reports)

    def _heads(self) -> Iterator[Stored]:
        seen: set[str] = set()
        for seq in sorted(self._rows):
            one = self._rows[seq]
            if not one.ended and one.row.order_key not in seen:
                seen.add(one.row.order_key)
                yield one

    def _head(self, one: Stored) -> Head:
        return Head(
            row=one.row,
            attempts=one.attempts,
            uncertain=one.uncertain,
            incident=self._incidents.get(one.row.incident),
            began=self._began(one),
            redirected_to=self._redirected_to(one.row)[0],
        )

    def _began(self, one: Stored) -> Began:
        began = Began.NONE
        for seq in range(one.seq - 1, 0, -1):
            earlier = self._rows[seq]
            if earlier.row.order_key != one.row.order_key:
                continue
            if earlier.row.message.kind is MessageKind.RESOLVE and earlier.state is OutboxState.SENT:
                break
            if earlier.row.message.kind.wakes:
                if earlier.state is OutboxState.SENT or earlier.uncertain:
                    return Began.ARRIVED
                began = Began.CANCELLED
        return began

    def _redirected_to(self, row: OutboxRow) -> tuple[Destination | None, bool]:
        key = redirected_key(row.order_key)
        there = [one for one in self._rows.values() if one.row.order_key == key]
        if not there:
            return None, False
        latest = max(there, key=lambda one: (one.state is not OutboxState.CANCELLED, one.seq))
        return latest.row.destination, latest.row.message.kind is MessageKind.ACKNOWLEDGE

    def _claimed(self, one: Stored, now: Timestamp) -> Claimed:
        same = [other for other in self._rows.values() if other.row.order_key == one.row.order_key]
        sent: Mapping[int, str] = {
            other.seq: other.handle for other in same if other.state is OutboxState.SENT and other.handle
        }
        redirected_to, settled_there = self._redirected_to(one.row)
        kind = one.row.message.kind
        before = [
            other
            for other in same
            if other.seq < one.seq
            and other.row.message.kind is kind
            and other.state in (OutboxState.SENT, OutboxState.FAILED)
        ]
        last = max(before, key=lambda other: other.seq, default=None)
        return Claimed(
            seq=one.seq,
            row=one.row,
            fence=one.fence,
            after_doubt=last is not None and last.state is OutboxState.FAILED and last.uncertain,
            lease_until=one.lease_until,
            attempts=one.attempts,
            uncertain=one.uncertain,
            alarmed=one.alarmed,
            handle=sent[max(sent)] if sent else "",
            followed=any(other.seq > one.seq and not other.ended and other.due_at <= now for other in same),
            incident=self._incidents.get(one.row.incident),
            redirected_to=redirected_to,
            settled_there=settled_there,
        )
