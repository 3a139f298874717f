"""`watchkeeper why`: the whole way of an alert, over a running daemon and a webhook that refuses."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.collector import Reply, collecting
from tests.support.daemon_process import DaemonProcess, until

CONFIGURATION = """
host: {{enabled: false}}
rules: {{shipped: false}}
rule_files: [rules.yml]
global: {{evaluation_interval: 1s}}
alertmanager:
  route:
    receiver: chat
    group_by: [alertname]
    group_wait: 0s
    routes: [{{receiver: page, matchers: ['team="shop"'], group_wait: 0s, repeat_interval: 2h}}]
  receivers:
    - {{name: chat}}
    - {{name: page, webhook_configs: [{{url: "{url}/hook"}}]}}
  inhibit_rules: [{{source_matchers: ['alertname="Always"'], target_matchers: ['alertname="Also"']}}]
"""
RULES = """
groups:
  - name: shop
    rules:
      - {alert: Always, expr: vector(7), labels: {team: shop}}
      - {alert: Also, expr: vector(1)}
      - {alert: Soon, expr: vector(1), for: 1h}
"""
TOLD = {
    "matchers": [{"name": "alertname", "value": "Always", "isRegex": False}],
    "createdBy": "ana",
    "comment": "moving",
}


async def test_the_way_of_an_alert_is_told_from_its_rule_to_the_attempts(tmp_path: Path) -> None:
    """With what keeps it quiet, when it is looked at next, and what the vendor said."""
    async with collecting() as hook:
        hook.answer(Reply(status=400, body="no such room"))
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url))
        (tmp_path / "rules.yml").write_text(RULES)
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            await until(lambda: bool(hook.arrived), "the webhook is asked")
            silence = {**TOLD, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
            status, made = await daemon.ask("POST", "/api/v2/silences", silence)
            assert status == 200

            async def failed() -> bool:
                code, words = await daemon.command("why", "Always", "--json")
                assert code == 0, words
                return json.loads(words)["alerts"][0]["integrations"][0]["attempts"][0]["state"] == "failed"

            await until(failed, "the attempt is given up")
            (one,) = json.loads((await daemon.command("why", 'alertname="Always"', "--json"))[1])["alerts"]
            assert (one["rule"]["query"], one["rule"]["value"]) == ("vector(7)", 7)
            assert one["route"] == ["{}", '{}/{team="shop"}']
            assert one["group"]["key"] == '{}/{team="shop"}:{alertname="Always"}'
            assert one["quiet"] == [
                {
                    "reason": "silence",
                    "sentence": "a silence matches it",
                    "by": [made["silenceID"]],
                    "alerts": [],
                    "until": "2099-01-01T00:00:00.000Z",
                }
            ]
            (told,) = one["integrations"]
            assert told["destination"] == "page/webhook[0]"
            assert told["last_decision"] == "first notification"
            assert told["attempts"][0]["error"] == "unexpected status code 400: no such room"
            (instead,) = told["attempts"][0]["instead"]
            assert instead["destination"].endswith("/console[0]")
            code, words = await daemon.command("why", one["fingerprint"])
            assert f"{instead['destination']} " in words
            assert code == 0
            assert "a silence matches it until" in words
            assert "page/webhook[0]" in words
            code, words = await daemon.command("why", "Also")
            assert 'another alert that fires explains it: Always{team="shop"}' in words
            (pending,) = json.loads((await daemon.command("why", "Soon", "--json"))[1])["alerts"]
            assert (pending["state"], pending["group"]) == ("pending", None)
            assert "nobody is told" in (await daemon.command("why", "Soon"))[1]
            code, words = await daemon.command("why")
            assert (code, "Always" in words, "`watchkeeper why NAME` tells" in words) == (0, True, True)
            asked = json.loads((await daemon.command("why", "--json"))[1])
            assert {one["name"] for one in asked["alerts"]} >= {"Always", "Soon"}
            code, words = await daemon.command("why", "Never")
            assert (code, "nothing that is Never fires or is pending" in words) == (5, True)
        finally:
            await daemon.end()
