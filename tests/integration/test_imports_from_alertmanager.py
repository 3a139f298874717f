"""Debian's Alertmanager tells and stops, its state is taken over, and ours goes on from there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.alertmanagers import ALERTMANAGER, Alertmanager, Debians, Ours
from tests.support.daemon_process import until

_CONFIGURATION = """
route: {{receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: "http://127.0.0.1:{port}/"}}]}}]
"""
_SILENCE = {
    "matchers": [{"name": "team", "value": "sh.*", "isRegex": True, "isEqual": True}],
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2099-01-01T00:00:00Z",
    "createdBy": "ana",
    "comment": "moving",
}
_SOME_INTERVALS = 3.0
"""Seconds in which a group is flushed more than once."""


@pytest.mark.skipif(ALERTMANAGER is None, reason="prometheus-alertmanager is not installed")
async def test_what_alertmanager_told_is_not_told_again_and_its_end_is_told_once(tmp_path: Path) -> None:
    """Its silence with a regular expression is taken over, and that its webhook knows two alerts."""
    heard: list[Any] = []

    async def hook(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/", hook)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = _CONFIGURATION.format(port=runner.addresses[0][1])
    theirs, ours = Debians(tmp_path / "theirs", configuration), Ours(tmp_path / "ours", configuration)
    alerts = [{"labels": {"alertname": "Down", "instance": name}} for name in "ab"]
    try:
        try:
            await theirs.start()
            await _post(theirs, "alerts", alerts)
            await _post(theirs, "silences", _SILENCE)
            await until(lambda: heard, "the webhook hears of the alerts")
            await asyncio.sleep(0.2)  # its log is written after the answer
        finally:
            await theirs.stop()
        assert [len(one["alerts"]) for one in heard] == [2]
        told = await _import(theirs.folder / "data", ours.folder)
        assert told["silences"]["active"] == 1
        assert told["groups"] == 1
        assert told["homeless_entries"] == []
        heard.clear()
        try:
            await ours.start()
            await _post(ours, "alerts", alerts)
            await _post(ours, "alerts", [{"labels": {"alertname": "Unheard"}}])
            await until(lambda: heard, "the webhook hears of what is new")
            await asyncio.sleep(_SOME_INTERVALS)
            assert [one["groupLabels"]["alertname"] for one in heard] == ["Unheard"]
            heard.clear()
            ended = [
                {**alert, "endsAt": "2026-01-01T00:00:01Z", "startsAt": "2026-01-01T00:00:00Z"} for alert in alerts
            ]
            await _post(ours, "alerts", ended)
            await until(lambda: heard, "the webhook hears of their end")
            await asyncio.sleep(_SOME_INTERVALS)
            assert [(one["status"], len(one["alerts"])) for one in heard] == [("resolved", 2)]
        finally:
            await ours.stop()
    finally:
        await runner.cleanup()


async def _post(to: Alertmanager, what: str, body: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{to.url}/api/v2/{what}", json=body) as answer,
    ):
        assert answer.status == 200


async def _import(state: Path, ours: Path) -> Any:
    """What it says, asked with the flags that the daemon in Alertmanager's place is started with."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "monitor", "import", "alertmanager", str(state), "--json"),
        f"--config.file={ours / 'alertmanager.yml'}",
        f"--storage.path={ours / 'data'}",
        cwd=ours.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await command.communicate()
    assert command.returncode == 0
    return json.loads(output)
