"""What a start costs: reading the log of many small targets back, row by row."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from monitor.model.labels import Labels
from monitor.model.times import HOUR, Millis
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
    """Five hundred targets and three hours of log, with the wall time of one start."""
    with tempfile.TemporaryDirectory() as folder:
        now = written(Path(folder), 500, 720)
        cost = cpu_of(lambda: SampleStore.recover(Path(folder), 24 * HOUR, now), count=1, rounds=1)
    print(f"{cost / 1e6:.2f} s CPU to read 360,000 rows back")


if __name__ == "__main__":
    main()
