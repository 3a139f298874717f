"""The token at hand, and what is said when it does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from monitor.promql.lexer import Kind, Lexer, LexError, Token
from monitor.promql.nodes import Number
from monitor.promql.numbers import parse_number, seconds_of_duration


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake with its place in bytes."""

    message: str
    start: int
    end: int


class Stop(Exception):  # noqa: N818
    """Parsing cannot go on. `told` once an enclosing aggregation has added its own complaint."""

    def __init__(self) -> None:
        super().__init__()
        self.told = False


class Tokens:
    """A stream with one token at hand."""

    def __init__(self, data: str) -> None:
        self.data = data
        self.findings: list[Finding] = []
        self.token = Token(Kind.END, "", 0, "")
        self.last_closing = 0
        """Where the last bracket, number or duration that was read ends."""
        self.context = ""
        self._lexer = Lexer(data)

    def advance(self) -> None:
        """Take the next token to hand. Raises Stop when there is none that can be read."""
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION) or token.text in (")", "]", "}"):
            self.last_closing = token.end
        try:
            self.token = self._lexer.next()
        except LexError as error:
            self.fail(error.message, error.start, len(self.data))
            raise Stop from error

    def fail(self, message: str, start: int, end: int) -> None:
        """Note a mistake and go on."""
        self.findings.append(Finding(message, start, end))

    def unexpected(self, context: str, expected: str) -> NoReturn:
        """The token at hand fits nowhere."""
        context = context or self.context
        where = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        self.fail(f"unexpected {self.token.shown()}{where}{wanted}", self.token.start, self.token.end)
        raise Stop

    @property
    def at_end(self) -> bool:
        return self.token.kind is Kind.END

    def is_mark(self, text: str) -> bool:
        return self.token.kind is Kind.MARK and self.token.text == text

    def is_word(self, word: str) -> bool:
        return self.token.kind is Kind.KEYWORD and self.token.word == word

    def expect_mark(self, text: str) -> None:
        """Step over this mark."""
        if not self.is_mark(text):
            self.unexpected("", "")
        self.advance()

    def follower(self) -> str:
        """The first character after the token at hand that is no space."""
        return self.data[self.token.end :].lstrip(" \t\n\r")[:1]

    def number(self) -> Number:
        """The number or duration at hand, without sign."""
        token = self.token
        duration = token.kind is Kind.DURATION
        value = 0.0
        try:
            value = seconds_of_duration(token.text) if duration else parse_number(token.text)
        except ValueError as error:
            self.fail(str(error) if duration else f"error parsing number: {error}", token.start, token.end)
        self.advance()
        return Number(value=value, duration=duration, start=token.start, end=token.end)

    def signed_number(self) -> float:
        """A number or duration with any sign, as its value."""
        sign = 1.0
        if self.token.text in ("+", "-"):
            sign = -1.0 if self.token.text == "-" else 1.0
            self.advance()
        if self.token.kind not in (Kind.NUMBER, Kind.DURATION):
            self.unexpected("", "")
        return sign * self.number().value
