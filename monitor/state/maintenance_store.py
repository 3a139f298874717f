"""Maintenance windows in SQLite; implements `monitor.alerts.maintaining.MaintenanceStore`.

As with silences all are in memory as well, in the book that decisions over alerts look into, and both run on the writer's
thread. A commit that fails leaves both as they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from monitor.alerts.maintaining import MaintenanceStep
from monitor.alerts.maintenance_book import Entry, MaintenanceBook
from monitor.model.changes import AuditEntry
from monitor.state.audit_store import add_entry
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.outbox_store import insert_rows
from monitor.state.statements import statements


class SqlMaintenanceStore:
    """Made with `load`."""

    def __init__(self, database: Database, entries: Sequence[Entry]) -> None:
        self.book = MaintenanceBook(entries)
        self._database = database
        database.rolled_back.append(lambda connection: self.book.begin_again(_read_all(connection)))

    def __repr__(self) -> str:
        return f"SqlMaintenanceStore({self.book})"

    @classmethod
    async def load(cls, database: Database) -> SqlMaintenanceStore:
        """Read all entries. Raises StoreError or CorruptionError."""
        return cls(database, await database.read(_read_all))

    async def transact(
        self,
        decide: Callable[[Mapping[str, Entry]], MaintenanceStep],
        audit: Callable[[MaintenanceStep], AuditEntry | None],
    ) -> MaintenanceStep:
        def work(connection: sqlite3.Connection) -> MaintenanceStep:
            step = decide(self.book.all)
            sql = statements("maintenance")
            for key in step.removed:
                connection.execute(sql["drop"], {"key": key})
            for entry in step.put:
                connection.execute(sql["put"], {"key": entry.key, "doc": dumps(entry)})
            insert_rows(connection, step.outbox, self._database.fresh)
            entry = audit(step)
            if entry is not None:
                add_entry(connection, entry)
            # Later decisions of the same batch must see this one. Last: what raises leaves the book as it was.
            self.book.take(step.put, step.removed)
            return step

        return await self._database.write(work)

    async def entries(self) -> Mapping[str, Entry]:
        return await self._database.read(lambda _: dict(self.book.all))


def _read_all(connection: sqlite3.Connection) -> list[Entry]:
    return [loads(Entry, row["doc"]) for row in connection.execute(statements("maintenance")["all"])]
