"""A reload that regroups alerts which fire: what it warns of, and that the incident is found from the new group."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.collector import collecting
from tests.support.daemon_process import DaemonProcess, until

CONFIGURATION = """
host: {{enabled: false}}
rules: {{shipped: false}}
web: {{listen: "127.0.0.1:0"}}
people: {{ana: {{console: true}}}}
policies: {{default: {{steps: [{{notify: ["user:ana"]}}]}}}}
escalate: {{page: default}}
alertmanager:
  route:
    receiver: chat
    group_by: [{group_by}]
    group_wait: 0s
    routes: [{{receiver: page, matchers: ['severity="critical"'], group_wait: 0s, continue: true}}, {{receiver: chat}}]
  receivers: [{{name: page}}, {{name: chat, webhook_configs: [{{url: "{url}/hook"}}]}}]
"""
ALERTS = [
    {"labels": {"alertname": "Down", "host": host, "severity": "critical"}, "endsAt": "2099-01-01T00:00:00Z"}
    for host in "ab"
]


async def test_a_reload_warns_of_what_it_regroups_and_pages_nobody_again(tmp_path: Path) -> None:
    """The acknowledged incident keeps its alerts, the chat hears of the new groups; both with their number. A reload that
    regroups nothing warns of nothing; one that regroups them once more warns once more."""
    async with collecting() as hook:
        file = tmp_path / "watchkeeper.yml"
        file.write_text(CONFIGURATION.format(url=hook.url, group_by="alertname"))
        daemon = DaemonProcess(tmp_path, file)
        try:
            await daemon.start()
            assert (await daemon.ask("POST", "/api/v2/alerts", ALERTS))[0] == 200
            await until(lambda: bool(hook.arrived), "the chat hears of it")
            assert (await daemon.command("incidents", "ack", "1"))[0] == 0
            code, words = await daemon.command("reload")
            assert (code, "other keys" in words) == (0, False)
            file.write_text(CONFIGURATION.format(url=hook.url, group_by="alertname, host"))
            code, words = await daemon.command("reload")
            assert code == 0
            assert (
                "2 alerts that fire are in groups with other keys now, and told again to those who know them" in words
            )
            assert "2 alerts that fire are in groups with other keys now, and with the incidents of the former" in words
            assert f"{file}:9:3: alertmanager.route: " in words
            incidents = json.loads((await daemon.command("incidents", "list", "--json"))[1])["incidents"]
            assert [(one["number"], one["state"]) for one in incidents] == [(1, "acknowledged")]
            known = json.loads((await daemon.command("why", 'host="a"', "--json"))[1])["alerts"]
            (paging,) = (one for one in known if one["group"]["policy"])
            assert paging["group"]["key"].count("host=") == 1
            assert paging["group"]["kept_from"] == '{}/{severity="critical"}:{alertname="Down"}'
            assert paging["group"]["incident"] == paging["incident"]["number"] == 1
            assert [one["destination"] for one in paging["incident"]["told"]] == ["user:ana/console[0]"]
            code, words = await daemon.command("why", 'host="a"')
            assert "Acknowledged by" in words
            assert "user:ana/console[0] was told of the incident" in words
            assert 'with the incident of its former group {}/{severity="critical"}:{alertname="Down"}' in words
            file.write_text(CONFIGURATION.format(url=hook.url, group_by="host"))
            code, words = await daemon.command("reload")
            assert code == 0
            assert "2 alerts that fire are in groups with other keys now, and with the incidents of the former" in words
        finally:
            await daemon.end()


RULES = """
groups:
  - name: shop
    rules: [{alert: Down, expr: vector(1), labels: {check: shop, severity: critical}}]
"""
BARE = """
host: {enabled: false}
rules: {shipped: false}
rule_files: [rules.yml]
global: {evaluation_interval: 1s}
web: {listen: "127.0.0.1:0"}
people: {ana: {console: true}}
policies: {default: {steps: [{notify: ["user:ana"]}]}}
escalate: {page: default}
"""
ROUTED = """
alertmanager:
  route: {receiver: page, group_by: [alertname], group_wait: 0s}
  receivers: [{name: page}]
"""


async def test_a_reload_that_changes_labels_promises_nothing_of_the_alerts_it_leaves(tmp_path: Path) -> None:
    """Routes of one's own take the job from a check's alerts: what stays with the acknowledged incident says that nobody
    reports it any longer."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text(BARE)
    (tmp_path / "rules.yml").write_text(RULES)
    daemon = DaemonProcess(tmp_path, file)
    try:
        await daemon.start()

        async def is_open() -> bool:
            return bool(json.loads((await daemon.command("incidents", "list", "--json"))[1])["incidents"])

        await until(is_open, "the incident is open")
        assert (await daemon.command("incidents", "ack", "1"))[0] == 0
        assert "nobody reports" not in (await daemon.command("incidents", "show", "1"))[1]
        file.write_text(BARE + ROUTED)
        code, words = await daemon.command("reload")
        assert code == 0
        assert "the labels of every alert of a check have changed" in words
        assert "nobody is paged again" not in words
        for asked in (("incidents", "show", "1"), ("why", 'job="shop"')):
            assert "nobody reports it any longer; believed until 2" in (await daemon.command(*asked))[1]
    finally:
        await daemon.end()
