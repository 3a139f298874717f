"""What a data folder's samples take once all of them are sealed: prints bytes and samples.

Works on a copy, so the daemon may be running; the harness asks for it by `--persist`, as it asks Prometheus for a snapshot.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from monitor.clock import Clock
from monitor.model.times import DAY
from monitor.tsdb.store import SampleStore


def main() -> None:
    folder = Path(sys.argv[1]) / "samples"
    now = Clock().now()
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, Path(copy) / "samples")
        store, _ = SampleStore.recover(Path(copy) / "samples", 365 * DAY, now)
        sealing = store.begin_sealing(now, everything=True)
        while sealing is not None and sealing.step():
            pass
        if sealing is not None:
            store.end_sealing(sealing, now)
        stats = store.stats()
        print(stats.block_bytes, stats.block_samples)


if __name__ == "__main__":
    main()
