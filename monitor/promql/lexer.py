"""Text into tokens.

The lexer works on bytes, seen as one character each (latin-1), because places in PromQL are counted in bytes; names and
strings are turned back into text by `text_of`. It runs lazily, one token ahead of the parser: which of two mistakes is
reported first depends on it. Inside braces, square brackets and parentheses it follows different rules, as in Prometheus
promql/parser/lex.go, whose error texts these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from monitor.promql.quoting import go_quote, go_rune, text_of
from monitor.promql.signatures import AGGREGATIONS, SET_OPERATORS


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


KEYWORDS: Final = frozenset(
    [
        "offset",
        "smoothed",
        "anchored",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "fill",
        "fill_left",
        "fill_right",
        "bool",
        "start",
        "end",
        "step",
        "range",
        "min_of",
        "max_of",
    ]
)
_QUERY_WORDS: Final = frozenset({"start", "end", "step", "range"})
"""Keywords that stand for something of the query; error texts show them in quotes."""
_OPERATOR_WORDS: Final = SET_OPERATORS | {"atan2"}
_SPACE: Final = " \t\n\r"
_DIGITS: Final = "0123456789"
_ALPHA: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_ALNUM: Final = _ALPHA + _DIGITS
_BRACKET_WORDS: Final = ("step", "range", "min_of", "max_of")


class Lexer:
    """Call `next` until it returns a token of kind END. Raises LexError."""

    def __init__(self, data: str, *, series: bool = False) -> None:
        self.data = data
        self.at = 0
        self._start = 0
        self._series = series
        self._parens = 0
        self._braces = False
        self._brackets = False
        self._fresh_duration = False
        self._colon = False
        self._duration = False

    def next(self) -> Token:
        """The next token."""
        while True:
            self._skip()
            self._start = self.at
            token = self._inside_braces() if self._braces else self._duration_token() if self._fresh_duration else None
            if token is None:
                token = self._statement()
            return token

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

    def _inside_braces(self) -> Token:
        char = self._take()
        match char:
            case "":
                raise self._error("unexpected end of input inside braces")
            case ",":
                return self._emit(Kind.MARK)
            case '"' | "'":
                return self._string(char)
            case "`":
                return self._raw_string()
            case "=":
                return self._emit(Kind.OPERATOR if self._accept("~") else Kind.MARK)
            case "!":
                follower = self._take()
                if follower not in ("~", "="):
                    raise self._error(f"unexpected character after '!' inside braces: {go_rune(follower)}")
                return self._emit(Kind.OPERATOR)
            case "{":
                raise self._error(f"unexpected left brace {go_rune(char)}")
            case "}":
                self._braces = False
                return self._emit(Kind.MARK)
            case _:
                if char in _ALPHA:
                    self._run(_ALNUM)
                    return self._emit(Kind.IDENTIFIER)
                raise self._error(f"unexpected character inside braces: {go_rune(char)}")

    def _duration_token(self) -> Token | None:
        """After `[` until the first number: None leaves the token to the general rules."""
        char = self._peek()
        if char == "":
            raise self._error("unexpected end of input in duration expression")
        if char in _DIGITS or (char == "." and self._peek(1) in _DIGITS and self._peek(1)):
            self._fresh_duration = False
            self._duration = True
            return None
        if char.lower() in ("s", "m", "r"):
            word = self._bracket_word()
            if word is not None:
                self._duration = True
                return word
        if char == "]":
            self._fresh_duration = False
            return None
        self._take()
        if char == ":":
            if not self._duration:
                raise LexError("unexpected colon before duration in duration expression", self.at)
            if self._colon:
                raise LexError("unexpected repeated colon in duration expression", self.at)
            self._colon = True
            return self._emit(Kind.MARK)
        if char in "(),":
            return self._mark(char)
        if char in "+-*/%^":
            return self._emit(Kind.OPERATOR)
        self.at = self._start
        raise self._error(f"unexpected character in duration expression: {go_rune(self._take())}")

    def _bracket_word(self) -> Token | None:
        for word in _BRACKET_WORDS:
            if self.data[self.at : self.at + len(word)].lower() == word:
                follower = self._peek(len(word))
                if follower and follower in _ALNUM:
                    continue
                self.at += len(word)
                return self._emit(Kind.KEYWORD)
        return None

    def _mark(self, char: str) -> Token:
        if char == "(":
            self._parens += 1
        elif char == ")":
            self._parens -= 1
            if self._parens < 0:
                raise LexError(f"unexpected right parenthesis {go_rune(char)}", self.at)  # the place behind it
        return self._emit(Kind.MARK)

    def _statement(self) -> Token:
        char = self._take()
        match char:
            case "":
                if self._parens:
                    raise self._error("unclosed left parenthesis")
                if self._brackets:
                    raise self._error("unclosed left bracket")
                return self._emit(Kind.END)
            case "," | "(" | ")":
                return self._mark(char)
            case "*" | "/" | "%" | "+" | "-" | "^":
                return self._emit(Kind.OPERATOR)
            case "=":
                if self._accept("="):
                    return self._emit(Kind.OPERATOR)
                if self._peek() == "~":
                    raise self._error("unexpected character after '=': '~'")
                return self._emit(Kind.MARK)
            case "!":
                follower = self._take()
                if follower != "=":
                    raise self._error(f"unexpected character after '!': {go_rune(follower)}")
                return self._emit(Kind.OPERATOR)
            case "<" | ">":
                self._accept("=/")
                return self._emit(Kind.OPERATOR)
            case '"' | "'":
                return self._string(char)
            case "`":
                return self._raw_string()
            case "{":
                self._braces = True
                return self._emit(Kind.MARK)
            case "[":
                if self._brackets:
                    raise self._error(f"unexpected left bracket {go_rune(char)}")
                self._brackets = self._fresh_duration = True
                self._colon = self._duration = False
                return self._emit(Kind.MARK)
            case "]":
                if not self._brackets:
                    raise self._error(f"unexpected right bracket {go_rune(char)}")
                self._brackets = False
                return self._emit(Kind.MARK)
            case "@":
                return self._emit(Kind.MARK)
            case _:
                return self._word_or_number(char)

    def _word_or_number(self, char: str) -> Token:
        follower = self._peek()
        if char in _DIGITS or (char == "." and follower and follower in _DIGITS):
            self.at = self._start
            return self._number()
        if char in _ALPHA or char == ":":
            if self._brackets:
                return self._in_brackets(char)
            self.at = self._start
            self._run(_ALNUM + ":")
            return self._emit(_word_kind(self.data[self._start : self.at]))
        raise self._error(f"unexpected character: {go_rune(char)}")

    def _in_brackets(self, char: str) -> Token:
        if char == ":":
            if self._colon:
                raise self._error(f"unexpected colon {go_rune(char)}")
            self._colon = self._fresh_duration = True
            return self._emit(Kind.MARK)
        self.at = self._start
        word = self._bracket_word()
        if word is None:
            raise self._error(f"unexpected character: {go_rune(char)}, expected ':'")
        return word

    def _number(self) -> Token:
        if self._scan_number():
            return self._emit(Kind.NUMBER)
        if self._scan_duration():
            return self._emit(Kind.DURATION)
        raise self._error(f"bad number or duration syntax: {go_quote(text_of(self.data[self._start : self.at]))}")

    def _scan_number(self) -> bool:
        digits = _DIGITS
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
        return not follower or follower not in _ALNUM or (self._series and follower == "x")

    def _scan_duration(self) -> bool:
        if not self._accept("smhdwy"):
            return False
        self._accept("s")
        while self._accept(_DIGITS):
            self._run(_DIGITS)
            if not self._accept("smhdw"):
                return False
            self._accept("s")
        follower = self._peek()
        if follower and follower in _ALNUM:
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


def _word_kind(word: str) -> Kind:
    lowered = word.lower()
    if lowered in AGGREGATIONS:
        return Kind.AGGREGATION
    if lowered in _OPERATOR_WORDS:
        return Kind.OPERATOR
    if lowered in KEYWORDS:
        return Kind.KEYWORD
    if lowered in ("inf", "nan"):
        return Kind.NUMBER
    return Kind.METRIC if ":" in word else Kind.IDENTIFIER
