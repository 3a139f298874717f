"""States of alerts in SQLite; implements `monitor.rules.ports.RuleStateStore`."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Sequence

from monitor.alerts.routes import labels_text
from monitor.model.labels import Labels
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.state.codec import dumps, loads
from monitor.state.database import Database
from monitor.state.statements import statements


class SqlRuleStateStore:
    """Made with `open`, which reads what is there: rules ask for it once, before they run."""

    def __init__(self, database: Database, stored: Sequence[StoredAlert]) -> None:
        self._database = database
        self._stored = stored

    @classmethod
    async def open(cls, database: Database) -> SqlRuleStateStore:
        """Raises StoreError or CorruptionError."""

        def work(connection: sqlite3.Connection) -> list[StoredAlert]:
            return [loads(StoredAlert, row["doc"]) for row in connection.execute(statements("rules")["all"])]

        return cls(database, await database.read(work))

    def load(self) -> Sequence[StoredAlert]:
        return self._stored

    def save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> Awaitable[None]:
        def work(connection: sqlite3.Connection) -> None:
            sql = statements("rules")
            for key in removed:
                connection.execute(sql["drop"], {"group_key": group, "key": _key(key.rule, key.number, key.labels)})
            for stored in changed:
                key = _key(stored.rule, stored.number, stored.alert.labels)
                connection.execute(sql["put"], {"group_key": group, "key": key, "doc": dumps(stored)})

        return self._database.begin(work)


def _key(rule: str, number: int, labels: Labels) -> str:
    # keys need only differ: bytes that are no UTF-8 are written as what they are
    return f"{rule}|{number}|{labels_text(labels)}".encode(errors="backslashreplace").decode()
