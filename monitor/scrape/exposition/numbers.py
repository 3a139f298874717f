"""Numbers as Go reads and prints them, which is what defines the formats.

Python is laxer: it takes underscores, foreign digits and white space around a number and turns an overflow into
infinity. A body that Prometheus refuses must not become a sample here.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from monitor.scrape.exposition.quoting import quote_bytes

PLAIN: Final = re.compile(rb"[0-9.eE+\-]+")
"""Texts of these characters only are read alike by Python and by Go, overflow apart."""

_WORD: Final = re.compile(rb"(?:[+-]?inf(?:inity)?|nan)", re.IGNORECASE)


def parse_value(text: bytes) -> float:
    """The number of a sample. Raises ValueError with Prometheus's wording."""
    if any(char in b"pP_" for char in text):
        raise ValueError("unsupported character in float")
    if _WORD.fullmatch(text):
        return float(text)
    if PLAIN.fullmatch(text):
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"strconv.ParseFloat: parsing {quote_bytes(text)}: invalid syntax") from None
        if not math.isinf(value):
            return value
        raise ValueError(f"strconv.ParseFloat: parsing {quote_bytes(text)}: value out of range")
    raise ValueError(f"strconv.ParseFloat: parsing {quote_bytes(text)}: invalid syntax")


def plain_number(text: bytes) -> float | None:
    """The number, if it is written in one of the usual ways and finite or an infinity by name; else None."""
    if PLAIN.fullmatch(text):
        try:
            value = float(text)
        except ValueError:
            return None
        return None if math.isinf(value) else value
    return _NAMED.get(text)


_NAMED: Final = {b"NaN": math.nan, b"+Inf": math.inf, b"-Inf": -math.inf}


def parse_milliseconds(text: bytes) -> int:
    """A timestamp of the text format. Raises ValueError with Prometheus's wording."""
    value = int(text) if len(text) < 25 else 1 << 64  # so that a digit string of a megabyte is not converted
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"strconv.ParseInt: parsing {quote_bytes(text)}: value out of range")
    return value


def canonical_bound(text: str) -> str:
    """A bucket's or quantile's bound in the one spelling that Prometheus 3 stores (`1` is `1.0`, `1e6` is `1e+06`), so
    that the same bound from two formats is the same series. A text that is no number stays as it is."""
    try:
        value = parse_value(text.encode("utf-8", "surrogateescape"))
    except ValueError:
        return text
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    printed = shortest(value)
    return printed if "e" in printed or "." in printed else printed + ".0"


def shortest(value: float) -> str:
    """A finite number in the fewest digits; in exponent form when its decimal exponent is below -4 or above 5.
    Source: Go strconv FormatFloat(f, 'g', -1, 64)."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"not a finite number: {value!r}")
    text = "".join(map(str, digits)).lstrip("0")
    kept = text.rstrip("0")
    if not kept:
        return "-0" if sign else "0"
    exponent += len(text) - len(kept)
    point = len(kept) + exponent
    minus = "-" if sign else ""
    if not -4 <= point - 1 < 6:
        mantissa = kept[0] + ("." + kept[1:] if len(kept) > 1 else "")
        power = point - 1
        return f"{minus}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{kept}"
    if point >= len(kept):
        return minus + kept + "0" * (point - len(kept))
    return f"{minus}{kept[:point]}.{kept[point:]}"
