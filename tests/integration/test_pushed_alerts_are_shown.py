"""Alerts that others push are shown as our own are: in the list, on the page, by `why`, and in groups with their route's
labels."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import ClientSession

from tests.support.collector import collecting
from tests.support.daemon_process import DaemonProcess, until

CONFIGURATION = """
host: {{enabled: false}}
rules: {{shipped: false}}
rule_files: [rules.yml]
environment: test
alertmanager:
  route:
    receiver: hook
    group_by: [alertname]
    group_wait: 0s
    labels: {{owner: '{{{{ .CommonLabels.team }}}} ({{{{ len .Alerts.Firing }}}})', broken: '{{{{ .GroupLabels.alertname }}}}'}}
    routes: [{{matchers: [alertname="Broken"], labels: {{owner: '{{{{ template "none" }}}}'}}}}]
  receivers: [{{name: hook, webhook_configs: [{{url: "{url}/hook"}}]}}]
"""
RULES = """
groups:
  - name: own
    interval: 1s
    rules: [{alert: Own, expr: vector(7), labels: {severity: warning}}]
"""


def pushed(name: str, **labels: str) -> dict[str, object]:
    return {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} was pushed"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2099-01-01T00:00:00Z",
    }


async def test_pushed_alerts_are_shown(tmp_path: Path) -> None:
    """Beside those of rules, each once, until they end."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url))
        (tmp_path / "rules.yml").write_text(RULES)
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            alerts = [pushed("Theirs", team="shop"), pushed("Broken", team="shop")]
            assert (await daemon.ask("POST", "/api/v2/alerts", alerts))[0] == 200
            await until(lambda: len(hook.arrived) >= 3, "all three are told")
            listed = json.loads((await daemon.command("alerts", "--json"))[1])["alerts"]
            assert sorted((one["name"], one["state"], one["rule_group"] is None) for one in listed) == [
                ("Broken", "firing", True),
                ("Own", "firing", False),
                ("Theirs", "firing", True),
            ]
            (theirs,) = [one for one in listed if one["name"] == "Theirs"]
            assert theirs["since"] == "2026-01-01T00:00:00.000Z"
            assert [told["destination"] for told in theirs["groups"][0]["notified"]] == ["hook/webhook[0]"]
            assert "Theirs was pushed" in (await daemon.command("alerts"))[1]
            async with ClientSession() as session, session.get(f"{daemon.url}/") as answer:
                page = await answer.text()
            for words in ("Theirs was pushed", "3 alerts firing"):
                assert words in page
            (why,) = json.loads((await daemon.command("why", "Theirs", "--json"))[1])["alerts"]
            assert (why["rule"], why["route"]) == (None, ["{}"])
            (told,) = why["integrations"]
            assert (told["knows"], told["last_decision"], told["attempts"][0]["state"]) == (
                True,
                "first notification",
                "sent",
            )
            assert told["repeats_at"] is not None
            _, groups = await daemon.ask("GET", "/api/v2/alerts/groups")
            labels = {one["labels"]["alertname"]: one["routeLabels"] for one in groups}
            assert labels["Theirs"] == {"owner": "shop (1)", "broken": "Theirs"}
            assert labels["Broken"]["owner"] == '{{ template "none" }}'
            ended = {**pushed("Theirs", team="shop"), "endsAt": "2026-01-02T00:00:00Z"}
            assert (await daemon.ask("POST", "/api/v2/alerts", [ended]))[0] == 200
            listed = json.loads((await daemon.command("alerts", "--json"))[1])["alerts"]
            assert "Theirs" not in {one["name"] for one in listed}
        finally:
            await daemon.end()
