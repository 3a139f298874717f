"""Matchers as text: `severity="critical"`, `team=~"a|b"`, `{foo="bar", baz!=qux}`.

Names and values may be quoted (Go's escapes) or bare; a bare one ends at white space or one of `{}!=~,\\"'` and back-quote.
Source: Alertmanager matcher/parse.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<op>=~|!~|!=|=)
      | (?P<mark>[{},])
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<bare>[^\s{}!=~,\\"'`]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_SIMPLE: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """All matchers of a list, with or without braces. Raises ValueError that names the place."""
    tokens = _tokens(text)
    if tokens and tokens[0] == ("mark", "{"):
        if tokens[-1] != ("mark", "}"):
            raise ValueError(f"{text}: expected a closing brace")
        tokens = tokens[1:-1]
    found: list[Matcher] = []
    while tokens:
        if len(tokens) < 3:
            raise ValueError(f"{text}: expected a name, an operator and a value")
        (name_kind, name), (op_kind, op), (value_kind, value), *rest = tokens
        if name_kind not in ("bare", "quoted"):
            raise ValueError(f"{text}: expected a label name, got {name}")
        if op_kind != "op":
            raise ValueError(f"{text}: expected an operator such as '=', '!=', '=~' or '!~', got {op}")
        if value_kind not in ("bare", "quoted"):
            raise ValueError(f"{text}: expected a label value, got {value}")
        found.append(
            Matcher(_unquote(name_kind, name), MatchOp(op), _unquote(value_kind, value), dot_matches_newline=False)
        )
        if rest and rest[0] != ("mark", ","):
            raise ValueError(f"{text}: expected a comma, got {rest[0][1]}")
        tokens = rest[1:]
    return tuple(found)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text}: unexpected {text[place:].lstrip()[:1]!r} at position {place}")
        found.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        place = match.end()
    return found


def _unquote(kind: str, text: str) -> str:
    return _ESCAPE.sub(_escaped, text[1:-1]) if kind == "quoted" else text


def _escaped(match: re.Match[str]) -> str:
    simple, two, four, eight, octal, other = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    if octal is not None:
        return chr(int(octal, 8))
    if other is not None:
        raise ValueError(f"unknown escape \\{other}")
    return chr(int(two or four or eight, 16))
