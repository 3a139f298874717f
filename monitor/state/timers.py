"""Durable timers: an owner's set is replaced whenever the owner is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from monitor.model.changes import Timer
from monitor.model.times import Timestamp
from monitor.state.statements import statements


def put_timers(connection: sqlite3.Connection, owner: str, timers: Sequence[Timer]) -> None:
    """From now on these are the owner's timers."""
    sql = statements("timers")
    connection.execute(sql["clear"], {"owner": owner})
    for timer in timers:
        connection.execute(
            sql["put"], {"owner": owner, "kind": timer.kind, "due_at": timer.due_at, "epoch": timer.epoch}
        )


def due_timers(connection: sqlite3.Connection, prefix: str, now: Timestamp) -> list[Timer]:
    """Timers that are due, of owners whose name starts so, earliest first."""
    rows = connection.execute(statements("timers")["due"], {"prefix": prefix, "now": now})
    return [Timer(owner=row["owner"], kind=row["kind"], due_at=row["due_at"], epoch=row["epoch"]) for row in rows]


def due_owners(connection: sqlite3.Connection, prefix: str, now: Timestamp) -> list[str]:
    """Who has a due timer, without the prefix, earliest first, each once."""
    return list(dict.fromkeys(timer.owner.removeprefix(prefix) for timer in due_timers(connection, prefix, now)))


def next_due(connection: sqlite3.Connection, prefix: str) -> Timestamp | None:
    """The earliest timer of owners whose name starts so."""
    row = connection.execute(statements("timers")["next"], {"prefix": prefix}).fetchone()
    found: Timestamp | None = row["due_at"]
    return found
