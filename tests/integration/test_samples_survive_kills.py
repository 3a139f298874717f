"""A sample store that is killed in the middle of anything: what was flushed is there, whole and true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.model.times import DAY, MINUTE
from monitor.tsdb.store import SampleStore
from tests.support.sample_writer import late_minutes, minutes

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("moment", ["flushing", "sealing", "checkpoint", "merging", "sweeping"])
def test_a_kill_loses_nothing_that_was_flushed(tmp_path: Path, moment: str) -> None:
    """Killed four times at the same kind of moment: each start finds every flushed minute, with no gap and no other value
    (late samples included), has nothing to complain of but a torn tail, and the store goes on from there."""
    had = 0
    for number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.sample_writer", str(tmp_path)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        flushed, seen = had, 0
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                word, _, minute = line.strip().partition(" ")
                flushed = int(minute) + 1 if word == "written" else flushed
                seen += word == moment
                if seen > number:
                    process.kill()
                    break
        # More may have been flushed than was read here before the kill; never less.
        store, report = SampleStore.recover(tmp_path, 100 * DAY, 20 * DAY)
        had = minutes(store)
        assert had >= flushed
        even, odd = late_minutes(store)
        assert even >= flushed - 2
        assert odd >= flushed - 32
        assert all("cut off" in problem for problem in report.problems)
        store.close(had * MINUTE)
    assert had > 10
