"""Alert groups in SQLite; implements `monitor.alerts.dispatching.AlertStore`.

The daemon is the only writer of its database, so the groups are also kept in memory and a decision reads them from there:
the documents are only decoded at the start. A commit that fails leaves both as they were.

When the groups are to be looked at next is asked at each wake-up of the dispatcher, and answered from memory as well: from
what has been committed. Whenever that is not certain (a commit failed, or whoever waited for it was cut off), it is made
anew from the groups, in the queue of the writes: behind everything that waits there to be committed, whoever asked for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import compress, count
from operator import attrgetter, is_not, itemgetter
from types import MappingProxyType
from typing import Final, TypeVar

from monitor.alerts.groups import AlertGroup
from monitor.alerts.step import AlertStep
from monitor.model.alerts import Alert
from monitor.model.changes import Timer
from monitor.model.notifications import DeliveryReport
from monitor.model.times import Timestamp
from monitor.state.alert_history import record
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.inbox import consume, put_event, undelivered_groups
from monitor.state.outbox_store import insert_rows
from monitor.state.statements import statements
from monitor.state.timers import put_timers

_OWNER = "group:"
_NO_PLACES: Final[Mapping[str, int]] = MappingProxyType({})
_bare = attrgetter(*(one.name for one in fields(AlertGroup) if one.name != "members"))
T = TypeVar("T")


@dataclass(slots=True)
class _Kept:
    """What is stored, as memory has it."""

    groups: dict[str, AlertGroup]
    places: dict[str, dict[str, int]]
    """Of each group, by fingerprint: the rows of its members."""
    free: Iterator[int]
    """Numbers of rows that were never used."""


@dataclass(frozen=True, slots=True)
class _Moves:
    """What a decision makes of the places of members; memory has it only once all of it is written."""

    taken: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """Group, fingerprint, row."""
    left: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def make(self, places: dict[str, dict[str, int]]) -> None:
        for group, fingerprint in self.left:
            del places[group][fingerprint]
        for group, fingerprint, place in self.taken:
            places.setdefault(group, {})[fingerprint] = place


class SqlAlertStore:
    """Made with `load`."""

    def __init__(self, database: Database, kept: _Kept) -> None:
        self._database = database
        self._kept = kept
        self._as_of = database.failed_commits
        self._alive = _alive(kept)
        """Groups that have alerts, as far as is certain."""
        self._wakes: dict[str, Timestamp] | None = None
        """When the groups are to be looked at next, by id, of those that are; None when that must be made anew. Of the
        loop's thread."""
        self._doubts = 0
        """How often that had to be made anew."""

    @classmethod
    async def load(cls, database: Database) -> SqlAlertStore:
        """Read all groups. Raises StoreError or CorruptionError."""
        return cls(database, await database.read(_read_all))

    def count(self) -> int:
        """Groups that have alerts, as was last committed, for display."""
        return len(self._alive)

    async def transact(
        self, ids: Sequence[str] | None, decide: Callable[[Mapping[str, AlertGroup]], AlertStep]
    ) -> AlertStep:
        def work(connection: sqlite3.Connection) -> tuple[AlertStep, Mapping[str, Timestamp | None]]:
            kept = self._certain(connection)
            wanted = list(kept.groups) if ids is None else ids
            step = decide({id_: kept.groups[id_] for id_ in wanted if id_ in kept.groups})
            for id_ in step.removed:
                _drop(connection, kept, id_)
            documents: dict[int, str] = {}
            moves, wakes = _put(connection, kept, step, documents)
            record(connection, step, documents)
            for event in step.events:
                put_event(connection, event)
            insert_rows(connection, step.outbox, self._database.fresh)
            for id_ in step.consumed:
                consume(connection, id_)
            # Later decisions of the same batch must see this one.
            for id_ in step.removed:
                kept.groups.pop(id_, None)
                kept.places.pop(id_, None)
            kept.groups.update((group.id, group) for group in step.groups)
            moves.make(kept.places)
            return step, wakes

        try:
            step, wakes = await self._database.write(work)
        except BaseException:
            self._wakes = None
            self._doubts += 1
            raise
        self._alive.difference_update(step.removed)
        for group in step.groups:
            (self._alive.add if group.forget_at is None else self._alive.discard)(group.id)
        if self._wakes is not None:
            for id_ in step.removed:
                self._wakes.pop(id_, None)
            for id_, wake_at in wakes.items():
                self._wakes.pop(id_, None)
                if wake_at is not None:
                    self._wakes[id_] = wake_at
        return step

    async def undelivered(self) -> Sequence[tuple[int, DeliveryReport]]:
        return await self._database.read(undelivered_groups)

    async def due(self, now: Timestamp) -> Sequence[str]:
        wakes = await self._certain_wakes()
        if not wakes or min(wakes.values()) > now:
            return ()
        return sorted([id_ for id_, wake_at in wakes.items() if wake_at <= now], key=wakes.__getitem__)

    async def next_due(self) -> Timestamp | None:
        return min((await self._certain_wakes()).values(), default=None)

    async def view(self, look: Callable[[Mapping[str, AlertGroup]], T]) -> T:
        return await self._database.read(lambda connection: look(self._certain(connection).groups))

    async def groups(self) -> Sequence[AlertGroup]:
        return await self.view(lambda groups: tuple(groups.values()))

    async def _certain_wakes(self) -> dict[str, Timestamp]:
        while self._wakes is None:
            doubts = self._doubts
            wakes, alive = await self._database.write(self._read_anew)
            if doubts == self._doubts:
                self._wakes, self._alive = wakes, alive
        return self._wakes

    def _read_anew(self, connection: sqlite3.Connection) -> tuple[dict[str, Timestamp], set[str]]:
        kept = self._certain(connection)
        return _wakes(kept), _alive(kept)

    def _certain(self, connection: sqlite3.Connection) -> _Kept:
        if self._as_of != self._database.failed_commits:
            # Some of what is in memory was rolled back with its batch.
            self._kept = _read_all(connection)
            self._as_of = self._database.failed_commits
        return self._kept


