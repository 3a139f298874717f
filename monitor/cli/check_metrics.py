"""`watchkeeper check-metrics`: is what a target exposes as metrics should be? As `promtool check metrics`, with its exit
codes."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.exits import TABLE, CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, complain, say_json, table
from monitor.model.errors import ExpositionError
from monitor.scrape.exposition.lint import Family, families_of, problems_of


class Style(Enum):
    """Whether style is looked at."""

    ALL = "all"
    NONE = "none"


def check_metrics(
    file: Annotated[
        Path | None,
        typer.Argument(help="A file in the text format; standard input if none is given.", show_default=False),
    ] = None,
    extended: Annotated[bool, typer.Option("--extended", help="Also tell how many series each metric has.")] = False,
    lint: Annotated[Style, typer.Option("--lint", help="Look at names, units and helps, or not.")] = Style.ALL,
    json_: JsonOption = False,
) -> None:
    """Read metrics as a scrape would, and tell what is wrong with their style."""
    if lint is Style.NONE and not extended:
        raise CommandError(Exit.FINDINGS, "nothing is left to be told", "add --extended, or leave --lint=none out")
    try:
        families = families_of(_body(file))
    except ExpositionError as error:
        raise CommandError(Exit.FINDINGS, f"{file or 'standard input'} cannot be read: {error}") from error
    problems = problems_of(families) if lint is Style.ALL else ()
    most = sorted(families, key=lambda family: -family.series)
    if json_:
        document: dict[str, object] = {
            "ok": not problems,
            "problems": [{"metric": one.metric, "problem": one.text} for one in problems],
        }
        if extended:
            document["cardinality"] = {family.name: family.series for family in most}
        say_json(document)
    else:
        for one in problems:
            complain(f"{one.metric} {one.text}")
        if extended:
            _show(most)
    if problems:
        raise typer.Exit(Exit.ONLY_LINT)


def _body(file: Path | None) -> bytes:
    if file is None:
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(Exit.FINDINGS, f"{file} cannot be read: {error.strerror}", "correct the path") from error


def _show(most: list[Family]) -> None:
    total = sum(family.series for family in most)
    rows = [(clean(family.name), str(family.series), f"{100 * family.series / total:.2f}%") for family in most]
    table(("metric", "cardinality", "percentage"), [*rows, ("total", str(total), "100%")])


check_metrics.__doc__ = f"{check_metrics.__doc__}\n\n{TABLE}"
