"""Whatever fails while the daemon goes down, the samples are on disk and the data folder is free."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.app.daemon import Daemon
from monitor.clock import Clock
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.model.errors import ConfigError, StoreError
from monitor.model.incidents import SYSTEM
from monitor.model.labels import Labels
from monitor.model.times import DAY
from monitor.notify.kinds.console import Console
from monitor.notify.kinds.sending import Kind
from monitor.state.database import Database, Inline
from monitor.state.lock import DataLock
from monitor.tsdb.store import SampleStore
from tests.support.surroundings import unused_surroundings


class _Stuck(Console):
    """Breaks when it is to give back what it holds."""

    async def close(self) -> None:
        raise RuntimeError("the console is gone")


class _Full(Database):
    """Breaks when it is closed."""

    async def close(self) -> None:
        await super().close()
        raise StoreError("the disk is full")


def test_a_thread_that_never_ends_does_not_hold_the_process() -> None:
    """Python waits for the threads of its pools, for ever if need be; what has been told to leave does not."""
    code = """
import asyncio, threading
from monitor.cli.run import leave_within

async def work():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    leave_within(0.1, 7)

asyncio.run(work())
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 7


async def test_what_fails_on_the_way_down_keeps_nothing_from_being_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two steps fail: both are logged, and the last is raised."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text("host: {enabled: false}\nrules: {shipped: false}\n", encoding="utf-8")
    overrides = Overrides(config=str(path), listen="127.0.0.1:0", data=str(tmp_path / "data"))
    configuration = load(overrides, Environment(), {})
    daemon = Daemon(configuration, overrides, lambda _: None)

    def stuck(instance: str) -> Mapping[str, Kind]:
        return {"console": _Stuck(unused_surroundings())}

    daemon.drivers = replace(daemon.drivers, kinds=stuck)
    await daemon.start()
    assert daemon.lookout is not None
    assert daemon.database is not None
    daemon.lookout.samples.open([Labels({"__name__": "told"})]).append(daemon.clock.now(), [1.0])
    real = daemon.database
    daemon.database = _Full.open(None, Inline())
    with pytest.raises(StoreError, match="the disk is full"):
        await daemon.stop()
    await real.close()
    assert "RuntimeError: the console is gone" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="stopping"):
        await daemon.reload(SYSTEM)
    now = Clock().now()
    DataLock.take(tmp_path / "data", now).release()
    samples, recovered = SampleStore.recover(tmp_path / "data" / "samples", DAY, now)
    assert recovered.problems == ()
    assert samples.stats().samples > 0
    samples.close(now)
