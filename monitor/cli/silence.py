"""`watchkeeper silence`: make silences, look at them, change and end them. Making goes by our own API, which asks before a wide
one; the rest by Alertmanager's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote, urlencode

import typer

from monitor.cli.connection import OWN, Daemon, fields, rows
from monitor.cli.exits import CommandError, Exit
from monitor.cli.matchers import Matchers, read_matchers
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon, refuse_two_ends
from monitor.cli.showing import ago, clean, clock_time, coloured, instant, now, say, say_json, table
from monitor.matching.printing import matcher_from_document, matcher_text
from monitor.model.times import Millis, Timestamp, parse_duration, rfc3339

silence = typer.Typer(no_args_is_help=True, help="Keep alerts quiet for a while.")

_PATH: Final = "/api/v2/silences"
_ONE: Final = "/api/v2/silence"
_OWN: Final = f"{OWN}/silences"
_WORDS: Final = {
    "matchers": "MATCHER...",
    "starts_at": "--start",
    "ends_at": "--end",
    "for": "--for",
    "comment": "--comment",
    "created_by": "--by",
    "until_resolved": "--until-resolved",
    "remind_before": "--remind-before",
}

Ids: TypeAlias = Annotated[list[str], typer.Argument(help="Ids of silences.", metavar="ID...")]
For: TypeAlias = Annotated[str, typer.Option("--for", help="How long, as 30m or 8h.", show_default=False)]
UntilResolved: TypeAlias = Annotated[
    bool, typer.Option("--until-resolved", help="End it when the alerts that it muted have resolved.")
]
RemindBefore: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Tell the receiver of silences.remind_to so long before the end, as 15m; 0: not.", show_default=False
    ),
]
Start: TypeAlias = Annotated[str, typer.Option(help="When it begins (RFC 3339).", show_default="now")]
End: TypeAlias = Annotated[str, typer.Option(help="When it ends (RFC 3339), instead of --for.", show_default=False)]


@silence.command()
def add(
    matchers: Matchers,
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why.")],
    for_: Annotated[str, typer.Option("--for", help="How long, as 30m or 8h.", show_default="1h")] = "",
    start: Start = "",
    end: End = "",
    by: Annotated[str, typer.Option(help="Whose it is.", show_default="you")] = "",
    until_resolved: UntilResolved = False,
    remind_before: RemindBefore = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="It is meant, however much it mutes.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what it would mute now.")] = False,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Keep alerts quiet that satisfy all conditions."""
    refuse_two_ends(for_, end)
    asked = daemon(url, token_file, _WORDS)
    starts_at = _instant("--start", start) if start else now()
    body: dict[str, object] = {
        "matchers": [matcher_text(one) for one in read_matchers(matchers)],
        "starts_at": rfc3339(starts_at),
        "ends_at": rfc3339(_instant("--end", end) if end else starts_at + _span(for_ or "1h")),
        "created_by": by or asked.person,
        "comment": comment,
        "until_resolved": until_resolved,
    }
    body |= {"remind_before": remind_before} if remind_before else {}
    body |= {"confirm": True} if yes else {}
    body |= {"dry_run": True} if preview else {}
    document = asked.post(_OWN, body)
    if json_ and preview:
        say_json(document["matches"])
        return
    if not json_:
        matches = document["matches"]
        names = f": {clean(', '.join(matches['names'][:5]))}" if matches["names"] else ""
        say(
            f"{'Would mute' if preview else 'Mutes'} {matches['alerts']} of {matches['firing']} alerts that fire now{names}."
        )
    if not preview:
        _tell(asked, [document["silence"]["id"]], json_)


