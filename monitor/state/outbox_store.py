"""The outbox in SQLite; implements `monitor.notify.outbox.OutboxStore`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.model.errors import CorruptionError
from monitor.model.incidents import Severity
from monitor.model.notifications import (
    Destination,
    IncidentView,
    Message,
    MessageKind,
    NotifyReason,
    OutboxRow,
    OutboxState,
)
from monitor.model.times import Millis, Timestamp
from monitor.notify.attempts import admit
from monitor.notify.outbox import Began, Claimed, Finish, Head, IncidentMark
from monitor.notify.redirects import redirected_key
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.fresh import FreshMessages
from monitor.state.inbox import put_report, put_undelivered
from monitor.state.statements import statements

_ENDS: Final = frozenset({OutboxState.SENT, OutboxState.FAILED, OutboxState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A notification as history shows it."""

    destination: Destination
    kind: MessageKind
    state: OutboxState
    attempts: int
    created_at: Timestamp
    finished_at: Timestamp | None
    error: str
    title: str
    instead: tuple[Sent, ...] = ()
    """Those that were told because this one could not be reached, one after the other; asked for by order only."""


class SqlOutboxStore:
    """The rows of all deciders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, integration: str, now: Timestamp, limit: int, lease: Millis) -> Sequence[Claimed]:
        fresh = self._database.fresh

        def work(connection: sqlite3.Connection) -> list[Claimed]:
            taken: list[Claimed] = []
            connection.execute(statements("outbox")["expire"], {"now": now})
            while len(taken) < limit:
                found = connection.execute(
                    statements("outbox")["due_head"], {"integration": integration, "now": now}
                ).fetchone()
                if found is None:
                    break
                row = _row(connection, found, fresh)
                instead = admit(_head(connection, found, row), now)
                if instead is not None:
                    _write(connection, found["seq"], instead, now, fresh)
                    continue
                connection.execute(statements("outbox")["lease"], {"seq": found["seq"], "lease_until": now + lease})
                taken.append(_claimed(connection, found, row, now + lease, now))
            return taken

        return await self._database.write(work)

    async def finish(self, seq: int, fence: int, finish: Finish, now: Timestamp) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(statements("outbox")["fence"], {"seq": seq, "fence": fence}).fetchone() is None:
                return False
            _write(connection, seq, finish, now, self._database.fresh)
            return True

        return await self._database.write(work)

    async def next_due(self) -> Mapping[str, Timestamp]:
        def work(connection: sqlite3.Connection) -> Mapping[str, Timestamp]:
            rows = connection.execute(statements("outbox")["next_due"])
            return {row["integration"]: row["due_at"] for row in rows}

        return await self._database.read(work)

    async def hasten(self, now: Timestamp, most: Millis) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(statements("outbox")["hasten"], {"now": now, "latest": now + most}).rowcount

        return await self._database.write(work)

    async def expire_leases(self, now: Timestamp, *, orphaned: bool = False) -> int:
        def work(connection: sqlite3.Connection) -> int:
            name = "expire_all" if orphaned else "expire"
            return connection.execute(statements("outbox")[name], {"now": now}).rowcount

        return await self._database.write(work)

    async def add(self, *rows: OutboxRow) -> None:
        """Insert rows that no other decision belongs to (test messages)."""
        await self._database.write(lambda connection: insert_rows(connection, rows, self._database.fresh))

    async def counts(self) -> dict[str, int]:
        """Live and failed rows by state."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            return {row["state"]: row["number"] for row in connection.execute(statements("outbox")["counts"])}

        return await self._database.read(work)

    async def of_incident(self, incident: str) -> tuple[Sent, ...]:
        """Every notification of an incident, in the order in which they were decided."""

        def work(connection: sqlite3.Connection) -> tuple[Sent, ...]:
            rows = connection.execute(statements("outbox")["of_incident"], {"incident": incident})
            return tuple(_sent(connection, row) for row in rows)

        return await self._database.read(work)

    async def of_order(self, order_key: str, most: int) -> tuple[Sent, ...]:
        """What was last decided to be said in this order, the latest first."""

        def work(connection: sqlite3.Connection) -> tuple[Sent, ...]:
            rows = connection.execute(statements("outbox")["of_order"], {"order_key": order_key, "most": most})
            return tuple(
                replace(_sent(connection, row), instead=_told_instead(connection, row["dedupe_key"])) for row in rows
            )

        return await self._database.read(work)

    async def find(self, dedupe_key: str) -> Sent | None:
        """One row by its key."""

        def work(connection: sqlite3.Connection) -> Sent | None:
            row = connection.execute(statements("outbox")["by_key"], {"dedupe_key": dedupe_key}).fetchone()
            return None if row is None else _sent(connection, row)

        return await self._database.read(work)


