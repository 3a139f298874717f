"""Receiving: what a sender writes becomes samples like any other.

As Prometheus: a series without a name, or with a label that is no label or stands twice, is left out; a sample that is not
newer than the last one of its series (or, where there is a window for late ones, is from before it), or from more than ten
minutes ahead or from before the retention, is left out. Unlike Prometheus, what is right in such a request is kept, and
the answer (400, so that the sender does not try again) says how much was not.
A request that was received whole already is received again without a word: senders repeat one whose answer got lost.

Large requests are read in a worker thread and stored in slices; between two of them other tasks run.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import add
from typing import Final, NamedTuple

from monitor.clock import Clock
from monitor.columns.sink import SampleSink
from monitor.model.errors import RequestError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import Exemplar, is_stale
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.remote.messages import MetricMetadata, SeriesWrite, WriteRequest, decode_write_request
from monitor.remote.snappy import decompress

_AHEAD: Final[Millis] = 10 * MINUTE
_INLINE_BYTES: Final = 8_000
_SLICE: Final = 500
_REMEMBERED: Final = 64
_MOST_METADATA: Final = 20_000


class Refused(NamedTuple):
    """How many samples the store has refused so far."""

    late: int
    """Out of order."""
    too_old: int
    """From before the window for those out of order."""
    duplicate: int
    """With the time of their series' newest one and another value."""

    def since(self, before: Refused) -> Refused:
        """How many more than before."""
        return Refused(*[now - then for now, then in zip(self, before, strict=True)])


class PartlyKeptError(RequestError):
    """Not all of a request could be kept; the message says how much. Sending it again does not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What of a request can be stored, and how much cannot."""

    samples: Mapping[Timestamp, Mapping[Labels, float]]
    exemplars: tuple[tuple[Labels, Exemplar], ...]
    count: int
    """Samples in `samples`."""
    invalid: int
    """Samples of series whose labels are no labels."""
    out_of_bounds: int
    """Samples too far ahead, or older than the retention."""
    repeated: int
    """Samples of which the same request has another one of the same series and time."""
    histograms: int


class Receiving:
    """`refused()` counts the samples that the sink has refused so far; `keep` takes exemplars, False for one that is not
    kept; `written()` waits until what the sink has taken outlives the process: what a sender was told to be here it never sends
    again."""

    def __init__(
        self,
        *,
        sink: SampleSink,
        keep: Callable[[Labels, Exemplar], bool],
        refused: Callable[[], Refused],
        written: Callable[[], Awaitable[None]],
        clock: Clock,
        retention: Callable[[], Millis],
    ) -> None:
        self._sink = sink
        self._keep = keep
        self._refused = refused
        self._written = written
        self._clock = clock
        self._retention = retention
        self._whole: OrderedDict[bytes, None] = OrderedDict()
        self.metadata: dict[str, MetricMetadata] = {}
        """The last word of senders about each metric."""

    def __repr__(self) -> str:
        return f"Receiving({len(self.metadata)} metrics)"

    async def receive(self, body: bytes) -> int:
        """Store a compressed request; returns how many samples came. Raises NoSnappyError, TooLargeError, WireFormatError when
        nothing was stored, PartlyKeptError when a part was."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        if digest in self._whole:
            await self._written()
            return 0
        now = self._clock.now()
        oldest = now - self._retention()
        admitted = (
            _read(body, oldest, now + _AHEAD)
            if len(body) <= _INLINE_BYTES
            else await asyncio.to_thread(_read, body, oldest, now + _AHEAD)
        )
        request, found = admitted
        refused = await self._store(found)
        for entry in request.metadata:
            if entry.metric in self.metadata or len(self.metadata) < _MOST_METADATA:
                self.metadata[entry.metric] = entry
        problems = list(_problems(found, refused))
        if not problems:  # noted before the wait: who sends it again meanwhile waits as well
            self._whole[digest] = None
            if len(self._whole) > _REMEMBERED:
                self._whole.popitem(last=False)
        await self._written()
        if problems:
            kept = found.count - sum(refused)
            raise PartlyKeptError(f"{'; '.join(problems)}; {kept} samples of the request were kept")
        return found.count

    async def _store(self, found: Admitted) -> Refused:
        """How many samples the store refused."""
        refused = Refused(0, 0, 0)
        stored = 0
        for at in sorted(found.samples):
            for part in _parts(found.samples[at].items()):
                before = self._refused()
                self._sink.append_stamped(at, part)
                more = self._refused().since(before)
                refused = Refused(*map(add, refused, more))
                stored += len(part)
                if stored >= _SLICE:
                    stored = 0
                    await self._clock.sleep(0)
        for labels, exemplar in found.exemplars:
            self._keep(labels, exemplar)
        return refused


def admit(request: WriteRequest, oldest: Timestamp, latest: Timestamp) -> Admitted:
    """Which samples of a request may be stored: those in [oldest, latest] of series that are series."""
    samples: dict[Timestamp, dict[Labels, float]] = {}
    exemplars: list[tuple[Labels, Exemplar]] = []
    count = invalid = out_of_bounds = repeated = histograms = 0
    for one in request.series:
        histograms += one.histograms
        labels = _labels(one)
        if labels is None:
            invalid += len(one.samples)
            continue
        for at, value in one.samples:
            if not oldest <= at <= latest:
                out_of_bounds += 1
                continue
            row = samples.setdefault(at, {})
            if labels in row:
                repeated += 1
                continue
            # any other NaN might have the bits by which the store marks a gap
            row[labels] = math.nan if value != value and not is_stale(value) else value
            count += 1
        exemplars += [(labels, each) for each in one.exemplars if oldest <= each.timestamp <= latest]
    return Admitted(
        samples=samples,
        exemplars=tuple(exemplars),
        count=count,
        invalid=invalid,
        out_of_bounds=out_of_bounds,
        repeated=repeated,
        histograms=histograms,
    )


def _read(body: bytes, oldest: Timestamp, latest: Timestamp) -> tuple[WriteRequest, Admitted]:
    request = decode_write_request(decompress(body))
    return request, admit(request, oldest, latest)


def _labels(one: SeriesWrite) -> Labels | None:
    named = dict(one.labels)
    if len(named) < len(one.labels) or "" in named or not named.get(METRIC_NAME):
        return None
    return Labels(named)


def _problems(found: Admitted, refused: Refused) -> Iterator[str]:
    if refused.late:
        yield f"out of order sample: {refused.late} are not newer than the last one of their series"
    if refused.too_old:
        yield f"too old sample: {refused.too_old} are from before the window for those out of order"
    if refused.duplicate:
        yield f"duplicate sample for timestamp: {refused.duplicate} have another value than their series' newest one"
    if found.out_of_bounds:
        yield f"out of bounds: {found.out_of_bounds} samples are from before the retention or more than ten minutes ahead"
    if found.repeated:
        yield f"duplicate sample for timestamp: {found.repeated} come twice in the request"
    if found.invalid:
        yield f"{found.invalid} samples belong to series without a name or with invalid or duplicate labels"
    if found.histograms:
        yield f"{found.histograms} native histograms, which are not served"


def _parts(samples: Iterable[tuple[Labels, float]]) -> Iterator[list[tuple[Labels, float]]]:
    part: list[tuple[Labels, float]] = []
    for one in samples:
        part.append(one)
        if len(part) == _SLICE:
            yield part
            part = []
    if part:
        yield part
