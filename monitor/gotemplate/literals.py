"""Go's literals: quoted texts, characters and numbers."""

from __future__ import annotations

import math
import re
from typing import Final

from monitor.model.quoting import unescape


def unquote(source: str) -> str:
    """The text of a quoted or raw string with its quotes. Bytes given as \\x or octal are UTF-8. Raises ValueError."""
    if source.startswith("`"):
        return source[1:-1].replace("\r", "")
    return unescape(source[1:-1], source[0]).decode(errors="replace")


_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*")
_PREFIXED: Final = re.compile(r"[+-]?0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)")
_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_FLOAT: Final = re.compile(rf"[+-]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEX_FLOAT: Final = re.compile(r"[+-]?0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][+-]?[0-9]+")


def number(source: str) -> tuple[int | float, bool]:
    """A number or character constant, and whether it is a whole number that may stand for a float. Raises ValueError."""
    if source.startswith("'"):
        text = unquote(source)
        if not text:
            raise ValueError("invalid syntax")
        if len(text) != 1:
            raise ValueError(f"malformed character constant: {source}")
        return ord(text), True
    if _PREFIXED.fullmatch(source):
        return _bounded(int(source.replace("_", ""), 0), source), True
    if _DECIMAL.fullmatch(source):
        digits = source.replace("_", "").lstrip("+-")
        base = 8 if len(digits) > 1 and digits.startswith("0") else 10
        if base == 8 and set(digits) & {"8", "9"}:
            # a float without a point is a whole number that does not fit, to Go
            raise ValueError(f'integer overflow: "{source}"')
        whole = int(digits, base)
        return _bounded(-whole if source.startswith("-") else whole, source), True
    if _FLOAT.fullmatch(source):
        value = float(source.replace("_", ""))
        if math.isinf(value):
            raise ValueError(f'illegal number syntax: "{source}"')
        return value, False
    if _HEX_FLOAT.fullmatch(source):
        return float.fromhex(source.replace("_", "")), False
    raise ValueError(f'illegal number syntax: "{source}"')


def _bounded(value: int, source: str) -> int:
    if not -(2**63) <= value < 2**64:
        raise ValueError(f'integer overflow: "{source}"')
    return value
