"""`watchkeeper init`: the first configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, say, say_json
from monitor.config.loading import DEFAULT_FILE
from monitor.config.starter import starter


def init(
    url: Annotated[str, typer.Argument(help="The health address to watch.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json_: JsonOption = False,
) -> None:
    """Write a configuration of four lines that watches one address."""
    try:
        text = starter(url)
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error), "write it as https://shop.example.com/healthz") from error
    try:
        with Path(output).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandError(
            Exit.REFUSED, f"{output} is there already", "write another with --output, or replace it with --force"
        ) from error
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{output} cannot be written: {error.strerror}") from error
    if json_:
        say_json({"file": output, "text": text})
        return
    say(f"[green]Wrote[/] {clean(output)}:\n")
    say(clean(text))
    option = "" if output == DEFAULT_FILE else f" --config {output}"
    say(f"Next: watchkeeper run{clean(option)}")