@silence.command()
def query(
    matchers: Annotated[
        list[str] | None, typer.Argument(help="Conditions that it has.", metavar="[MATCHER]...")
    ] = None,
    expired: Annotated[bool, typer.Option("--expired", help="Those that have ended, instead.")] = False,
    by: Annotated[str, typer.Option(help="Only of this person.", show_default=False)] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Silences that are active or will be: active ones by their end, then pending ones by their start."""
    asked = daemon(url, token_file, _WORDS)
    given = [("filter", matcher_text(one)) for one in read_matchers(matchers or [])]
    states = {"expired": expired, "active": not expired, "pending": not expired}
    given += [(state, str(wanted).lower()) for state, wanted in states.items()]
    found = [one for one in rows(asked.call("GET", f"{_PATH}?{urlencode(given)}")) if by in ("", one["createdBy"])]
    if json_:
        say_json(found)
    elif found:
        _show(found)
    else:
        say("No silence has ended lately." if expired else "Nothing is silenced.")


@silence.command()
def expire(ids: Ids, url: UrlOption = HERE, token_file: TokenOption = "", json_: JsonOption = False) -> None:
    """End silences now."""
    asked = daemon(url, token_file, _WORDS)
    for id_ in ids:
        _known(id_, asked, "DELETE")
    _tell(asked, ids, json_)


@silence.command()
def update(
    ids: Ids,
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why.", show_default=False)] = "",
    for_: For = "",
    start: Start = "",
    end: End = "",
    until_resolved: Annotated[
        bool | None,
        typer.Option(
            "--until-resolved/--until-its-end",
            help="Whether it ends with the alerts that it muted.",
            show_default=False,
        ),
    ] = None,
    remind_before: RemindBefore = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Change what is given of silences. One that has ended, or whose begin is changed after it began, is made anew."""
    refuse_two_ends(for_, end)
    if not (comment or for_ or start or end or remind_before) and until_resolved is None:
        raise CommandError(Exit.USAGE, "nothing is to be changed", "give an option such as --for 2h")
    asked = daemon(url, token_file, _WORDS)
    placed: list[str] = []
    for id_ in ids:
        _known(id_, asked, "GET")
        body: dict[str, object] = {"id": id_.strip()}
        body |= {"starts_at": rfc3339(_instant("--start", start))} if start else {}
        body |= {"for": f"{_span(for_)}ms"} if for_ else {}
        body |= {"ends_at": rfc3339(_instant("--end", end))} if end else {}
        body |= {"comment": comment} if comment else {}
        body |= {"until_resolved": until_resolved} if until_resolved is not None else {}
        body |= {"remind_before": remind_before} if remind_before else {}
        placed.append(str(asked.post(_OWN, body)["silence"]["id"]))
    _tell(asked, placed, json_)


def _known(id_: str, asked: Daemon, method: str) -> Any:
    """What the API answers for one silence. Raises CommandError when there is none."""
    try:
        return asked.call(method, f"{_ONE}/{quote(id_.strip(), safe='')}")
    except CommandError as error:
        if error.code in (Exit.NOT_FOUND, Exit.FINDINGS):  # it is no id at all
            raise CommandError(
                Exit.NOT_FOUND, f"no silence {id_}", "`watchkeeper silence query` lists those that there are"
            ) from error
        raise


def _tell(asked: Daemon, ids: Sequence[str], json_: bool) -> None:
    """These silences, as they are now."""
    found = [fields(_known(id_, asked, "GET")) for id_ in ids]
    if json_:
        say_json(found)
    else:
        _show(found)


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    at = now()
    table(
        ("silence", "state", "from", "until", "by", "matchers", "why"),
        [
            (
                clean(one["id"]),
                coloured(str(one["status"]["state"])),
                clock_time(one["startsAt"]),
                ago(one["endsAt"], at),
                clean(one["createdBy"]),
                clean(" ".join(matcher_text(matcher_from_document(each)) for each in one["matchers"])),
                clean(one["comment"]),
            )
            for one in found
        ],
    )


def _instant(option: str, text: str) -> Timestamp:
    found = instant(text)
    if found is None:
        raise CommandError(Exit.USAGE, f'{option} "{text}" is no instant', "write it as 2026-01-02T03:04:05Z")
    return found


def _span(text: str) -> Millis:
    try:
        found = parse_duration(text)
    except ValueError:
        found = 0
    if found <= 0:
        raise CommandError(Exit.USAGE, f'--for "{text}" is no duration', "write it as 30m or 8h")
    return found
