"""A daemon that is killed while it starts or stops: the next one finds a free folder and everything that there was."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from monitor.clock import Clock
from monitor.model.times import DAY, MINUTE
from monitor.state.lock import DataLock
from monitor.tsdb.snapshot import snapshot
from monitor.tsdb.store import SampleStore
from tests.support.killed_daemon import STARTING
from tests.support.samples import History, everything, metric

_ROOT = Path(__file__).resolve().parents[2]
_SERIES = [metric("told", n=str(number)) for number in range(30)]


class House:
    """A data folder with an hour of samples, as a killed daemon left it, and the lives that follow."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "watchkeeper.yml"
        self.config.write_text("host: {enabled: false}\nrules: {shipped: false}\n", encoding="utf-8")
        self.data = folder / "data"
        self._copies = folder / "copies"
        self._copies.mkdir()
        self._lives = 0
        now = Clock().now()
        store, _ = SampleStore.recover(self.data / "samples", DAY, now)
        writer = store.open(_SERIES)
        for minute in range(60):
            writer.append(now - (60 - minute) * MINUTE, [float(minute * number) for number in range(len(_SERIES))])
            store.flush(now)
        self.told = everything(store.view())
        writer.append(now, [-1.0] * len(_SERIES))
        store.close(now)
        newest = max((self.data / "samples").glob("*.samples"))
        os.truncate(newest, newest.stat().st_size - 5)  # the last record did not come to its end
        self.torn = self._copied("torn")[1]
        """What a start says of that, as long as none has mended it."""
        assert len(self.torn) == 1

    def live(self, point: str) -> int:
        """Start a daemon that stops by itself, unless it dies at this point before; its exit code."""
        self._lives += 1
        options = ("--config", str(self.config), "--data", str(self.data), "--point", point)
        command = [sys.executable, "-m", "tests.support.killed_daemon", *options]
        return subprocess.run(command, cwd=_ROOT, check=False, timeout=120, stderr=subprocess.DEVNULL).returncode

    def found(self, *, mended: bool) -> History:
        """The samples of ours that are on disk now, in a folder that is free, beside a database that is whole. `mended`: a
        start has come far enough."""
        now = Clock().now()
        DataLock.take(self.data, now).release()
        with sqlite3.connect(self.data / "state.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
        found, problems = self._copied(str(self._lives))
        assert problems == () or (problems == self.torn and not mended)
        return {labels: found[labels] for labels in _SERIES}

    def _copied(self, name: str) -> tuple[History, tuple[str, ...]]:
        """What a start makes of a copy of the samples, and what it says of them."""
        now = Clock().now()
        copy = self._copies / name
        copy.mkdir()
        snapshot(self.data / "samples", copy)
        store, report = SampleStore.recover(copy, DAY, now)
        found = everything(store.view())
        store.close(now)
        return found, report.problems


def test_a_start_that_is_killed_anywhere_leaves_what_it_found(tmp_path: Path) -> None:
    """Killed at each point in turn, the torn end of the log is mended and nothing else has changed."""
    house = House(tmp_path)
    for point in STARTING:
        assert house.live(point) == -signal.SIGKILL, point
        assert house.found(mended=point == "up") == house.told, point
    assert house.live("nowhere") == 0
    assert house.found(mended=True) == house.told


def test_a_stop_that_is_killed_before_any_of_its_steps_leaves_what_there_was(tmp_path: Path) -> None:
    """The daemon that follows starts, and stops one step later, until nothing is left to be killed before."""
    house = House(tmp_path)
    step = 0
    while (code := house.live(str(step))) != 0:
        assert code == -signal.SIGKILL, step
        assert house.found(mended=True) == house.told, step
        step += 1
    assert step > 5
    assert house.found(mended=True) == house.told
