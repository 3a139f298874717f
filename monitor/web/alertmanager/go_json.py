"""JSON as Go's encoding/json reads it, for texts that Python's reader refuses.

Those are of two sorts: what is no JSON, of which the caller is told in Go's words what is wrong, and what nests deeper than
Python's reader follows, which Go takes as far as ten thousand levels. So this reader keeps its own stack and looks at bytes.
It is slow, and asked only for such texts. Keys that stand more than once are kept (see `Repeated`), because Go lets each of
them add to what the ones before it said.

Source: Go encoding/json scanner.go, decode.go.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NoReturn, cast

from monitor.model.labels import quote

_DEEPEST: Final = 10_000
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_TEXT: Final = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
"""All of a text but its last quote."""
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_EXPONENT: Final = re.compile(r"[eE][+-]?")
_FOUR_DIGITS: Final = re.compile(r"[0-9a-fA-F]{0,4}")
_WORDS: Final[Mapping[str, tuple[str, object]]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


class Repeated(dict[str, object]):
    """An object in which a key stands more than once: a mapping of the last ones."""

    def __init__(self, members: Sequence[tuple[str, object]]) -> None:
        super().__init__(members)
        self.members = members
        """All of them, in their order."""


def object_of(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    """The object that these make."""
    found = dict(members)
    return found if len(found) == len(members) else Repeated(members)


def members(found: dict[str, object]) -> Iterable[tuple[str, object]]:
    """All members of an object, those of repeated keys too."""
    return found.members if isinstance(found, Repeated) else found.items()


def text_of(raw: bytes) -> str:
    """The text, with U+FFFD for each byte that is no UTF-8, as Go counts them."""
    return raw.decode(errors=_EACH_BYTE)


def first_value(raw: bytes) -> object:
    """The first JSON value; what follows it is not looked at. Raises ValueError with Go's words, EOFError if there is
    nothing. A number is told as 0: nobody asks which."""
    return _Text(raw).value()


class _Text:
    """Bytes, each as one character, and how far they are read."""

    def __init__(self, raw: bytes) -> None:
        self._text = raw.decode("latin-1")
        self._place = 0

    def value(self) -> object:
        if not self._next():
            raise EOFError
        inside: list[tuple[list[object], list[str] | None]] = []
        """What is not yet closed: the values so far, and their keys if it is an object."""
        while True:
            sign = self._next()
            found: object = None
            if sign in ("[", "{"):
                if len(inside) == _DEEPEST:
                    self._refuse("exceeded max depth")
                self._place += 1
                inside.append(([], None if sign == "[" else []))
                if self._next() != ("]" if sign == "[" else "}"):
                    self._key(inside[-1][1])
                    continue
            else:
                found = self._plain(sign)
                if not inside:
                    return found
                inside[-1][0].append(found)
            while self._closed(inside[-1][1]):
                values, keys = inside.pop()
                found = values if keys is None else object_of(list(zip(keys, values, strict=True)))
                if not inside:
                    return found
                inside[-1][0].append(found)

    def _closed(self, keys: list[str] | None) -> bool:
        """Does it end here? Otherwise the next value is to be read."""
        sign = self._next()
        if sign == ("]" if keys is None else "}"):
            self._place += 1
            return True
        if sign != ",":
            self._refuse("after array element" if keys is None else "after object key:value pair")
        self._place += 1
        self._key(keys)
        return False

    def _key(self, keys: list[str] | None) -> None:
        if keys is None:
            return
        if self._next() != '"':
            self._refuse("looking for beginning of object key string")
        keys.append(self._string())
        if self._next() != ":":
            self._refuse("after object key")
        self._place += 1

    def _plain(self, sign: str) -> object:
        if sign == '"':
            return self._string()
        if sign == "-" or "0" <= sign <= "9":
            return self._number()
        if sign not in _WORDS:
            self._refuse("looking for beginning of value")
        word, found = _WORDS[sign]
        for wanted in word:
            if self._here() != wanted:
                self._refuse(f"in literal {word} (expecting {_quoted(wanted)})")
            self._place += 1
        return found

    def _string(self) -> str:
        begin = self._place
        found = _TEXT.match(self._text, begin)
        self._place = found.end() if found is not None else begin
        if self._here() == "\\":
            self._place += 1
            if self._here() != "u":
                self._refuse("in string escape code")
            digits = _FOUR_DIGITS.match(self._text, self._place + 1)
            self._place = digits.end() if digits is not None else self._place
            self._refuse("in \\u hexadecimal character escape")
        if self._here() != '"':
            self._refuse("in string literal")
        self._place += 1
        return cast("str", json.loads(text_of(self._text[begin : self._place].encode("latin-1"))))

    def _number(self) -> int:
        found = _NUMBER.match(self._text, self._place)
        if found is None:
            self._place += 1
            self._refuse("in numeric literal")
        self._place = found.end()
        if not found[1] and not found[2] and self._text.startswith(".", self._place):
            self._place += 1
            self._refuse("after decimal point in numeric literal")
        exponent = None if found[2] else _EXPONENT.match(self._text, self._place)
        if exponent is not None:
            self._place = exponent.end()
            self._refuse("in exponent of numeric literal")
        return 0

    def _next(self) -> str:
        """The next character that is no space, empty at the end."""
        space = _SPACE.match(self._text, self._place)
        self._place = space.end() if space is not None else self._place
        return self._here()

    def _here(self) -> str:
        return self._text[self._place : self._place + 1]

    def _refuse(self, why: str) -> NoReturn:
        char = self._here()
        raise ValueError(f"invalid character {_quoted(char)} {why}" if char else "unexpected EOF")


def _quoted(char: str) -> str:
    return {"'": "'\\''", '"': "'\"'"}.get(char) or f"'{quote(char)[1:-1]}'"


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


_EACH_BYTE: Final = "watchkeeper.each-byte"
codecs.register_error(_EACH_BYTE, _each_byte)
