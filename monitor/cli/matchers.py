"""Matchers as arguments of verbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from monitor.cli.exits import CommandError, Exit
from monitor.matching.matchers import Matcher
from monitor.matching.parse import parse_matchers
from monitor.model.labels import ALERT_NAME

Matchers: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        help="Conditions on labels, as team=core or instance=~web-.*; a bare word is the name of an alert.",
        metavar="MATCHER...",
    ),
]


def read_matchers(texts: Sequence[str]) -> list[Matcher]:
    """Raises CommandError."""
    found: list[Matcher] = []
    for place, text in enumerate(texts):
        try:
            if place == 0 and not any(sign in text for sign in "=!~{"):
                text = f"{ALERT_NAME}={text}"
            found += parse_matchers(text)
        except ValueError as error:
            raise CommandError(Exit.USAGE, str(error), "write conditions as team=core or instance=~web-.*") from error
    return found
