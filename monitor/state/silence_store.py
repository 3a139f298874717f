"""Silences in SQLite; implements `monitor.alerts.silencing.SilenceStore`.

They are few and asked for with every alert, so all are in memory as well, in the book that decisions over alerts look
into; both run on the writer's thread, one after the other. A commit that fails leaves both as they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.silences import Silence, SilenceStep
from monitor.model.changes import AuditEntry
from monitor.state.audit_store import add_entry
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.outbox_store import insert_rows
from monitor.state.statements import statements


class SqlSilenceStore:
    """Made with `load`."""

    def __init__(self, database: Database, silences: Sequence[Silence]) -> None:
        self.book = SilenceBook(silences)
        self._database = database
        database.rolled_back.append(lambda connection: self.book.begin_again(_read_all(connection)))

    def __repr__(self) -> str:
        return f"SqlSilenceStore({self.book})"

    @classmethod
    async def load(cls, database: Database) -> SqlSilenceStore:
        """Read all silences. Raises StoreError or CorruptionError."""
        return cls(database, await database.read(_read_all))

    async def transact(
        self,
        decide: Callable[[Mapping[str, Silence]], SilenceStep],
        audit: Callable[[SilenceStep], AuditEntry | None],
    ) -> SilenceStep:
        def work(connection: sqlite3.Connection) -> SilenceStep:
            step = decide(self.book.all)
            sql = statements("silences")
            for id_ in step.removed:
                connection.execute(sql["drop"], {"id": id_})
            for silence in step.put:
                connection.execute(sql["put"], {"id": silence.id, "doc": dumps(silence)})
            insert_rows(connection, step.outbox, self._database.fresh)
            entry = audit(step)
            if entry is not None:
                add_entry(connection, entry)
            # Later decisions of the same batch must see this one. Last: what raises leaves the book as it was.
            self.book.take(step)
            return step

        return await self._database.write(work)

    async def silences(self) -> Sequence[Silence]:
        return await self._database.read(lambda _: tuple(self.book.all.values()))


def _read_all(connection: sqlite3.Connection) -> list[Silence]:
    return [loads(Silence, row["doc"]) for row in connection.execute(statements("silences")["all"])]
