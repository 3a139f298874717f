"""A process that does all that a sample store does to its folder, as fast as it can, until it is killed.

It tells what it is about to do, and after each flush up to which minute everything is in the log. What it writes is known:
`value(series, minute)`. Started again it goes on where the folder ends.

Of some series it writes each even minute at once and each odd one half an hour late.
"""

from __future__ import annotations

import sys
from pathlib import Path

from monitor.columns.nans import missing
from monitor.model.labels import Labels
from monitor.model.times import DAY, MINUTE
from monitor.tsdb.store import SampleStore
from tests.support.samples import ALWAYS, equal

SERIES = tuple(Labels({"__name__": "written", "n": str(n)}) for n in range(300))
LATE = tuple(Labels({"__name__": "late", "n": str(n)}) for n in range(30))
_DELAY = 30
_MINUTES = 20 * 24 * 60


def value(series: int, minute: int) -> float:
    """What is written."""
    return float(minute * (series % 7) + series) if series % 3 else (minute * 7919 + series) % 1000 / 1000


def minutes(store: SampleStore) -> int:
    """How many minutes the folder has; raises AssertionError where a value is another one than was written."""
    seen: set[int] = set()
    for frame in store.view().select([equal("__name__", "written")], *ALWAYS):
        matrix = frame.values(0, len(frame.times))
        assert not missing(matrix).any()
        numbers = [int(labels["n"]) for labels in frame.labels]
        for slot, at in enumerate(frame.times.tolist()):
            assert matrix[:, slot].tolist() == [value(number, at // MINUTE) for number in numbers]
            seen.add(at // MINUTE)
    assert seen == set(range(len(seen))), "minutes are missing in between"
    return len(seen)


def late_minutes(store: SampleStore) -> tuple[int, int]:
    """Up to where all even minutes are there, and all odd ones; raises AssertionError as `minutes` does."""
    ends = (-1, -1)
    for frame in store.view().select([equal("__name__", "late")], *ALWAYS):
        matrix = frame.values(0, len(frame.times))
        assert not missing(matrix).any()
        assert len(frame.labels) == len(LATE)
        seen = [at // MINUTE for at in frame.times.tolist()]
        for slot, minute in enumerate(seen):
            assert matrix[:, slot].tolist() == [value(int(labels["n"]), minute) for labels in frame.labels]
        even, odd = [one for one in seen if one % 2 == 0], [one for one in seen if one % 2]
        assert even == list(range(0, 2 * len(even), 2))
        assert odd == list(range(1, 2 * len(odd), 2))
        ends = (max(even, default=-1), max(odd, default=-1))
    return ends


def _write_late(store: SampleStore, minute: int) -> None:
    own = minute - _DELAY * (minute % 2)
    if own >= 0:
        store.append_stamped(own * MINUTE, [(labels, value(n, own)) for n, labels in enumerate(LATE)])


def main() -> None:
    store, _ = SampleStore.recover(Path(sys.argv[1]), 100 * DAY, _MINUTES * MINUTE)
    store.take_late(90 * MINUTE)
    begin = minutes(store)
    late_minutes(store)
    for minute in range(max(begin - 60, 0), begin):
        _write_late(store, minute)
    writer = store.open(SERIES)
    for minute in range(begin, _MINUTES):
        now = minute * MINUTE
        writer.append(now, [value(series, minute) for series in range(len(SERIES))])
        _write_late(store, minute)
        if minute % 10 == 0:
            print("flushing", flush=True)
            store.flush(now)
            print("written", minute, flush=True)
        if minute % 60 == 0:
            store.forget(now)
            while (sealing := store.begin_sealing(now)) is not None:
                print("sealing", flush=True)
                while sealing.step():
                    pass
                store.end_sealing(sealing, now)
                print("checkpoint", flush=True)
                store.flush(now)
            while (merging := store.begin_merging()) is not None:
                print("merging", flush=True)
                while merging.step():
                    pass
                store.end_merging(merging, now)
                print("sweeping", flush=True)


if __name__ == "__main__":
    main()
