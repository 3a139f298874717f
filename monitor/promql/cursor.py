"""A place in the text, and what stands there: characters, numbers, durations, quoted texts. Which of them may stand where
is the lexer's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from monitor.promql.quoting import go_quote, text_of


class Kind(Enum):
    """Kinds of tokens, in the words of error texts."""

    ERROR = "error"
    END = "end of input"
    IDENTIFIER = "identifier"
    METRIC = "metric identifier"
    STRING = "string"
    NUMBER = "number"
    DURATION = "duration"
    OPERATOR = "operator"
    AGGREGATION = "aggregation"
    KEYWORD = "keyword"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` in latin-1 bytes as written, but lower case in `word`."""

    kind: Kind
    text: str
    start: int
    word: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def shown(self) -> str:
        """As error texts call it."""
        match self.kind:
            case Kind.END:
                return "end of input"
            case Kind.KEYWORD if self.word not in _QUERY_WORDS:
                return f"<{text_of(self.text)}>"
            case Kind.KEYWORD:
                return go_quote(self.text)
            case Kind.OPERATOR:
                return f"<op:{text_of(self.text)}>"
            case Kind.AGGREGATION:
                return f"<aggr:{text_of(self.text)}>"
            case Kind.MARK:
                return "<op:@>" if self.text == "@" else f'"{self.text}"'
            case _:
                value = text_of(self.text)
                if self.kind not in (Kind.IDENTIFIER, Kind.METRIC) and len(self.text) > 10:
                    return f"{self.kind.value} {go_quote(value[:10])}..."
                return f"{self.kind.value} {go_quote(value)}"


class LexError(Exception):
    """A mistake that ends the input; it reaches to the end of the text."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start


_QUERY_WORDS: Final = frozenset({"start", "end", "step", "range"})
"""Keywords that stand for something of the query; error texts show them in quotes."""
_SPACE: Final = " \t\n\r"
DIGITS: Final = "0123456789"
ALPHA: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
ALNUM: Final = ALPHA + DIGITS


class Cursor:
    """Steps through the text of a `Lexer`."""

    def __init__(self, data: str, *, series: bool) -> None:
        """`series`: in the notation of series a number ends before `x`, and none is hexadecimal."""
        self.data = data
        self.at: int = 0
        self._start: int = 0
        self._series = series

    def _skip(self) -> None:
        while self.at < len(self.data):
            char = self.data[self.at]
            if char in _SPACE:
                self.at += 1
            elif char == "#":
                end = self.data.find("\n", self.at)
                self.at = len(self.data) if end < 0 else end
            else:
                return

    def _peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.data[place] if place < len(self.data) else ""

    def _take(self) -> str:
        """The next whole character (decoded), and step over it; empty at the end."""
        char = self._peek()
        if char < "\x80":
            self.at += 1 if char else 0
            return char
        for size in (2, 3, 4):
            piece = self.data[self.at : self.at + size].encode("latin-1")
            try:
                found = piece.decode()
            except UnicodeDecodeError:
                continue
            self.at += size
            return found
        self.at += 1
        return "\ufffd"

    def _accept(self, allowed: str) -> bool:
        char = self._peek()
        if char and char in allowed:
            self.at += 1
            return True
        return False

    def _run(self, allowed: str) -> None:
        while self._accept(allowed):
            pass

    def _emit(self, kind: Kind) -> Token:
        text = self.data[self._start : self.at]
        return Token(kind, text, self._start, text.lower())

    def _error(self, message: str) -> LexError:
        return LexError(message, self._start)

    def _scan_number(self) -> bool:
        digits = DIGITS
        if not self._series and self._accept("0") and self._accept("xX"):
            self._accept("_")
            digits = "0123456789abcdefABCDEF"
        hexadecimal = len(digits) > 10
        self._accept(".")
        dot = self.data[self.at - 1 : self.at] == "." and self.at > self._start
        exponent = False
        while True:
            char = self._peek()
            if char == "" or char not in digits + "._eE":
                break
            self.at += 1
            if char == ".":
                if dot or self._accept("_."):
                    return False
                dot = True
            elif char == "_":
                if self._accept("._eE"):
                    return False
            elif char in "eE" and not hexadecimal:
                if exponent:
                    return False
                exponent = True
                self._accept("+-")
                if self._accept("._eE"):
                    return False
        if self.at == self._start:
            return False
        follower = self._peek()
        return not follower or follower not in ALNUM or (self._series and follower == "x")

    def _scan_duration(self) -> bool:
        if not self._accept("smhdwy"):
            return False
        self._accept("s")
        while self._accept(DIGITS):
            self._run(DIGITS)
            if not self._accept("smhdw"):
                return False
            self._accept("s")
        follower = self._peek()
        if follower and follower in ALNUM:
            self.at += 1
            return False
        return True

    def _string(self, mark: str) -> Token:
        while True:
            char = self._take()
            if char == "\\":
                self._escape(mark)
            elif char == "\ufffd":
                raise self._error("invalid UTF-8 rune")
            elif char in ("", "\n"):
                raise self._error("unterminated quoted string")
            elif char == mark:
                return self._emit(Kind.STRING)

    def _raw_string(self) -> Token:
        while True:
            char = self._take()
            if char == "\ufffd":
                raise self._error("invalid UTF-8 rune")
            if char == "":
                raise self._error("unterminated raw string")
            if char == "`":
                return self._emit(Kind.STRING)

    def _escape(self, mark: str) -> None:
        char = self._take()
        if char and char in "abfnrtv\\" + mark:
            return
        if char == "":
            raise self._error("escape sequence not terminated")
        if char in "01234567":
            count, base, limit = 3, 8, 0xFF
            self.at -= 1
        elif char in _ESCAPE_SIZES:
            count, limit = _ESCAPE_SIZES[char]
            base = 16
        else:
            raise self._error(f"unknown escape sequence U+{ord(char):04X} '{char}'")
        value = 0
        for _ in range(count):
            digit = self._take()
            if digit == "":
                raise self._error("escape sequence not terminated")
            number = "0123456789abcdef".find(digit.lower())
            if number < 0 or number >= base:
                raise self._error(f"illegal character U+{ord(digit):04X} '{digit}' in escape sequence")
            value = value * base + number
        if value > limit or 0xD800 <= value < 0xE000:
            raise self._error("escape sequence is an invalid Unicode code point")


_ESCAPE_SIZES: Final = {"x": (2, 0xFF), "u": (4, 0x10FFFF), "U": (8, 0x10FFFF)}
