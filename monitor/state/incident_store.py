"""Incidents in SQLite; implements `monitor.oncall.stores.IncidentStore` and `IncidentQueries`."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.model.changes import Timer
from monitor.model.errors import CorruptionError, StoreError
from monitor.model.incidents import TimelineEntry
from monitor.model.times import Timestamp
from monitor.oncall.incident import Incident, IncidentKey
from monitor.oncall.stores import Decide, Decision, Snapshot, Unreadable, raised
from monitor.state.audit_store import add_entry
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.fresh import FreshMessages
from monitor.state.inbox import consume, rows_of, waiting_keys
from monitor.state.outbox_store import insert_rows
from monitor.state.statements import statements
from monitor.state.timers import put_timers

_OWNER = "incident:"
_MOST_DIGITS = 18
"""Of a number that SQLite can hold for certain."""


class SqlIncidentStore:
    """Both contracts on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
        def work(connection: sqlite3.Connection) -> Decision:
            decision = decide(_snapshot(connection, keys))
            _write(connection, decision, self._database.fresh)
            return decision

        return await self._database.write(work)

    async def waiting(self, limit: int) -> tuple[IncidentKey, ...]:
        return await self._database.write(lambda connection: waiting_keys(connection, limit))

    async def due(self, now: Timestamp, limit: int) -> tuple[IncidentKey, ...]:
        def work(connection: sqlite3.Connection) -> tuple[IncidentKey, ...]:
            rows = connection.execute(statements("incidents")["due"], {"now": now, "limit": limit})
            return tuple(_key(row) for row in rows)

        return await self._database.read(work)

    async def next_due(self, but: Collection[IncidentKey] = ()) -> Timestamp | None:
        def work(connection: sqlite3.Connection) -> Timestamp | None:
            for row in connection.execute(statements("incidents")["next_due_but" if but else "next_due"]):
                if not but or _key(row) not in but:
                    found: Timestamp | None = row["due_at"]
                    return found
            return None

        return await self._database.read(work)

    async def open_incidents(self, unreadable: Unreadable = raised) -> tuple[tuple[Incident, tuple[Timer, ...]], ...]:
        def work(connection: sqlite3.Connection) -> list[tuple[Incident | _Broken, tuple[Timer, ...]]]:
            return [
                (_read(row), _stored_timers(connection, row["id"]))
                for row in connection.execute(statements("incidents")["open"]).fetchall()
            ]

        found = await self._database.read(work)
        _told([one for one, _ in found], unreadable)
        return tuple((one, timers) for one, timers in found if isinstance(one, Incident))

    async def find(self, reference: str) -> Incident | None:
        text = reference.strip().removeprefix("#")
        is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
        name, value = ("by_number", int(text)) if is_number else ("by_id", text.upper())
        found = await self._documents(name, {"number": value, "id": value}, raised)
        return found[0] if found else None

    async def recent(
        self, limit: int, *, open_only: bool = False, unreadable: Unreadable = raised
    ) -> tuple[Incident, ...]:
        return await self._documents("recent_open" if open_only else "recent", {"limit": limit}, unreadable)

    async def timeline(self, incident: str) -> tuple[TimelineEntry, ...]:
        def work(connection: sqlite3.Connection) -> tuple[TimelineEntry, ...]:
            rows = connection.execute(statements("incidents")["timeline"], {"incident": incident})
            return tuple(TimelineEntry(**dict(row)) for row in rows)

        return await self._database.read(work)

    async def counts(self) -> dict[str, int]:
        """Open incidents by state."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            return {
                row["state"]: row["number"] for row in connection.execute(statements("incidents")["count_by_state"])
            }

        return await self._database.read(work)

    async def _documents(
        self, name: str, arguments: dict[str, int | str], unreadable: Unreadable
    ) -> tuple[Incident, ...]:
        def work(connection: sqlite3.Connection) -> list[Incident | _Broken]:
            return [_read(row) for row in connection.execute(statements("incidents")[name], arguments)]

        return tuple(_told(await self._database.read(work), unreadable))


@dataclass(frozen=True, slots=True)
class _Broken:
    """A row that holds no incident."""

    key: IncidentKey
    error: CorruptionError


def _read(row: sqlite3.Row) -> Incident | _Broken:
    try:
        return loads(Incident, row["doc"])
    except CorruptionError as error:
        return _Broken(_key(row), error)


def _told(found: Sequence[Incident | _Broken], unreadable: Unreadable) -> list[Incident]:
    """The readable ones, after the others were reported."""
    for one in found:
        if isinstance(one, _Broken):
            unreadable(one.key, one.error)
    return [one for one in found if isinstance(one, Incident)]


def _key(row: sqlite3.Row) -> IncidentKey:
    return IncidentKey(policy=row["policy"], group_key=row["group_key"])


def _snapshot(connection: sqlite3.Connection, keys: Sequence[IncidentKey]) -> Snapshot:
    sql = statements("incidents")
    incidents: dict[IncidentKey, Incident] = {}
    for key in keys:
        row = connection.execute(sql["latest"], {"policy": key.policy, "group_key": key.group_key}).fetchone()
        if row is not None:
            incidents[key] = loads(Incident, row["doc"])
    inbox = [row for key in dict.fromkeys(keys) for row in rows_of(connection, key)]
    number: int = connection.execute(sql["next_number"]).fetchone()["number"]
    return Snapshot(incidents=incidents, inbox=tuple(sorted(inbox, key=lambda row: row.id)), next_number=number)


def _write(connection: sqlite3.Connection, decision: Decision, fresh: FreshMessages) -> None:
    sql = statements("incidents")
    for incident in decision.incidents:
        try:
            connection.execute(
                sql["put"],
                {
                    "id": incident.id,
                    "number": incident.number,
                    "policy": incident.policy,
                    "group_key": incident.group_key,
                    "generation": incident.generation,
                    "state": incident.state.value,
                    "opened_at": incident.opened_at,
                    "epoch": incident.epoch,
                    "doc": dumps(incident),
                },
            )
        except sqlite3.IntegrityError as error:
            raise StoreError(f"incident #{incident.number} cannot be stored: {error}") from error
        put_timers(connection, _OWNER + incident.id, incident.timers)
    insert_rows(connection, decision.rows, fresh)
    for cancel in decision.cancels:
        connection.execute(
            sql["cancel"], {"incident": cancel.incident, "below_epoch": cancel.below_epoch, "at": cancel.at}
        )
    for entry in decision.timeline:
        connection.execute(
            sql["add_timeline"],
            {"incident": entry.incident, "at": entry.at, "kind": entry.kind, "text": entry.text, "actor": entry.actor},
        )
    for entry in decision.audit:
        add_entry(connection, entry)
    for id_ in decision.consumed:
        consume(connection, id_)


def _stored_timers(connection: sqlite3.Connection, incident: str) -> tuple[Timer, ...]:
    rows = connection.execute(statements("incidents")["timers_of"], {"owner": _OWNER + incident})
    return tuple(Timer(owner=row["owner"], kind=row["kind"], due_at=row["due_at"], epoch=row["epoch"]) for row in rows)
