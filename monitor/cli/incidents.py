"""`watchkeeper incidents`: the list, one with its history, and what people do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

import typer

from monitor.cli.connection import OWN
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import ago, clean, clock_time, coloured, now, say, say_json, since, table
from monitor.model.times import Timestamp, spoken_duration

incidents = typer.Typer(no_args_is_help=True, help="Look at incidents and act on them.")

Reference: TypeAlias = Annotated[str, typer.Argument(help="Number or id of the incident.", metavar="INCIDENT")]


@incidents.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", "-a", help="Also those that are resolved.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1, max=1000)] = 100,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Open incidents, the newest first."""
    document = daemon(url, token_file).get(f"{OWN}/incidents", state="all" if all_ else "open", limit=limit)
    if json_:
        say_json(document)
    elif document["incidents"]:
        show_incidents(document["incidents"], now())
    else:
        say("There are no incidents." if all_ else "No incident is open.")


@incidents.command()
def show(incident: Reference, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """One incident: its alerts, what comes next, its history, and who was told what."""
    document = daemon(url, token_file).get(f"{OWN}/incidents/{_quoted(incident)}")
    if json_:
        say_json(document)
    else:
        _show_one(document["incident"], now())


@incidents.command()
def ack(incident: Reference, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """Take an incident over: nobody else is paged for it."""
    _act(incident, "acknowledge", url, token_file, json_)


@incidents.command()
def unack(incident: Reference, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """Give an incident back: the step taken last is taken again."""
    _act(incident, "unacknowledge", url, token_file, json_)


@incidents.command()
def resolve(
    incident: Reference, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False
) -> None:
    """End an incident by hand; alerts that fire on open a new one after a while."""
    _act(incident, "resolve", url, token_file, json_)


@incidents.command()
def escalate(
    incident: Reference, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False
) -> None:
    """Take the next step of the policy at once."""
    _act(incident, "escalate", url, token_file, json_)


@incidents.command()
def snooze(
    incident: Reference,
    for_: Annotated[str, typer.Option("--for", help="How long, as 30m or 8h.")] = "1h",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Acknowledge for a while; if it is still open then, it pages again."""
    _act(incident, "snooze", url, token_file, json_, {"for": for_})


def show_incidents(found: Sequence[Mapping[str, Any]], at: Timestamp) -> None:
    """One line each."""
    table(
        ("incident", "state", "severity", "opened", "next", "what"),
        [
            (
                f"#{one['number']}",
                coloured(str(one["state"])),
                coloured(str(one["severity"])),
                ago(one.get("opened_at"), at),
                clean(_short_next(one, at)),
                clean(one["title"]),
            )
            for one in found
        ],
    )


def _act(
    incident: str, action: str, url: str, token_file: str, json_: bool, body: Mapping[str, object] | None = None
) -> None:
    asked = daemon(url, token_file, {"for": "--for"})
    document = asked.post(f"{OWN}/incidents/{_quoted(incident)}/{action}", body)
    if json_:
        say_json(document)
        return
    one = document["incident"]
    say(f"#{one['number']} {coloured(str(one['state']))}: {clean(document['message'])}")


def _quoted(reference: str) -> str:
    return quote(reference.strip().removeprefix("#"), safe="")


def _show_one(one: Mapping[str, Any], at: Timestamp) -> None:
    say(f"[bold]#{one['number']} {clean(one['title'])}[/]")
    say(f"{coloured(str(one['state']))} · {coloured(str(one['severity']))} · opened {ago(one['opened_at'], at)}")
    say(clean(what_next(one, at)))
    say(f"Policy {clean(one['policy'])}:")
    for step in one["policy_steps"]:
        mark = "[green]✓[/]" if step["taken"] else " "
        after = f" after {spoken_duration(round(step['after'] * 1000))}" if step["after"] else ""
        say(f"  {mark} step {step['number']}{after}: {clean(', '.join(step['notify']))}")
    say("\n[bold]Alerts[/]")
    table(
        ("alert", "state", "for", "what"),
        [
            (
                clean(member["name"]),
                coloured("firing" if member["firing"] else "resolved"),
                since(member["starts_at"], at).removeprefix("since "),
                clean(about(member)),
            )
            for member in one["members"]
        ],
    )
    say("\n[bold]What happened[/]")
    table(
        ("when", "what", ""),
        [(clock_time(entry["at"]), clean(entry["kind"]), clean(entry["text"])) for entry in one["timeline"]],
    )
    if one["notifications"]:
        say("\n[bold]Who was told[/]")
        table(
            ("when", "destination", "what", "state", "attempts", "trouble"),
            [
                (
                    clock_time(sent["created_at"]),
                    clean(sent["destination"]),
                    clean(sent["kind"]),
                    coloured("delivered" if sent["state"] == "sent" else str(sent["state"])),
                    str(sent["attempts"]),
                    clean(sent["error"]),
                )
                for sent in one["notifications"]
            ],
        )


def what_next(one: Mapping[str, Any], at: Timestamp) -> str:
    """What comes next, as a sentence."""
    match one["state"]:
        case "resolved":
            by = f"by {one['resolved_by']} " if one.get("resolved_by") else "because its alerts ended, "
            return f"Resolved {by}{ago(one['resolved_at'], at)}."
        case "acknowledged":
            return f"Acknowledged by {one['acknowledged_by']} {ago(one['acknowledged_at'], at)}: nobody is paged."
        case "snoozed":
            return f"Snoozed by {one['acknowledged_by']}; it pages again {ago(one['snoozed_until'], at)}."
        case _ if one.get("held"):
            until = f"; it pages at {clock_time(one['held_until'])} if they still fire" if one.get("held_until") else ""
            return f"Held: all of its alerts are muted{until}."
        case _ if one.get("exhausted"):
            return f"Nobody answered; the next reminder comes {ago(one['next_step_at'], at)}."
        case _ if one.get("next_step_at"):
            return f"Step {one['step']} of {one['steps']} is done; the next page comes {ago(one['next_step_at'], at)}."
        case _:
            return f"Waiting: {one.get('waits_for') or 'nothing more is to come by itself'}."


def _short_next(one: Mapping[str, Any], at: Timestamp) -> str:
    match one["state"]:
        case "acknowledged":
            return f"with {one['acknowledged_by']}"
        case "snoozed":
            return f"again {ago(one['snoozed_until'], at)}"
        case "resolved":
            return f"over {ago(one['resolved_at'], at)}"
        case _ if one.get("held"):
            return f"held until {clock_time(one['held_until'])}" if one.get("held_until") else "held: all is muted"
        case _:
            return (
                f"page {ago(one['next_step_at'], at)}" if one.get("next_step_at") else str(one.get("waits_for") or "")
            )


def about(member: Mapping[str, Any]) -> str:
    text = str(member["annotations"].get("summary") or member["labels"].get("instance", ""))
    muted = "; ".join(str(reason["text"]) for reason in member.get("muted_by", ()))
    if muted:
        text = f"{text} (quiet: {muted})"
    if until := member.get("unreported_until"):
        text = f"{text} (nobody reports it any longer; believed until {clock_time(until)})"
    return text
