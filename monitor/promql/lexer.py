"""Text into tokens.

The lexer works on bytes, seen as one character each (latin-1), because places in PromQL are counted in bytes; names and
strings are turned back into text by `text_of`. It runs lazily, one token ahead of the parser: which of two mistakes is
reported first depends on it. Inside braces, square brackets and parentheses it follows different rules, as in Prometheus
promql/parser/lex.go, whose error texts these are.
"""

from __future__ import annotations

from typing import Final

from monitor.promql.cursor import ALNUM, ALPHA, DIGITS, Cursor, Kind, LexError, Token
from monitor.promql.quoting import go_quote, go_rune, text_of
from monitor.promql.signatures import AGGREGATIONS, SET_OPERATORS

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
_OPERATOR_WORDS: Final = SET_OPERATORS | {"atan2"}
_BRACKET_WORDS: Final = ("step", "range", "min_of", "max_of")


class Lexer(Cursor):
    """Call `next` until it returns a token of kind END. Raises LexError."""

    def __init__(self, data: str, *, series: bool = False) -> None:
        super().__init__(data, series=series)
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
                if char in ALPHA:
                    self._run(ALNUM)
                    return self._emit(Kind.IDENTIFIER)
                raise self._error(f"unexpected character inside braces: {go_rune(char)}")

    def _duration_token(self) -> Token | None:
        """After `[` until the first number: None leaves the token to the general rules."""
        char = self._peek()
        if char == "":
            raise self._error("unexpected end of input in duration expression")
        if char in DIGITS or (char == "." and self._peek(1) in DIGITS and self._peek(1)):
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
                if follower and follower in ALNUM:
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
        if char in DIGITS or (char == "." and follower and follower in DIGITS):
            self.at = self._start
            return self._number()
        if char in ALPHA or char == ":":
            if self._brackets:
                return self._in_brackets(char)
            self.at = self._start
            self._run(ALNUM + ":")
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
