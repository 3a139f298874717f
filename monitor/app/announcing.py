"""What every row of samples sets off: a flush within a second, and an early look of the rules.

Writers get a sink that looks like the store. There is no ticker: the first row after a flush arms the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import STALE_VALUE
from monitor.columns.sink import RowWriter, SampleSink
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import Timestamp
from monitor.remote.sending import Sending
from monitor.tsdb.store import SampleStore

Saw = Callable[[Timestamp, Sequence[Labels]], None]
"""Told of each row: its time and its series (the same object for as long as the series are the same)."""

_FLUSH_AFTER = 1.0
_SLACK = 0.1
"""Seconds by which a flush may come early. One that is due so soon is done with what is written just then, which saves waking
up for it alone."""
_SOON = 0.005
"""Seconds after which it is flushed for somebody who waits; others who come to wait meanwhile share it."""
_LONG_FLUSH = 0.005
_LARGE_FLUSH = 50_000
"""Values: two or three milliseconds. A thread that writes while the loop reads answers costs both more than the writing."""


class Flushing:
    """Writes the log once a second while there is something to write, at once when somebody waits for it; in a worker thread
    when that takes long. A flush that is nearly due comes along with what is written: it is done in the same round of the
    loop."""

    def __init__(self, store: SampleStore, loop: asyncio.AbstractEventLoop, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._loop = loop
        self._now = now
        self._timer: asyncio.Handle | None = None
        self._due = 0.0
        self._running: asyncio.Future[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._took = 0.0
        self._closed = False

    def arm(self) -> None:
        """Something was written. Once this is closed, closing the store writes it."""
        if self._closed:
            return
        if self._timer is None:
            self._flush_after(_FLUSH_AFTER)
            return
        time = self._loop.time()
        # Waking up once more costs more than the flush; but those who wait are to share one.
        if not self._waiting and self._due - _SLACK < time < self._due:
            self._timer.cancel()
            self._due = time
            self._timer = self._loop.call_soon(self._flush)

    async def written(self) -> None:
        """Wait until all that was stored before is in the log: then it outlives the process. Where the disk refuses the log,
        nobody waits for it."""
        if self._closed or self._store.log_error or not (self._store.dirty or self._is_running):
            return
        told: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(told)
        if not self._is_running and (self._timer is None or self._due - _SOON > self._loop.time()):
            self._flush_after(_SOON)
        await told

    async def close(self) -> None:
        """Wait for a flush under way, and flush for those who wait; then the store may be closed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            await asyncio.wait([self._running])
        if self._waiting:
            try:
                await self._loop.run_in_executor(None, self._write)
            finally:
                self._tell(self._all_waiting())

    @property
    def _is_running(self) -> bool:
        return self._running is not None and not self._running.done()

    def _flush_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._loop.time() + seconds
        self._timer = self._loop.call_later(seconds, self._flush)

    def _flush(self) -> None:
        self._timer = None
        if self._is_running:
            return  # what it misses is written after it
        told = self._all_waiting()
        if self._took > _LONG_FLUSH or self._store.backlog > _LARGE_FLUSH:
            self._running = self._loop.run_in_executor(None, self._write)
            self._running.add_done_callback(lambda done: self._ended(done, told))
        else:
            try:
                self._write()
            finally:
                self._tell(told)

    def _write(self) -> None:
        began = self._loop.time()
        self._store.flush(self._now())
        self._took = self._loop.time() - began

    def _ended(self, done: asyncio.Future[None], told: Sequence[asyncio.Future[None]]) -> None:
        """The thread is through; those who came to wait meanwhile may have stored what it missed."""
        self._tell(told)
        if not self._closed and self._timer is None and (self._waiting or self._store.dirty):
            self._flush_after(_SOON if self._waiting else _FLUSH_AFTER)
        done.result()

    def _all_waiting(self) -> Sequence[asyncio.Future[None]]:
        told, self._waiting = self._waiting, []
        return told

    def _tell(self, told: Sequence[asyncio.Future[None]]) -> None:
        for one in told:
            if not one.done():
                one.set_result(None)


