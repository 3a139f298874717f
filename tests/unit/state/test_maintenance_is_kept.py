"""Maintenance windows in the database: kept over a restart, taken back with a commit that fails, forgotten in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from monitor.alerts.maintaining import MOST_WINDOWS, Maintaining
from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.spans import Once
from monitor.alerts.window_drafts import draft_of, window_of
from monitor.model.errors import ConflictError, NotFoundError, StoreError
from monitor.model.incidents import Actor, Door
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import DAY, HOUR, parse_rfc3339
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.audit_store import SqlAuditStore
from monitor.state.database import Database, Inline
from monitor.state.maintenance_store import SqlMaintenanceStore
from tests.support.windows import nightly, once

START = parse_rfc3339("2026-01-05T00:00:00Z")
ANA = Actor(name="ana", door=Door.CLI)
API = Labels({"alertname": "Down", "check": "api"})
FILE = nightly("0 2 * * *", "2h", name="file", place="w.yml:7")


class Kept:
    """A database with what works on it."""

    def __init__(self, time: VirtualTime, database: Database, store: SqlMaintenanceStore) -> None:
        self.time = time
        self.database = database
        self.store = store
        self.maintaining = Maintaining(
            store,
            time.clock,
            windows=lambda: (FILE,),
            destinations=lambda receiver: [Destination(receiver, "console")],
            external_url=lambda: "",
            changed=lambda: None,
            on_outbox=lambda _: None,
        )

    async def rows(self) -> list[str]:
        """The keys of what is to be sent."""
        found = await self.database.read(
            lambda connection: connection.execute("SELECT dedupe_key FROM outbox").fetchall()
        )
        return [row[0] for row in found]


def story(tell: Callable[[Kept], Coroutine[Any, Any, None]]) -> None:
    loop = VirtualLoop()
    time = VirtualTime(loop, START)

    async def told() -> None:
        database = Database.open(None, Inline())
        await tell(Kept(time, database, await SqlMaintenanceStore.load(database)))
        await database.close()

    run(told(), loop)


def move(**more: object) -> MaintenanceWindow:
    return replace(once("2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z", announce_to="team"), **more)


def test_windows_outlive_the_process_and_are_forgotten_in_time() -> None:
    """Whoever added, edited or ended one stands in the audit, with what was changed."""

    async def tell(kept: Kept) -> None:
        await kept.maintaining.add(move(), ANA)
        await kept.maintaining.edit(
            "move", lambda one: replace(one, comment="x", once=(Once(START, START + HOUR + 1),)), ANA
        )
        await kept.maintaining.end("file", ANA, skip_next=True)
        again = await SqlMaintenanceStore.load(kept.database)
        assert again.book.all == kept.store.book.all
        assert [one.window.name for one in again.book.own.muting(API, START)] == ["move"]
        await kept.maintaining.end("move", ANA)
        assert again.book.own.muting(API, START)
        assert kept.store.book.own.muting(API, START) == []
        audit = await SqlAuditStore(kept.database).recent(9)
        assert [(one.action, one.detail) for one in audit] == [
            ("end maintenance", ""),
            ("skip maintenance", ""),
            ("edit maintenance", "once, comment"),
            ("add maintenance", ""),
        ]
        await kept.maintaining.forget()
        assert set(kept.store.book.all) == {"own/move", "file/file"}
        await kept.time.clock.sleep(6 * DAY)
        await kept.maintaining.forget()
        assert set(kept.store.book.all) == {"file/file"}

    story(tell)


def test_what_cannot_be_committed_is_not_in_force() -> None:
    """Neither the window nor its announcement."""

    async def tell(kept: Kept) -> None:
        def poison(connection: sqlite3.Connection) -> None:
            connection.execute(
                "CREATE TEMP TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
            )

        await kept.database.read(poison)
        with pytest.raises(StoreError):
            await kept.maintaining.add(move(), ANA)
        assert (kept.store.book.all, kept.store.book.own.muting(API, START)) == ({}, [])
        assert await kept.rows() == []
        await kept.database.read(lambda connection: connection.execute("DROP TRIGGER full"))
        await kept.maintaining.add(move(), ANA)
        assert len(await kept.rows()) == 1

    story(tell)


def test_what_makes_no_sense_is_refused() -> None:
    """And leaves everything as it was."""

    async def tell(kept: Kept) -> None:
        maintaining = kept.maintaining
        await maintaining.add(move(), ANA)
        before = dict(kept.store.book.all)
        over = (Once(START - 2, START - 1),)
        for refused in (
            maintaining.add(move(), ANA),
            maintaining.add(move(name="file"), ANA),
            maintaining.add(move(name="late", once=over), ANA),
            maintaining.preview(move(), 1),
            maintaining.preview(move(name="file"), 1),
            maintaining.preview(move(name="late", once=over), 1),
            maintaining.edit("file", lambda one: one, ANA),
            maintaining.edit("move", lambda one: replace(one, once=over), ANA),
            maintaining.remove("file", ANA),
            maintaining.end("file", ANA),
            maintaining.end("move", ANA, skip_next=True),
        ):
            with pytest.raises(ConflictError):
                await refused
        for unknown in (
            maintaining.end("x", ANA),
            maintaining.edit("x", lambda one: one, ANA),
            maintaining.remove("x", ANA),
            maintaining.find("x", 1),
        ):
            with pytest.raises(NotFoundError):
                await unknown
        assert kept.store.book.all == before

    story(tell)


def test_there_are_not_any_number_of_them() -> None:
    """Each is asked for with every alert that it may concern."""

    async def tell(kept: Kept) -> None:
        for number in range(MOST_WINDOWS):
            await kept.maintaining.add(move(name=f"w{number}", announce_to=""), ANA)
        with pytest.raises(ConflictError, match="200 maintenance windows"):
            await kept.maintaining.add(move(), ANA)
        await kept.maintaining.remove("w0", ANA)
        await kept.maintaining.add(move(), ANA)

    story(tell)


def test_a_window_and_its_draft_are_the_same() -> None:
    """So that an edit changes what it names and nothing else."""
    for window in (move(comment="x", location="Europe/Berlin"), nightly("0 2 * * *", "2h", announce_to="a"), FILE):
        assert window_of(draft_of(window)) == (window, ())
