"""Alert groups in SQLite; implements `monitor.alerts.dispatching.AlertStore`.

The daemon is the only writer of its database, so the groups are also kept in memory and a decision reads them from there:
the documents are only decoded at the start. A commit that fails leaves both as they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
    bare = replace(new, members=())
    if old is None or replace(old, members=()) != bare:
        connection.execute(sql["put"], {"id": new.id, "doc": dumps(bare), "epoch": new.epoch})
    before = old.members if old is not None else ()
    had, has = set(map(id, before)), set(map(id, new.members))
    written = {alert.fingerprint: alert for alert in new.members if id(alert) not in had}
    for fingerprint, alert in written.items():
        connection.execute(sql["put_member"], {"group_id": new.id, "fingerprint": fingerprint, "doc": dumps(alert)})
    for alert in before:
        if id(alert) not in has and alert.fingerprint not in written:
            connection.execute(sql["drop_member"], {"group_id": new.id, "fingerprint": alert.fingerprint})
    wake_at = new.wake_at()
    if old is None or (old.wake_at(), old.epoch) != (wake_at, new.epoch):
        owner = _OWNER + new.id
        timer = () if wake_at is None else (Timer(owner=owner, kind="look", due_at=wake_at, epoch=new.epoch),)
        put_timers(connection, owner, timer)


def _drop(connection: sqlite3.Connection, id_: str) -> None:
    connection.execute(statements("alerts")["drop"], {"id": id_})
    put_timers(connection, _OWNER + id_, ())
