"""Durable timers: an owner's set is replaced whenever the owner is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from monitor.model.changes import Timer
from monitor.state.statements import statements


def put_timers(connection: sqlite3.Connection, owner: str, timers: Sequence[Timer]) -> None:
    """From now on these are the owner's timers."""
    sql = statements("timers")
    connection.execute(sql["clear"], {"owner": owner})
    for timer in timers:
        connection.execute(
            sql["put"], {"owner": owner, "kind": timer.kind, "due_at": timer.due_at, "epoch": timer.epoch}
        )
