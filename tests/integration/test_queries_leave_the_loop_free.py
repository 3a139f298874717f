"""Where a query is evaluated: on the loop only if it is known to be quick."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.app.querying import EmbeddedQuerier, QueryLimits
from monitor.model.errors import QueryError, QueryLimitError
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.promql.engine import Options
from monitor.promql.parser import parse
from monitor.tsdb.store import SampleStore
from tests.support.daemon_process import until

END = HOUR


class Watched:
    """A querier that notes which threads look at the clock; an evaluation does, for its deadline."""

    def __init__(self, *, slow: bool = False) -> None:
        store = SampleStore.in_memory(2 * HOUR)
        writer = store.open([Labels({"__name__": "x", "n": str(n)}) for n in range(3)])
        for at in range(0, END, 15 * SECOND):
            writer.append(at, [1.0, 2.0, 3.0])
        self.store = store
        self.slow = slow
        self.threads: set[str] = set()
        self.querier = EmbeddedQuerier(store, Options(), self._now)

    def _now(self) -> float:
        self.threads.add(threading.current_thread().name)
        return time.monotonic() * (1000 if self.slow else 0.001)

    @property
    def elsewhere(self) -> bool:
        """Did another thread evaluate? Forgets it."""
        main = {threading.main_thread().name}
        found, self.threads = self.threads - main, set()
        return bool(found)


async def test_what_meets_many_label_sets_for_the_first_time_is_evaluated_elsewhere() -> None:
    """Though the query has been quick for as long as there were few, or none with a sample in its window."""
    watched = Watched()
    many = watched.store.open([Labels({"__name__": "x", "many": str(n)}) for n in range(1_500)])

    async def ask(at: Timestamp) -> tuple[int, bool]:
        return len(await watched.querier.instant("rate(x[1m])", at)), watched.elsewhere

    assert await ask(END) == (3, False)
    for at in range(END + SECOND, END + 10 * MINUTE, 15 * SECOND):
        many.append(at, [1.0] * 1_500)
    assert await ask(END) == (3, False)
    assert await ask(END + 5 * MINUTE) == (1_500, True)
    assert await ask(END + 6 * MINUTE) == (1_500, False)


async def test_a_strangers_query_is_evaluated_elsewhere_until_it_is_known_to_be_quick() -> None:
    """Instant and range; known is the time that a step takes."""
    watched = Watched()
    for expected in (True, False):
        await watched.querier.answer("avg_over_time(x[5m])", END)
        assert watched.elsewhere is expected
    await watched.querier.answer_range("avg_over_time(x[5m])", 0, END, MINUTE)
    assert not watched.elsewhere
    watched = Watched(slow=True)
    for _ in range(2):
        await watched.querier.answer("avg_over_time(x[5m])", END)
        assert watched.elsewhere


async def test_a_quick_query_is_evaluated_elsewhere_when_thousands_of_series_have_come() -> None:
    """It has their label sets to learn; after that it is quick again. So it is with rules."""
    watched = Watched()
    rule, text = parse("avg_over_time(x[5m])"), "sum(x)"
    for _ in range(2):
        await watched.querier.instant(rule, END)
        await watched.querier.answer(text, END)
    assert watched.elsewhere
    watched.store.open([Labels({"__name__": "x", "n": str(n)}) for n in range(10, 3_010)]).append(END, [1.0] * 3_000)
    for expected in (True, False):
        await watched.querier.instant(rule, END)
        assert watched.elsewhere is expected
        await watched.querier.answer(text, END)
        assert watched.elsewhere is expected


async def test_a_query_that_was_slow_for_once_stays_on_the_loop() -> None:
    """Something else kept it waiting; twice in a row it goes elsewhere."""
    watched = Watched()
    for slow, expected in ((False, True), (False, False), (True, False), (False, False), (True, False), (True, False)):
        watched.slow = slow
        await watched.querier.answer("avg_over_time(x[5m])", END)
        assert watched.elsewhere is expected
    await watched.querier.answer("avg_over_time(x[5m])", END)
    assert watched.elsewhere


async def test_a_rules_query_is_believed_to_be_quick() -> None:
    """Rules are few, and an alert must not wait for a thread."""
    watched = Watched()
    await watched.querier.instant(parse("avg_over_time(x[5m])"), END)
    assert not watched.elsewhere


async def test_a_query_of_any_length_is_answered_or_refused() -> None:
    """A long one is read elsewhere, and there is a longest."""
    watched = Watched()
    with pytest.raises(QueryError, match="nested too deeply"):
        await watched.querier.answer("+".join(["1"] * 50_000), END)
    with pytest.raises(QueryLimitError, match="query is longer than 200000 characters"):
        await watched.querier.answer("x" * 200_001, END)


class Held:
    """A querier whose evaluations wait, each in its thread, until they are let go; two at a time."""

    def __init__(self, seconds: float) -> None:
        store = SampleStore.in_memory(2 * HOUR)
        store.append(END, [(Labels({"__name__": "x"}), 1.0)])
        self.let_go = threading.Event()
        self.begun: list[str] = []
        self.querier = EmbeddedQuerier(store, Options(), self._now, QueryLimits(seconds=seconds, concurrency=2))

    def _now(self) -> float:
        if threading.current_thread() is not threading.main_thread():
            self.begun.append(threading.current_thread().name)
            assert self.let_go.wait(10)
        return time.monotonic()


async def test_only_so_many_queries_are_evaluated_at_a_time() -> None:
    """The third waits, and ends with Prometheus's words when its time is over; a rule does not wait; who comes after the
    others have gone is answered."""
    held = Held(seconds=30)
    first = [asyncio.create_task(held.querier.answer(f"x + {n}", END)) for n in range(2)]
    await until(lambda: len(held.begun) == 2, "two evaluations wait in their threads")
    with pytest.raises(QueryLimitError, match=r"^query timed out in query queue$"):
        await held.querier.answer("x + 3", END, seconds=0.05)
    assert len(await held.querier.instant(parse("x"), END)) == 1
    held.let_go.set()
    assert len(await asyncio.gather(*first)) == 2
    assert isinstance((await held.querier.answer("x + 3", END)).value, tuple)


async def test_strangers_hold_up_nothing_else_that_is_done_in_threads() -> None:
    """Slow rules, large pushes, passwords and reloads share the loop's own threads; strangers have theirs, after a reload
    of their number too."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    held = Held(seconds=30)
    held.querier.configure(Options(), QueryLimits(seconds=30, concurrency=3))
    asked = [asyncio.create_task(held.querier.answer(f"x + {n}", END)) for n in range(3)]
    try:
        await until(lambda: len(held.begun) == 3, "three evaluations wait in their threads")
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: 1) == 1
    finally:
        held.let_go.set()
    held.querier.configure(Options(), QueryLimits(seconds=30, concurrency=1))
    assert len(await asyncio.gather(*asked)) == 3
    assert isinstance((await held.querier.answer("x + 9", END)).value, tuple)


