"""Conditions on labels in bodies, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.web.answers import BadCallError
from monitor.web.own.bodies import Body

if TYPE_CHECKING:
    from monitor.matching.matchers import Matcher


def matchers_of(body: Body, name: str) -> tuple[Matcher, ...]:
    """Conditions such as `team="core"`, one or several in each text. Raises BadCallError."""
    from monitor.matching.parse import parse_matchers

    found: list[Matcher] = []
    for text in body.texts(name):
        try:
            found += parse_matchers(text)
        except ValueError as error:
            raise BadCallError(
                f'the field "{name}": {error}', "write conditions as team=core or instance=~web-.*"
            ) from None
    return tuple(found)
