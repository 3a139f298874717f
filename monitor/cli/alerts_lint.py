"""`watchkeeper alerts lint`: what is doubtful in routes, inhibition rules and time intervals."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.check_config import ALERTMANAGER, checked_file, show_findings
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import counted, say, say_json


def lint(
    file: Annotated[
        str,
        typer.Argument(
            help="An alertmanager.yml, or our own configuration; watchkeeper.yml if none is given.", show_default=False
        ),
    ] = "",
    json_: JsonOption = False,
) -> None:
    """Find what is allowed in routing and yet hardly meant: routes that nothing reaches, matchers that match nothing, rules
    that never inhibit, times that never come. Exit code 1 if there is anything."""
    checked = checked_file(file)
    if checked.kind not in (ALERTMANAGER, "Watchkeeper configuration") and not checked.errors:
        message, remedy = f"{file} is a {checked.kind}: it routes no alerts", "name an alertmanager.yml"
        raise CommandError(Exit.USAGE, message, remedy)
    found = checked.errors or checked.routing
    if json_:
        say_json({"ok": not found, "findings": [str(finding) for finding in found]})
    else:
        show_findings(found)
        say(counted(len(found), "mistakes" if checked.errors else "findings"))
    if found:
        raise typer.Exit(Exit.FINDINGS)
