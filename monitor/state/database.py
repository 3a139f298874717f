"""One SQLite file, one writer, shared transactions.

`write` calls that wait together are committed together: each runs in a savepoint of its own, so that one that fails takes
nothing with it, and none is told before the commit. In production the work is done by one thread; in simulation inline,
in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from monitor.model.errors import CorruptionError, StoreError
from monitor.state.fresh import FreshMessages
from monitor.state.statements import script

T = TypeVar("T")
SCHEMA_VERSION = 5
"""A file of an older version is brought up by `sql/upgrade_<version>.sql`, one after the other, each in a transaction."""


class Runner(Protocol):
    """Where the database's work is done, one piece after the other."""

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        """Do `work`, which never raises, then call `done` on the loop's thread."""
        ...

    def close(self) -> None: ...


class WriterThread:
    """One thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="state")

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def both() -> None:
            work()
            loop.call_soon_threadsafe(done)

        self._pool.submit(both)

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class Inline:
    """On the loop itself: for simulation, and for commands that run alone."""

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        work()
        done()

    def close(self) -> None:
        """Nothing to close."""


@dataclass(slots=True)
class _Asked:
    """One caller's work and what came of it."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def answer(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Database:
    """Open with `Database.open`. Every error of SQLite leaves as StoreError."""

    def __init__(self, connection: sqlite3.Connection, runner: Runner, place: str) -> None:
        self._connection = connection
        self._runner = runner
        self._place = place
        self._waiting: deque[_Asked] = deque()
        self._busy = False
        self.fresh = FreshMessages()
        """Of the outbox; used inside work only."""
        self.last_error = ""
        """Why the last commit failed; empty after one that succeeded."""
        self.commits = 0
        self.failed_commits = 0
        """Raised on the writer's own thread before the next batch begins: whoever keeps a copy of what is stored compares it
        inside its work, and reads anew when it has changed."""
        self.rolled_back: list[Callable[[sqlite3.Connection], None]] = []
        """Called on the writer's own thread after a commit that failed and before any other work, to read anew what is kept
        in memory. Work that raises must leave such a copy alone: for that this is not called."""
        self._doubtful = False

    def __repr__(self) -> str:
        return f"Database({self._place}, commits={self.commits}, waiting={len(self._waiting)})"

    @classmethod
    def open(cls, path: Path | None, runner: Runner) -> Database:
        """The database at `path` (None: in memory), created if it is not there. Raises StoreError or CorruptionError."""
        place = str(path) if path else "memory"
        try:
            connection = sqlite3.connect(place if path else ":memory:", isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript(f"BEGIN;{script('schema')};PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
            for older in range(version, SCHEMA_VERSION) if version else ():
                steps = script(f"upgrade_{older}")
                connection.executescript(f"BEGIN;{steps};PRAGMA user_version={older + 1};COMMIT;")
                version = older + 1
        except sqlite3.DatabaseError as error:
            kind = CorruptionError if _is_corruption(error) else StoreError
            raise kind(f"{place} cannot be opened: {error}") from error
        if version not in (0, SCHEMA_VERSION):
            raise StoreError(
                f"{place} has schema version {version}, this program needs {SCHEMA_VERSION}: "
                "use the version of Watchkeeper that wrote it, or a new data folder"
            )
        return cls(connection, runner, place)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` inside a write transaction and return its result once that is committed. What `work` raises is
        raised here, and nothing that it wrote stays."""
        return await self.begin(work)

    def begin(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Ask for a write now and await it later: what is asked for until the writer comes to it shares one commit."""
        asked = _Asked(work, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if not self._busy:
            self._next_batch()
        return asked.future

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads, outside a transaction. Raises StoreError."""
        asked = _Asked(work, asyncio.get_running_loop().create_future())
        self._runner.submit(lambda: self._try(asked), asked.answer)
        return await asked.future

    async def prove(self) -> None:
        """Commit something, to know that it can be done. Raises StoreError."""
        await self.write(lambda connection: connection.execute(_PROOF))

    async def upkeep(self) -> None:
        """Let SQLite tidy up: statistics, and the log folded into the file."""
        await self.read(
            lambda connection: connection.executescript("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")
        )

    async def close(self) -> None:
        """Finish what waits, then close."""
        await self.write(lambda _: None)
        self._runner.submit(self._connection.close, lambda: None)
        self._runner.close()

    def _next_batch(self) -> None:
        batch: list[_Asked] = []
        self._busy = True

        def work() -> None:
            while self._waiting:  # only now: who asked while the thread woke up comes along
                batch.append(self._waiting.popleft())
            self._commit(batch)

        def done() -> None:
            self._busy = False
            for asked in batch:
                asked.answer()
            if self._waiting and not self._busy:
                self._next_batch()

        self._runner.submit(work, done)

    def _commit(self, batch: Sequence[_Asked]) -> None:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for asked in batch:
                connection.execute("SAVEPOINT decision")
                self._try(asked)
                if asked.error is not None:
                    connection.execute("ROLLBACK TO decision")
                connection.execute("RELEASE decision")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.last_error = str(error)
            self.failed_commits += 1
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._doubtful = True
            with contextlib.suppress(sqlite3.Error, CorruptionError):
                self._read_anew()
            for asked in batch:
                asked.error = StoreError(f"{self._place}: {error}")
            return
        self.last_error = ""
        self.commits += 1

    def _try(self, asked: _Asked) -> None:
        try:
            self._read_anew()
            asked.result = asked.work(self._connection)
        except sqlite3.Error as error:
            asked.error = StoreError(f"{self._place}: {error}")
        except Exception as error:  # noqa: BLE001 - raised again in whoever asked
            asked.error = error

    def _read_anew(self) -> None:
        """Until it succeeds no work is done on what may not be stored."""
        if self._doubtful:
            for read in self.rolled_back:
                read(self._connection)
            self._doubtful = False


_PROOF = "INSERT INTO facts (name, value) VALUES ('proof', '1') ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    # Pages. Folding the log into the file in the middle of a burst would hold up those who wait for their commit; `upkeep`
    # does it as well.
    "PRAGMA wal_autocheckpoint=4000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
)


def _is_corruption(error: sqlite3.DatabaseError) -> bool:
    return "malformed" in str(error) or "not a database" in str(error)
