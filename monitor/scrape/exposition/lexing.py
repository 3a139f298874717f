"""Tokens of a line. Which are possible depends on what came before on it: a small state machine, given as tables.

The tables are the formats' own (`grammar.py`, `openmetrics.py`). Errors are worded as Prometheus words them, down to how
far its lexer goes into a token that is begun but never right. Source: prometheus model/textparse, promlex.l and
openmetricslex.l.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

from monitor.model.errors import ExpositionError
from monitor.scrape.exposition.quoting import quote_bytes


class Token(Enum):
    """The tokens, by the names that error texts use."""

    INVALID = "INVALID"
    EOF = "EOF"
    EOF_WORD = "EOFWORD"
    LINEBREAK = "LINEBREAK"
    HELP = "HELP"
    TYPE = "TYPE"
    UNIT = "UNIT"
    TEXT = "TEXT"
    COMMENT = "COMMENT"
    MNAME = "MNAME"
    QSTRING = "QSTRING"
    BOPEN = "BOPEN"
    BCLOSE = "BCLOSE"
    LNAME = "LNAME"
    LVALUE = "LVALUE"
    EQUAL = "EQUAL"
    COMMA = "COMMA"
    VALUE = "VALUE"
    TIMESTAMP = "TIMESTAMP"


class State(Enum):
    """Where on the line we are."""

    START = "nothing read yet"
    COMMENT = "after a hash and white space"
    METRIC = "after HELP, TYPE or UNIT"
    TEXT = "after the metric of a HELP, TYPE or UNIT"
    LABELS = "inside the braces"
    LABEL_VALUE = "after an equal sign"
    VALUE = "after the series"
    TIMESTAMP = "after the value"
    EXEMPLAR = "inside the braces of an exemplar"
    EXEMPLAR_LABEL_VALUE = "after an equal sign of an exemplar"
    EXEMPLAR_VALUE = "after the labels of an exemplar"
    EXEMPLAR_TIMESTAMP = "after the value of an exemplar"


Rule: TypeAlias = tuple[re.Pattern[bytes], Token | None, State]
Rules: TypeAlias = Mapping[State, tuple[Rule, ...]]
"""For each state: what may come, which token it is (None: read on), and the state it leads to."""

QUOTED: Final = rb'"[^"\\]*(?:\\[^\n][^"\\]*)*"'
QUOTED_NO_NULL: Final = rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*"'
METRIC_CHARS: Final = rb"[a-zA-Z_:][a-zA-Z0-9_:]*"
PAIR_TEXT: Final = rb'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"'
"""A label pair without surprises."""
LABEL_CHARS: Final = rb"[a-zA-Z_][a-zA-Z0-9_]*"

_BLANK: Final = re.compile(rb"[ \t]*")


class Lexer:
    """One entry's tokens. `stop` is where the data end."""

    __slots__ = ("_blank", "_broken", "_rules", "data", "end", "entry", "line", "start", "state", "stop")

    def __init__(
        self,
        rules: Rules,
        broken: Mapping[State, re.Pattern[bytes]],
        data: bytes,
        at: int,
        line: int,
        stop: int,
        *,
        blank: bool,
    ) -> None:
        """`broken`: how far a token that is begun but never right goes before it is found wrong. `blank`: white space may
        stand between tokens."""
        self._rules = rules
        self._broken = broken
        self._blank = blank
        self.data = data
        self.entry = self.start = self.end = at
        self.line = line
        self.stop = stop
        self.state = State.START

    def next(self) -> Token:
        if self._blank and self.state is not State.TEXT:
            blank = _BLANK.match(self.data, self.end, self.stop)
            self.end = blank.end() if blank else self.end
        if self.end >= self.stop:
            return Token.EOF  # `start` stays: Prometheus shows the token before the end
        self.start = self.end
        found = self._match()
        while found is None and self.state is State.COMMENT and self.end > self.start:
            before = self.end
            found = self._match()
            if self.end == before:
                break
        if found is not None:
            return found
        broken = self._broken.get(self.state)
        reached = broken.match(self.data, self.end, self.stop) if broken else None
        if reached:
            self.end = reached.end()
        return Token.INVALID

    def _match(self) -> Token | None:
        for pattern, token, state in self._rules[self.state]:
            found = pattern.match(self.data, self.end, self.stop)
            if found:
                self.end = found.end()
                self.state = state
                return token
        return None

    def taken(self) -> bytes:
        return self.data[self.start : self.end]

    def expect(self, wanted: Token, named: str) -> None:
        token = self.next()
        if token is not wanted:
            raise self.unexpected(named, token)

    def unexpected(self, wanted: str, got: Token) -> ExpositionError:
        end = min(self.end + 1, self.stop)
        return self.error(
            f'expected {wanted}, got {quote_bytes(self.data[self.start : end])} ("{got.value}") '
            f"while parsing: {quote_bytes(self.data[self.entry : end])}"
        )

    def error(self, message: str) -> ExpositionError:
        return ExpositionError(message, line=self.line)

    def parsing(self) -> str:
        return f"while parsing: {quote_bytes(self.data[self.entry : self.end])}"
