"""Alert groups in SQLite; implements `monitor.alerts.dispatching.AlertStore`.

The daemon is the only writer of its database, so the groups are also kept in memory and a decision reads them from there:
the documents are only decoded at the start. A commit that fails leaves both as they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import compress, count
from operator import attrgetter, is_not
from typing import TypeVar

from monitor.alerts.groups import AlertGroup
from monitor.alerts.pipeline import AlertStep
from monitor.model.alerts import Alert
from monitor.model.changes import Timer
from monitor.model.notifications import DeliveryReport
from monitor.model.times import Timestamp
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.inbox import consume, put_event, undelivered_groups
from monitor.state.outbox_store import insert_rows
from monitor.state.statements import statements
from monitor.state.timers import due_owners, next_due, put_timers

_OWNER = "group:"
_bare = attrgetter(*(field.name for field in fields(AlertGroup) if field.name != "members"))
T = TypeVar("T")


class SqlAlertStore:
    """Made with `load`."""

    def __init__(self, database: Database, groups: dict[str, AlertGroup]) -> None:
        self._database = database
        self._groups = groups
        self._as_of = database.failed_commits

    @classmethod
    async def load(cls, database: Database) -> SqlAlertStore:
        """Read all groups. Raises StoreError or CorruptionError."""
        return cls(database, await database.read(_read_all))

    async def transact(
        self, ids: Sequence[str] | None, decide: Callable[[Mapping[str, AlertGroup]], AlertStep]
    ) -> AlertStep:
        def work(connection: sqlite3.Connection) -> AlertStep:
            if self._as_of != self._database.failed_commits:
                # Some of what is in memory was rolled back with its batch.
                self._groups = _read_all(connection)
                self._as_of = self._database.failed_commits
            known = self._groups
            wanted = list(known) if ids is None else ids
            step = decide({id_: known[id_] for id_ in wanted if id_ in known})
            for id_ in step.removed:
                _drop(connection, id_)
            for group in step.groups:
                _put(connection, known.get(group.id) if group.id not in step.removed else None, group)
            for event in step.events:
                put_event(connection, event)
            insert_rows(connection, step.outbox)
            for id_ in step.consumed:
                consume(connection, id_)
            # Later decisions of the same batch must see this one.
            for id_ in step.removed:
                known.pop(id_, None)
            known.update((group.id, group) for group in step.groups)
            return step

        return await self._database.write(work)

    async def undelivered(self) -> Sequence[tuple[int, DeliveryReport]]:
        return await self._database.read(undelivered_groups)

    async def due(self, now: Timestamp) -> Sequence[str]:
        return await self._database.read(lambda connection: due_owners(connection, _OWNER, now))

    async def next_due(self) -> Timestamp | None:
        return await self._database.read(lambda connection: next_due(connection, _OWNER))

    async def view(self, look: Callable[[Mapping[str, AlertGroup]], T]) -> T:
        return await self._database.read(lambda _: look(self._groups))

    async def groups(self) -> Sequence[AlertGroup]:
        return tuple(self._groups.values())


def _read_all(connection: sqlite3.Connection) -> dict[str, AlertGroup]:
    members: dict[str, list[Alert]] = {}
    for row in connection.execute(statements("alerts")["members"]):
        members.setdefault(row["group_id"], []).append(loads(Alert, row["doc"]))
    return {
        row["id"]: replace(loads(AlertGroup, row["doc"]), members=tuple(members.get(row["id"], ())))
        for row in connection.execute(statements("alerts")["all"])
    }


def _put(connection: sqlite3.Connection, old: AlertGroup | None, new: AlertGroup) -> None:
    """Write what differs. Members that did not change are the same objects; a group has many, and few of them change."""
    sql = statements("alerts")
    if old is None or _bare(old) != _bare(new):
        connection.execute(sql["put"], (new.id, dumps(replace(new, members=())), new.epoch))
    before, after = _changed(old.members if old is not None else (), new.members)
    written = {alert.fingerprint: alert for alert in after}
    rows = [(new.id, fingerprint, dumps(alert)) for fingerprint, alert in written.items()]
    connection.executemany(sql["put_member"], rows)
    gone = [(new.id, alert.fingerprint) for alert in before if alert.fingerprint not in written]
    connection.executemany(sql["drop_member"], gone)
    wake_at = new.wake_at()
    if old is None or (old.wake_at(), old.epoch) != (wake_at, new.epoch):
        owner = _OWNER + new.id
        timer = () if wake_at is None else (Timer(owner=owner, kind="look", due_at=wake_at, epoch=new.epoch),)
        put_timers(connection, owner, timer)


def _changed(before: tuple[Alert, ...], after: tuple[Alert, ...]) -> tuple[Sequence[Alert], Sequence[Alert]]:
    """What is only in one of two lists of members, without what they share at both ends and without those that are the
    same object in both."""
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


def _drop(connection: sqlite3.Connection, id_: str) -> None:
    connection.execute(statements("alerts")["drop"], {"id": id_})
    put_timers(connection, _OWNER + id_, ())
