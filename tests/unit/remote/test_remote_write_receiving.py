"""What of a sender's request is kept, and what the sender hears."""

from __future__ import annotations

import math

import pytest

from monitor.app.remote_writing import refused_by
from monitor.clock import Clock
from monitor.model.labels import Labels
from monitor.model.samples import STALE, Exemplar, is_stale
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.remote.messages import MetricMetadata, encode_labels, encode_metadata, encode_series, encode_write_request
from monitor.remote.receiving import PartlyKeptError, Receiving
from monitor.remote.snappy import compress
from monitor.tsdb.exemplars import ExemplarStore
from monitor.tsdb.store import SampleStore
from tests.support.samples import ALWAYS, metric

NOW: Timestamp = 1_700_000_000_000


class World:
    """A store, and what receives into it."""

    def __init__(self) -> None:
        self.store = SampleStore.in_memory(24 * HOUR)
        self.exemplars = ExemplarStore()
        self.written: list[int] = []
        """How many series the store had each time when somebody waited for the log."""
        self.meanwhile: bytes | None = None
        """A request that comes while the first one waits."""
        self.receiving = Receiving(
            sink=self.store,
            keep=self.exemplars.add,
            refused=lambda: refused_by(self.store),
            written=self.waited,
            clock=Clock(lambda: NOW),
            retention=lambda: HOUR,
        )

    async def waited(self) -> None:
        self.written.append(self.store.stats().series)
        if self.meanwhile is not None:
            again, self.meanwhile = self.meanwhile, None
            assert await self.receiving.receive(again) == 0

    async def write(self, series: dict[Labels, list[tuple[Timestamp, float]]]) -> int:
        return await self.receiving.receive(compress(encode_write_request(series)))

    def values(self) -> dict[str, list[tuple[Timestamp, float]]]:
        found: dict[str, list[tuple[Timestamp, float]]] = {}
        for frame in self.store.view().select((), *ALWAYS):
            matrix = frame.values(0, len(frame.times)).tolist()
            for labels, row in zip(frame.labels, matrix, strict=True):
                found[str(labels)] = [
                    (at, value)
                    for at, value in zip(frame.times.tolist(), row, strict=True)
                    if value == value or is_stale(value)
                ]
        return found


async def test_samples_of_any_times_are_stored() -> None:
    """Several of one series, series of different times, ends of series."""
    world = World()
    up, down = metric("up", job="a"), metric("down")
    assert await world.write({up: [(NOW - 10, 1), (NOW - 5, 2)], down: [(NOW - 7, 3), (NOW, STALE)]}) == 4
    found = world.values()
    assert found['up{job="a"}'] == [(NOW - 10, 1), (NOW - 5, 2)]
    assert found["down"][0] == (NOW - 7, 3)
    assert is_stale(found["down"][1][1])


async def test_what_is_out_of_order_is_told_and_the_rest_kept() -> None:
    """The sender hears how much."""
    world = World()
    await world.write({metric("a"): [(NOW - 10, 1)]})
    with pytest.raises(
        PartlyKeptError, match=r"out of order sample: 1 are not newer .*; 1 samples of the request were kept"
    ):
        await world.write({metric("a"): [(NOW - 20, 5)], metric("b"): [(NOW - 20, 7)]})
    assert world.values() == {"a": [(NOW - 10, 1)], "b": [(NOW - 20, 7)]}


async def test_the_same_request_again_is_no_mistake() -> None:
    """Its answer was lost on the way."""
    world = World()
    series = {metric("a"): [(NOW - 10, 1.0)]}
    assert await world.write(series) == 1
    assert await world.write(series) == 0


