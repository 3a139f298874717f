"""Silences from the command line and by both doors: what they would mute is told, and a wide one must be meant."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.collector import collecting
from tests.support.daemon_process import DaemonProcess, until

CONFIGURATION = """
host: {{enabled: false}}
rules: {{shipped: false}}
silences: {{ask_above: 20, ask_in_api: {strict}, remind_to: news, remind_before: 1h}}
alertmanager:
  route: {{receiver: news, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers: [{{name: news, webhook_configs: [{{url: "{url}/news"}}]}}]
"""
FIRING = [{"labels": {"alertname": "Down", "host": f"web{place}"}} for place in range(30)]
FULL = [{"labels": {"alertname": "Full", "host": f"db{place}"}} for place in range(6)]
WIDE = {
    "matchers": [{"name": "alertname", "value": "Down", "isRegex": False}],
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2099-01-01T00:00:00Z",
    "createdBy": "ana",
    "comment": "moving",
}


async def test_a_wide_silence_must_be_meant_at_our_own_doors(tmp_path: Path) -> None:
    """The refusal names what it would mute; a narrow one is made at once, and Alertmanager's door makes any."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url, strict="false"))
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            assert (await daemon.ask("POST", "/api/v2/alerts", [*FIRING, *FULL]))[0] == 200

            async def add(*words: str, code: int = 0) -> str:
                ended, output = await daemon.command("silence", "add", *words, "-c", "moving", person="ana")
                assert ended == code, output
                return output

            said = await add("Down", code=4)
            assert "this silence would mute more than 20 alerts: 30 of 36 that fire now (Down: 30)" in said
            assert "--yes" in said
            assert "names no alerts in particular" in await add("host!=x", code=4)
            assert "names no alerts in particular" in await add("alertname=~.+", code=4)
            assert json.loads(await add("alertname=~Down|Full", "--preview", "--json")) == {
                "alerts": 36,
                "firing": 36,
                "names": ["Down", "Full"],
            }
            assert await daemon.get("/api/v2/silences") == []

            assert "Mutes 6 of 36 alerts that fire now: Full." in await add("Full", "--until-resolved")
            (narrow,) = (await daemon.get("/api/watchkeeper/v1/silences"))["silences"]
            assert (narrow["until_resolved"], narrow["remind_before"], narrow["matchers"]) == (
                *(True, 3600),
                [['alertname="Full"']],
            )
            assert "Mutes 30 of 36" in await add("Down", "--for", "2h", "--yes", "--remind-before", "30m")
            code, output = await daemon.command("silence", "update", narrow["id"], "--for", "3h", "--until-its-end")
            assert code == 0, output
            shown = {one["id"]: one for one in (await daemon.get("/api/watchkeeper/v1/silences"))["silences"]}
            assert (shown[narrow["id"]]["until_resolved"], len(shown)) == (False, 2)
            assert (await daemon.ask("POST", "/api/v2/silences", WIDE))[0] == 200
        finally:
            await daemon.end()


async def test_one_that_is_until_resolved_ends_with_its_alerts_and_ends_are_told_before(tmp_path: Path) -> None:
    """The audit says so; the reminder names what still fires. Alertmanager's door asks, too, where that is set."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url, strict="true"))
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            assert (await daemon.ask("POST", "/api/v2/alerts", [*FIRING, *FULL]))[0] == 200
            status, said = await daemon.ask("POST", "/api/v2/silences", WIDE)
            assert status == 400
            assert "this silence would mute more than 20 alerts" in str(said)

            for words in (("Full", "--for", "3602s"), ("Down", "--until-resolved", "--yes")):
                code, output = await daemon.command("silence", "add", *words, "-c", "moving")
                assert code == 0, output

            def reminders() -> list[Any]:
                alerts = [one for call in hook.arrived for one in json.loads(call.body)["alerts"]]
                return [one for one in alerts if one["labels"]["alertname"] == "SilenceEnds"]

            (told,) = await until(reminders, "the end is told before")
            assert re.match("A silence of 6 alerts ends in (1h|59m)", told["annotations"]["summary"])
            assert "Full: 6" in told["annotations"]["description"]

            over = [{**one, "endsAt": "2026-01-01T00:00:00Z", "startsAt": "2025-01-01T00:00:00Z"} for one in FIRING]
            assert (await daemon.ask("POST", "/api/v2/alerts", over))[0] == 200

            async def ended() -> bool:
                found = await daemon.get("/api/v2/silences", active="false", pending="false")
                return len(found) == 1 and found[0]["matchers"][0]["value"] == "Down"

            await until(ended, "the silence ends")
            done = (await daemon.get("/api/watchkeeper/v1/audit"))["audit"][0]
            assert (done["actor"], done["action"], done["detail"]) == (
                *("watchkeeper", "end silence"),
                "all alerts that it muted have resolved",
            )
        finally:
            await daemon.end()