def insert_rows(connection: sqlite3.Connection, rows: Iterable[OutboxRow], fresh: FreshMessages) -> None:
    """Insert what a decision wants said; a row that is there already (same `dedupe_key`) is left alone."""
    for row in rows:
        inserted = connection.execute(
            statements("outbox")["insert"],
            {
                "dedupe_key": row.dedupe_key,
                "order_key": row.order_key,
                "incident": row.incident,
                "epoch": row.epoch,
                "receiver": row.destination.receiver,
                "integration": row.destination.integration,
                "position": row.destination.index,
                "kind": row.message.kind.value,
                "due_at": row.due_at,
                "created_at": row.message.at,
            },
        )
        if inserted.rowcount:
            seq = inserted.lastrowid or 0
            connection.execute(statements("outbox")["insert_message"], {"seq": seq, "doc": dumps(row.message)})
            fresh.put(seq, row.message)


def _write(connection: sqlite3.Connection, seq: int, finish: Finish, now: Timestamp, fresh: FreshMessages) -> None:
    if finish.state in _ENDS:
        fresh.drop(seq)
    connection.execute(
        statements("outbox")["finish"],
        {
            "seq": seq,
            "state": finish.state.value,
            "due_at": finish.due_at,
            "error": finish.error,
            "uncertain": finish.uncertain,
            "alarmed": finish.alarmed,
            "counted": finish.counted,
            "handle": finish.handle,
            "now": now,
        },
    )
    insert_rows(connection, finish.rows, fresh)
    for report in finish.reports:
        put_report(connection, report)
        if finish.state is OutboxState.FAILED:
            put_undelivered(connection, report)


def _head(connection: sqlite3.Connection, found: sqlite3.Row, row: OutboxRow) -> Head:
    return Head(
        row=row,
        attempts=found["attempts"],
        uncertain=bool(found["uncertain"]),
        incident=_incident(connection, found["incident"]),
        began=_began(connection, found),
        redirected_to=_redirected_to(connection, found["order_key"])[0],
    )


def _claimed(
    connection: sqlite3.Connection, found: sqlite3.Row, row: OutboxRow, lease_until: Timestamp, now: Timestamp
) -> Claimed:
    sql = statements("outbox")
    redirected_to, settled_there = _redirected_to(connection, found["order_key"])
    handle = connection.execute(sql["handle"], {"order_key": found["order_key"]}).fetchone()
    followed = connection.execute(
        sql["followed"], {"order_key": found["order_key"], "seq": found["seq"], "now": now}
    ).fetchone()
    before = connection.execute(
        sql["said_before"], {"order_key": found["order_key"], "seq": found["seq"], "kind": found["kind"]}
    ).fetchone()
    return Claimed(
        seq=found["seq"],
        row=row,
        fence=found["fence"] + 1,
        lease_until=lease_until,
        attempts=found["attempts"],
        uncertain=bool(found["uncertain"]),
        alarmed=bool(found["alarmed"]),
        handle=handle["handle"] if handle is not None else "",
        followed=followed is not None,
        after_doubt=before is not None and before["state"] == OutboxState.FAILED.value and bool(before["uncertain"]),
        incident=_incident(connection, found["incident"]),
        redirected_to=redirected_to,
        settled_there=settled_there,
    )


