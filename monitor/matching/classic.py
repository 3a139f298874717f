"""Matchers in the syntax that Alertmanager had before 0.27, forgiving and ambiguous: `foo=bar}`, `job=`, `a=~~~`.

A list is cut at commas outside quotes; what follows the operator is the value, whatever it is, with `\\n`, `\\"` and `\\\\` as
the only escapes. Source: Alertmanager pkg/labels/parse.go.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp

_FORM: Final = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*", re.DOTALL
)


def parse_classic(text: str) -> tuple[Matcher, ...]:
    """All matchers of a list, with or without braces. Raises ValueError."""
    return tuple(parse_classic_one(part) for part in _cut(text.removeprefix("{").removesuffix("}")))


def parse_classic_one(text: str) -> Matcher:
    """One matcher. Raises ValueError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"bad matcher format: {text}")
    name, op, raw = form.groups()
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"matcher value not valid UTF-8: {raw}") from error
    return Matcher(name, MatchOp(op), _value(raw), dot_matches_newline=False)


def _cut(text: str) -> list[str]:
    parts: list[str] = []
    begin = 0
    quoted = escaped = False
    for place, char in enumerate(text):
        if char == "," and not quoted:
            parts.append(text[begin:place])
            begin = place + 1
        elif char == '"':
            quoted, escaped = quoted != (not escaped), False
        elif char == "\\":
            escaped = not escaped
        elif char != ",":
            escaped = False
    if rest := text[begin:].strip():
        parts.append(rest)
    return parts


def _value(raw: str) -> str:
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    out: list[str] = []
    place, last = 0, len(body) - 1
    while place <= last:
        char = body[place]
        if char == "\\" and place < last:
            place += 1
            after = body[place]
            out.append("\n" if after == "n" else after if after in '"\\' else f"\\{after}")
        elif char == '"':
            if not quoted or place < last:
                raise ValueError(f"matcher value contains unescaped double quote: {raw}")
            quoted = False
        else:
            out.append(char)
        place += 1
    if quoted:
        raise ValueError(f"matcher value contains unescaped double quote: {raw}")
    return "".join(out)
