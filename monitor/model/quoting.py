"""The escapes of Go's quoted texts, which matchers and templates are written with. Source: Go strconv.Unquote."""

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


def unescape(body: str, mark: str) -> bytes:
    """What a text between two of these marks (`"` or `'`) means; bytes, because `\\x` and octal escapes give single ones.
    Raises ValueError."""
    if "\\" not in body:
        return body.encode("utf-8", "surrogateescape")
    out = bytearray()
    last = 0
    for found in _ESCAPE.finditer(body):
        out += body[last : found.start()].encode("utf-8", "surrogateescape")
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
        elif simple in _SIMPLE and simple != ("'" if mark == '"' else '"'):
            out += _SIMPLE[simple].encode()
        else:
            raise ValueError("invalid syntax")
    return bytes(out + body[last:].encode("utf-8", "surrogateescape"))
