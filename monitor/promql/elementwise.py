"""Functions that look at one value at a time: mathematics, clamping, parts of a date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from monitor.promql.matrix import Floats, Ints

MATH: Final[dict[str, Callable[[Floats], Floats]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * np.pi / 180,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}

_DAY: Final = 86_400
_MONTH_STARTS: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)


def round_to(values: Floats, nearest: Floats) -> Floats:
    """To the nearest multiple, ties upwards. The inverse first, as Prometheus does, for exactness with 0.1 and the like."""
    inverse = 1.0 / nearest
    return np.floor(values * inverse + 0.5) / inverse


def larger(left: Floats, right: Floats) -> Floats:
    """The larger of two; NaN if one is NaN, unless the other is +Inf. So Go's math.Max has it."""
    return np.where(np.isposinf(left) | np.isposinf(right), np.inf, np.maximum(left, right))


def smaller(left: Floats, right: Floats) -> Floats:
    """The smaller of two; NaN if one is NaN, unless the other is -Inf. So Go's math.Min has it."""
    return np.where(np.isneginf(left) | np.isneginf(right), -np.inf, np.minimum(left, right))


def clamp(values: Floats, low: Floats, high: Floats) -> Floats:
    """Into [low, high]; NaN as a bound gives NaN for all values but infinite ones."""
    return larger(low, smaller(high, values))


def _civil(seconds: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month, day of Unix seconds in the proleptic Gregorian calendar.

    Source: Howard Hinnant, chrono-compatible low-level date algorithms (civil_from_days).
    """
    days = seconds // _DAY + 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    year = year_of_era + era * 400 + (month <= 2)
    return year, month, day


def _leap(year: Ints) -> Ints:
    return ((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))).astype(np.int64)


def _day_of_year(seconds: Ints) -> Ints:
    year, month, day = _civil(seconds)
    return _MONTH_STARTS[month - 1] + day + (_leap(year) & (month > 2))


def _days_in_month(seconds: Ints) -> Ints:
    year, month, _ = _civil(seconds)
    lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
    return lengths[month - 1] + (_leap(year) & (month == 2))


_DATES: Final[dict[str, Callable[[Ints], Ints]]] = {
    "day_of_month": lambda seconds: _civil(seconds)[2],
    "day_of_week": lambda seconds: (seconds // _DAY + 4) % 7,
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "hour": lambda seconds: seconds % _DAY // 3600,
    "minute": lambda seconds: seconds % 3600 // 60,
    "month": lambda seconds: _civil(seconds)[1],
    "year": lambda seconds: _civil(seconds)[0],
}
DATE_FUNCTIONS: Final = frozenset(_DATES)


def date_part(name: str, values: Floats) -> Floats:
    """A part of the UTC date of Unix seconds; NaN for what is no time."""
    usable = np.isfinite(values) & (np.abs(values) < 9e18)
    seconds = np.where(usable, np.trunc(np.where(usable, values, 0.0)), 0.0).astype(np.int64)
    return np.where(usable, _DATES[name](seconds).astype(np.float64), np.nan)
