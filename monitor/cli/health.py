"""`watchkeeper health`: for people, and for the HEALTHCHECK of a container."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.connection import Daemon, fields, read_token
from monitor.cli.exits import Exit
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption
from monitor.cli.showing import clean, coloured, say, say_json

_TIMEOUT_SECONDS = 10.0


def health(
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    live: Annotated[
        bool, typer.Option("--live", help="Ask only whether the process answers, not whether all of it is well.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Is the daemon itself well? Exit code 1 if it cannot probe, decide or commit; 0 if it can, also when degraded."""
    answer = Daemon(url, read_token(token_file), timeout=_TIMEOUT_SECONDS).ask(
        "GET", "/-/healthy" if live else "/health"
    )
    document = fields(answer.document) or {"status": str(answer.document).strip()}
    if json_:
        say_json(document)
    else:
        status = str(document.get("status", "unknown"))
        about = f" (version {clean(document['version'])})" if "version" in document else ""
        say(f"{coloured(status)}{about}")
        for name in ("database", "cache"):
            if name in document:
                say(f"  {name}: {coloured(str(document[name]))}")
        for name, why in fields(document.get("parts")).items():
            say(f"  {clean(name)}: {clean(why)}")
    if answer.status >= 400:
        raise typer.Exit(Exit.FINDINGS)
