"""A sample store on a file system that turns read-only and back, told by the process itself, which must be alone with its
mounts: `unshare --mount [--map-root-user] python -m tests.support.read_only_disk FOLDER`."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

from monitor.model.times import DAY, HOUR, MINUTE
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric

NOT_HERE = 77
"""The exit status if this kernel lets us mount nothing."""


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def _samples(store: SampleStore) -> int:
    return sum(len(points) for points in everything(store.view()).values())


def _sealed(store: SampleStore, now: int) -> str:
    """Seal what is due; the error if the disk refuses."""
    while (sealing := store.begin_sealing(now)) is not None:
        try:
            while sealing.step():
                pass
        except OSError as error:
            store.end_sealing(sealing, now, error)
            return errno.errorcode[error.errno or 0]
        store.end_sealing(sealing, now)
    return ""


def main() -> int:
    folder = Path(sys.argv[1])
    try:
        _mount("-t", "tmpfs", "none", str(folder))
    except (OSError, subprocess.CalledProcessError) as refused:
        print(refused, file=sys.stderr)
        return NOT_HERE
    told: dict[str, object] = {}
    store, _ = SampleStore.recover(folder / "samples", DAY, 0)
    minutes = 5 * 60
    for minute in range(minutes):
        if minute == 30:
            store.flush(minute * MINUTE)
            assert store.log is not None
            store.log.close()  # the kernel itself turns a disk read-only under open files, not for us
            _mount("-o", "remount,ro", str(folder))
        store.append(minute * MINUTE, [(metric("a"), float(minute))])
        if minute == 31:
            store.flush(minute * MINUTE)
            told["log"] = store.health().error
    told["block"] = _sealed(store, 5 * HOUR)
    store.forget(5 * HOUR + 4 * MINUTE)
    store.flush(5 * HOUR)
    told["block error"] = (store.archive.error if store.archive is not None else None) or ""
    told["in memory"] = _samples(store)
    again, report = SampleStore.recover(folder / "samples", DAY, 5 * HOUR)
    told["of a start meanwhile"] = [_samples(again), list(report.problems)]
    again.close(5 * HOUR)
    _mount("-o", "remount,rw", str(folder))
    store.flush(5 * HOUR)
    told["sealed at last"] = _sealed(store, 5 * HOUR)
    told["in the end"] = store.health().error
    store.close(5 * HOUR)
    told["of a start after"] = _samples(SampleStore.recover(folder / "samples", DAY, 5 * HOUR)[0])
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
