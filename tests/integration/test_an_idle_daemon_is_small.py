"""What a sidecar carries for months: its memory when nothing happens, and what it has not imported.

The bounds are some megabytes above what was measured with CPython 3.11 and numpy 2 on Linux. Who raises one says why; most
often it was an import at the top of a module that only some configurations need.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.alertmanagers import Ours
from tests.support.daemon_process import DaemonProcess, until

MILLION = 1_000_000
NEVER = (
    "numpy.ma",
    "pydantic",
    "pydantic_settings",
    "pydantic_core",
    "yaml",
    "typer",
    "click",
    "rich",
    "sqlalchemy",
    "alembic",
)
"""What only reading a configuration, the command line or a migration needs."""
AT_FIRST_USE = (
    "aiodns",
    "aiosmtplib",
    "apprise",
    "bcrypt",
    "cramjam",
    "cryptography",
    "jmespath",
    "pagerduty",
    "pycares",
    "requests",
    "slack_sdk",
)
NOT_IN_PLACE = (
    "monitor.gotemplate.template",
    "monitor.notify.kinds.slack",
    "monitor.probe.probing",
    "monitor.promql.engine",
    "monitor.rules.scheduling",
    "monitor.scrape.scraping",
    "monitor.tsdb.store",
    "monitor.web.pages.front",
    "numpy",
)
"""What a daemon that is told everything, and sends it to nobody, has no use for."""
CONFIGURATION = """\
web: {listen: "127.0.0.1:0"}
host: {enabled: false}
rules: {shipped: false}
rule_files: [rules.yml]
checks:
"""
RULES = """\
groups:
  - name: all sorts
    interval: 1s
    rules:
      - {record: best, expr: "topk(1, rate(probe_success[1m])) or quantile(0.5, probe_success)"}
      - {record: evaluated, expr: "histogram_quantile(0.9, label_replace(probe_success, 'le', '+Inf', '', ''))"}
"""


class Telling(Ours):
    """In Alertmanager's place, and tells what it has imported."""

    launcher = (sys.executable, "-m", "tests.support.telling_daemon", "modules", "alertmanager")


async def packages(pid: int, told: Path) -> set[str]:
    """All packages and modules, top-level ones by their name."""
    os.kill(pid, signal.SIGUSR1)
    await until(told.exists, "it tells what it has imported")
    return await asyncio.to_thread(lambda: set(told.read_text().split()))


async def found_by(daemon: DaemonProcess, query: str) -> bool:
    """Has this query a result?"""
    answer = await daemon.get("/api/v1/query", query=query)
    return bool(answer["data"]["result"])


def resident(pid: int) -> int:
    """Bytes."""
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def found(names: Iterable[str], imported: set[str]) -> list[str]:
    return sorted(set(names) & imported)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
async def test_a_daemon_with_ten_checks_is_small(tmp_path: Path) -> None:
    """Its memory, and none of the libraries that nothing here needs."""
    checks = [f'  - {{name: c{number}, url: "http://127.0.0.1:9/{number}", interval: 30s}}\n' for number in range(10)]
    config = tmp_path / "watchkeeper.yml"
    config.write_text(CONFIGURATION + "".join(checks))
    (tmp_path / "rules.yml").write_text(RULES)
    daemon = DaemonProcess(tmp_path, config, launcher=("tests.support.telling_daemon", "modules", "run"))
    try:
        await daemon.start()
        await until(lambda: found_by(daemon, "best and on () evaluated"), "checks have been made, and rules evaluated")
        assert resident(daemon.pid) < 78 * MILLION
        imported = await packages(daemon.pid, tmp_path / "modules")
        assert {"monitor.app.daemon", "aiohttp"} <= imported
        assert found(NEVER + AT_FIRST_USE, imported) == []
    finally:
        await daemon.end()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
async def test_a_daemon_in_alertmanagers_place_is_small(tmp_path: Path) -> None:
    """The same for one that only routes."""
    daemon = Telling(tmp_path, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    await daemon.start()
    try:
        pid = daemon.process.pid
        assert resident(pid) < 60 * MILLION
        imported = await packages(pid, tmp_path / "modules")
        assert "monitor.app.daemon" in imported
        assert found(NEVER + AT_FIRST_USE + NOT_IN_PLACE, imported) == []
    finally:
        await daemon.stop()
