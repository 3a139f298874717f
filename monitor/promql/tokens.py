"""The token at hand, and what is said when it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.promql.cursor import Kind, LexError, Token
from monitor.promql.lexer import Lexer
from monitor.promql.nodes import Number
from monitor.promql.numbers import parse_number, seconds_of_duration


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake with its place in bytes."""

    message: str
    start: int
    end: int


class Stop(Exception):  # noqa: N818
    """The token at hand fits nowhere, or there is none that can be read. Whoever knows what was expected says so
    (`unexpected`) and looks for a place to go on (`resume`)."""


class Over(Exception):  # noqa: N818
    """There is no such place."""


class Tokens:
    """A stream with one token at hand, which is read when it is looked at: of two mistakes the one that is met first is told
    first."""

    def __init__(self, data: str) -> None:
        self.data = data
        self.findings: list[Finding] = []
        self.last_closing = 0
        """Where the last bracket, number or duration that was read ends."""
        self._lexer = Lexer(data)
        self._token: Token | None = None
        self._spoiled = False

    @property
    def token(self) -> Token:
        """The token at hand. Raises Stop when there is none that can be read."""
        if self._spoiled:
            raise Stop
        if self._token is None:
            try:
                self._token = self._lexer.next()
            except LexError as error:
                self.fail(error.message, error.start, len(self.data))
                self._spoiled = True
                raise Stop from error
        return self._token

    def advance(self) -> Token:
        """Step over the token at hand, which is returned."""
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION) or token.text in (")", "]", "}"):
            self.last_closing = token.end
        self._token = None
        return token

    def fail(self, message: str, start: int, end: int) -> None:
        """Note a mistake and go on."""
        self.findings.append(Finding(message, start, end))

    def unexpected(self, context: str, expected: str) -> None:
        """Note that the token at hand does not fit; a mistake of the lexer has been noted already."""
        if self._spoiled:
            return
        where = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        self.fail(f"unexpected {self.token.shown()}{where}{wanted}", self.token.start, self.token.end)

    def resume(self, fits: Callable[[], bool]) -> None:
        """Leave out tokens until one fits. Raises Over when none does."""
        try:
            while not fits():
                if self.at_end:
                    raise Over
                self.advance()
        except Stop:
            raise Over from None

    @property
    def at_end(self) -> bool:
        return self.token.kind is Kind.END

    def is_mark(self, *texts: str) -> bool:
        return self.token.kind is Kind.MARK and self.token.text in texts

    def is_word(self, *words: str) -> bool:
        return self.token.kind is Kind.KEYWORD and self.token.word in words

    def expect_mark(self, text: str) -> Token:
        """Step over this mark. Raises Stop if it is not at hand."""
        if not self.is_mark(text):
            raise Stop
        return self.advance()

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
            raise Stop
        return sign * self.number().value
