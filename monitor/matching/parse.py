"""Matchers as text, in the syntax that is wanted: Alertmanager knows three ways to read them.

By default both parsers read, so that old files mean what they meant: where they disagree the classic one wins, and what only
one of them can read is read so. Source: Alertmanager matcher/compat.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, TypeVar

from monitor.matching.classic import parse_classic, parse_classic_one
from monitor.matching.matchers import Matcher
from monitor.matching.utf8 import parse_utf8
from monitor.model.surrogates import is_whole

T = TypeVar("T")
_CLASSIC_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Syntax(Enum):
    """Which matchers and label names are understood."""

    FALLBACK = "fallback"
    UTF8 = "utf8"
    """`--enable-feature=utf8-strict-mode`."""
    CLASSIC = "classic"
    """`--enable-feature=classic-mode`."""


def parse_matchers(text: str, syntax: Syntax = Syntax.FALLBACK) -> tuple[Matcher, ...]:
    """All matchers of a list, with or without braces. Raises ValueError."""
    if syntax is Syntax.UTF8:
        return parse_utf8(text)
    if syntax is Syntax.CLASSIC:
        return parse_classic(text)
    return _either(text, parse_utf8, parse_classic)


def parse_matcher(text: str, syntax: Syntax = Syntax.FALLBACK) -> Matcher:
    """Exactly one matcher. Raises ValueError."""
    if syntax is Syntax.UTF8:
        return _utf8_one(text)
    if syntax is Syntax.CLASSIC:
        return parse_classic_one(text)
    if text.startswith("{") or text.endswith("}"):
        raise ValueError(f"unexpected open or close brace: {text}")
    return _either(text, _utf8_one, parse_classic_one)


def disagreement(text: str) -> str:
    """What to warn of when this list is read under `Syntax.FALLBACK`; empty if both parsers say the same."""
    try:
        classic = parse_classic(text)
    except ValueError:
        return ""
    try:
        if parse_utf8(text) == classic:
            return ""
    except ValueError as error:
        return f"reads only in Alertmanager's old syntax, which will go: {error}"
    return "means something else in Alertmanager's new syntax; the old one is used"


def is_label_name(name: str, syntax: Syntax = Syntax.FALLBACK) -> bool:
    """May a label have this name?"""
    if syntax is Syntax.CLASSIC:
        return _CLASSIC_NAME.fullmatch(name) is not None
    return name != "" and is_whole(name)


def _utf8_one(text: str) -> Matcher:
    found = parse_utf8(text)
    if len(found) != 1:
        raise ValueError(f"expected 1 matcher, found {len(found)}" if found else "no matchers")
    return found[0]


def _either(text: str, utf8: Callable[[str], T], classic: Callable[[str], T]) -> T:
    try:
        return classic(text)
    except ValueError as error:
        try:
            return utf8(text)
        except ValueError:
            raise error from None