async def test_whoever_goes_away_leaves_the_place_taken_until_the_thread_is_done() -> None:
    """Else a dashboard that is loaded again and again has more evaluated than is allowed."""
    held = Held(seconds=30)
    gone = [asyncio.create_task(held.querier.answer(f"x + {n}", END)) for n in range(2)]
    await until(lambda: len(held.begun) == 2, "two evaluations wait in their threads")
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    try:
        with pytest.raises(QueryLimitError, match=r"^query timed out in query queue$"):
            await held.querier.answer("x + 3", END, seconds=0.05)
    finally:
        held.let_go.set()
    assert isinstance((await held.querier.answer("x + 3", END)).value, tuple)


async def test_what_is_being_evaluated_ends_when_the_daemon_stops() -> None:
    """Nobody reads the answer, and the process waits for its threads."""
    held = Held(seconds=30)
    asked = asyncio.create_task(held.querier.answer("x + 1", END))
    await until(lambda: len(held.begun) == 1, "an evaluation waits in its thread")
    held.querier.close()
    held.let_go.set()
    with pytest.raises(QueryLimitError, match="the daemon stops"):
        await asked


async def test_a_call_cannot_have_more_time_than_the_configuration_gives() -> None:
    """Nor does it get any after a reload that gives none."""
    watched = Watched(slow=True)
    watched.querier.configure(Options(), QueryLimits(seconds=1e-6))
    with pytest.raises(QueryLimitError, match="query timed out"):
        await watched.querier.answer("sum(rate(x[5m]))", END, seconds=1e9)
    watched.querier.configure(Options(), QueryLimits(seconds=1e9))
    assert isinstance((await watched.querier.answer("sum(rate(x[5m]))", END)).value, tuple)