class Tap:
    """Hears of everything that is written, for those who send it on. With nobody there, it costs a look."""

    def __init__(self) -> None:
        self.takers: tuple[Sending, ...] = ()

    def row(self, at: Timestamp, labels: Sequence[Labels], values: NDArray[np.float64] | Sequence[float]) -> None:
        for taker in self.takers:
            taker.write(at, labels, values)

    def exemplar(self, labels: Labels, exemplar: Exemplar) -> None:
        for taker in self.takers:
            taker.exemplar(labels, exemplar)


class AnnouncingSink:
    """A SampleSink before the store; `saw` hears of each row, `tap` of everything."""

    def __init__(self, store: SampleSink, flushing: Flushing, tap: Tap, saw: Saw | None = None) -> None:
        self._store = store
        self._flushing = flushing
        self._tap = tap
        self._saw = saw

    def open(self, labels: Sequence[Labels]) -> RowWriter:
        return _AnnouncingWriter(self._store.open(labels), labels, self._flushing, self._tap, self._saw)

    def opening(self, labels: Sequence[Labels]) -> Generator[None, None, RowWriter]:
        writer = yield from self._store.opening(labels)
        return _AnnouncingWriter(writer, labels, self._flushing, self._tap, self._saw)

    def append(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        # Loose samples carry times of their own: no early look is owed to them.
        self._store.append(at, self._tapped(at, samples))
        self._flushing.arm()

    def append_stamped(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> None:
        self._store.append_stamped(at, self._tapped(at, samples))
        self._flushing.arm()

    def appending_stamped(
        self, at: Timestamp, labels: Sequence[Labels], values: Sequence[float]
    ) -> Generator[None, None, None]:
        if self._tap.takers and labels:
            self._tap.row(at, labels, values)
        yield from self._store.appending_stamped(at, labels, values)
        self._flushing.arm()

    def appending(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        if self._tap.takers and labels:
            self._tap.row(at, labels, values)
        yield from self._store.appending(at, labels, values)
        self._flushing.arm()

    def appending_again(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        if self._tap.takers and labels:
            self._tap.row(at, labels, values)
        yield from self._store.appending_again(at, labels, values)
        self._flushing.arm()

    def append_again(self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]) -> None:
        if self._tap.takers and labels:
            self._tap.row(at, labels, values)
        self._store.append_again(at, labels, values)
        self._flushing.arm()

    def _tapped(self, at: Timestamp, samples: Iterable[tuple[Labels, float]]) -> Iterable[tuple[Labels, float]]:
        if self._tap.takers:
            samples = list(samples)
            if samples:
                self._tap.row(at, [labels for labels, _ in samples], [value for _, value in samples])
        return samples


class _AnnouncingWriter:
    __slots__ = ("_flushing", "_labels", "_saw", "_tap", "_tapped", "_writer")

    def __init__(
        self, writer: RowWriter, labels: Sequence[Labels], flushing: Flushing, tap: Tap, saw: Saw | None
    ) -> None:
        self._writer = writer
        self._tap = tap
        self._tapped: Timestamp | None = None
        self._labels = labels
        self._flushing = flushing
        self._saw = saw

    def append(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        self._writer.append(at, values)
        self._flushing.arm()
        if self._tap.takers:
            self._told(at, values)
        if self._saw is not None:
            self._saw(at, self._labels)

    def replace(self, labels: Sequence[Labels]) -> None:
        self._labels = labels
        self._writer.replace(labels)

    def replacing(self, labels: Sequence[Labels]) -> Generator[None, None, None]:
        yield from self._writer.replacing(labels)
        self._labels = labels

    def close(self, at: Timestamp | None) -> None:
        self._writer.close(at)
        self._flushing.arm()
        if self._tap.takers and at is not None:
            self._told(at, np.repeat(STALE_VALUE, len(self._labels)))

    def _told(self, at: Timestamp, values: NDArray[np.float64] | Sequence[float]) -> None:
        if self._tapped is None or at > self._tapped:  # else the store has dropped it
            self._tapped = at
            self._tap.row(at, self._labels, values)
