"""`watchkeeper checks`: all checks, or one with everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from monitor.cli.connection import OWN
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import ago, clean, coloured, now, say, say_json, since, table
from monitor.model.times import Timestamp


def checks(
    name: Annotated[str, typer.Argument(help="One check; all if none is named.", show_default=False)] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """How each check is, and why."""
    asked = daemon(url, token_file)
    document = asked.get(f"{OWN}/checks/{quote(name, safe='')}" if name else f"{OWN}/checks")
    if json_:
        say_json(document)
    elif name:
        _show_one(document["check"], now())
    elif document["checks"]:
        show_checks(document["checks"], now())
    else:
        say("Nothing is checked yet: add checks to the configuration, or give `watchkeeper run` a URL.")


def show_checks(found: Sequence[Mapping[str, Any]], at: Timestamp) -> None:
    """One line each."""
    table(
        ("check", "state", "for", "took", "version", "why"),
        [
            (
                clean(one["name"]),
                coloured(str(one["state"])),
                since(one.get("since"), at).removeprefix("since "),
                took(one.get("latency")),
                clean(one.get("version") or ""),
                clean(one.get("text") or ""),
            )
            for one in found
        ],
    )


def took(seconds: Any) -> str:
    """`12 ms`, `1.5 s`."""
    if not isinstance(seconds, int | float):
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _show_one(check: Mapping[str, Any], at: Timestamp) -> None:
    text = f": {clean(check['text'])}" if check.get("text") else ""
    say(f"[bold]{clean(check['name'])}[/] is {coloured(str(check['state']))} {since(check.get('since'), at)}{text}")
    say(f"  {clean(check['kind'])} {clean(check['target'])}, every {check['interval']:g}s")
    last = check.get("last")
    if last:
        phases = ", ".join(f"{name} {took(seconds)}" for name, seconds in last["phases"].items() if seconds)
        say(f"  last attempt {ago(last['at'], at)}: {took(last['took'])}{f' ({phases})' if phases else ''}")
        if last.get("certificate_expires_at"):
            say(f"  certificate ends {ago(last['certificate_expires_at'], at)}")
    if check.get("version"):
        say(f"  version {clean(check['version'])}")
    if check.get("components"):
        table(
            ("component", "state", "why"),
            [(clean(one["name"]), coloured(str(one["state"])), clean(one["text"])) for one in check["components"]],
        )
