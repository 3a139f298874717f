"""What was unpacked is kept for those who read it again, within bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE
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
