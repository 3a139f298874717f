"""The outbox in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from monitor.model.notifications import OutboxRow
from monitor.state.codec import dumps
from monitor.state.statements import statements


def insert_rows(connection: sqlite3.Connection, rows: Iterable[OutboxRow]) -> None:
    """Insert what a decision wants said; a row that is there already (same `dedupe_key`) is left alone."""
    for row in rows:
        connection.execute(
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
                "message": dumps(row.message),
                "due_at": row.due_at,
                "created_at": row.message.at,
            },
        )
