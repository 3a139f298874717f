"""Quotes and escapes, and texts as bytes.

Places in PromQL are counted in bytes, so the lexer works on a text whose characters are the bytes (latin-1).
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def bytes_of(text: str) -> str:
    """A text as latin-1: one character per byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def text_of(data: str) -> str:
    """Back from `bytes_of`; what is no UTF-8 becomes lone surrogates."""
    return data.encode("latin-1").decode("utf-8", "surrogateescape")


def go_quote(text: str, mark: str = '"') -> str:
    """A text in quotes with escapes, as error texts show it."""
    out: list[str] = []
    for char in text:
        code = ord(char)
        if char in (mark, "\\"):
            out.append("\\" + char)
        elif char in _ESCAPED:
            out.append(_ESCAPED[char])
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    return mark + "".join(out) + mark


_ESCAPED: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def label_text(name: str) -> str:
    """A label's name as it is printed: quoted unless it is one of old."""
    return name if _LABEL.fullmatch(name) else go_quote(name)


def go_rune(char: str) -> str:
    """A character in single quotes, as error texts show it."""
    return go_quote(char, "'") if char else "'�'"


_SIMPLE: Final = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def unquote(literal: str) -> str:
    """The value of a string token (latin-1, its marks included)."""
    mark, body = literal[0], literal[1:-1]
    if mark == "`":
        return text_of(body)
    if "\\" not in body:
        return text_of(body)
    out = bytearray()
    place = 0
    while place < len(body):
        char = body[place]
        place += 1
        if char != "\\":
            out.append(ord(char))
            continue
        char = body[place]
        place += 1
        if char in _SIMPLE:
            out.append(_SIMPLE[char])
        elif char in "01234567":
            out.append(int(body[place - 1 : place + 2], 8))
            place += 2
        elif char == "x":
            out.append(int(body[place : place + 2], 16))
            place += 2
        elif char in "uU":
            size = 4 if char == "u" else 8
            out += chr(int(body[place : place + size], 16)).encode()
            place += size
        else:
            out.append(ord(char))
    return out.decode("utf-8", "surrogateescape")
