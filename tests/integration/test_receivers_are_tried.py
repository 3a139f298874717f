"""`watchkeeper receivers test --offline`: every integration of a receiver is told once, without a daemon."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from tests.support.collector import Reply, collecting

FILE = """
route: {{receiver: chat}}
templates: [own.tmpl]
receivers:
  - name: chat
    webhook_configs: [{{url: "{url}/hook/s3cret-word"}}]
    discord_configs: [{{webhook_url: "{url}/discord/s3cret-word", title: '{{{{ template "own" . }}}}'}}]
    pagerduty_configs: [{{routing_key: s3cret-word, url: "{url}"}}]
  - {{name: broken, webhook_configs: [{{url: "{url}/gone/s3cret-word"}}], slack_configs: [{{api_url: "http://127.0.0.1:9/s3cret-word"}}]}}
"""
OWN = """{{ define "own" }}{{ .CommonLabels.team }} {{ .Status }}{{ end }}"""


def test_each_integration_says_what_its_own_templates_make_of_the_made_up_alert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With labels that are asked for; a template may be tried that is in no file yet."""

    async def story() -> None:
        async with collecting() as vendor:
            file = written(tmp_path, vendor.url)
            options = ["--offline", "--config.file", file, "--label", "team=shop"]
            assert await told("chat", *options) == Exit.OK
            by_path = {one.path.split("/")[1]: one.json() for one in vendor.arrived}
            assert by_path["discord"]["embeds"][0]["title"] == "shop firing"
            assert by_path["hook"]["alerts"][0]["labels"] == {
                "alertname": "WatchkeeperTest",
                "severity": "info",
                "team": "shop",
            }
            assert by_path["v2"]["payload"]["summary"] == "[FIRING:1] WatchkeeperTest (info shop)"
            assert await told("chat", *options, "--template", "title={{ .CommonLabels.team | toUpper }}!") == Exit.OK
            titles = [one.json()["embeds"][0]["title"] for one in vendor.arrived if one.path.startswith("/discord")]
            assert titles[-1] == "SHOP!"

    asyncio.run(story())
    out = capsys.readouterr().out
    assert out.count("✓") == 6
    assert "chat/discord[0]: delivered" in out
    assert "s3cret-word" not in out


def test_what_fails_is_told_by_integration_and_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vendor that refuses, one that is not there, a template that fails, a receiver that nobody has."""

    async def story() -> None:
        async with collecting() as vendor:
            vendor.always("/gone/s3cret-word", Reply(status=404, body="no such hook: s3cret-word"))
            file = written(tmp_path, vendor.url)
            options = ["--offline", "--config.file", file]
            assert await told("broken", *options, "--json") == Exit.FINDINGS
            assert await told("chat", *options, "--template", "title={{ .Nothing }}") == Exit.FINDINGS
            assert await told("nobody", *options) == Exit.NOT_FOUND

    asyncio.run(story())
    out, err = capsys.readouterr()
    document, rest = json.JSONDecoder().raw_decode(out)
    assert [one["integration"] for one in document["results"]] == ["broken/slack[0]", "broken/webhook[0]"]
    unreached, refused = (one["detail"] for one in document["results"])
    assert unreached.startswith("failed: no connection: ")
    assert refused == "failed: unexpected status code 404: no such hook: <secret>"
    assert "delivered in its plain form, for a template failed" in out[rest:]
    assert 'no receiver is named "nobody"; there are: broken, chat' in err
    assert "s3cret-word" not in out + err


def test_a_configuration_with_mistakes_is_told_and_nothing_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so is one that is named in two ways."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text("receivers: [{name: default, telegraph_configs: []}]\n")
    assert command_line(["receivers", "test", "default", "--offline", "--config", str(file)]) == Exit.FINDINGS
    both = ["--offline", "--config", str(file), "--config.file", str(file)]
    assert command_line(["receivers", "test", "default", *both]) == Exit.USAGE
    assert "telegraph_configs" in capsys.readouterr().out


def written(folder: Path, url: str) -> str:
    (folder / "own.tmpl").write_text(OWN, encoding="utf-8")
    file = folder / "alertmanager.yml"
    file.write_text(FILE.format(url=url), encoding="utf-8")
    return str(file)


async def told(receiver: str, *options: str) -> int:
    """The command has a loop of its own."""
    return await asyncio.to_thread(command_line, ["receivers", "test", receiver, *options])
