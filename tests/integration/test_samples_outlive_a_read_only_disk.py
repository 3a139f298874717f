"""The disk turns read-only under a running store, as kernels do with a failing one, and is repaired later."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.read_only_disk import NOT_HERE

_ROOT = Path(__file__).resolve().parents[2]


def test_a_read_only_disk_costs_nothing(tmp_path: Path) -> None:
    """Everything stays in memory, health says why, a start meanwhile reads what the log has, and log and block catch up."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare here: the read-only disk is not tried")
    flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    done = subprocess.run(
        [unshare, *flags, sys.executable, "-m", "tests.support.read_only_disk", str(tmp_path)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == NOT_HERE or "unshare failed" in done.stderr:
        pytest.skip(f"this kernel lets us mount nothing, so the read-only disk is not tried: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    assert "Read-only file system" in told["log"]
    assert told["block"] == "EROFS"
    assert "samples cannot be written to blocks" in told["block error"]
    assert told["in memory"] == 300
    assert told["of a start meanwhile"] == [30, []]
    assert (told["sealed at last"], told["in the end"], told["of a start after"]) == ("", None, 300)
