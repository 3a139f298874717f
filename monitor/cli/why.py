"""`watchkeeper why`: why an alert was told, or was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from monitor.cli.alerts import show_alerts
from monitor.cli.connection import OWN
from monitor.cli.incidents import what_next
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import ago, clean, clock_time, coloured, now, say, say_json, since
from monitor.model.times import Timestamp


def why(
    alert: Annotated[
        str,
        typer.Argument(
            help="A fingerprint, an alert's name, or matchers: 'team=\"shop\"'. Without it the alerts that there are.",
            show_default=False,
        ),
    ] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Why somebody was told of an alert, or nobody was: rule, route, group, what keeps it quiet, each integration."""
    if not alert:
        document = daemon(url, token_file).get(f"{OWN}/alerts")
        if json_:
            say_json(document)
        elif document["alerts"]:
            show_alerts(document["alerts"], now())
            say("\nOf which? `watchkeeper why NAME` tells.")
        else:
            say("Nothing fires. Of an alert that is over `watchkeeper why NAME` tells for as long as it is remembered.")
        return
    document = daemon(url, token_file, {"alert": "ALERT"}).get(f"{OWN}/alerts/why", alert=alert)
    if json_:
        say_json(document)
        return
    for place, one in enumerate(document["alerts"]):
        if place:
            say()
        show_alert(one, now())


def show_alert(one: Mapping[str, Any], at: Timestamp) -> None:
    """One alert in words."""
    labels = ", ".join(f'{name}="{value}"' for name, value in one["labels"].items())
    say(f"[bold]{clean(one['labels'].get('alertname', '?'))}[/] {coloured(one['state'])} {_when(one, at)}")
    say(f"  labels   {clean(labels)}  [dim]{one['fingerprint']}[/]")
    if one["rule"] is None and not one.get("pushed", True):
        believed = f": nobody reports it any longer; believed until {clock_time(one['believed_until'])}"
        say(f"  rule     of our own rules, where it fires no longer{'' if one['state'] == 'resolved' else believed}")
    else:
        _show_rule(one["rule"], at)
    group = one["group"]
    if group is None:
        say("  group    none: it has not left its rule yet, so nobody is told")
        return
    say(f"  route    {clean(one['route'][-1]) if one['route'] else 'gone since a reload'}")
    members = f"{group['members']} alerts" if group["members"] != 1 else "1 alert"
    say(f"  group    {clean(group['key'])} with {members}, receiver {clean(group['receiver'])}")
    if group.get("kept_from"):
        say(
            f"  kept     with the incident of its former group {clean(group['kept_from'])}: nobody is paged again for it"
        )
    for quiet in one["quiet"]:
        until = f" until {clock_time(quiet['until'])}" if quiet["until"] else ""
        say(f"  [yellow]quiet[/]    {quiet['sentence']}{until}: {clean(_by(quiet))}")
    if not one["quiet"]:
        say("  quiet    no: nothing mutes it")
    if flap := one.get("flapping"):  # a daemon older than this command says nothing of it
        calm = f", calm at {clock_time(flap['calm_at'])} if it changes no more" if flap["calm_at"] else ""
        say(
            f"  [yellow]flaps[/]    {since(flap['since'], at)}, {flap['changes']} changes: {clean(flap['sentence'])}{calm}"
        )
    if group["next_look"]:
        looked = f"last {ago(group['last_look'], at)}, " if group["last_look"] else ""
        say(f"  looks    {looked}next at {clock_time(group['next_look'])}")
    for told in one["integrations"]:
        _show_integration(told, at)
    if group["policy"]:
        _show_incident(one, at)


def _by(quiet: Mapping[str, Any]) -> str:
    """What keeps it quiet, by name: an alert by its labels, as long as it is known."""
    return ", ".join(_alert(labels) for labels in quiet.get("alerts", ())) or ", ".join(quiet["by"])


def _alert(labels: Mapping[str, str]) -> str:
    rest = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "alertname")
    return f"{labels.get('alertname', '')}{{{rest}}}"


