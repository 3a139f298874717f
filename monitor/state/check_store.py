"""What probing remembers, in SQLite; implements `monitor.probe.memory.CheckStateStore`. Also single facts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from monitor.probe.memory import SavedCheck
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.statements import statements


class SqlCheckStore:
    """Verdicts and heartbeats by the check's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Mapping[str, SavedCheck]:
        def work(connection: sqlite3.Connection) -> dict[str, SavedCheck]:
            return {
                row["name"]: loads(SavedCheck, row["doc"]) for row in connection.execute(statements("checks")["all"])
            }

        return await self._database.read(work)

    async def save(self, changes: Mapping[str, SavedCheck]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for name, saved in changes.items():
                connection.execute(statements("checks")["put"], {"name": name, "doc": dumps(saved)})

        await self._database.write(work)


class SqlFacts:
    """Single values by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str:
        """The value, or the empty text."""

        def work(connection: sqlite3.Connection) -> str:
            row = connection.execute(statements("checks")["get_fact"], {"name": name}).fetchone()
            return "" if row is None else row["value"]

        return await self._database.read(work)

    async def put(self, name: str, value: str) -> None:
        await self._database.write(
            lambda connection: connection.execute(statements("checks")["put_fact"], {"name": name, "value": value})
        )