@pytest.mark.parametrize(
    ("series", "problem"),
    [
        ({metric("a"): [(NOW + 11 * MINUTE, 1.0)]}, "out of bounds: 1"),
        ({metric("a"): [(NOW - HOUR - 1, 1.0)]}, "out of bounds: 1"),
        ({metric("a"): [(NOW, 1.0), (NOW, 2.0)]}, "duplicate sample for timestamp: 1"),
        ({Labels({"b": "c"}): [(NOW, 1.0)]}, "1 samples belong to series without a name"),
    ],
    ids=["ahead", "too old", "twice", "nameless"],
)
async def test_what_cannot_be_kept_is_told(series: dict[Labels, list[tuple[Timestamp, float]]], problem: str) -> None:
    """By its kind."""
    with pytest.raises(PartlyKeptError, match=problem):
        await World().write(series)


async def test_the_answer_waits_for_the_log() -> None:
    """Whatever it says: the sender will not send what was kept again. So does the answer to a repeated request."""
    world = World()
    for _ in range(2):
        await world.write({metric("a"): [(NOW, 1.0)]})
    with pytest.raises(PartlyKeptError):
        await world.write({metric("b"): [(NOW, 1.0)], metric("c"): [(NOW - 2 * HOUR, 1.0)]})
    assert world.written == [1, 1, 2]


async def test_a_request_that_is_sent_again_while_the_first_one_waits_is_no_mistake() -> None:
    """Its sender has lost patience; nothing of it is out of order."""
    world = World()
    body = compress(encode_write_request({metric("a"): [(NOW - 5, 1.0), (NOW, 2.0)]}))
    world.meanwhile = body
    assert await world.receiving.receive(body) == 2
    assert world.written == [1, 1]


async def test_labels_that_stand_twice_are_no_labels() -> None:
    """Nor is one without a name."""
    world = World()
    for pairs in ((("__name__", "m"), ("a", "1"), ("a", "2")), (("__name__", "m"), ("", "x"))):
        body = encode_series(encode_labels(pairs), [(NOW, 1.0)], ())
        with pytest.raises(PartlyKeptError, match="invalid or duplicate labels; 0 samples"):
            await world.receiving.receive(compress(body))
    assert world.values() == {}


async def test_a_nan_from_outside_is_a_plain_one() -> None:
    """Its bits must not say something to the store that the sender did not mean."""
    world = World()
    body = encode_write_request({metric("m"): [(NOW, 1.0)]})
    gap = body.replace(bytes.fromhex("000000000000f03f"), bytes.fromhex("ad0b00000000f47f"))
    assert gap != body
    await world.receiving.receive(compress(gap))
    (frame,) = world.store.view().select((), *ALWAYS)
    assert math.isnan(frame.values(0, 1)[0, 0])
    assert frame.dense(0, 1)


async def test_metadata_and_exemplars_are_kept() -> None:
    """For the endpoints that tell them."""
    world = World()
    await world.receiving.receive(compress(encode_metadata([MetricMetadata(metric="m", type="counter", help="h")])))
    assert world.receiving.metadata["m"].help == "h"
    exemplar = Exemplar(Labels({"trace_id": "t"}), 1.0, NOW)
    await world.receiving.receive(compress(encode_series(encode_labels((("__name__", "m"),)), (), (exemplar,))))
    assert world.exemplars.reader()(((),), 0, NOW) == [(metric("m"), exemplar)]


async def test_native_histograms_are_refused_by_name() -> None:
    """Rather than lost without a word."""
    body = encode_series(encode_labels((("__name__", "m"),)), [(NOW, 1.0)], ())
    with_histogram = body[:1] + bytes([body[1] + 2]) + body[2:] + b"\x22\x00"
    with pytest.raises(PartlyKeptError, match="1 native histograms"):
        await World().receiving.receive(compress(with_histogram))


async def test_a_large_request_is_stored_whole() -> None:
    """Read in a thread, stored in slices."""
    world = World()
    series = {metric("m", number=str(number)): [(NOW, float(number))] for number in range(2_000)}
    assert await world.write(series) == 2_000
    assert len(world.values()) == 2_000
