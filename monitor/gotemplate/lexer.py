"""Tokens of a template. Source of the rules and of the error texts: Go's text/template/parse/lex.go.

Outside `{{ }}` everything is text. Inside, white space is a token, since `$x .y` and `$x.y` differ. `{{- ` and ` -}}` eat
the white space of the text beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from monitor.model.labels import quote


class Token(Enum):
    """What a token is."""

    ERROR = "error"
    TEXT = "text"
    OPEN = "{{"
    CLOSE = "}}"
    SPACE = "space"
    ASSIGN = "="
    DECLARE = ":="
    PIPE = "|"
    LEFT = "("
    RIGHT = ")"
    CHAR = "character"
    STRING = "string"
    RAW = "raw string"
    RUNE = "character constant"
    NUMBER = "number"
    FIELD = "field"
    VARIABLE = "variable"
    DOT = "."
    IDENTIFIER = "identifier"
    BOOL = "bool"
    NIL = "nil"
    KEYWORD = "keyword"
    END = "end of text"


@dataclass(frozen=True, slots=True)
class Item:
    token: Token
    at: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.token is Token.END:
            return "EOF"
        if self.token is Token.ERROR:
            return self.text
        if self.token in (Token.KEYWORD, Token.NIL, Token.DOT):
            return f"<{self.text}>"
        if len(self.text) > 10:
            return quote(self.text[:10]) + "..."
        return quote(self.text)


def lex(text: str) -> Iterator[Item]:
    """The tokens of a template; the last one is END or ERROR."""
    return _Lexer(text).items()


KEYWORDS: Final = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"),
)
_BLANK: Final = " \t\r\n"
_SINGLE: Final = {"=": Token.ASSIGN, "|": Token.PIPE}
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_WORD: Final = re.compile(r"\w*")
_QUOTED: Final = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_RUNE: Final = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)",
)


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.parens = 0

    def items(self) -> Iterator[Item]:
        trim = False
        while True:
            found = self.text.find("{{", self.at)
            end = found if found >= 0 else len(self.text)
            start = self.at
            if trim:
                while start < end and self.text[start] in _BLANK:
                    start += 1
            stop = end
            if found >= 0 and self._trims_left(found + 2):
                while stop > start and self.text[stop - 1] in _BLANK:
                    stop -= 1
            if stop > start:
                yield self._item(Token.TEXT, start, stop)
            self.at = end
            if found < 0:
                yield self._item(Token.END, end, end)
                return
            trim = False
            inner = found + 2 + (2 if self._trims_left(found + 2) else 0)
            if self.text.startswith("/*", inner):
                close = self.text.find("*/", inner)
                if close < 0:
                    yield self._error(inner, "unclosed comment")
                    return
                width = self._closes(close + 2)
                if not width:
                    yield self._error(inner, "comment ends before closing delimiter")
                    return
                self.at = close + 2 + width
                trim = width > 2
                continue
            yield self._item(Token.OPEN, found, found + 2)
            self.at = inner
            self.parens = 0
            for item in self._inside():
                yield item
                if item.token is Token.ERROR:
                    return
                trim = item.token is Token.CLOSE and item.at != self.at - 2

    def _trims_left(self, at: int) -> bool:
        return self.text[at : at + 1] == "-" and self.text[at + 1 : at + 2] in tuple(_BLANK)

    def _closes(self, at: int) -> int:
        """The width of a closing delimiter here, with its trim marker; 0 if there is none."""
        if self.text.startswith("}}", at):
            return 2
        if self.text[at : at + 1] in tuple(_BLANK) and self.text.startswith("-}}", at + 1):
            return 4
        return 0

    def _inside(self) -> Iterator[Item]:
        text = self.text
        while True:
            start = self.at
            if width := self._closes(start):
                if self.parens:
                    yield self._error(start, "unclosed left paren")
                    return
                self.at = start + width
                yield Item(Token.CLOSE, start, "}}", self._line_of(start))
                return
            char = text[start : start + 1]
            if not char:
                yield self._error(start, "unclosed action")
                return
            if spaces := _SPACES.match(text, start):
                end = spaces.end()
                if text.startswith("-}}", end):
                    end -= 1
                if end > start:
                    yield self._take(Token.SPACE, end)
                continue
            if char in _SINGLE:
                yield self._take(_SINGLE[char], start + 1)
            elif char == ":":
                if text[start + 1 : start + 2] != "=":
                    yield self._error(start, "expected :=")
                    return
                yield self._take(Token.DECLARE, start + 2)
            elif char == '"':
                yield self._matched(_QUOTED, Token.STRING, "unterminated quoted string")
            elif char == "'":
                yield self._matched(_RUNE, Token.RUNE, "unterminated character constant")
            elif char == "`":
                end = text.find("`", start + 1)
                if end < 0:
                    yield self._error(start, "unterminated raw quoted string")
                    return
                yield self._take(Token.RAW, end + 1)
            elif char == "$" or (char == "." and not text[start + 1 : start + 2].isdigit()):
                yield self._word(Token.VARIABLE if char == "$" else Token.FIELD, start + 1)
            elif char in "+-." or ("0" <= char <= "9"):
                yield self._number()
            elif char == "_" or char.isalnum():
                yield self._word(Token.IDENTIFIER, start)
            elif char == "(":
                self.parens += 1
                yield self._take(Token.LEFT, start + 1)
            elif char == ")":
                self.parens -= 1
                if self.parens < 0:
                    yield self._error(start, "unexpected right paren")
                    return
                yield self._take(Token.RIGHT, start + 1)
            elif " " < char <= "~":
                yield self._take(Token.CHAR, start + 1)
            else:
                yield self._error(start, f"unrecognized character in action: {_shown(char)}")
                return

    def _word(self, token: Token, start: int) -> Item:
        """A field, variable or identifier; keywords and constants among the last."""
        found = _WORD.match(self.text, start)
        end = found.end() if found else start
        if not self._terminates(end):
            return self._error(self.at, f"bad character {_shown(self.text[end])}")
        word = self.text[self.at : end]
        if word == ".":
            token = Token.DOT
        elif token is Token.IDENTIFIER:
            if word in KEYWORDS:
                token = Token.KEYWORD
            elif word in ("true", "false"):
                token = Token.BOOL
            elif word == "nil":
                token = Token.NIL
        return self._take(token, end)

    def _number(self) -> Item:
        found = _NUMBER.match(self.text, self.at)
        end = found.end() if found else self.at
        following = self.text[end : end + 1]
        if following and (following == "_" or following.isalnum()):
            return self._error(self.at, f"bad number syntax: {quote(self.text[self.at : end + 1])}")
        return self._take(Token.NUMBER, end)

    def _terminates(self, at: int) -> bool:
        char = self.text[at : at + 1]
        return not char or char in _BLANK or char in ".,|:()" or self.text.startswith("}}", at)

    def _matched(self, pattern: re.Pattern[str], token: Token, complaint: str) -> Item:
        found = pattern.match(self.text, self.at)
        return self._take(token, found.end()) if found else self._error(self.at, complaint)

    def _take(self, token: Token, end: int) -> Item:
        item = self._item(token, self.at, end)
        self.at = end
        return item

    def _item(self, token: Token, start: int, end: int) -> Item:
        return Item(token, start, self.text[start:end], self._line_of(start))

    def _error(self, at: int, message: str) -> Item:
        return Item(Token.ERROR, at, message, self._line_of(at))

    def _line_of(self, at: int) -> int:
        if at >= self.counted:
            self.line += self.text.count("\n", self.counted, at)
            self.counted = at
        return self.line


def _shown(char: str) -> str:
    """A character as Go's %#U shows it."""
    code = f"U+{ord(char):04X}"
    return f"{code} '{char}'" if char.isprintable() else code
