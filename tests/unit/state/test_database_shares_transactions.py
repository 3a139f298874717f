"""One writer, shared transactions, each decision on its own feet."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.model.errors import CorruptionError, NotFoundError, StoreError
from monitor.state.check_store import SqlFacts
from monitor.state.database import Database, Inline, WriterThread


async def names(database: Database) -> list[str]:
    return await database.read(
        lambda connection: [row["name"] for row in connection.execute("SELECT name FROM facts ORDER BY name")]
    )


async def test_writes_that_wait_together_share_a_commit_and_a_failing_one_takes_nothing_with_it() -> None:
    """Fifty writes, one of which breaks: the others are there, in far fewer commits than writes."""
    database = Database.open(None, WriterThread())

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO facts VALUES ('half', '1')")
        raise NotFoundError("no such thing")

    def inserting(number: int) -> Callable[[sqlite3.Connection], None]:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO facts VALUES (?, '1')", (f"f{number:02}",))

        return work

    works = [broken if number == 7 else inserting(number) for number in range(50)]
    results = await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    assert isinstance(results[7], NotFoundError)
    assert sum(isinstance(result, BaseException) for result in results) == 1
    assert await names(database) == [f"f{number:02}" for number in range(50) if number != 7]
    assert database.commits < 10
    await database.close()


class LateRunner(Inline):
    """The writer, which needs a moment to wake up."""

    def __init__(self) -> None:
        self.begun: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        self.begun.append((work, done))


async def test_who_asks_while_the_writer_wakes_up_comes_along() -> None:
    """Two writes asked for in one moment are one commit, not one that waits for the other."""
    runner = LateRunner()
    database = Database.open(None, runner)
    first, second = database.begin(lambda _: 1), database.begin(lambda _: 2)
    for work, done in runner.begun:
        work()
        done()
    assert (await first, await second, database.commits, len(runner.begun)) == (1, 2, 1, 1)


async def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    """Also when nobody closed the database."""
    path = tmp_path / "state.db"
    first = Database.open(path, WriterThread())
    await SqlFacts(first).put("instance", "a")
    second = Database.open(path, WriterThread())
    assert await SqlFacts(second).get("instance") == "a"
    assert await SqlFacts(second).get("missing") == ""
    await first.close()
    await second.close()


async def test_a_database_of_another_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Nothing in it is touched."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match=r"schema version 99.*use the version of Watchkeeper that wrote it"):
        Database.open(path, WriterThread())


async def test_a_file_that_is_no_database_is_told_apart(tmp_path: Path) -> None:
    """The operator must look; starting afresh silently would lose every open incident."""
    path = tmp_path / "state.db"
    path.write_bytes(b"this is not a database, it is a text" * 100)
    with pytest.raises(CorruptionError, match="cannot be opened"):
        Database.open(path, WriterThread())


async def test_an_error_of_sqlite_becomes_ours_and_is_remembered_until_the_next_commit(tmp_path: Path) -> None:
    """While another process holds the file, writing fails with a StoreError; then it works again."""
    path = tmp_path / "state.db"
    database = Database.open(path, WriterThread())
    await database.read(lambda connection: connection.execute("PRAGMA busy_timeout=1"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await database.prove()
    assert "locked" in database.last_error
    other.execute("ROLLBACK")
    other.close()
    await database.prove()
    assert database.last_error == ""
    await database.close()
