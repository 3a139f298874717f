"""The demo is the promise of the first minute: it must keep it, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

DEMO = (sys.executable, "-m", "monitor", "demo")


def test_every_stage_of_the_story_is_seen_within_a_minute(tmp_path: Path) -> None:
    """Exit 0, each stage once, in its order, and the escalation after its delay."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run([*DEMO, "--json"], capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    stages = json.loads(ran.stdout)["stages"]
    assert [one["stage"] for one in stages] == [
        "healthy",
        "broken",
        "detected",
        "paged",
        "escalated",
        "acknowledged",
        "mended",
        "recovered",
        "resolved",
    ]
    took = {one["stage"]: one["seconds"] for one in stages}
    assert took["escalated"] - took["paged"] > 4
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_demo_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    """Ctrl-C in the middle: both children end and the temporary folder goes."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits "ignore"
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as demo:
        signal.signal(signal.SIGINT, former)
        assert demo.stdout is not None
        for line in demo.stdout:
            if "breaks" in line:
                break
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        assert len(children) == 2
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 130
        assert "nothing is left behind" in demo.stdout.read()
    due = time.monotonic() + 5
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < due
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
