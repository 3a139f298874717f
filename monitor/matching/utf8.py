"""Matchers in the syntax that Alertmanager has had since 0.27: `severity="critical"`, `{"my name"=~"a|b", team=db}`.

Names and values are quoted (Go's escapes) or bare; a bare one ends at white space or one of `{}!=~,\\"'` and back-quote.
Errors say where in characters, `start:end`. Source: Alertmanager matcher/parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.quoting import unescape

_RESERVED: Final = frozenset("{}!=~,\\\"'`")
_OPERATOR: Final = "expected an operator such as '=', '!=', '=~' or '!~'"


def is_reserved(char: str) -> bool:
    """Does this character end a bare name or value?"""
    return char in _RESERVED or char.isspace()


def parse_utf8(text: str) -> tuple[Matcher, ...]:
    """All matchers of a list, with or without braces. Raises ValueError."""
    return tuple(_Parser(text).parse())


class _Kind(Enum):
    END = "end"
    OPEN = "{"
    CLOSE = "}"
    COMMA = ","
    OPERATOR = "operator"
    BARE = "bare"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    start: int
    end: int

    def value(self) -> str:
        """The name or value that it stands for. Raises ValueError."""
        if self.kind is not _Kind.QUOTED:
            return self.text
        try:
            if "\n" in self.text:
                raise ValueError
            return unescape(self.text[1:-1], '"').decode()
        except ValueError as error:
            raise ValueError(f"{self.start}:{self.end}: {self.text}: invalid input") from error


_MARKS: Final = {"{": _Kind.OPEN, "}": _Kind.CLOSE, ",": _Kind.COMMA}
_TEXTS: Final = (_Kind.QUOTED, _Kind.BARE)


class _EndError(ValueError):
    """The text ends where something was expected."""

    def __init__(self) -> None:
        super().__init__("end of input")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        """Where the last token taken ends."""
        self._next: _Token | None = None

    def parse(self) -> list[Matcher]:
        found: list[Matcher] = []
        braced = self._peek().kind is _Kind.OPEN
        if braced:
            self._take()
        if self._peek().kind not in (_Kind.CLOSE, _Kind.END):
            found.append(self._matcher())
            while self._more():
                found.append(self._matcher())
        if braced:
            try:
                self._expect(_Kind.CLOSE)
            except ValueError as error:
                raise ValueError(f"0:{self._place}: {error}: expected close brace") from error
        elif self._peek().kind is _Kind.CLOSE:
            raise ValueError(f"0:{self._peek().end}: }}: expected opening brace")
        try:
            last = self._peek()
        except ValueError as error:
            raise ValueError(f"{error}: expected end of input") from error
        if last.kind is not _Kind.END:
            raise ValueError(f"{last.start}:{last.end}: {last.text}: expected end of input")
        return found

    def _matcher(self) -> Matcher:
        name = self._wanted(_TEXTS, "expected label name").value()
        op = self._wanted((_Kind.OPERATOR,), _OPERATOR)
        value = self._wanted(_TEXTS, "expected label value").value()
        try:
            return Matcher(name, MatchOp(op.text), value, dot_matches_newline=False)
        except ValueError as error:
            raise ValueError(f"failed to create matcher: {error}") from error

    def _more(self) -> bool:
        """After a matcher: does another one follow?"""
        try:
            if self._expected(_Kind.COMMA, _Kind.CLOSE).kind is _Kind.CLOSE:
                return False
        except _EndError:
            return False
        except ValueError as error:
            raise ValueError(f"{error}: expected a comma or close brace") from error
        self._take()
        try:
            return self._expected(_Kind.CLOSE, *_TEXTS).kind is not _Kind.CLOSE
        except _EndError:
            return False
        except ValueError as error:
            raise ValueError(f"{error}: expected a matcher or close brace after comma") from error

    def _wanted(self, kinds: tuple[_Kind, ...], words: str) -> _Token:
        try:
            return self._expect(*kinds)
        except ValueError as error:
            raise ValueError(f"{error}: {words}") from error

    def _expect(self, *kinds: _Kind) -> _Token:
        self._expected(*kinds)
        return self._take()

    def _expected(self, *kinds: _Kind) -> _Token:
        """The next token, not taken yet, if it is of one of these kinds."""
        token = self._peek()
        if token.kind is _Kind.END:
            raise _EndError
        if token.kind not in kinds:
            raise ValueError(f"{token.start}:{token.end}: unexpected {token.text}")
        return token

    def _take(self) -> _Token:
        token = self._peek()
        self._place, self._next = token.end, None
        return token

    def _peek(self) -> _Token:
        if self._next is None:
            self._next = _scan(self._text, self._place)
        return self._next


def _scan(text: str, place: int) -> _Token:
    while place < len(text) and text[place].isspace():
        place += 1
    if place == len(text):
        return _Token(_Kind.END, "", place, place)
    char = text[place]
    if char in _MARKS:
        return _Token(_MARKS[char], char, place, place + 1)
    if char in "=!":
        return _scan_operator(text, place)
    if char == '"':
        return _scan_quoted(text, place)
    end = place
    while end < len(text) and not is_reserved(text[end]):
        end += 1
    if end == place:
        raise ValueError(f"{place}:{place + 1}: {char}: invalid input")
    return _Token(_Kind.BARE, text[place:end], place, end)


def _scan_operator(text: str, place: int) -> _Token:
    for op in ("!=", "!~", "=~", "="):
        if text.startswith(op, place):
            return _Token(_Kind.OPERATOR, op, place, place + len(op))
    found = "unexpected end of input," if place + 1 == len(text) else f"{text[place]}:"
    raise ValueError(f"{place}:{place + 1}: {found} expected one of '=~'")


def _scan_quoted(text: str, place: int) -> _Token:
    end, escaped = place + 1, False
    while end < len(text) and (escaped or text[end] != '"'):
        escaped = not escaped and text[end] == "\\"
        end += 1
    if end == len(text):
        raise ValueError(f'{place}:{end}: {text[place:]}: missing end "')
    return _Token(_Kind.QUOTED, text[place : end + 1], place, end + 1)
