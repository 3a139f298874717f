"""Sending samples on, as the configuration has it: queues, tasks and metrics of all receivers.

The metrics bear Prometheus's names, so that dashboards and rules for remote write work; they are there once there is a
receiver.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitor.app.announcing import Tap
from monitor.app.drivers import Drivers
from monitor.config.configuration import Configuration, RemoteReceiver
from monitor.model.times import Millis, Timestamp
from monitor.net.asking import Asking
from monitor.net.http_config import HttpClient
from monitor.remote.attempts import Reply
from monitor.remote.messages import MetricMetadata
from monitor.remote.queueing import DiskQueue
from monitor.remote.receiving import Refused
from monitor.remote.sending import Sending
from monitor.tsdb.store import SampleStore

_LABELS = ("remote_name", "url")
_MOST_TEXT = 1_000


@dataclass(slots=True)
class _Running:
    receiver: RemoteReceiver
    sending: Sending
    tasks: list[asyncio.Task[None]]


def refused_by(samples: SampleStore) -> Refused:
    """What receiving is told about the store."""
    intake = samples.intake
    return Refused(late=intake.dropped, too_old=intake.too_old, duplicate=intake.duplicates)


class RemoteWriting:
    """All receivers. `tap` is to be told of every sample."""

    def __init__(self, drivers: Drivers, ask: Asking | None, configuration: Configuration) -> None:
        self.tap = Tap()
        self._drivers = drivers
        self._ask = ask
        self._folder = configuration.storage.folder / "remote"
        self._most = configuration.storage.remote_write_queue
        self._running: dict[str, _Running] = {}
        self._metrics: RemoteMetrics | None = None

    def __repr__(self) -> str:
        return f"RemoteWriting({[one.sending for one in self._running.values()]})"

    async def start(self, configuration: Configuration, metadata: Callable[[], Iterable[MetricMetadata]]) -> None:
        """Send to these receivers from now on. One that stays as it was is not disturbed; the queue of one that is gone is
        deleted."""
        ask = self._ask
        if ask is None:
            return
        wanted = {_key(one): one for one in configuration.remote_writes}
        for key, running in list(self._running.items()):
            if wanted.get(key) != running.receiver:
                await self._end(key, running)
        for key, receiver in wanted.items():
            if key not in self._running:
                await self._begin(key, receiver, ask, metadata)
        self.tap.takers = tuple(one.sending for one in self._running.values())
        await asyncio.to_thread(_clean, self._folder, set(wanted))

    async def flush(self) -> None:
        """Everything that was written so far is on disk when this returns."""
        for running in self._running.values():
            await running.sending.flush()

    async def _begin(
        self, key: str, receiver: RemoteReceiver, ask: Asking, metadata: Callable[[], Iterable[MetricMetadata]]
    ) -> None:
        drivers, options = self._drivers, receiver.options

        def warn(text: str) -> None:
            drivers.log.warning("remote write", receiver=options.name, problem=text)

        try:
            queue = await asyncio.to_thread(DiskQueue, self._folder / key, self._most)
        except OSError as error:
            warn(f"nothing is sent: the queue {self._folder / key} cannot be used: {error}")
            return
        self._metrics = self._metrics or RemoteMetrics(drivers.telemetry.registry)
        sending = Sending(
            options,
            queue=queue,
            post=Posting(ask, options.url, receiver.client),
            clock=drivers.clock,
            meters=self._metrics.of(options.name, options.url),
            metadata=metadata,
            warn=warn,
        )
        keep, name = drivers.supervisor.keep, f"remote/{options.name}"
        tasks = [keep(f"{name} gather", sending.gather), keep(f"{name} send", sending.send)]
        if options.metadata:
            tasks.append(keep(f"{name} metadata", sending.tell))
        self._running[key] = _Running(receiver, sending, tasks)

    async def _end(self, key: str, running: _Running) -> None:
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        await running.sending.flush()
        del self._running[key]


class Posting:
    """Implements `monitor.remote.sending.Post`."""

    def __init__(self, ask: Asking, url: str, client: HttpClient) -> None:
        self._ask = ask
        self._url = url
        self._client = client

    async def __call__(self, body: bytes, headers: Mapping[str, str], within: Millis) -> Reply:
        async with self._ask.post(self._url, self._client, headers, body, within) as answer:
            text = (await answer.content.read(_MOST_TEXT)).decode(errors="replace")
            return Reply(status=answer.status, retry_after=answer.headers.get("Retry-After", ""), text=text)


class RemoteMetrics:
    """Prometheus's own, by its names (storage/remote/queue_manager.go)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        prefix = "prometheus_remote_storage_"
        self._sent = Counter(
            f"{prefix}samples_total", "Samples that receivers were sent and have taken.", _LABELS, registry=registry
        )
        self._failed = Counter(
            f"{prefix}samples_failed_total",
            "Samples that a receiver refused; they are lost.",
            _LABELS,
            registry=registry,
        )
        self._retried = Counter(
            f"{prefix}samples_retried_total", "Samples that had to be sent again.", _LABELS, registry=registry
        )
        self._dropped = Counter(
            f"{prefix}samples_dropped_total",
            "Samples that were lost before they were sent.",
            (*_LABELS, "reason"),
            registry=registry,
        )
        self._pending = Gauge(f"{prefix}samples_pending", "Samples that wait on disk.", _LABELS, registry=registry)
        self._bytes = Counter(f"{prefix}bytes_total", "Bytes sent, compressed.", _LABELS, registry=registry)
        self._seconds = Histogram(
            f"{prefix}sent_batch_duration_seconds", "How long receivers take.", _LABELS, registry=registry
        )
        self._highest = Gauge(
            f"{prefix}queue_highest_sent_timestamp_seconds",
            "When the newest request that was taken had been made.",
            _LABELS,
            registry=registry,
        )

    def of(self, name: str, url: str) -> ReceiverMeters:
        parts = urlsplit(url)
        # without credentials
        return ReceiverMeters(self, name, parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())

    def meters(self) -> tuple[Counter, Counter, Counter, Counter, Gauge, Counter, Histogram, Gauge]:
        """Sent, failed, retried, dropped, pending, bytes, seconds, highest."""
        return (
            self._sent,
            self._failed,
            self._retried,
            self._dropped,
            self._pending,
            self._bytes,
            self._seconds,
            self._highest,
        )


