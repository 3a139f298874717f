"""The durable hand-offs to on-call: written in the transaction that decides, deleted in the one that consumes."""

from __future__ import annotations

import sqlite3

from monitor.model.incidents import IncidentEvent
from monitor.model.notifications import DeliveryReport
from monitor.oncall.incident import IncidentKey
from monitor.oncall.stores import InboxRow
from monitor.state.codec import dumps, loads
from monitor.state.statements import statements


def put_event(connection: sqlite3.Connection, event: IncidentEvent) -> None:
    """A group of an escalating receiver changed."""
    connection.execute(
        statements("inbox")["put_event"],
        {"policy": event.policy, "group_key": event.group_key, "doc": dumps(event)},
    )


def put_report(connection: sqlite3.Connection, report: DeliveryReport) -> None:
    """A row of an incident was delivered, given up, or failed so often that somebody else must be told."""
    if report.incident:
        connection.execute(statements("inbox")["put_report"], {"incident": report.incident, "doc": dumps(report)})


def put_undelivered(connection: sqlite3.Connection, report: DeliveryReport) -> None:
    """A plain notification was given up for good: the alert side's log must not say that somebody was told who was not."""
    if not report.incident and not report.arrived:
        connection.execute(statements("inbox")["put_undelivered"], {"doc": dumps(report)})


def undelivered_groups(connection: sqlite3.Connection) -> list[tuple[int, DeliveryReport]]:
    """Plain notifications that were given up, with the id that `consume` takes."""
    rows = connection.execute(statements("inbox")["undelivered"])
    return [(row["id"], loads(DeliveryReport, row["doc"])) for row in rows]


def waiting_keys(connection: sqlite3.Connection, limit: int) -> tuple[IncidentKey, ...]:
    """Keys that have rows, the longest waiting first. Call it in a write transaction: rows without an incident go."""
    connection.execute(statements("inbox")["drop_homeless"])
    rows = connection.execute(statements("inbox")["waiting"], {"limit": limit})
    return tuple(IncidentKey(policy=row["policy"], group_key=row["group_key"]) for row in rows)


def rows_of(connection: sqlite3.Connection, key: IncidentKey) -> list[InboxRow]:
    """All rows of a key in their order."""
    rows = connection.execute(statements("inbox")["of_key"], {"policy": key.policy, "group_key": key.group_key})
    return [
        InboxRow(
            id=row["id"],
            key=key,
            content=loads(IncidentEvent if row["kind"] == "group" else DeliveryReport, row["doc"]),
        )
        for row in rows
    ]


def consume(connection: sqlite3.Connection, id_: int) -> None:
    connection.execute(statements("inbox")["consume"], {"id": id_})
