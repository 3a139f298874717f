"""Debian's Alertmanager tells, stops, and its state is taken over."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.support.daemon_process import until

ALERTMANAGER = shutil.which("prometheus-alertmanager")
_LISTENS = re.compile(r"msg=\"?Listening on\"? address=(\S+)|msg=Listening address=(\S+)")
_CONFIGURATION = """
route: {{receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 1m}}
receivers: [{{name: hook, webhook_configs: [{{url: "http://127.0.0.1:{port}/"}}]}}]
"""


@pytest.mark.skipif(ALERTMANAGER is None, reason="prometheus-alertmanager is not installed")
async def test_what_alertmanager_wrote_when_it_stopped_is_taken_over(tmp_path: Path) -> None:
    """Its silence with a regular expression, and that its webhook knows two alerts."""
    heard: list[object] = []

    async def hook(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/", hook)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    file = tmp_path / "alertmanager.yml"
    file.write_text(_CONFIGURATION.format(port=runner.addresses[0][1]))
    log = tmp_path / "log"
    with log.open("wb") as output:
        assert ALERTMANAGER is not None
        process = await asyncio.create_subprocess_exec(
            ALERTMANAGER,
            f"--config.file={file}",
            f"--storage.path={tmp_path / 'am'}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
            stderr=output,
        )
    try:

        def address() -> str:
            found = _LISTENS.search(log.read_text())
            return f"http://{found[1] or found[2]}/api/v2" if found else ""

        base = await until(address, "Alertmanager listens")
        async with aiohttp.ClientSession() as session:
            alerts = [{"labels": {"alertname": "Down", "instance": name}} for name in "ab"]
            async with session.post(f"{base}/alerts", json=alerts) as answer:
                assert answer.status == 200
            silence = {
                "matchers": [{"name": "team", "value": "sh.*", "isRegex": True, "isEqual": True}],
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "2099-01-01T00:00:00Z",
                "createdBy": "ana",
                "comment": "moving",
            }
            async with session.post(f"{base}/silences", json=silence) as answer:
                assert answer.status == 200
        await until(lambda: bool(heard), "the webhook hears of the alerts")
        await asyncio.sleep(0.2)  # its log is written after the answer
    finally:
        process.terminate()
        await process.wait()
        await runner.cleanup()
    (tmp_path / "watchkeeper.yml").write_text("storage: {path: data}\nalertmanager_file: alertmanager.yml\n")
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "monitor",
        "import",
        "alertmanager",
        "am",
        "--json",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await command.communicate()
    told = json.loads(output)
    assert command.returncode == 0
    assert told["silences"]["active"] == 1
    assert told["groups"] == 1
    assert told["homeless_entries"] == []
