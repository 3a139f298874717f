"""The history of alerts is written with the decisions, bounded, and read from a file that is in use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from monitor.alerts.history import OPEN_END
from monitor.alerts.pipeline import ingest, look_again
from monitor.alerts.placement import Routing, placements
from monitor.alerts.receivers import Receiver
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.errors import CorruptionError, StoreError
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.simulate.loop import VirtualLoop, run
from monitor.state.alert_history import SqlAlertHistory, stored_history
from monitor.state.alert_store import SqlAlertStore
from monitor.state.database import Database, Inline

NOW: Timestamp = 1_767_225_600_000
_ALL = parse_matchers('alertname=~".+"')
ROUTING = Routing(
    root=Route(
        receiver="r",
        children=(
            Route(receiver="r", id="{}/{a}/0", matchers=_ALL, continue_=True),
            Route(receiver="r", id="{}/{a}/1", matchers=_ALL),
        ),
    ),
    receivers={"r": Receiver(name="r")},
)
"""Every alert is in two groups."""


def alert(name: str, at: Timestamp, ends_at: Timestamp = NOW + HOUR) -> Alert:
    labels = Labels({"alertname": name})
    return Alert(labels=labels, annotations=EMPTY, starts_at=min(at, ends_at), ends_at=ends_at, updated_at=at)


async def take(store: SqlAlertStore, now: Timestamp, *alerts: Alert) -> None:
    arrivals = [(one, placements(one.labels, ROUTING)) for one in alerts]
    await store.transact(None, lambda groups: ingest(groups, arrivals, ROUTING, now))


async def flush(store: SqlAlertStore, now: Timestamp) -> None:
    await store.transact(None, lambda groups: AlertStep.of([look_again(one, ROUTING, now) for one in groups.values()]))


def told(history: tuple[Alert, ...]) -> list[tuple[str, int, int | None]]:
    """Name, minute at which it came, and minute of its end."""
    return [
        (one.name, (one.updated_at - NOW) // MINUTE, None if one.ends_at == OPEN_END else (one.ends_at - NOW) // MINUTE)
        for one in history
    ]


def test_what_begins_and_ends_is_written_once() -> None:
    """However many groups hold it and however often it is reported; a decision leaves one row at the most."""

    async def story() -> None:
        database = Database.open(None, Inline())
        store, history = await SqlAlertStore.load(database), SqlAlertHistory(database)
        await take(store, NOW, alert("A", NOW), alert("B", NOW, NOW + 4 * MINUTE))
        for minute in range(1, 4):
            await take(store, NOW + minute * MINUTE, alert("A", NOW + minute * MINUTE))
        assert told(await history.reports()) == [("A", 0, None), ("B", 0, None)]
        at = NOW + 5 * MINUTE
        await take(store, at, alert("A", at, at))
        await flush(store, at + MINUTE)
        await take(store, at + 2 * MINUTE, alert("A", at + 2 * MINUTE))
        assert told(await history.reports()) == [("A", 0, None), ("B", 0, 4), ("A", 5, 5), ("A", 7, None)]
        rows = await database.read(lambda c: c.execute("SELECT count(*) FROM alert_history").fetchone()[0])
        assert rows == 4

    run(story(), VirtualLoop())


def test_an_alert_that_comes_back_before_anybody_noticed_its_end() -> None:
    """Its end came by time."""

    async def story() -> None:
        database = Database.open(None, Inline())
        store, history = await SqlAlertStore.load(database), SqlAlertHistory(database)
        await take(store, NOW, alert("A", NOW, NOW + MINUTE))
        await take(store, NOW + 3 * MINUTE, alert("A", NOW + 3 * MINUTE))
        assert told(await history.reports()) == [("A", 0, 1), ("A", 3, None)]

    run(story(), VirtualLoop())


def test_what_is_old_or_too_much_is_forgotten() -> None:
    """The oldest first; what still fires is known from its group."""

    async def story() -> None:
        database = Database.open(None, Inline())
        store, history = await SqlAlertStore.load(database), SqlAlertHistory(database)
        for minute in range(10):
            await take(store, NOW + minute * MINUTE, alert(f"A{minute}", NOW + minute * MINUTE))
        sizes = await database.read(
            lambda c: [row[0] for row in c.execute("SELECT length(doc) FROM alert_history ORDER BY id DESC")]
        )

        async def left() -> list[str]:
            query = "SELECT doc FROM alert_history ORDER BY id"
            rows = await database.read(lambda c: [row["doc"].decode() for row in c.execute(query)])
            return [row.split('"alertname":"')[1][:2] for row in rows]

        await history.forget(NOW + 2 * MINUTE)
        assert (await left())[0] == "A2"
        await history.forget(0, most_bytes=sum(sizes[:3]))
        assert await left() == ["A7", "A8", "A9"]
        assert [name for name, _, _ in told(await history.reports())] == [f"A{minute}" for minute in range(10)]

    run(story(), VirtualLoop())


def test_a_file_in_use_is_read(tmp_path: Path) -> None:
    """And left as it is. One that is not there, is none, is too old or is broken says so."""
    file = tmp_path / "state.db"

    async def story() -> None:
        database = Database.open(file, Inline())
        store = await SqlAlertStore.load(database)
        await take(store, NOW, alert("A", NOW))
        alerts, silences, windows = stored_history(file)
        assert (told(tuple(alerts)), list(silences), list(windows)) == ([("A", 0, None)], [], [])
        await database.close()

    run(story(), VirtualLoop())
    with pytest.raises(StoreError, match="is not there"):
        stored_history(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(StoreError, match="no alert history that can be read"):
        stored_history(tmp_path / "text.db")
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO alert_history (at, doc) VALUES (0, x'7b7d')")
    with pytest.raises(CorruptionError, match="a row of the alert history"):
        stored_history(file)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version=4")
    with pytest.raises(StoreError, match="kept no alert history"):
        stored_history(file)
