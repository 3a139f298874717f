"""What a start costs: reading the log of many small targets back, row by row, and finding a day of sealed blocks."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, Millis
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of

_TARGETS = 100
_SERIES = 20
_INTERVAL: Millis = 15_000
_ROWS = 240


def measure() -> list[Figure]:
    """An hour of a hundred targets with twenty series each, half of which move. Nothing is sealed yet."""
    with tempfile.TemporaryDirectory() as folder:
        now = written(Path(folder), _TARGETS, _ROWS)
        cost = cpu_of(lambda: SampleStore.recover(Path(folder), 24 * HOUR, now), count=_TARGETS * _ROWS)
    what = f"read one row of {_SERIES} samples back from the log at a start"
    return [Figure(name="replayed row", value=cost, unit="us", what=what)]


def a_day_written(folder: Path, targets: int, series: int, interval: Millis = 2 * _INTERVAL) -> Millis:
    """A day of targets of which half the series move, sealed and merged as a daemon does it, and the log of what is not; the
    time of its end."""
    store, _ = SampleStore.recover(folder, 15 * DAY, 0)
    writers = [
        store.open(
            [
                Labels(
                    {"__name__": f"m{number // 10}", "code": str(number % 10), "instance": f"t{target}", "job": "shop"}
                )
                for number in range(series)
            ]
        )
        for target in range(targets)
    ]
    random = np.random.default_rng(7)
    values = np.zeros((targets, series))
    for row in range(1, DAY // interval + 1):
        at = row * interval
        values[:, : series // 2] += random.integers(1, 100, (targets, series // 2))
        for target, writer in enumerate(writers):
            writer.append(at + target, values[target])
        if at % (10 * MINUTE) == 0:
            store.flush(at)
            store.forget(at)
            while store.pack(at):
                pass
            while (sealing := store.begin_sealing(at)) is not None:
                while sealing.step():
                    pass
                store.end_sealing(sealing, at)
            while (merging := store.begin_merging()) is not None:
                while merging.step():
                    pass
                store.end_merging(merging, at)
    store.close(DAY)
    return DAY


def written(folder: Path, targets: int, rows: int) -> Millis:
    """Fill the log of this folder, as a daemon that is then killed leaves it; the time of its end."""
    store, _ = SampleStore.recover(folder, 24 * HOUR, 0)
    writers = [
        store.open([Labels({"__name__": f"m{number}", "instance": f"t{target}"}) for number in range(_SERIES)])
        for target in range(targets)
    ]
    random = np.random.default_rng(7)
    values = np.zeros((targets, _SERIES))
    for row in range(1, rows + 1):
        at = row * _INTERVAL
        values[:, : _SERIES // 2] += random.integers(1, 100, (targets, _SERIES // 2))
        for target, writer in enumerate(writers):
            writer.append(at + target, values[target])
        store.flush(at)
    return rows * _INTERVAL


def main() -> None:
    """Five hundred targets and three hours of log; and with `--day` a day of a hundred targets with a thousand series each
    (or as many as two numbers say), which takes some minutes to write: the times of one start."""
    if sys.argv[1:2] == ["--day"]:
        targets, series = [int(word) for word in sys.argv[2:4]] or (100, 1_000)
        with tempfile.TemporaryDirectory() as folder:
            now = a_day_written(Path(folder), targets, series)
            gc.collect()
            began, cpu = time.monotonic(), time.process_time()
            store, report = SampleStore.recover(Path(folder), 15 * DAY, now)
            took, cpu = time.monotonic() - began, time.process_time() - cpu
            stats = store.stats()
        print(f"{took:.2f} s ({cpu:.2f} s CPU): {stats.blocks} blocks of {stats.block_bytes / 1e6:.1f} MB with")
        print(
            f"{stats.block_samples} samples, {report.rows} rows of {stats.disk_bytes - stats.block_bytes >> 20} MB log"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        now = written(Path(folder), 500, 720)
        cost = cpu_of(lambda: SampleStore.recover(Path(folder), 24 * HOUR, now), count=1, rounds=1)
    print(f"{cost / 1e6:.2f} s CPU to read 360,000 rows back")


if __name__ == "__main__":
    main()
