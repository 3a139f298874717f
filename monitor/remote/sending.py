"""Sending: what is written here goes on to a receiver, in order and until it has been taken or refused.

Two loops for each receiver. One gathers what was written for some seconds, makes requests of it in a worker thread and puts
them on disk; the other sends the oldest one, over and over while the receiver is absent or overloaded, and goes on to the next.
One request is under way at a time, so the samples of a series keep their order. A kill loses what was gathered and not yet on
disk: `batch_send_deadline` at most. What a full disk keeps from the queue waits in memory, up to `capacity`, and is then lost,
the oldest first, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from monitor.clock import Clock, Wakeup
from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import Millis, Timestamp
from monitor.remote.attempts import Refused, Reply, RetryLater, Taken, judge
from monitor.remote.encoding import Encoder, Gathered
from monitor.remote.messages import MetricMetadata, encode_metadata
from monitor.remote.options import RemoteWrite
from monitor.remote.queueing import Batch, DiskQueue
from monitor.remote.snappy import compress

HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class Post(Protocol):
    """Asks the receiver."""

    async def __call__(self, body: bytes, headers: Mapping[str, str], within: Millis) -> Reply:
        """Whatever it answers. Raises PeerError when it does not."""
        ...


class Meters(Protocol):
    """What is counted of one receiver."""

    def sent(self, samples: int, size: int, seconds: float, at: Timestamp) -> None: ...

    def retried(self, samples: int) -> None: ...

    def failed(self, samples: int) -> None: ...

    def dropped(self, samples: int, reason: str) -> None: ...

    def pending(self, samples: int) -> None: ...


class Sending:
    """One receiver. `write` and `exemplar` are called on the loop for all that is stored; `warn` says what a person should
    know."""

    def __init__(
        self,
        target: RemoteWrite,
        *,
        queue: DiskQueue,
        post: Post,
        clock: Clock,
        meters: Meters,
        metadata: Callable[[], Iterable[MetricMetadata]],
        warn: Callable[[str], None],
    ) -> None:
        self.target = target
        self._queue = queue
        self._post = post
        self._clock = clock
        self._meters = meters
        self._metadata = metadata
        self._warn = warn
        self._encoder = Encoder(target)
        self._gathered = Gathered()
        self._unwritten: list[Batch] = []
        self._enough = Wakeup()
        self._arrived = Wakeup()
        self._gathering = asyncio.Lock()
        self._told = ""

    def __repr__(self) -> str:
        return f"Sending({self.target.name}, gathered={self._gathered.count}, {self._queue})"

    def write(self, at: Timestamp, labels: Sequence[Labels], values: NDArray[np.float64] | Sequence[float]) -> None:
        """A row was stored: one value for each series, MISSING where there is none."""
        gathered = self._gathered
        gathered.rows.append((at, labels, np.array(values, dtype=np.float64)))
        gathered.count += len(labels)
        if gathered.count >= self.target.samples_per_send:
            self._enough.set()

    def exemplar(self, labels: Labels, exemplar: Exemplar) -> None:
        """An exemplar was kept."""
        if self.target.exemplars:
            self._gathered.exemplars.append((labels, exemplar))

    async def gather(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.wait(self._enough, self._clock.now() + self.target.deadline)
            await self.flush()

    async def flush(self) -> None:
        """Put on disk what was gathered so far."""
        async with self._gathering:
            gathered, self._gathered = self._gathered, Gathered()
            if not gathered.rows and not gathered.exemplars and not self._unwritten:
                return
            lost, trouble = await asyncio.to_thread(self._put, gathered, self._clock.now())
            if trouble:
                self._say(trouble)
            for reason, samples in lost.items():
                self._meters.dropped(samples, reason)
            self._meters.pending(self._queue.samples)
            self._arrived.set()

    async def send(self) -> None:
        """Until cancelled."""
        backoff = self.target.min_backoff
        while True:
            batch = await asyncio.to_thread(self._queue.first)
            while self._queue.problems:
                self._say(self._queue.problems.pop())
            if batch is None:
                await self._clock.wait(self._arrived, None)
                continue
            now = self._clock.now()
            if self.target.age_limit and batch.at < now - self.target.age_limit:
                self._meters.dropped(batch.samples, "too_old")
                await self._over()
                continue
            verdict = judge(await self._asked(batch.body), backoff, retry_429=self.target.retry_429, now=now)
            match verdict:
                case Taken():
                    backoff = self.target.min_backoff
                    self._told = ""
                    self._meters.sent(batch.samples, len(batch.body), (self._clock.now() - now) / 1000, batch.at)
                    await self._over()
                case Refused(why):
                    backoff = self.target.min_backoff
                    self._meters.failed(batch.samples)
                    self._say(f"{batch.samples} samples were refused and are lost: {why}")
                    await self._over()
                case RetryLater(after, why):
                    self._meters.retried(batch.samples)
                    self._say(f"samples wait: {why}")
                    await self._clock.sleep(after)
                    backoff = min(2 * backoff, self.target.max_backoff)
                case _:
                    assert_never(verdict)

    async def tell(self) -> None:
        """Send metadata now and then; what does not arrive comes again with the next round. Until cancelled."""
        while True:
            await self._clock.sleep(self.target.metadata_interval)
            entries = list(self._metadata())
            most = self.target.metadata_per_send
            for start in range(0, len(entries), most):
                body = await asyncio.to_thread(_told_as, entries[start : start + most])
                await self._asked(body)

    async def _asked(self, body: bytes) -> Reply:
        try:
            return await self._post(body, HEADERS, self.target.timeout)
        except PeerError as error:
            return Reply(status=0, text=str(error))

    async def _over(self) -> None:
        try:
            await asyncio.to_thread(self._queue.done)
        except OSError as error:
            self._say(f"the place in the queue cannot be written: {error}; after a restart samples are sent again")
        self._meters.pending(self._queue.samples)

    def _put(self, gathered: Gathered, now: Timestamp) -> tuple[dict[str, int], str]:
        """How many samples were lost, by reason, and what a person should know. In a worker thread."""
        lost: dict[str, int] = {}
        trouble = ""
        made = [
            Batch(at=now, samples=samples, body=compress(body)) for body, samples in self._encoder.requests(gathered)
        ]
        waiting = [*self._unwritten, *made]
        self._unwritten = []
        for place, batch in enumerate(waiting):
            try:
                over = self._queue.append([batch])
            except OSError as error:
                trouble = f"the queue cannot be written: {error.strerror or error}; samples wait in memory"
                self._unwritten = waiting[place:]
                while len(self._unwritten) > 1 and sum(one.samples for one in self._unwritten) > self.target.capacity:
                    lost["disk_full"] = lost.get("disk_full", 0) + self._unwritten.pop(0).samples
                break
            if over:
                lost["queue_full"] = lost.get("queue_full", 0) + over
        return lost, trouble

    def _say(self, text: str) -> None:
        """The same trouble is told once."""
        if text != self._told:
            self._told = text
            self._warn(text)


def _told_as(entries: Sequence[MetricMetadata]) -> bytes:
    return compress(encode_metadata(entries))
