"""A reload that is asked for before the daemon can hear of it."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.daemon_process import DaemonProcess, until


async def test_a_hangup_while_it_starts_does_not_kill_the_daemon(tmp_path: Path) -> None:
    """A sidecar that reloads at each change of a file may be quicker than the start."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text("host: {enabled: false}\nrules: {shipped: false}\n")
    daemon = DaemonProcess(tmp_path, file)

    def harmless() -> bool:
        """The kernel's mask of ignored or caught signals has the hangup, which is its first bit."""
        lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
        masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigIgn:", "SigCgt:"))]
        return any(mask & 1 for mask in masks)

    try:
        await daemon.start(ready=False)
        await until(harmless, "a hangup does no harm")
        assert "listens on" not in daemon.log()
        daemon.signal(signal.SIGHUP)
        await daemon.until_ready()
    finally:
        await daemon.end()
