"""When groups are to be looked at: as what was committed says, whatever became of what was not."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Awaitable, Callable

from monitor.alerts.groups import AlertGroup
from monitor.alerts.step import AlertStep
from monitor.model.errors import StoreError
from monitor.model.labels import EMPTY
from monitor.model.times import MINUTE, Timestamp
from monitor.state.alert_store import SqlAlertStore
from monitor.state.database import Database, WriterThread
from monitor.state.statements import statements

Story = Callable[[Database, SqlAlertStore], Awaitable[None]]


def group(id_: str, next_flush: Timestamp | None) -> AlertGroup:
    return AlertGroup(id=id_, key=id_, route="r", receiver="r", labels=EMPTY, next_flush=next_flush)


async def put(store: SqlAlertStore, *groups: AlertGroup, removed: tuple[str, ...] = ()) -> None:
    await store.transact([], lambda _: AlertStep(groups=groups, removed=removed))


async def told(store: SqlAlertStore) -> tuple[list[str], Timestamp | None]:
    """What is due at the second minute, and when the next one is."""
    return list(await store.due(2 * MINUTE)), await store.next_due()


async def _together(database: Database, *asking: Awaitable[object]) -> list[object]:
    """What comes of these when all are asked for while another batch is being committed, so that they share the next."""
    begun, let_go = threading.Event(), threading.Event()
    slow = asyncio.get_running_loop().create_task(database.write(lambda _: (begun.set(), let_go.wait(10))))
    await asyncio.to_thread(begun.wait, 10)
    results = asyncio.gather(*asking, return_exceptions=True)
    await _turn()
    let_go.set()
    await slow
    return await results


async def _play(story: Story) -> None:
    database = Database.open(None, WriterThread())
    try:
        await story(database, await SqlAlertStore.load(database))
    finally:
        await database.close()


async def test_groups_are_due_in_the_order_of_their_timers() -> None:
    """Those without one never; a group that is written again, or removed, is due as it says now. A second store, which
    reads what is kept, and the timers themselves agree."""

    async def story(database: Database, store: SqlAlertStore) -> None:
        assert await told(store) == ([], None)
        await put(store, group("late", 3 * MINUTE), group("b", 2 * MINUTE), group("a", MINUTE), group("never", None))
        assert await told(store) == (["a", "b"], MINUTE)
        await put(store, group("a", 5 * MINUTE), group("never", 0), removed=("b",))
        assert await told(store) == (["never"], 0)
        assert await told(await SqlAlertStore.load(database)) == (["never"], 0)
        timers = await database.read(
            lambda connection: [tuple(row) for row in connection.execute("SELECT owner, due_at FROM timers ORDER BY 1")]
        )
        assert timers == [("group:a", 5 * MINUTE), ("group:late", 3 * MINUTE), ("group:never", 0)]

    await _play(story)


async def test_a_decision_that_failed_moves_nothing() -> None:
    """Neither one that broke nor one whose commit did, alone or with others."""

    async def story(database: Database, store: SqlAlertStore) -> None:
        await put(store, group("a", MINUTE))
        assert await told(store) == (["a"], MINUTE)

        def broken(_: object) -> AlertStep:
            raise ValueError("no")

        with contextlib.suppress(ValueError):
            await store.transact(["a"], broken)
        assert await told(store) == (["a"], MINUTE)

        def ruined(connection: sqlite3.Connection) -> None:
            connection.execute("ROLLBACK")  # so that the batch's own commit fails

        results = await asyncio.gather(put(store, removed=("a",)), database.write(ruined), return_exceptions=True)
        results += await asyncio.gather(
            database.write(lambda _: None),
            put(store, group("a", 9 * MINUTE)),
            database.write(ruined),
            return_exceptions=True,
        )
        assert any(isinstance(result, StoreError) for result in results)
        kept = await database.read(lambda connection: connection.execute(statements("alerts")["all"]).fetchall())
        due = [row["id"] for row in kept]
        found, next_due = await told(store)
        assert (found, next_due) == await told(await SqlAlertStore.load(database))
        assert (next_due is not None) == (due == ["a"])

    await _play(story)


async def test_whoever_is_cut_off_has_decided_all_the_same() -> None:
    """A caller that goes away while its decision is being committed does not leave its group waiting for ever."""

    async def story(database: Database, store: SqlAlertStore) -> None:
        assert await told(store) == ([], None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await put(store, group("a", MINUTE))
        assert await told(store) == (["a"], MINUTE)

    await _play(story)


async def test_whoever_is_cut_off_behind_a_slow_write_has_decided_all_the_same() -> None:
    """The decision waits for a batch that is being committed; when groups are due is asked before, or after, it is left."""

    async def story(database: Database, store: SqlAlertStore) -> None:
        for number, asked_before in enumerate((True, False)):
            let_go = threading.Event()
            with contextlib.suppress(ValueError):
                await store.transact([], _broken)  # what is due is uncertain now
            slow = asyncio.get_running_loop().create_task(database.write(lambda _, let_go=let_go: let_go.wait(10)))
            await _turn()
            asked = [asyncio.get_running_loop().create_task(told(store))] if asked_before else []
            await _turn()
            deciding = asyncio.get_running_loop().create_task(put(store, group(f"a{number}", MINUTE)))
            await _turn()
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)
            asked = asked or [asyncio.get_running_loop().create_task(told(store))]
            await _turn()
            let_go.set()
            await slow
            assert await asked[0] == ([f"a{n}" for n in range(number + 1)], MINUTE)

    await _play(story)


async def test_what_is_shown_after_a_failed_commit_is_what_was_committed() -> None:
    """Nobody sees a group that was rolled back, whichever way they ask first."""

    async def story(database: Database, store: SqlAlertStore) -> None:
        async def fail() -> None:
            ruined = database.write(lambda connection: connection.execute("ROLLBACK") and None)
            results = await _together(database, put(store, group("b", 0)), ruined)
            assert [isinstance(result, StoreError) for result in results] == [True, True]

        await put(store, group("a", MINUTE))
        await fail()
        assert store.count() == 1
        assert [one.id for one in await store.groups()] == ["a"]
        await fail()
        assert await store.view(list) == ["a"]
        assert store.count() == 1

    await _play(story)


def _broken(_: object) -> AlertStep:
    raise ValueError("no")


async def _turn() -> None:
    """Let what was started begin."""
    await asyncio.sleep(0)  # noqa: TID251
