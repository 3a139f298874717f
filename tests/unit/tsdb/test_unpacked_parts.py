"""What was unpacked is kept for those who read it again, within bounds."""

from __future__ import annotations

import gc
import weakref

import numpy as np
from numpy.typing import NDArray

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE
from monitor.tsdb.chunks import Chunk, Layout
from monitor.tsdb.store import SampleStore
from monitor.tsdb.unpacked import Unpacked


class Maker:
    """Counts how often it is asked."""

    def __init__(self, size: int) -> None:
        self.made = 0
        self._size = size

    def __call__(self) -> NDArray[np.float64]:
        self.made += 1
        return np.full((self._size, 1), float(self.made))


def test_the_same_part_is_unpacked_once() -> None:
    """By the objects themselves: another chunk and another place in it are other parts."""
    kept, make = Unpacked(), Maker(4)
    chunk, place = object(), object()
    assert kept.get(chunk, place, make) is kept.get(chunk, place, make)
    kept.get(chunk, object(), make)
    kept.get(object(), place, make)
    assert make.made == 3


def test_the_least_recently_read_goes_first() -> None:
    """The bound holds for all parts together."""
    kept, make = Unpacked(most=16), Maker(4)
    parts = [(object(), object()) for _ in range(5)]
    for chunk, place in parts[:4]:
        kept.get(chunk, place, make)
    kept.get(*parts[0], make)
    kept.get(*parts[4], make)
    assert (kept.size, make.made) == (16, 5)
    kept.get(*parts[0], make)
    assert make.made == 5
    kept.get(*parts[1], make)
    assert (kept.size, make.made) == (16, 6)


def test_what_would_fill_much_of_it_is_not_kept() -> None:
    """One wide query drives out nobody."""
    kept, wide = Unpacked(most=16), Maker(5)
    for _ in range(2):
        kept.get(wide, kept, wide)
    assert (kept.size, wide.made) == (0, 2)


def test_packed_samples_are_the_same_however_often_and_whoever_reads_them() -> None:
    """Rules of different series in one chunk, windows that move on, and chunks that go and come."""
    store = SampleStore.in_memory(HOUR)
    names = [Labels({"__name__": "m", "i": str(number)}) for number in range(10)]
    writer = store.open(names)
    for slot in range(200):
        writer.append(slot * 1_000, [float(slot * number) for number in range(10)])
    while store.pack(200_000 + HOUR):
        pass
    for low in (0, 1, 63, 64, 100):
        for wanted in ("3|5|7", "1|2", ".*"):
            (frame,) = store.view().select([Matcher("i", MatchOp.MATCHES, wanted)], low * 1_000, 10 * MINUTE)
            values = frame.values(0, len(frame.times))
            seconds = [at / 1_000 for at in frame.times.tolist()]
            assert values.tolist() == [[int(one["i"]) * second for second in seconds] for one in frame.labels]


def _grow(chunk: Chunk, slots: int) -> None:
    for _ in range(slots):
        width = len(chunk.layout)
        chunk.add(chunk.count, np.arange(width, dtype=np.float64) + 1000 * chunk.count, chunk.count)


def test_gathered_columns_follow_the_chunk() -> None:
    """Each row is fetched once, and none that was not asked for."""
    chunk, place, columns = Chunk(Layout(np.arange(600, dtype=np.int32)), 0), object(), np.array([7, 3, 590])
    kept = Unpacked()
    _grow(chunk, 10)
    first = kept.gathered(chunk, place, columns, 8)
    assert first.tolist() == chunk.matrix[:8, columns].tolist()
    _grow(chunk, 10)
    chunk.matrix[:8] = -1.0  # nobody does that; here it shows that these rows are not read again
    later = kept.gathered(chunk, place, columns, 20)
    assert later[:8].tolist() == first.tolist()
    assert later[8:].tolist() == chunk.matrix[8:20, columns].tolist()
    assert kept.size == 64 * 3


def test_gathered_columns_keep_no_chunk_alive() -> None:
    """A chunk of ten thousand series is five megabytes; and another one with its id is another one."""
    kept, place, columns = Unpacked(), object(), np.array([1, 2])
    chunk = Chunk(Layout(np.arange(600, dtype=np.int32)), 0)
    _grow(chunk, 5)
    kept.gathered(chunk, place, columns, 5)
    gone = weakref.ref(chunk)
    del chunk
    gc.collect()
    assert gone() is None


def test_a_few_of_many_series_are_read_as_they_are() -> None:
    """While rows come, chunks fill and are packed, and windows of all lengths move over them."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open([Labels({"__name__": "m", "i": str(number % 100), "n": str(number)}) for number in range(600)])
    for slot in range(150):
        writer.append(slot * 1_000, np.arange(600, dtype=np.float64) * slot)
        if slot % 10 == 9:
            for length in (3, 30, 100):
                (frame,) = store.view().select(
                    [Matcher("i", MatchOp.EQUAL, "42")], (slot - length) * 1_000, slot * 1_000
                )
                seconds = [at / 1_000 for at in frame.times.tolist()]
                values = frame.values(0, len(seconds))
                assert values.tolist() == [[int(one["n"]) * second for second in seconds] for one in frame.labels]
        if slot == 100:
            store.pack(HOUR)
