"""From what is written to what a receiver gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from monitor.clock import Clock
from monitor.matching.relabel import Relabeling, RelabelRule
from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.samples import MISSING, STALE, Exemplar, is_stale
from monitor.model.times import Millis, Timestamp
from monitor.remote.attempts import Refused, Reply, RetryLater, Taken, judge
from monitor.remote.messages import MetricMetadata, WriteRequest, decode_write_request
from monitor.remote.options import RemoteWrite
from monitor.remote.queueing import DiskQueue
from monitor.remote.sending import Sending
from monitor.remote.snappy import decompress
from tests.support.samples import metric

TARGET = RemoteWrite(name="r", url="http://r", min_backoff=1, max_backoff=4, metadata=False)


class FakePost:
    """A receiver: answers as scripted, then 204."""

    def __init__(self, *replies: int | Reply) -> None:
        self.replies = [one if isinstance(one, Reply) else Reply(status=one, text="said") for one in replies]
        self.got: list[WriteRequest] = []
        self.asked = 0
        self.enough = asyncio.Event()
        self.wanted = 1

    async def __call__(self, body: bytes, headers: Mapping[str, str], within: Millis) -> Reply:
        assert headers["Content-Encoding"] == "snappy"
        self.asked += 1
        if self.replies:
            reply = self.replies.pop(0)
            if reply.status == 0:
                raise PeerError(reply.text)
        else:
            reply = Reply(status=204)
        if reply.status < 300:
            self.got.append(decode_write_request(decompress(body)))
        if self.asked >= self.wanted:
            self.enough.set()
        return reply

    def samples(self) -> list[tuple[str, Timestamp, float]]:
        return [
            (str(Labels(one.labels)), at, value)
            for request in self.got
            for one in request.series
            for at, value in one.samples
        ]


@dataclass
class FakeMeters:
    """Counts by name."""

    counted: dict[str, int] = field(default_factory=dict[str, int])

    def _count(self, name: str, samples: int) -> None:
        self.counted[name] = self.counted.get(name, 0) + samples

    def sent(self, samples: int, size: int, seconds: float, at: Timestamp) -> None:
        self._count("sent", samples)

    def retried(self, samples: int) -> None:
        self._count("retried", samples)

    def failed(self, samples: int) -> None:
        self._count("failed", samples)

    def dropped(self, samples: int, reason: str) -> None:
        self._count(reason, samples)

    def pending(self, samples: int) -> None:
        self.counted["pending"] = samples


@dataclass
class Line:
    """A Sending with what is around it."""

    sending: Sending
    post: FakePost
    meters: FakeMeters
    warnings: list[str]

    async def sent(self, requests: int = 1) -> None:
        """Put on disk what was written; returns when so many requests were asked and all have been dealt with."""
        self.post.wanted = requests
        await self.sending.flush()
        task = asyncio.get_running_loop().create_task(self.sending.send())
        await self.post.enough.wait()
        while self.meters.counted.get("pending", 0):  # noqa: ASYNC110 - the last answer is being noted
            await asyncio.sleep(0)  # noqa: TID251
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def line(
    folder: Path, *replies: int | Reply, target: RemoteWrite = TARGET, now: Timestamp = 1_000
) -> AsyncGenerator[Line]:
    post, meters, warnings = FakePost(*replies), FakeMeters(), list[str]()
    sending = Sending(
        target,
        queue=DiskQueue(folder, 1 << 30),
        post=post,
        clock=Clock(lambda: now),
        meters=meters,
        metadata=lambda: [MetricMetadata(metric="m", type="gauge")],
        warn=warnings.append,
    )
    yield Line(sending, post, meters, warnings)


async def test_rows_arrive_with_external_labels_and_relabelled(tmp_path: Path) -> None:
    """A label that a series has already wins; gaps are not sent, ends are; what relabelling drops stays here."""
    drop = Relabeling([RelabelRule(source_labels=("__name__",), regex="secret", action="drop")])
    target = replace(TARGET, external_labels=Labels({"region": "eu", "job": "x"}), relabel=drop)
    async with line(tmp_path, target=target) as it:
        series = [metric("up", job="j"), metric("secret"), metric("gap"), metric("gone")]
        it.sending.write(5_000, series, [1.0, 2.0, MISSING, STALE])
        await it.sent()
        assert [(name, at) for name, at, _ in it.post.samples()] == [
            ('up{job="j", region="eu"}', 5_000),
            ('gone{job="x", region="eu"}', 5_000),
        ]
        assert is_stale(it.post.samples()[1][2])
        assert it.meters.counted == {"sent": 2, "pending": 0}


async def test_requests_are_cut_to_size_and_keep_the_order(tmp_path: Path) -> None:
    """Of each series, and so of all."""
    async with line(tmp_path, target=replace(TARGET, samples_per_send=3)) as it:
        for at in range(1, 8):
            it.sending.write(at, [metric("m")], [float(at)])
        await it.sent(3)
        assert [at for _, at, _ in it.post.samples()] == list(range(1, 8))
        assert [sum(len(one.samples) for one in request.series) for request in it.post.got] == [3, 3, 1]


@pytest.mark.parametrize("trouble", [500, 503, 429, Reply(status=0, text="connection refused")])
async def test_an_absent_receiver_is_waited_for(tmp_path: Path, trouble: int | Reply) -> None:
    """Nothing is lost, nothing overtakes, and the log says it once."""
    async with line(tmp_path, trouble, trouble, trouble) as it:
        it.sending.write(1, [metric("m")], [1.0])
        await it.sending.flush()
        it.sending.write(2, [metric("m")], [2.0])
        await it.sent(5)
        assert [at for _, at, _ in it.post.samples()] == [1, 2]
        assert it.meters.counted == {"retried": 3, "sent": 2, "pending": 0}
        assert len(it.warnings) == 1


async def test_what_a_receiver_refuses_is_dropped_and_counted(tmp_path: Path) -> None:
    """It would refuse it again; the next goes on."""
    async with line(tmp_path, 400) as it:
        it.sending.write(1, [metric("m")], [1.0])
        await it.sending.flush()
        it.sending.write(2, [metric("m")], [2.0])
        await it.sent(2)
        assert [at for _, at, _ in it.post.samples()] == [2]
        assert it.meters.counted == {"failed": 1, "sent": 1, "pending": 0}
        assert "400: said" in it.warnings[0]


async def test_a_restart_sends_what_waits(tmp_path: Path) -> None:
    """And only that."""
    async with line(tmp_path) as before:
        before.sending.write(1, [metric("m")], [1.0])
        await before.sending.flush()
    async with line(tmp_path) as after:
        after.sending.write(2, [metric("m")], [2.0])
        await after.sent(2)
        assert [at for _, at, _ in after.post.samples()] == [1, 2]


async def test_what_is_older_than_the_age_limit_is_not_sent(tmp_path: Path) -> None:
    """A receiver that was away for long wants the present first."""
    async with line(tmp_path) as before:
        before.sending.write(1, [metric("m")], [1.0])
        await before.sending.flush()
    async with line(tmp_path, target=replace(TARGET, age_limit=10_000), now=20_000) as after:
        after.sending.write(2, [metric("m")], [2.0])
        await after.sent()
        assert [at for _, at, _ in after.post.samples()] == [2]
        assert after.meters.counted["too_old"] == 1


async def test_a_full_disk_keeps_samples_in_memory_for_a_while(tmp_path: Path) -> None:
    """Up to the capacity, the newest of them; they go to disk when there is room again."""
    folder = tmp_path / "queue"
    async with line(folder, target=replace(TARGET, capacity=2)) as it:
        folder.rmdir()
        for at in range(1, 5):
            it.sending.write(at, [metric("m")], [1.0])
            await it.sending.flush()
        assert it.meters.counted["disk_full"] == 2
        assert len(it.warnings) == 1
        folder.mkdir()
        await it.sent(2)
        assert [at for _, at, _ in it.post.samples()] == [3, 4]


async def test_exemplars_go_along_where_they_are_wanted(tmp_path: Path) -> None:
    """With the labels of their series."""
    exemplar = Exemplar(Labels({"trace_id": "t"}), 1.0, 5)
    for wanted in (True, False):
        async with line(tmp_path / str(wanted), target=replace(TARGET, exemplars=wanted)) as it:
            it.sending.exemplar(metric("m"), exemplar)
            it.sending.write(1, [metric("m")], [1.0])
            await it.sent()
            assert [one for made in it.post.got[0].series for one in made.exemplars] == [exemplar] * wanted


async def test_metadata_is_sent_now_and_then(tmp_path: Path) -> None:
    """Beside the queue: the next round says it again."""
    async with line(tmp_path, target=replace(TARGET, metadata_interval=1)) as it:
        task = asyncio.get_running_loop().create_task(it.sending.tell())
        await it.post.enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert it.post.got[0].metadata == (MetricMetadata(metric="m", type="gauge"),)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(status=204), Taken()),
        (Reply(status=500, text=" oops\n"), RetryLater(7, "HTTP status 500: oops")),
        (Reply(status=503, retry_after="3", text="x"), RetryLater(3_000, "HTTP status 503: x")),
        (
            Reply(status=429, retry_after="Thu, 01 Jan 1970 00:00:05 GMT", text="x"),
            RetryLater(4_000, "HTTP status 429: x"),
        ),
        (Reply(status=429, retry_after="soon", text="x"), RetryLater(7, "HTTP status 429: x")),
        (Reply(status=429, retry_after="999999999", text="x"), RetryLater(600_000, "HTTP status 429: x")),
        (Reply(status=400, text="x"), Refused("HTTP status 400: x")),
        (Reply(status=302, text="x"), Refused("HTTP status 302: x")),
        (Reply(status=0, text="refused"), RetryLater(7, "refused")),
    ],
)
def test_an_answer_decides_what_comes_next(reply: Reply, verdict: object) -> None:
    """As Prometheus's queue: 5xx and 429 again, other refusals never; a wish for time is granted up to ten minutes."""
    assert judge(reply, 7, retry_429=True, now=1_000) == verdict


def test_a_receiver_without_time_may_lose_samples_if_wanted() -> None:
    """retry_on_http_429: false."""
    assert isinstance(judge(Reply(status=429), 7, retry_429=False, now=0), Refused)
