"""Maintenance windows from the command line, over a running daemon, a kill, a reload, and a webhook that is told."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.support.collector import Collector, collecting
from tests.support.daemon_process import DaemonProcess, until

CONFIGURATION = """
host: {{enabled: false}}
rules: {{shipped: false}}
alertmanager:
  route: {{receiver: news, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers:
    - {{name: news, webhook_configs: [{{url: "{url}/news"}}]}}
    - {{name: pager, pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef}}]}}
maintenance:
  - name: always
    matchers: ['host=~"db.*"']
    time_intervals: [{{weekdays: ["sunday:saturday"]}}]
"""
DOWN = {"labels": {"alertname": "Down", "host": "web1"}}
FULL = {"labels": {"alertname": "Full", "host": "db1"}}


class Told:
    """The commands against a daemon."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._daemon = daemon

    async def json(self, *words: str) -> Any:
        code, output = await self._daemon.command("maintenance", *words, "--json", person="ana")
        assert code == 0, output
        return json.loads(output)

    async def refused(self, *words: str) -> str:
        code, output = await self._daemon.command("maintenance", *words, person="ana")
        assert code != 0, output
        return f"{code} {output}"


def announced(hook: Collector) -> list[str]:
    """Titles, without what is not of maintenance."""
    bodies = [json.loads(one.body) for one in hook.arrived]
    return [
        alert["annotations"]["summary"]
        for body in bodies
        for alert in body["alerts"]
        if alert["labels"]["alertname"] == "Maintenance"
    ]


