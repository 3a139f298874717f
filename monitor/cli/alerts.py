"""`watchkeeper alerts`: what is pending or fires, since when, and where it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from monitor.cli.alerts_lint import lint
from monitor.cli.alerts_replay import history_command, replay_command
from monitor.cli.connection import OWN
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, coloured, now, say, say_json, since, table
from monitor.model.times import Timestamp

alerts = typer.Typer(invoke_without_command=True)
alerts.command()(lint)
alerts.command("history")(history_command)
alerts.command("replay")(replay_command)


@alerts.callback()
def list_(
    context: typer.Context, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False
) -> None:
    """Alerts that are pending or fire; and what a configuration makes of alerts."""
    if context.invoked_subcommand is not None:
        return
    document = daemon(url, token_file).get(f"{OWN}/alerts")
    if json_:
        say_json(document)
    elif document["alerts"]:
        show_alerts(document["alerts"], now())
    else:
        say("Nothing fires.")


def show_alerts(found: Sequence[Mapping[str, Any]], at: Timestamp) -> None:
    """One line each."""
    table(
        ("alert", "state", "severity", "for", "incident", "what"),
        [
            (
                clean(one["name"]),
                coloured(str(one["state"])),
                coloured(str(one["labels"].get("severity", ""))),
                since(one.get("since"), at).removeprefix("since "),
                " ".join(dict.fromkeys(f"#{one['incident']}" for one in one.get("groups", ()) if one.get("incident"))),
                clean(_about(one)),
            )
            for one in found
        ],
    )


def _about(alert: Mapping[str, Any]) -> str:
    summary = alert["annotations"].get("summary")
    if summary:
        return str(summary)
    hidden = ("alertname", "severity")
    return ", ".join(f"{name}={value}" for name, value in alert["labels"].items() if name not in hidden)
