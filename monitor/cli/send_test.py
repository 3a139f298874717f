"""`watchkeeper send-test`: does a receiver really get what we send?"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from monitor.cli.connection import OWN
from monitor.cli.exits import Exit
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, say, say_json


def send_test(
    receiver: Annotated[str, typer.Argument(help="A receiver, a person, or a channel as slack:#ops.")],
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Send a test message the whole way that a page goes. Exit code 1 unless every integration delivered."""
    document = daemon(url, token_file).post(f"{OWN}/receivers/{quote(receiver, safe='')}/test")
    results = [str(one) for one in document["results"]]
    if json_:
        say_json(document)
    else:
        for line in results:
            say(f"{'[green]✓[/]' if _delivered(line) else '[bold red]✗[/]'} {clean(line)}")
    if not all(map(_delivered, results)):
        raise typer.Exit(Exit.FINDINGS)


def _delivered(line: str) -> bool:
    return line.endswith(": delivered")
