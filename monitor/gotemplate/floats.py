"""Floating numbers as Go writes them. Source: Go's strconv/ftoa.go and fmt/format.go."""

from __future__ import annotations

import math
from decimal import Decimal


def float_text(value: float, verb: str = "g", precision: int = -1) -> str:
    """strconv.FormatFloat: verb e, E, f, g or G; precision -1 is the fewest digits that read back as the same value."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if verb == "g" and precision < 0 and 1e-4 <= abs(value) < 1e6:
        return repr(value).removesuffix(".0")  # Python's own shortest digits, which here need no exponent
    if precision >= 0:
        return f"{value:.{precision}{verb}}" if verb != "g" and verb != "G" else f"{value:.{max(precision, 1)}{verb}}"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent) - 1 if value else 0
    head = "-" if sign else ""
    if verb in "eE" or (verb in "gG" and not -4 <= point < 6):
        mantissa = shown[0] + (f".{shown[1:]}" if len(shown) > 1 else "")
        letter = "E" if verb in "EG" else "e"
        return f"{head}{mantissa}{letter}{'-' if point < 0 else '+'}{abs(point):02d}"
    return head + f"{abs(Decimal(repr(value))):f}".removesuffix(".0")


def hex_float_text(value: float, precision: int) -> str:
    """With so many digits after the point, rounded half to even; -1: as many as it takes."""
    if not math.isfinite(value):
        return float_text(value)
    fraction, power = math.frexp(abs(value))
    mantissa, power = (int(fraction * (1 << 53)), power - 1) if value else (0, 0)
    if 0 <= precision < 13:
        dropped = 52 - 4 * precision
        kept, rest = mantissa >> dropped, mantissa & ((1 << dropped) - 1)
        half = 1 << (dropped - 1)
        kept += rest > half or (rest == half and kept & 1)
        mantissa = kept << dropped
        if mantissa >> 53:
            mantissa, power = mantissa >> 1, power + 1
    digits = f"{mantissa & ((1 << 52) - 1):013x}"
    digits = digits.rstrip("0") if precision < 0 else digits[:precision].ljust(precision, "0")
    sign = "-" if math.copysign(1, value) < 0 else ""
    shown = f".{digits}" if digits else ""
    return f"{sign}0x{mantissa >> 52}{shown}p{'-' if power < 0 else '+'}{abs(power):02d}"


def binary_float_text(value: float) -> str:
    """`%b`: the mantissa as a whole number, and the power of two."""
    if not math.isfinite(value):
        return float_text(value)
    fraction, power = math.frexp(abs(value))
    power = max(power - 53, -1074) if value else -1074
    mantissa = int(math.ldexp(fraction, math.frexp(abs(value))[1] - power))
    return f"{'-' if math.copysign(1, value) < 0 else ''}{mantissa}p{power:+d}"


def sharp_float_text(value: float, verb: str, precision: int) -> str:
    """`%#g`: trailing zeros stay, six digits in all unless it is said how many."""
    shown = float_text(value, verb, precision)
    if not math.isfinite(value):
        return shown
    mantissa, mark, power = shown.partition("e" if verb == "g" else "E")
    digits = len(mantissa.lstrip("-").replace(".", "").lstrip("0") or "0")
    point = "" if "." in mantissa else "."
    return mantissa + point + "0" * ((6 if precision < 0 else precision) - digits) + mark + power
