"""`watchkeeper template`: what a notification template gives, without a daemon. As `amtool template render`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from monitor.alerts.templating.given import EXAMPLE, read_data
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary, empty_set
from monitor.cli.exits import TABLE, CommandError, Exit
from monitor.clock import Clock
from monitor.config.opening import UnreadableError, read_text
from monitor.config.template_files import SHIPPED, read_template_file
from monitor.globbing import files_matching
from monitor.model.errors import TemplateError

template = typer.Typer(no_args_is_help=True, help="Notification templates.")


class Language(Enum):
    """How values are written."""

    TEXT = "text"
    HTML = "html"


@template.command(epilog=TABLE)
def render(
    text: Annotated[str, typer.Option("--template.text", "--text", help="The template, or - for standard input.")],
    glob: Annotated[
        list[str] | None,
        typer.Option(
            "--template.glob", "--glob", help="Files that define named templates; the shipped ones are there too."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--template.data", "--data", help="Data as JSON, as a webhook gets them; an example if not given."
        ),
    ] = None,
    language: Annotated[
        Language, typer.Option("--template.type", "--type", help="html escapes values for their place, as for mails.")
    ] = Language.TEXT,
) -> None:
    """Print what a template gives for some alerts."""
    try:
        given = read_data(EXAMPLE if data is None else read_text(data))
    except UnreadableError as error:
        raise CommandError(Exit.FINDINGS, f"--data: {data} cannot be read: {error}", "correct the path") from error
    except ValueError as error:
        message, remedy = f"--data: {data} cannot be read: {error}", "give JSON as a webhook gets it"
        raise CommandError(Exit.FINDINGS, message, remedy) from error
    try:
        named = empty_set().parse(SHIPPED.name, SHIPPED.read_text(encoding="utf-8"))
        for pattern in glob or ():
            files = files_matching(pattern)
            if not files:
                raise CommandError(Exit.FINDINGS, f"no file matches {pattern}", "is the path right?")
            for file in files:
                named = named.parse(file.name, read_template_file(file))
        rendering = Rendering(TemplateLibrary(named), given, Clock().now(), route_labels_rendered=False)
        wanted = sys.stdin.read() if text == "-" else text
        shown = (rendering.html if language is Language.HTML else rendering.text)(wanted)
    except (OSError, ValueError, TemplateError) as error:
        raise CommandError(Exit.FINDINGS, str(error)) from error
    sys.stdout.write(shown)