def _row(connection: sqlite3.Connection, found: sqlite3.Row, fresh: FreshMessages) -> OutboxRow:
    return OutboxRow(
        dedupe_key=found["dedupe_key"],
        order_key=found["order_key"],
        destination=_destination(found),
        message=fresh.get(found["seq"]) or _message(connection, found),
        due_at=found["due_at"],
        incident=found["incident"],
        epoch=found["epoch"],
    )


def _message(connection: sqlite3.Connection, found: sqlite3.Row) -> Message:
    """What is to be said. Where the stored words cannot be read, that something was to be said, which the row still
    tells: a page in poor words wakes people, and a row that raised would hold up all that come after it."""
    try:
        return loads(Message, found["message"])
    except CorruptionError as error:
        kind, incident = MessageKind(found["kind"]), _incident_view(connection, found["incident"])
        about = f"incident #{incident.number}" if incident else "an alert"
        return Message(
            kind=kind,
            reason=NotifyReason.NONE,
            at=found["created_at"],
            title=f"What was to be said about {about} ({kind.value}) cannot be read from the state database",
            text="What it said is lost. `watchkeeper incidents` and `watchkeeper alerts` tell what is ill now.",
            severity=Severity.CRITICAL,
            since=found["created_at"],
            incident=incident,
            trouble=str(error),
        )


def _incident_view(connection: sqlite3.Connection, incident: str) -> IncidentView | None:
    row = connection.execute(statements("outbox")["incident"], {"incident": incident}).fetchone() if incident else None
    if row is None:
        return None
    return IncidentView(
        id=incident,
        number=row["number"],
        generation=row["generation"],
        epoch=row["epoch"],
        policy=row["policy"],
        state=row["state"],
    )


def _sent(connection: sqlite3.Connection, row: sqlite3.Row) -> Sent:
    return Sent(
        destination=_destination(row),
        kind=MessageKind(row["kind"]),
        state=OutboxState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        error=row["last_error"],
        title=_message(connection, row).title,
    )


def _told_instead(connection: sqlite3.Connection, dedupe_key: str) -> tuple[Sent, ...]:
    found: list[Sent] = []
    key = redirected_key(dedupe_key)
    while (row := connection.execute(statements("outbox")["by_key"], {"dedupe_key": key}).fetchone()) is not None:
        found.append(_sent(connection, row))
        key = redirected_key(key)
    return tuple(found)


def _destination(found: sqlite3.Row) -> Destination:
    return Destination(found["receiver"], found["integration"], found["position"])


def _incident(connection: sqlite3.Connection, incident: str) -> IncidentMark | None:
    if not incident:
        return None
    row = connection.execute(statements("outbox")["incident"], {"incident": incident}).fetchone()
    return None if row is None else IncidentMark(epoch=row["epoch"], open=row["state"] != "resolved")


def _began(connection: sqlite3.Connection, found: sqlite3.Row) -> Began:
    began = Began.NONE
    arguments = {"order_key": found["order_key"], "seq": found["seq"]}
    for earlier in connection.execute(statements("outbox")["began"], arguments):
        kind, state = MessageKind(earlier["kind"]), OutboxState(earlier["state"])
        if kind is MessageKind.RESOLVE and state is OutboxState.SENT:
            break
        if kind.wakes:
            if state is OutboxState.SENT or earlier["uncertain"]:
                return Began.ARRIVED
            began = Began.CANCELLED
    return began


def _redirected_to(connection: sqlite3.Connection, order_key: str) -> tuple[Destination | None, bool]:
    """Where to, and whether what was decided for there last is an acknowledgement."""
    row = connection.execute(statements("outbox")["redirected_to"], {"order_key": redirected_key(order_key)}).fetchone()
    if row is None:
        return None, False
    return _destination(row), MessageKind(row["kind"]) is MessageKind.ACKNOWLEDGE
