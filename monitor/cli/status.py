"""`watchkeeper status`: the whole picture on one screen, what is wrong first."""

from __future__ import annotations

from monitor.cli.alerts import show_alerts
from monitor.cli.checks import show_checks
from monitor.cli.connection import OWN, Json, fields, rows
from monitor.cli.incidents import show_incidents
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, coloured, now, say, say_json, since


def status(url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """How the daemon is, what it watches, what fires, and which incidents are open."""
    asked = daemon(url, token_file)
    document = asked.get(f"{OWN}/status")
    checks = rows(asked.get(f"{OWN}/checks")["checks"])
    alerts = rows(asked.get(f"{OWN}/alerts")["alerts"]) if document.get("ready") else []
    incidents = rows(asked.get(f"{OWN}/incidents", state="open")["incidents"]) if document.get("ready") else []
    if json_:
        say_json({**document, "checks": checks, "alerts": alerts, "incidents": incidents})
        return
    at = now()
    environment = f" · {clean(document['environment'])}" if document.get("environment") else ""
    say(
        f"Watchkeeper {clean(document['version'])} at {clean(url)}{environment} · {coloured(str(document['status']))}"
        f" · running {since(document.get('started_at'), at)}{'' if document.get('ready') else ' · still starting'}"
    )
    for line in _troubles(document):
        say(f"  [yellow]{clean(line)}[/]")
    for title, found, show in (
        ("Incidents", incidents, show_incidents),
        ("Alerts", alerts, show_alerts),
        ("Checks", checks, show_checks),
    ):
        say(f"\n[bold]{title}[/]" + ("" if found else "  none"))
        if found:
            show(found, at)
    storage = fields(document.get("storage"))
    say(
        f"\n[dim]{document.get('rule_groups', 0)} rule groups, {document.get('targets', 0)} scraped targets, "
        f"{storage.get('series', 0)} series[/]"
    )


def _troubles(document: Json) -> list[str]:
    health = fields(document.get("health"))
    lines = [f"{name}: {health[name]}" for name in ("database", "cache") if health.get(name) not in (None, "connected")]
    return [*lines, *(f"{name}: {why}" for name, why in fields(health.get("parts")).items())]
