"""Reading the expressions that people write in matchers, as far as they can be followed (see `languages`).

What is not understood (`\\b`, Unicode classes, flags) is refused when it is read, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Final

from monitor.matching.languages import (
    LAST,
    NEW_LINE,
    Begin,
    Either,
    Empty,
    End,
    Expression,
    Many,
    OneOf,
    Span,
    Then,
    either,
    many,
    then,
)

_LONGEST: Final = 200
_MOST_REPEATED: Final = 200
"""Characters and classes that `{n}` makes of one."""
_MOST_DEPTH: Final = 50


class NotUnderstoodError(ValueError):
    """The expression uses what is not followed here."""


def literal(text: str) -> Expression:
    """This text alone. Raises NotUnderstoodError if it is long."""
    if len(text) > _LONGEST:
        raise NotUnderstoodError("a long text")
    found: Expression = Empty()
    for char in reversed(text):
        found = then(OneOf(((ord(char), ord(char)),)), found)
    return found


def expression(pattern: str, *, dot_matches_newline: bool) -> Expression:
    """What a pattern that must match the whole text matches. It must be one that RE2 takes. Raises NotUnderstoodError."""
    if len(pattern) > _LONGEST:
        raise NotUnderstoodError("a long pattern")
    return _Reader(pattern, dot_matches_newline).whole()


_DIGIT: Final = ((48, 57),)
_WORD: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final = ((9, 10), (12, 13), (32, 32))
_CLASSES: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROL: Final = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}


class _Reader:
    """RE2's syntax, as far as it is followed. RE2 itself has found the pattern good."""

    def __init__(self, pattern: str, dot_matches_newline: bool) -> None:
        self._pattern = pattern
        self._dot = OneOf(((0, LAST),) if dot_matches_newline else _others(NEW_LINE))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._alternatives()
        if self._at < len(self._pattern):
            raise NotUnderstoodError(f"`{self._pattern[self._at :]}`")
        return found

    def _alternatives(self) -> Expression:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise NotUnderstoodError("too deep")
        options = [self._sequence()]
        while self._takes("|"):
            options.append(self._sequence())
        self._depth -= 1
        return either(options)

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return reduce(lambda rest, part: then(part, rest), reversed(parts), Empty())

    def _repeated(self, atom: Expression) -> Expression:
        while self._at < len(self._pattern):
            if self._takes("*"):
                atom = many(atom)
            elif self._takes("+"):
                atom = then(atom, many(atom))
            elif self._takes("?"):
                atom = either((Empty(), atom))
            elif (counts := self._counts()) is not None:
                atom = _counted(atom, *counts)
            else:
                break
            self._takes("?")  # how much it prefers to take does not matter where all must match
        return atom

    def _atom(self) -> Expression:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case ".":
                return self._dot
            case "^":
                return Begin()
            case "$":
                return End()
            case "[":
                return OneOf(self._class())
            case "\\":
                return self._escaped()
            case _:
                return literal(char)

    def _group(self) -> Expression:
        if self._takes("?"):
            name = next((mark for mark in ("P<", "<") if self._takes(mark)), "")
            if name:
                self._at = self._pattern.index(">", self._at) + 1
            elif not self._takes(":"):
                raise NotUnderstoodError("flags")
        inner = self._alternatives()
        if not self._takes(")"):
            raise NotUnderstoodError("an open group")
        return inner

    def _escaped(self) -> Expression:
        char = self._next()
        if char == "A":
            return Begin()
        if char == "z":
            return End()
        return OneOf(_spans_of(char))

    def _class(self) -> tuple[Span, ...]:
        negated = self._takes("^")
        found: list[Span] = []
        while not found or not self._takes("]"):  # a `]` that comes first stands for itself
            spans = self._class_member()
            if _is_one(spans) and self._is_range():
                self._at += 1
                last = self._class_member()
                if not _is_one(last):
                    raise NotUnderstoodError("a range up to a class")
                spans = ((spans[0][0], last[0][0]),)
            found += spans
        return _others(_merged(found)) if negated else _merged(found)

    def _class_member(self) -> tuple[Span, ...]:
        char = self._next()
        if char == "[" and self._pattern.startswith(":", self._at):
            raise NotUnderstoodError("named classes")
        return _spans_of(self._next()) if char == "\\" else ((ord(char), ord(char)),)

    def _is_range(self) -> bool:
        rest = self._pattern[self._at : self._at + 2]
        return len(rest) == 2 and rest[0] == "-" and rest[1] != "]"

    def _counts(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}` or `{2,3}`; anything else in braces stands for itself."""
        end = self._pattern.find("}", self._at)
        if end < 0 or self._pattern[self._at] != "{":
            return None
        low, comma, high = self._pattern[self._at + 1 : end].partition(",")
        if not _is_count(low) or not (high == "" or _is_count(high)):
            return None
        self._at = end + 1
        return int(low), (int(high) if high else None) if comma else int(low)

    def _takes(self, text: str) -> bool:
        if not self._pattern.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise NotUnderstoodError("an open end")
        self._at += 1
        return self._pattern[self._at - 1]


def _is_one(spans: tuple[Span, ...]) -> bool:
    return len(spans) == 1 and spans[0][0] == spans[0][1]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _counted(inner: Expression, low: int, high: int | None) -> Expression:
    if max(low, high or 0) * _size(inner) > _MOST_REPEATED:
        raise NotUnderstoodError("many repetitions")
    found: Expression = many(inner) if high is None else Empty()
    for _ in range(0 if high is None else high - low):
        found = either((Empty(), then(inner, found)))
    for _ in range(low):
        found = then(inner, found)
    return found


def _size(one: Expression) -> int:
    match one:
        case Then():
            return _size(one.first) + _size(one.rest)
        case Either():
            return sum(map(_size, one.options))
        case Many():
            return _size(one.inner)
        case _:
            return 1


def _spans_of(escaped: str) -> tuple[Span, ...]:
    if escaped.lower() in _CLASSES:
        spans = _CLASSES[escaped.lower()]
        return spans if escaped.islower() else _others(spans)
    if escaped in _CONTROL:
        return ((_CONTROL[escaped], _CONTROL[escaped]),)
    if escaped.isalnum() or escaped == "_":
        raise NotUnderstoodError(f"\\{escaped}")
    return ((ord(escaped), ord(escaped)),)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _others(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    at = 0
    for low, high in spans:
        if low > at:
            found.append((at, low - 1))
        at = high + 1
    return (*found, (at, LAST)) if at <= LAST else tuple(found)
