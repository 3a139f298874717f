"""`watchkeeper audit`: who changed what, through which door."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.connection import OWN
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, clock_time, say, say_json, table


def audit(
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1, max=1000)] = 50,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Who changed what, through which door, and when."""
    document = daemon(url, token_file).get(f"{OWN}/audit", limit=limit)
    if json_:
        say_json(document)
    elif document["audit"]:
        table(
            ("when", "who", "door", "action", "subject", "detail"),
            [
                (
                    clock_time(one["at"]),
                    clean(one["actor"]),
                    clean(one["door"]),
                    clean(one["action"]),
                    clean(one["subject"]),
                    clean(one["detail"]),
                )
                for one in document["audit"]
            ],
        )
    else:
        say("Nobody has changed anything yet.")
