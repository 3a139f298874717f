"""Debian's Prometheus evaluates its rules and sends its alerts to the daemon, which tells a webhook."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.daemon_process import DaemonProcess, until
from tests.support.peer_prometheus import PROMETHEUS, running_prometheus

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus")

OURS = """\
web: {{listen: "127.0.0.1:0"}}
rules: {{shipped: false}}
host: {{enabled: false}}
replica_labels: [replica]
alertmanager:
  route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers: [{{name: hook, webhook_configs: [{{url: "{hook}"}}]}}]
"""
THEIRS = """\
global: {{evaluation_interval: 1s, external_labels: {{replica: one, cluster: fra}}}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{address}"]}}]}}]}}
"""
RULES = """\
groups:
- name: g
  rules:
  - alert: Always
    expr: vector(7)
    labels: {{severity: high}}
    annotations: {{summary: "it is {{{{ $value }}}}"}}
  - alert: ForAWhile
    expr: vector(time()) < {until}
"""
_SECONDS = 12
"""So long the second one fires; Prometheus takes five of them to find out whom it tells."""
_COUNTS = re.compile(r"^prometheus_notifications_(errors|sent)_total{\S+} (\S+)", re.MULTILINE)
_RESEND = "--rules.alert.resend-delay=1s"


async def test_its_alerts_arrive_and_their_end_as_well(tmp_path: Path) -> None:
    """With labels, annotations and the link to the graph; what tells replicas apart is dropped."""
    heard: list[dict[str, Any]] = []

    async def hear(request: web.Request) -> web.Response:
        heard.extend((await request.json())["alerts"])
        return web.Response()

    def said(name: str, status: str) -> list[dict[str, Any]]:
        return [one for one in heard if one["labels"]["alertname"] == name and one["status"] == status]

    application = web.Application()
    application.router.add_post("/", hear)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = tmp_path / "watchkeeper.yml"
    config.write_text(OURS.format(hook=f"http://127.0.0.1:{runner.addresses[0][1]}/"), encoding="utf-8")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    daemon = DaemonProcess(tmp_path, config)
    try:
        await daemon.start()
        (theirs / "rules.yml").write_text(RULES.format(until=time.time() + _SECONDS), encoding="utf-8")
        async with running_prometheus(
            theirs, THEIRS.format(address=daemon.url.removeprefix("http://")), _RESEND
        ) as url:
            await until(lambda: said("Always", "firing"), "the first alert arrives")
            (always, *_) = said("Always", "firing")
            assert always["labels"] == {"alertname": "Always", "severity": "high", "cluster": "fra"}
            assert always["annotations"] == {"summary": "it is 7"}
            assert always["generatorURL"].endswith("/graph?g0.expr=vector%287%29&g0.tab=1")
            await until(lambda: said("ForAWhile", "firing"), "the second alert arrives")
            await until(lambda: said("ForAWhile", "resolved"), "its end arrives", 2 * _SECONDS)
            known = await daemon.get("/api/v2/alerts")
            assert [one["labels"]["alertname"] for one in known] == ["Always"]
            async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
                counts = dict(_COUNTS.findall(await answer.text()))
            assert counts["errors"] == "0"  # some were dropped before it had found out whom it tells
            assert float(counts["sent"]) > len(heard)
    finally:
        await daemon.end()
        await runner.cleanup()
