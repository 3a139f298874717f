"""A process that does all that a sample store does to its folder, as fast as it can, until it is killed.

It tells what it is about to do, and after each flush up to which minute everything is in the log. What it writes is known:
`value(series, minute)`. Started again it goes on where the folder ends.
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


def main() -> None:
    store, _ = SampleStore.recover(Path(sys.argv[1]), 100 * DAY, _MINUTES * MINUTE)
    begin = minutes(store)
    writer = store.open(SERIES)
    for minute in range(begin, _MINUTES):
        now = minute * MINUTE
        writer.append(now, [value(series, minute) for series in range(len(SERIES))])
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
