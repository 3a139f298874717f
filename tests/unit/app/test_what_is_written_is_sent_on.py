"""The tap between those who write samples and those who send them on; and where the log is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from monitor.app.announcing import AnnouncingSink, Flushing, Tap
from monitor.clock import Clock
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import DAY, Timestamp
from monitor.simulate.loop import VirtualLoop, run
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric


class FakeTaker:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Timestamp, list[str], list[float]]] = []

    def write(self, at: Timestamp, labels: Sequence[Labels], values: Any) -> None:
        self.heard.append((at, [str(one) for one in labels], np.array(values, dtype=np.float64).tolist()))


async def test_rows_loose_samples_and_ends_are_heard_in_order() -> None:
    """Not what the store drops for coming late."""
    tap, taker = Tap(), FakeTaker()
    store = SampleStore.in_memory(DAY)
    sink = AnnouncingSink(store, Flushing(store, asyncio.get_running_loop(), lambda: 0), tap)
    writer = sink.open([metric("a"), metric("b")])
    writer.append(1, [1, 2])
    tap.takers = (cast("Any", taker),)
    writer.append(2, [3, 4])
    writer.append(2, [5, 6])
    sink.append(3, ((metric(name), 7.0) for name in ("c",)))
    writer.replace([metric("b")])
    writer.append(4, [8])
    writer.close(5)
    assert taker.heard[:3] == [(2, ["a", "b"], [3, 4]), (3, ["c"], [7]), (4, ["b"], [8])]
    ((at, labels, values),) = taker.heard[3:]
    assert (at, labels, is_stale(values[0])) == (5, ["b"], True)
    assert len(store.view().series((), 0, 10)) == 3


class FakeLoop:
    """Keeps what is to be run, and where."""

    def __init__(self) -> None:
        self.later: list[Any] = []
        self.threads = 0

    def call_later(self, seconds: float, call: Any) -> None:
        self.later.append(call)

    def run_in_executor(self, executor: None, call: Any) -> asyncio.Future[None]:
        self.threads += 1
        call()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def time(self) -> float:
        return 0.0


@pytest.mark.parametrize(("series", "threads"), [(10, 0), (1_000, 1)])
async def test_the_first_flush_of_many_series_leaves_the_loop_alone(tmp_path: Path, series: int, threads: int) -> None:
    """It has to name them all to the log; how long the flush before took says nothing about that."""
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    loop = FakeLoop()
    sink = AnnouncingSink(store, Flushing(store, cast("Any", loop), lambda: 1), Tap())
    writer = sink.open([metric("m", number=str(number)) for number in range(series)])
    writer.append(1, [1.0] * series)
    loop.later.pop()()
    writer.append(2, [2.0] * series)
    loop.later.pop()()
    assert (loop.threads, store.dirty) == (threads, False)
    store.close(2)


def test_a_flush_that_is_nearly_due_comes_along_with_what_is_written(tmp_path: Path) -> None:
    """Within a second of the first row and in the same turn as the last, so that nobody wakes up for it alone."""
    loop = VirtualLoop()
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    flushed: list[float] = []
    flushing = Flushing(store, loop, lambda: flushed.append(loop.time()) or 1)

    async def story() -> None:
        for pause in (0.0, 0.5, 0.45, 1.05, 5.0):
            await asyncio.sleep(pause)  # noqa: TID251 - virtual
            flushing.arm()
        await asyncio.sleep(5)  # noqa: TID251 - virtual

    run(story(), loop)
    assert flushed == pytest.approx([0.95, 3.0, 8.0])
    store.close(2)


@pytest.mark.parametrize("pause", [0.0, 0.95], ids=["just armed", "nearly due"])
def test_nothing_is_flushed_once_flushing_is_closed(tmp_path: Path, pause: float) -> None:
    """What is written still is written by closing the store; a flush after that would open its log again."""
    loop = VirtualLoop()
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    flushed: list[float] = []
    flushing = Flushing(store, loop, lambda: flushed.append(loop.time()) or 1)

    async def story() -> None:
        flushing.arm()
        await asyncio.sleep(pause)  # noqa: TID251 - virtual
        await flushing.close()
        flushing.arm()
        await asyncio.sleep(0.95)  # noqa: TID251 - virtual
        flushing.arm()
        await asyncio.sleep(5)  # noqa: TID251 - virtual

    run(story(), loop)
    assert flushed == []
    store.close(2)


def test_whoever_waits_for_the_log_waits_for_a_moment_only(tmp_path: Path) -> None:
    """Those who come meanwhile share the flush; with nothing to write nobody waits."""
    loop = VirtualLoop()
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    flushed: list[float] = []
    flushing = Flushing(store, loop, lambda: flushed.append(loop.time()) or 1)
    sink = AnnouncingSink(store, flushing, Tap())
    told: list[tuple[float, bool]] = []

    async def ask(at: Timestamp, after: float = 0.0) -> None:
        await asyncio.sleep(after)  # noqa: TID251 - virtual
        sink.append_stamped(at, [(metric("m", number=str(at)), 1.0)])
        await flushing.written()
        told.append((loop.time(), store.dirty))

    async def story() -> None:
        await flushing.written()
        await asyncio.gather(ask(1), ask(2, after=0.002), ask(3, after=0.004), ask(4, after=0.006))
        await flushing.written()
        await ask(5, after=5)

    run(story(), loop)
    assert flushed == pytest.approx([0.005, 0.011, 5.016])
    assert told == [(pytest.approx(at), False) for at in (0.005, 0.005, 0.005, 0.011, 5.016)]
    store.close(2)


class BusyLoop:
    """Its thread takes as long as the test says, and its timers are due at the next turn."""

    def __init__(self) -> None:
        self.timers: dict[object, Any] = {}
        self.threads: list[asyncio.Future[None]] = []

    def time(self) -> float:
        return 0.0

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_later(self, seconds: float, call: Any) -> Any:
        handle = SimpleNamespace(cancel=lambda: self.timers.pop(id(handle)))
        self.timers[id(handle)] = call
        return handle

    def run_in_executor(self, executor: None, call: Any) -> asyncio.Future[None]:
        call()
        self.threads.append(self.create_future())
        return self.threads[-1]

    async def turn(self) -> None:
        await Clock().sleep(0)
        due, self.timers = self.timers, {}
        for call in due.values():
            call()
        await Clock().sleep(0)


async def test_a_flush_under_way_may_miss_what_is_stored_meanwhile(tmp_path: Path) -> None:
    """So whoever asks then waits for the next one."""
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    loop = BusyLoop()
    flushing = Flushing(store, cast("Any", loop), lambda: 1)
    sink = AnnouncingSink(store, flushing, Tap())
    sink.append_stamped(1, [(metric("m", number=str(number)), 1.0) for number in range(1_000)])
    first = asyncio.gather(flushing.written())
    await loop.turn()
    sink.append_stamped(2, [(metric("late"), 1.0)])
    second = asyncio.gather(flushing.written())
    await loop.turn()
    loop.threads.pop().set_result(None)
    await first
    assert not second.done()
    await loop.turn()
    await second
    store.close(2)


async def test_nobody_waits_for_a_log_that_the_disk_refuses() -> None:
    """What is stored is in memory, and the log is tried once a second."""
    store = SimpleNamespace(dirty=True, log_error="no space left on device")
    async with asyncio.timeout(1):
        await Flushing(cast("Any", store), asyncio.get_running_loop(), lambda: 1).written()


async def test_whoever_waits_while_flushing_is_closed_is_told_the_truth(tmp_path: Path) -> None:
    """It is in the log by then."""
    store, _ = SampleStore.recover(tmp_path, DAY, 0)
    flushing = Flushing(store, asyncio.get_running_loop(), lambda: 1)
    AnnouncingSink(store, flushing, Tap()).append_stamped(1, [(metric("m"), 1.0)])
    waiting = asyncio.gather(flushing.written())
    await Clock().sleep(0)
    await flushing.close()
    await waiting
    assert not store.dirty
    await flushing.written()
    store.close(2)