def _show_incident(one: Mapping[str, Any], at: Timestamp) -> None:
    """Who was paged for it, and what comes next."""
    group, incident = one["group"], one.get("incident")
    if incident is None:  # none is open, or the daemon is older than this command
        number = f"incident #{group['incident']}" if group["incident"] else "no open incident"
        say(f"  policy   {clean(group['policy'])}: {number}")
        return
    number = incident["number"]
    say(f"  policy   {clean(group['policy'])}: incident #{number}, {coloured(incident['state'])}")
    say(f"  [bold]#{number}[/] {clean(what_next(incident, at))}")
    for told in incident["told"]:
        latest = told["attempts"][0]
        when = ago(latest["created_at"], at)
        before = "" if latest["created_at"] >= one["since"] else ", before this alert began"
        say(f"  [bold]{clean(told['destination'])}[/] {_became(latest, ' of the incident', when)}{before}")
        _show_attempts(told["attempts"], at)


def _when(one: Mapping[str, Any], at: Timestamp) -> str:
    if one["state"] != "resolved":
        return since(one["since"], at)
    return f"{ago(one['believed_until'], at)}, began {ago(one['since'], at)}"


def _show_rule(rule: Mapping[str, Any] | None, at: Timestamp) -> None:
    if rule is None:
        say("  rule     pushed from outside")
        return
    say(f"  rule     {clean(rule['query'])}  [dim]{clean(rule['group'])}[/], value {rule['value']}")
    if rule["fired_at"] is None:
        say(f"  pending  {since(rule['active_since'], at)}: `for` is not over")
    if rule["held"]:
        say(f"  held     {clean(rule['held'])}")


def _show_integration(told: Mapping[str, Any], at: Timestamp) -> None:
    latest = told["attempts"][0] if told["attempts"] else None
    if told["told_at"] is None:
        said = "has been told nothing of this group"
    else:
        said = _became(latest, "" if told["knows"] else " of the group", ago(told["told_at"], at))
        if told["knows"]:
            said += f"; again after {clock_time(told['repeats_at'])} if nothing changes"
        else:
            said += ", when this alert was not in it"
    if latest is not None and latest.get("instead"):
        said += f"; {_instead(latest['instead'][-1])}"
    reason = "nothing was to be told" if told["last_decision"] == "none" else told["last_decision"]
    decided = f" [dim](last look: {clean(reason)})[/]" if reason else ""
    say(f"  [bold]{clean(told['destination'])}[/] {said}{decided}")
    _show_attempts(told["attempts"], at)


def _show_attempts(attempts: Sequence[Mapping[str, Any]], at: Timestamp) -> None:
    for attempt in attempts:
        error = f": {clean(attempt['error'])}" if attempt["error"] else ""
        say(f"    {coloured(attempt['state'])} {attempt['kind']}, decided {ago(attempt['created_at'], at)}{error}")
        for other in attempt.get("instead", ()):
            error = f": {clean(other['error'])}" if other["error"] else ""
            say(f"      instead {clean(other['destination'])} {coloured(other['state'])}{error}")


def _became(latest: Mapping[str, Any] | None, of: str, when: str) -> str:
    """Of what was decided then. A row that is no longer kept was delivered or given up long ago."""
    state = latest["state"] if latest is not None else "sent"
    match state:
        case "sent":
            return f"was told{of} {when}"
        case "failed":
            return f"could not be told{of}: decided {when}, given up"
        case "cancelled":
            return f"was not told{of}: decided {when}, dropped before it was sent"
        case _:
            return f"is to be told{of}: decided {when}, not delivered yet"


def _instead(last: Mapping[str, Any]) -> str:
    who = clean(last["destination"])
    match last["state"]:
        case "sent":
            return f"{who} was told instead"
        case "failed" | "cancelled":
            return f"{who} was not reached instead either"
        case _:
            return f"{who} is to be told instead, not delivered yet"