class ReceiverMeters:
    """Implements `monitor.remote.sending.Meters`."""

    def __init__(self, metrics: RemoteMetrics, name: str, url: str) -> None:
        sent, failed, retried, self._dropped, pending, size, seconds, highest = metrics.meters()
        self._where = (name, url)
        self._sent, self._failed, self._retried = (
            sent.labels(name, url),
            failed.labels(name, url),
            retried.labels(name, url),
        )
        self._pending, self._bytes = pending.labels(name, url), size.labels(name, url)
        self._seconds, self._highest = seconds.labels(name, url), highest.labels(name, url)

    def sent(self, samples: int, size: int, seconds: float, at: Timestamp) -> None:
        self._sent.inc(samples)
        self._bytes.inc(size)
        self._seconds.observe(max(seconds, 0.0))
        self._highest.set(at / 1000)

    def retried(self, samples: int) -> None:
        self._retried.inc(samples)

    def failed(self, samples: int) -> None:
        self._failed.inc(samples)

    def dropped(self, samples: int, reason: str) -> None:
        self._dropped.labels(*self._where, reason).inc(samples)

    def pending(self, samples: int) -> None:
        self._pending.set(samples)


def _key(receiver: RemoteReceiver) -> str:
    """The name of the queue's folder."""
    text = f"{receiver.options.name}|{receiver.options.url}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _clean(folder: Path, wanted: set[str]) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            if path.is_dir() and path.name not in wanted:
                shutil.rmtree(path, ignore_errors=True)
