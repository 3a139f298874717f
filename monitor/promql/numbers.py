"""Numbers and durations, read and printed as Go does."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from monitor.model.times import Millis, parse_duration

_DECIMAL: Final = re.compile(r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?", re.ASCII)
_INTEGER: Final = re.compile(r"(?:0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|0(?:_?[0-7]+)*|[1-9]\d*(?:_\d+)*)", re.ASCII)
_NAMED: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0x(?:_?[0-9a-f][0-9a-f_]*\.?[0-9a-f_]*|\.[0-9a-f][0-9a-f_]*)p[+-]?\d[\d_]*", re.ASCII | re.IGNORECASE
)
_MISPLACED: Final = re.compile(r"(?<![0-9])_|_(?![0-9])")
_MISPLACED_IN_HEXADECIMAL: Final = re.compile(r"(?<![0-9a-fx])_|_(?![0-9a-f])", re.IGNORECASE)
"""Underscores that are not between digits."""
_MAX_INT64: Final = 2**63 - 1
LONGEST_SECONDS: Final = 9223372036.854775
"""A duration is shorter: it must go into 63 bits of nanoseconds."""


def parse_number(text: str) -> float:
    """Read a number token: whole numbers with Go's prefixes (`0x1F`, `0755` is octal), decimals, `Inf`, `NaN`. Raises
    ValueError with Go's wording."""
    lowered = text.lower()
    if lowered in ("inf", "+inf"):
        return math.inf
    if lowered == "-inf":
        return -math.inf
    if lowered == "nan":
        return math.nan
    if _INTEGER.fullmatch(text):
        plain = text.replace("_", "")
        whole = int(plain, 16) if plain[:2].lower() == "0x" else int(plain, 8) if plain[0] == "0" else int(plain)
        if whole <= _MAX_INT64:
            return float(whole)
        if plain[:2].lower() == "0x":
            raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    value = float(text.replace("_", ""))
    if math.isinf(value):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": value out of range')
    return value


def parse_float(text: str) -> float:
    """Go's strconv.ParseFloat, which reads labels `le`: decimal and hexadecimal floats with underscores between digits,
    infinities, NaN. Raises ValueError for other texts and for what is too large."""
    if _NAMED.fullmatch(text):
        return float(text)
    hexadecimal = _HEXADECIMAL.fullmatch(text) is not None
    plain = text.replace("_", "")
    misplaced = _MISPLACED_IN_HEXADECIMAL if hexadecimal else _MISPLACED
    if misplaced.search(text) or not (hexadecimal or _DECIMAL.fullmatch(text)):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    try:
        value = float.fromhex(plain) if hexadecimal else float(plain)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": value out of range')
    return value


def seconds_of_duration(text: str) -> float:
    """The seconds of a duration token. Raises ValueError."""
    return parse_duration(text) / 1000


def millis_of(seconds: float) -> Millis:
    """Seconds as whole milliseconds: to the nearest nanosecond, and what is left of a millisecond dropped. Raises ValueError
    outside of what a duration can be."""
    if not abs(seconds) < LONGEST_SECONDS:
        raise ValueError("duration out of range")
    return round(abs(seconds) * 1e9) // 1_000_000 * (1 if seconds >= 0 else -1)


def plain(value: float) -> str:
    """Shortest digits, never with an exponent: Go's FormatFloat(value, 'f', -1, 64)."""
    special = _special(value)
    if special is not None:
        return special
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def general(value: float) -> str:
    """Go's `%v` of a float: exponent form below 1e-4 and from 1e6 on."""
    special = _special(value)
    if special is not None:
        return special
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return plain(value)
    mantissa, exponent = f"{Decimal(repr(value)):e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    sign, digits = exponent[0], exponent[1:]
    return f"{mantissa}e{sign}{digits.zfill(2)}"


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None
