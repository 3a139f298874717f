"""What is kept in memory of windows and silences is what is stored, also right after a commit that failed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

import pytest

from monitor.alerts.maintaining import MaintenanceStep
from monitor.alerts.maintenance_book import Entry, own_key
from monitor.alerts.silences import Silence, SilenceStep
from monitor.matching.parse import parse_matchers
from monitor.model.errors import StoreError
from monitor.state.database import Database, WriterThread
from monitor.state.maintenance_store import SqlMaintenanceStore
from monitor.state.silence_store import SqlSilenceStore
from tests.support.windows import once

WINDOW = once("2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z")
ENTRY = Entry(key=own_key(WINDOW.name), window=WINDOW)
SILENCE = Silence(
    id="s",
    matcher_sets=(parse_matchers("a=b"),),
    starts_at=0,
    ends_at=1,
    updated_at=0,
    expires_at=1,
    created_by="ana",
    comment="moving",
)


def _full(connection: sqlite3.Connection) -> None:
    """Each work that writes a window or a silence succeeds, and its commit fails."""
    connection.executescript(
        """CREATE TEMP TABLE owner (id PRIMARY KEY);
        CREATE TEMP TABLE owned (id REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TEMP TRIGGER w AFTER INSERT ON maintenance BEGIN INSERT INTO owned VALUES (1); END;
        CREATE TEMP TRIGGER s AFTER INSERT ON silences BEGIN INSERT INTO owned VALUES (1); END;"""
    )


Put = Callable[[], Awaitable[object]]


async def _windows(database: Database) -> tuple[Put, Callable[[], list[str]]]:
    store = await SqlMaintenanceStore.load(database)
    put = lambda: store.transact(lambda _: MaintenanceStep(put=(ENTRY,)), lambda _: None)  # noqa: E731
    return put, lambda: list(store.book.all)


async def _silences(database: Database) -> tuple[Put, Callable[[], list[str]]]:
    store = await SqlSilenceStore.load(database)
    put = lambda: store.transact(lambda _: SilenceStep(put=(SILENCE,)), lambda _: None)  # noqa: E731
    return put, lambda: list(store.book.all)


@pytest.mark.parametrize("kept", [_windows, _silences])
@pytest.mark.parametrize("cancelled", [False, True])
async def test_the_next_decision_does_not_see_what_was_not_stored(
    kept: Callable[[Database], Awaitable[tuple[Put, Callable[[], list[str]]]]], *, cancelled: bool
) -> None:
    """It waits in the queue behind the commit that fails, whether or not somebody still waits for that."""
    database = Database.open(None, WriterThread())
    put, held = await kept(database)
    await database.read(_full)

    async def ask() -> None:
        async with asyncio.timeout(0 if cancelled else None):
            await put()

    lost, seen = await asyncio.gather(ask(), database.write(lambda _: held()), return_exceptions=True)
    assert isinstance(lost, TimeoutError if cancelled else StoreError)
    assert seen == []
    assert database.failed_commits == 1
    await database.close()


async def test_nothing_is_decided_on_what_cannot_be_read_anew() -> None:
    """Work is refused until it can be."""
    database = Database.open(None, WriterThread())
    put, held = await _windows(database)
    await database.read(_full)
    readable = [False]

    def unreadable(_: sqlite3.Connection) -> None:
        if not readable[0]:
            raise sqlite3.OperationalError("disk I/O error")

    database.rolled_back.insert(0, unreadable)
    with pytest.raises(StoreError):
        await put()
    with pytest.raises(StoreError, match="disk I/O error"):
        await database.read(lambda _: held())
    readable[0] = True
    assert await database.read(lambda _: held()) == []
    await database.close()
