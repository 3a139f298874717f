"""What is kept in memory of windows and silences is what is stored, also right after a commit that failed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

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


class Put(Protocol):
    """Writes a window or a silence; `meanwhile` is called while that is decided upon, by the writer's thread."""

    async def __call__(self, meanwhile: Callable[[], object] = ...) -> None: ...


def _nothing() -> None:
    """Nothing happens meanwhile."""


async def _windows(database: Database) -> tuple[Put, Callable[[], list[str]]]:
    store = await SqlMaintenanceStore.load(database)

    async def put(meanwhile: Callable[[], object] = _nothing) -> None:
        def decide(_: object) -> MaintenanceStep:
            meanwhile()
            return MaintenanceStep(put=(ENTRY,))

        await store.transact(decide, lambda _: None)

    return put, lambda: list(store.book.all)


async def _silences(database: Database) -> tuple[Put, Callable[[], list[str]]]:
    store = await SqlSilenceStore.load(database)

    async def put(meanwhile: Callable[[], object] = _nothing) -> None:
        def decide(_: object) -> SilenceStep:
            meanwhile()
            return SilenceStep(put=(SILENCE,))

        await store.transact(decide, lambda _: None)

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

    begun, let_go = threading.Event(), threading.Event()

    async def ask() -> None:
        async with asyncio.timeout(0 if cancelled else None):
            await put(lambda: (begun.set(), let_go.wait(10)))

    async def look() -> list[str]:
        await asyncio.to_thread(begun.wait, 10)  # so that it does not share the commit
        asked = asyncio.get_running_loop().create_task(database.write(lambda _: held()))
        await asyncio.sleep(0)  # noqa: TID251 - until it has asked
        let_go.set()
        return await asked

    lost, seen = await asyncio.gather(ask(), look(), return_exceptions=True)
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
