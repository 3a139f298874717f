"""Silences in the database: kept over a restart, taken back with a commit that fails, and added to older files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from monitor.alerts.silences import SilenceDraft, SilenceState
from monitor.alerts.silencing import Silencing
from monitor.chance import Chance
from monitor.matching.parse import parse_matchers
from monitor.model.errors import NotFoundError, StoreError
from monitor.model.incidents import Actor, Door
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.audit_store import SqlAuditStore
from monitor.state.database import Database, Inline
from monitor.state.silence_store import SqlSilenceStore

START = 1_767_225_600_000
_SCHEMA_2 = Path(__file__).with_name("schema_2.sql")
ANA = Actor(name="ana", door=Door.CLI)


def _draft(id_: str = "", span: int = HOUR, matchers: str = 'a="b",c=~"d.*"') -> SilenceDraft:
    return SilenceDraft(
        id=id_, matcher_sets=(parse_matchers(matchers),), ends_at=START + span, created_by="ana", comment="moving"
    )


def test_silences_outlive_the_process_and_are_forgotten_in_time() -> None:
    """Whoever made, edited or ended one stands in the audit."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)
    changes: list[int] = []

    async def story() -> None:
        database = Database.open(None, Inline())
        store = await SqlSilenceStore.load(database)
        silencing = Silencing(store, time.clock, Chance(1), changed=lambda: changes.append(1))
        made = await silencing.place(_draft(), ANA)
        again = await SqlSilenceStore.load(database)
        assert again.book.all == store.book.all
        assert [one.id for one in again.book.muting(Labels({"a": "b", "c": "dx"}), START)] == [made]
        assert await silencing.place(_draft(made, 2 * HOUR), ANA) == made
        await silencing.expire(made, ANA)
        await silencing.expire(made, ANA)
        assert (await silencing.silence(made)).state(START) is SilenceState.EXPIRED
        with pytest.raises(NotFoundError):
            await silencing.silence("other")
        audit = await SqlAuditStore(database).recent(9)
        assert [entry.action for entry in audit] == ["end silence", "edit silence", "silence"]
        await silencing.forget()
        assert len(await silencing.silences()) == 1
        await time.clock.sleep(6 * DAY)
        await silencing.forget()
        assert await silencing.silences() == []
        assert (await SqlSilenceStore.load(database)).book.all == {}
        await database.close()

    run(story(), loop)
    assert len(changes) == 3


def test_a_silence_that_could_not_be_written_mutes_nothing() -> None:
    """Whoever asked is told so."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def story() -> None:
        database = Database.open(None, Inline())
        store = await SqlSilenceStore.load(database)
        silencing = Silencing(store, time.clock, Chance(1), changed=lambda: None)
        kept = await silencing.place(_draft(), ANA)

        def poison(connection: sqlite3.Connection) -> None:
            connection.execute(
                "CREATE TEMP TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
            )

        await database.read(poison)
        with pytest.raises(StoreError):
            await silencing.place(_draft(matchers="x=y"), ANA)
        assert list(store.book.all) == [kept]
        await database.read(lambda connection: connection.execute("DROP TRIGGER full"))
        await database.close()

    run(story(), loop)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_older_version_is_brought_up(tmp_path: Path, version: int) -> None:
    """To the same tables that a new one has, with what it held."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    Database.open(new, Inline())
    with sqlite3.connect(old) as connection:
        connection.executescript(_SCHEMA_2.read_text())
        connection.execute("INSERT INTO facts VALUES ('instance', 'x')")
        connection.execute("INSERT INTO alert_groups (id, doc) VALUES ('g', '{}')")
        connection.execute("INSERT INTO alert_members VALUES ('g', 'f', 'member')")
        connection.execute(
            "INSERT INTO outbox (dedupe_key, order_key, incident, epoch, receiver, integration, position, kind, message,"
            " due_at, created_at) VALUES ('d', 'o', '', 0, 'r', 'slack', 0, 'trigger', 'words', 5, 5)"
        )
        if version == 1:
            connection.execute("DROP TABLE silences")
        connection.execute(f"PRAGMA user_version={version}")
    Database.open(old, Inline())
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    with sqlite3.connect(old) as one, sqlite3.connect(new) as other:
        assert one.execute(tables).fetchall() == other.execute(tables).fetchall()
        assert one.execute("PRAGMA user_version").fetchone() == other.execute("PRAGMA user_version").fetchone()
        assert one.execute("SELECT value FROM facts").fetchall() == [("x",)]
        assert one.execute("SELECT group_id, doc FROM alert_members").fetchall() == [("g", "member")]
        assert one.execute("SELECT dedupe_key, message FROM outbox_rows").fetchall() == [("d", "words")]
