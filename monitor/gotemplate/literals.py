"""Go's literals: quoted texts, characters and numbers."""

from __future__ import annotations

import re
from typing import Final

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.)|$)",
    re.DOTALL,
)


def unquote(source: str) -> str:
    """The text of a quoted or raw string with its quotes. Bytes given as \\x or octal are UTF-8. Raises ValueError."""
    if source.startswith("`"):
        return source[1:-1].replace("\r", "")
    body = source[1:-1]
    if "\\" not in body:
        return body
    out = bytearray()
    last = 0
    for found in _ESCAPE.finditer(body):
        out += body[last : found.start()].encode()
        last = found.end()
        two, octal, four, eight, simple = found.groups()
        if two or octal:
            value = int(two, 16) if two else int(octal, 8)
            if value > 255:
                raise ValueError("invalid syntax")
            out.append(value)
        elif four or eight:
            code = int(four or eight, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise ValueError("invalid syntax")
            out += chr(code).encode()
        elif simple in _SIMPLE and simple != ("'" if source[0] == '"' else '"'):
            out += _SIMPLE[simple].encode()
        else:
            raise ValueError("invalid syntax")
    out += body[last:].encode()
    return out.decode(errors="replace")


_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*")
_PREFIXED: Final = re.compile(r"[+-]?0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")
_HEX_FLOAT: Final = re.compile(r"[+-]?0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][+-]?[0-9]+")


def number(source: str) -> tuple[int | float, bool]:
    """A number or character constant, and whether it is a whole number that may stand for a float. Raises ValueError."""
    if source.startswith("'"):
        text = unquote(source)
        if len(text) != 1:
            raise ValueError(f"malformed character constant: {source}")
        return ord(text), True
    if _PREFIXED.fullmatch(source):
        return _bounded(int(source.replace("_", ""), 0), source), True
    if _DECIMAL.fullmatch(source):
        digits = source.replace("_", "").lstrip("+-")
        base = 8 if len(digits) > 1 and digits.startswith("0") and not set(digits) & {"8", "9"} else 10
        value = int(digits, base)
        return _bounded(-value if source.startswith("-") else value, source), True
    if _FLOAT.fullmatch(source):
        return float(source.replace("_", "")), False
    if _HEX_FLOAT.fullmatch(source):
        return float.fromhex(source.replace("_", "")), False
    raise ValueError(f'illegal number syntax: "{source}"')


def _bounded(value: int, source: str) -> int:
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"integer overflow: {source}")
    return value
