"""`watchkeeper maintenance`: plan times in which alerts mean nothing, look at them, change and end them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

import typer

from monitor.cli.connection import OWN, fields
from monitor.cli.exits import CommandError, Exit
from monitor.cli.matchers import Matchers, read_matchers
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon, refuse_two_ends
from monitor.cli.showing import ago, clean, clock_time, coloured, now, say, say_json, table
from monitor.matching.printing import matcher_text
from monitor.model.times import format_duration, rfc3339

maintenance = typer.Typer(no_args_is_help=True, help="Plan times in which alerts mean nothing.")

_PATH: Final = f"{OWN}/maintenance"
_WORDS: Final = {
    "name": "NAME",
    "matchers": "MATCHER...",
    "starts_at": "--start",
    "ends_at": "--end",
    "duration": "--for",
    "a duration": "--for",
    "cron": "--cron",
    "location": "--zone",
    "a location": "--zone",
    "comment": "--comment",
    "created_by": "--by",
    "announce_to": "--announce-to",
    "announce_before": "--announce-before",
}

Name: TypeAlias = Annotated[str, typer.Argument(help="The window's name.", metavar="NAME")]
Starts: TypeAlias = Annotated[
    str,
    typer.Option(
        "--start", help="When it begins: now, RFC 3339, or as '2026-01-31 22:00' in --zone.", show_default=False
    ),
]
Ends: TypeAlias = Annotated[str, typer.Option("--end", help="When it ends, instead of --for.", show_default=False)]
For: TypeAlias = Annotated[str, typer.Option("--for", help="How long, as 30m or 8h.", show_default=False)]
CronOption: TypeAlias = Annotated[
    str,
    typer.Option("--cron", help="When it begins again and again: minute hour day month weekday.", show_default=False),
]
Zone: TypeAlias = Annotated[
    str, typer.Option("--zone", help="Whose clocks it goes by, as Europe/Berlin.", show_default=False)
]
Comment: TypeAlias = Annotated[str, typer.Option("--comment", "-c", help="Why.", show_default=False)]
By: TypeAlias = Annotated[str, typer.Option("--by", help="Whose it is.", show_default="you")]
AnnounceTo: TypeAlias = Annotated[
    str, typer.Option("--announce-to", help="The receiver that hears of it.", show_default=False)
]
AnnounceBefore: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--announce-before", help="How long before it begins, as 1h; may come again.", show_default=False),
]
Occurrences: TypeAlias = Annotated[
    int, typer.Option("--next", "-n", help="Show so many of the next occurrences.", min=0, max=50)
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="It is meant, however much it mutes.")]


@maintenance.command("list")
def list_(
    occurrences: Occurrences = 1, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False
) -> None:
    """All windows: those that are running, those to come, those that are over."""
    document = daemon(url, token_file, _WORDS).get(_PATH, occurrences=str(occurrences))
    if json_:
        say_json(document)
    elif document["maintenance"]:
        _table(document["maintenance"])
        if occurrences > 1:
            for one in document["maintenance"]:
                _upcoming(one)
    else:
        say("No maintenance is planned.")


@maintenance.command()
def show(
    name: Name,
    occurrences: Occurrences = 5,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """One window, with its next occurrences."""
    _tell(daemon(url, token_file, _WORDS).get(_one(name), occurrences=str(occurrences)), json_)


@maintenance.command()
def add(
    name: Name,
    matchers: Matchers,
    start: Starts = "",
    end: Ends = "",
    for_: For = "",
    cron: CronOption = "",
    zone: Zone = "",
    comment: Comment = "",
    by: By = "",
    announce_to: AnnounceTo = "",
    announce_before: AnnounceBefore = None,
    yes: Yes = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show when it would come, and what it mutes.")
    ] = False,
    occurrences: Occurrences = 5,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Plan a window: once (--start with --for or --end) or again and again (--cron with --for)."""
    if not cron:
        refuse_two_ends(for_, end)
    asked = daemon(url, token_file, _WORDS)
    body: dict[str, object] = {
        "name": name,
        "matchers": [matcher_text(one) for one in read_matchers(matchers)],
        "created_by": by or asked.person,
        **_given(start or ("" if cron else "now"), end, for_, cron, zone, comment, announce_to, announce_before),
    }
    body |= {"confirm": True} if yes else {}
    body |= {"dry_run": True} if preview else {}
    document = asked.post(f"{_PATH}?occurrences={occurrences}", body)
    if not json_:
        matches = document["matches"]
        names = f": {clean(', '.join(matches['names'][:5]))}" if matches["names"] else ""
        say(f"Mutes {matches['alerts']} of {matches['firing']} alerts that fire now{names}.")
    _tell(document, json_)