def _alive(kept: _Kept) -> set[str]:
    return {group.id for group in kept.groups.values() if group.forget_at is None}


def _wakes(kept: _Kept) -> dict[str, Timestamp]:
    wakes = {group.id: group.wake_at() for group in kept.groups.values()}
    return {id_: wake_at for id_, wake_at in wakes.items() if wake_at is not None}


def _read_all(connection: sqlite3.Connection) -> _Kept:
    members: dict[str, dict[str, Alert]] = {}
    places: dict[str, dict[str, int]] = {}
    latest = 0
    for row in connection.execute(statements("alerts")["members"]):
        alert = loads(Alert, row["doc"])
        members.setdefault(row["group_id"], {})[alert.fingerprint] = alert
        places.setdefault(row["group_id"], {})[alert.fingerprint] = row["id"]
        latest = max(latest, row["id"])
    groups = {
        row["id"]: replace(
            loads(AlertGroup, row["doc"]),
            members=tuple(alert for _, alert in sorted(members.get(row["id"], {}).items(), key=itemgetter(0))),
        )
        for row in connection.execute(statements("alerts")["all"])
    }
    return _Kept(groups, places, count(latest + 1))


def _put(
    connection: sqlite3.Connection, kept: _Kept, step: AlertStep, documents: dict[int, str]
) -> tuple[_Moves, dict[str, Timestamp | None]]:
    """Write what differs from what is kept. A group has many members, and few of them change: those that did not are the same
    objects, where the decision does not say which they are. What is encoded on the way is left in `documents` by `id`. Returns
    what becomes of the places of members, and when each group is to be looked at."""
    sql = statements("alerts")
    moves = _Moves()
    wakes: dict[str, Timestamp | None] = {}
    written: list[tuple[int, str, str]] = []
    gone: list[tuple[int]] = []
    for new in step.groups:
        old = None if new.id in step.removed else kept.groups.get(new.id)
        if old is None or _bare(old) != _bare(new):
            connection.execute(sql["put"], (new.id, dumps(replace(new, members=())), new.epoch))
        arrived = step.arrived.get(new.id)
        if arrived is not None:
            before, after = (), arrived.values()
        else:
            before, after = _changed(old.members if old is not None else (), new.members)
        own = kept.places.get(new.id, _NO_PLACES) if old is not None else _NO_PLACES
        if before:
            left = {alert.fingerprint for alert in before}.difference([alert.fingerprint for alert in after])
            gone += [(own[fingerprint],) for fingerprint in left]
            moves.left.extend((new.id, fingerprint) for fingerprint in left)
        for alert in after:
            fingerprint = alert.fingerprint
            place = own.get(fingerprint)
            if place is None:
                place = next(kept.free)
                moves.taken.append((new.id, fingerprint, place))
            document = documents[id(alert)] = dumps(alert)
            written.append((place, new.id, document))
        wake_at = wakes[new.id] = new.wake_at()
        if old is None or (old.wake_at(), old.epoch) != (wake_at, new.epoch):
            owner = _OWNER + new.id
            timer = () if wake_at is None else (Timer(owner=owner, kind="look", due_at=wake_at, epoch=new.epoch),)
            put_timers(connection, owner, timer)
    if gone:
        connection.executemany(sql["drop_member"], gone)
    if written:
        connection.executemany(sql["put_member"], written)
    return moves, wakes


def _changed(before: tuple[Alert, ...], after: tuple[Alert, ...]) -> tuple[Sequence[Alert], Sequence[Alert]]:
    """What is only in one of two lists of members, without what they share at both ends and without those that are the
    same object in both."""
    if before is after:
        return (), ()
    start = _shared(before, after)
    before, after = before[start:], after[start:]
    end = _shared(before[::-1], after[::-1])
    before, after = before[: len(before) - end], after[: len(after) - end]
    if not before or not after:
        return before, after
    had, has = set(map(id, before)), set(map(id, after))
    return [one for one in before if id(one) not in has], [one for one in after if id(one) not in had]


def _shared(one: tuple[Alert, ...], other: tuple[Alert, ...]) -> int:
    """How many members at the start are the same objects."""
    return next(compress(count(), map(is_not, one, other)), min(len(one), len(other)))


def _drop(connection: sqlite3.Connection, kept: _Kept, id_: str) -> None:
    sql = statements("alerts")
    connection.executemany(sql["drop_member"], [(place,) for place in kept.places.get(id_, {}).values()])
    connection.execute(sql["drop"], {"id": id_})
    put_timers(connection, _OWNER + id_, ())
