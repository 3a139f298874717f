"""The history of alerts in SQLite: what began and what ended, written with the decision that took it in.

A decision leaves one row however many alerts it is about, and a row repeats the documents that were encoded for the groups
anyway: what happens at once costs little more than before. Ends name their alert only. The history is bounded by age and by
size; the oldest goes first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from monitor.alerts.groups import ends_by_time
from monitor.alerts.history import Ending, reports
from monitor.alerts.maintenance_book import Entry
from monitor.alerts.silences import Silence
from monitor.alerts.step import AlertStep
from monitor.model.alerts import Alert
from monitor.model.errors import CorruptionError, StoreError
from monitor.model.times import Timestamp
from monitor.state.codec import dumps, loads, made_of
from monitor.state.database import Database
from monitor.state.statements import statements

MOST_BYTES: Final = 64 << 20
"""A hundred thousand beginnings and ends or more."""


_SINCE: Final = 5
"""The version of the schema that has it."""


class SqlAlertHistory:
    """Reads and forgets; `record` is called by the store of the groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reports(self) -> tuple[Alert, ...]:
        """The whole history (see `alerts.history`). Raises StoreError or CorruptionError."""
        return await self._database.read(read_reports)

    async def forget(self, before: Timestamp, most_bytes: int = MOST_BYTES) -> None:
        """Delete what is older than this instant, and the oldest of what is too much. What fires is known from its group."""
        sql = statements("history")
        facts = {"before": before, "most": most_bytes}
        await self._database.write(lambda connection: connection.execute(sql["forget"], facts))


def record(connection: sqlite3.Connection, step: AlertStep, documents: Mapping[int, str]) -> None:
    """Write down what began and what ended. `documents`: alerts that are encoded already, by `id`."""
    if not step.began and not step.ended:
        return
    began = ",".join([documents.get(id(alert)) or dumps(alert) for alert in step.began])
    ended = json.dumps(
        [(alert.fingerprint, alert.ends_at, None if ends_by_time(alert) else alert.updated_at) for alert in step.ended],
        separators=(",", ":"),
    )
    last = max([alert.updated_at for alert in (*step.began, *step.ended)])
    text = f'{{"began":[{began}],"ended":{ended}}}'
    connection.execute(statements("history")["add"], (last, text.encode("utf-8", "surrogatepass")))


def read_reports(connection: sqlite3.Connection) -> tuple[Alert, ...]:
    """The history, and what fires and began before it. Raises CorruptionError."""
    began: list[Alert] = []
    endings: list[Ending] = []
    for row in connection.execute(statements("history")["all"]):
        try:
            document: Any = json.loads(row["doc"].decode("utf-8", "surrogatepass"))
            began += [made_of(Alert, one) for one in document["began"]]
            endings += [Ending(fingerprint=name, ends_at=end, told_at=told) for name, end, told in document["ended"]]
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptionError(f"a row of the alert history cannot be read: {error}") from error
    known = {alert.fingerprint for alert in began}
    standing = {
        alert.fingerprint: alert
        for row in connection.execute(statements("alerts")["members"])
        if (alert := loads(Alert, row["doc"])).fingerprint not in known and ends_by_time(alert)
    }
    return reports((*standing.values(), *began), endings)


def stored_history(database: Path) -> tuple[Sequence[Alert], Sequence[Silence], Sequence[Entry]]:
    """The history, the silences and what was done to maintenance windows, in a file that a daemon may be using. Raises
    StoreError or CorruptionError."""
    if not database.is_file():
        raise StoreError(f"{database} is not there")
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
            if version < _SINCE:
                raise StoreError(f"{database} was written by a version of Watchkeeper that kept no alert history")
            connection.execute("BEGIN")
            silences = [loads(Silence, row["doc"]) for row in connection.execute(statements("silences")["all"])]
            windows = [loads(Entry, row["doc"]) for row in connection.execute(statements("maintenance")["all"])]
            return read_reports(connection), silences, windows
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"{database} holds no alert history that can be read: {error}") from error