@maintenance.command()
def edit(
    name: Name,
    matchers: Annotated[list[str] | None, typer.Argument(help="Other conditions.", metavar="[MATCHER]...")] = None,
    start: Starts = "",
    end: Ends = "",
    for_: For = "",
    cron: CronOption = "",
    zone: Zone = "",
    comment: Comment = "",
    by: By = "",
    announce_to: AnnounceTo = "",
    announce_before: AnnounceBefore = None,
    yes: Yes = False,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Change what is given of a window that was added here; also while it is running."""
    refuse_two_ends(for_, end)
    body: dict[str, object] = _given(start, end, for_, cron, zone, comment, announce_to, announce_before)
    if matchers:
        body["matchers"] = [matcher_text(one) for one in read_matchers(matchers)]
    if by:
        body["created_by"] = by
    if not body:
        raise CommandError(Exit.USAGE, "nothing is to be changed", "give an option such as --for 2h")
    if cron:
        body |= {"starts_at": "", "ends_at": ""}
    elif start:
        body["cron"] = ""
    if yes:
        body["confirm"] = True
    _tell(fields(daemon(url, token_file, _WORDS).call("PATCH", _one(name), body)), json_)


@maintenance.command()
def end(
    name: Name,
    skip_next: Annotated[bool, typer.Option("--skip-next", help="Leave the next occurrence out instead.")] = False,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """End the occurrence that is running, of the configuration file's windows as well; the next one comes as planned."""
    _tell(daemon(url, token_file, _WORDS).post(f"{_one(name)}/end", {"next": skip_next}), json_)


@maintenance.command()
def remove(name: Name, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """End a window that was added here, and let it never come again."""
    document = fields(daemon(url, token_file, _WORDS).call("DELETE", _one(name)))
    if json_:
        say_json(document)
    else:
        say(f"{clean(name)} is removed.")


def _given(
    start: str,
    end: str,
    for_: str,
    cron: str,
    zone: str,
    comment: str,
    announce_to: str,
    announce_before: Sequence[str] | None,
) -> dict[str, object]:
    """The fields of the options that were used."""
    body: dict[str, object] = {
        "starts_at": rfc3339(now()) if start == "now" else start,
        "ends_at": end,
        "duration": for_,
        "cron": cron,
        "location": zone,
        "comment": comment,
        "announce_to": announce_to,
        "announce_before": list(announce_before or ()),
    }
    return {name: value for name, value in body.items() if value}


def _one(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"


def _tell(document: Mapping[str, Any], json_: bool) -> None:
    if json_:
        say_json(document)
        return
    one = document["window"]
    _table([one])
    if one["created_by"] or one["comment"]:
        by = f" ({clean(one['created_by'])})" if one["created_by"] else ""
        say(f"  why        {clean(one['comment']) or 'not said'}{by}")
    if one["announce_to"]:
        before = ", ".join(format_duration(round(each * 1000)) for each in one["announce_before"])
        say(f"  announced  to {clean(one['announce_to'])}{f', {before} before' if before else ''}")
    if one["file"]:
        say(f"  from       {clean(one['file'])}")
    _upcoming(one)


def _table(found: Sequence[Mapping[str, Any]]) -> None:
    at = now()
    table(
        ("window", "state", "from", "until", "comes", "matchers"),
        [
            (
                clean(one["name"]),
                coloured(one["state"]),
                *_span(one, at),
                clean(_comes(one)),
                clean(" ".join(one["matchers"])),
            )
            for one in found
        ],
    )


def _span(one: Mapping[str, Any], at: int) -> tuple[str, str]:
    shown = one["running"] or next(iter(one["upcoming"]), None)
    if shown is None:
        return "", ""
    if one["running"]:
        return clock_time(shown["starts_at"]), ago(shown["ends_at"], at)
    return ago(shown["starts_at"], at), clock_time(shown["ends_at"])


def _comes(one: Mapping[str, Any]) -> str:
    parts = [f"{each['cron']} for {format_duration(round(each['duration'] * 1000))}" for each in one["cron"]]
    parts += ["once"] if one["once"] else []
    parts += ["by time intervals"] if one["time_intervals"] else []
    return f"{', '.join(parts)}{' ' + one['location'] if one['location'] else ''}"


def _upcoming(one: Mapping[str, Any]) -> None:
    for each in one["upcoming"]:
        utc = f"{clock_time(each['starts_at'])} to {clock_time(each['ends_at']) or 'an unknown end'}"
        local = (
            f"  ({clean(each['local_starts_at'])} to {clean(each['local_ends_at'] or '?')})" if one["location"] else ""
        )
        say(f"  next       {utc}{local}")