async def test_a_window_is_planned_announced_changed_and_ended(tmp_path: Path) -> None:
    """It mutes at once, is seen wherever one looks, outlives a kill and a reload, and what it was to mute is told after."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url))
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            told = Told(daemon)
            (always,) = (await told.json("list"))["maintenance"]
            assert (always["name"], always["state"], always["file"]) == ("always", "running", f"{file}:10")

            preview = await told.json("add", "night", "host=web1", "--cron", "0 2 * * *", "--for", "2h", "--zone", "Europe/Berlin", "--preview", "-n", "2")  # fmt: skip
            assert [one["local_starts_at"][15:20] for one in preview["window"]["upcoming"]] == ["02:00", "02:00"]
            assert preview["matches"] == {"alerts": 0, "firing": 0, "names": []}
            assert len((await told.json("list"))["maintenance"]) == 1

            added = await told.json(
                "add", "move", "host=~web.*", "--for", "1h", "-c", "New switches", "--announce-to", "news"
            )
            assert (added["window"]["state"], added["window"]["created_by"]) == ("running", "ana")
            await until(lambda: len(announced(hook)) == 1, "the beginning is announced")

            status, _ = await daemon.ask("POST", "/api/v2/alerts", [DOWN, FULL])
            assert status == 200
            await until(lambda: _suppressed(daemon), "both are muted")
            shown = {one["labels"]["alertname"]: one for one in await daemon.get("/api/v2/alerts")}
            assert shown["Down"]["status"]["mutedBy"] == ["move"]
            assert shown["Full"]["status"]["mutedBy"] == ["always"]
            code, words = await daemon.command("why", "Down")
            assert code == 0
            assert "a maintenance window covers it" in words
            assert "move" in words

            await daemon.restart()
            edited = await told.json("edit", "move", "--for", "2h")
            (once,) = edited["window"]["once"]
            assert (once["ends_at"][:13] != added["window"]["once"][0]["ends_at"][:13]) is True
            daemon.signal(signal.SIGHUP)
            await until(lambda: len(announced(hook)) == 2, "the new end is announced")
            assert [one["name"] for one in (await told.json("list"))["maintenance"]] == ["move", "always"]

            ended = await told.json("end", "move")
            assert ended["window"]["state"] == "over"
            await until(lambda: len(announced(hook)) == 3, "the end is announced")
            assert announced(hook) == [
                'Maintenance "move" has begun',
                'Maintenance "move" now ends at another time',
                'Maintenance "move" is over',
            ]
            await until(lambda: any(b'"alertname":"Down"' in one.body for one in hook.arrived), "what fired is told")
            assert not any(b'"alertname":"Full"' in one.body for one in hook.arrived)

            assert (await told.json("remove", "move")) == {"removed": "move"}
            done = await daemon.get("/api/watchkeeper/v1/audit")
            told_of = [(one["actor"], one["action"]) for one in done["audit"] if one["subject"] == "maintenance:move"]
            assert told_of == [
                ("ana", "remove maintenance"),
                ("ana", "end maintenance"),
                ("ana", "edit maintenance"),
                ("ana", "add maintenance"),
            ]
        finally:
            await daemon.end()


async def test_what_makes_no_sense_is_refused_with_a_remedy(tmp_path: Path) -> None:
    """Windows of the file but for their occurrences, flawed ones, too wide ones, and what is not there."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url))
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            told = Told(daemon)
            for words in (
                ("edit", "always", "--for", "1h"),
                ("remove", "always"),
                ("add", "always", "a=b", "--for", "1h"),
            ):
                assert f"stands in {file}:10" in await told.refused(*words)
            for words, said in (
                (("add", "x", "a=b", "--cron", "0 2 31 2 *", "--for", "1h"), "never comes"),
                (("add", "x", "a=b", "--cron", "0 * * * *", "--for", "2h"), "it would never end"),
                (("add", "x", "a=b", "--start", "2026-01-31 22:00", "--for", "2h"), "has no zone"),
                (("add", "x", "a=b", "--start", "2020-01-31 22:00Z", "--for", "2h"), "would be over already"),
                (("add", "x", "a=b", "--start", "2020-01-31 22:00Z", "--for", "2h", "--preview"), "over already"),
                (("add", "x", "a=b", "--for", "2h", "--zone", "Nowhere"), "unknown time zone"),
                (("add", "x", "a=b", "--for", "2h", "--announce-to", "pager"), "name one that takes words: news"),
                (("add", "x", "a=b", "--for", "2h", "--announce-before", "1h"), "name a receiver: --announce-to"),
                (("add", "x", "a=~(", "--for", "2h"), "missing"),
                (("add", "x", "a!=b", "--for", "2h"), "--yes"),
                (("end", "y"), '5 watchkeeper: no maintenance window is named "y"'),
                (("edit", "y", "--for", "1h"), '5 watchkeeper: no maintenance window is named "y"'),
            ):
                assert said in await told.refused(*words), words
            assert (await told.json("add", "x", "a!=b", "--for", "2h", "--yes"))["window"]["state"] == "running"
            path = "/api/watchkeeper/v1/maintenance"
            late = {"name": "z", "matchers": ["a=b"], "starts_at": "2100-01-01T00:00:00Z", "duration": "1h"}
            for method, place, body in (
                ("POST", path, late),
                ("PATCH", f"{path}/x", {"comment": "changed"}),
                ("POST", f"{path}/x/end", {}),
            ):
                status, _ = await daemon.ask(method, f"{place}?occurrences=many", body)
                assert status == 400
            (kept,) = [one for one in (await told.json("list"))["maintenance"] if not one["file"]]
            assert (kept["name"], kept["state"], kept["comment"]) == ("x", "running", "")
            assert "already" in await told.refused("add", "x", "a=b", "--for", "2h")
            await told.json("end", "always")
            assert "not running" in await told.refused("end", "always")
            (always,) = [one for one in (await told.json("list"))["maintenance"] if one["name"] == "always"]
            assert always["state"] == "over"
        finally:
            await daemon.end()


async def _suppressed(daemon: DaemonProcess) -> bool:
    found = await daemon.get("/api/v2/alerts")
    return [one["status"]["state"] for one in found] == ["suppressed"] * 2
