"""Numbers, durations and words as people read them: what the templates of rules and those of notifications share.

Source: prometheus/common helpers/templates, and Go's strconv and strings.
"""

from __future__ import annotations

import math
import re
from typing import Final

from monitor.gotemplate.floats import float_text
from monitor.gotemplate.moments import SECOND, Span
from monitor.gotemplate.values import Value, go_type
from monitor.model.labels import quote


def parse_float(text: str) -> float:
    """Go's strconv.ParseFloat. Raises ValueError with its text."""
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    value = float.fromhex(text) if "x" in text.lower() else float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def to_float(value: Value) -> float:
    """A number from a number or a text. Raises ValueError."""
    if isinstance(value, str):
        return parse_float(value)
    if isinstance(value, Span):
        return int(value) / SECOND
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"can't convert {go_type(value)} to float")


_FLOAT: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan"
    r"|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+)",
    re.IGNORECASE | re.ASCII,
)
_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")


def short(value: float) -> str:
    """Four digits."""
    return float_text(value, "g", 4)


def humanize(given: Value) -> str:
    """A number with four digits and a metric prefix, as `1.234k`."""
    value = to_float(given)
    if value == 0 or not math.isfinite(value):
        return short(value)
    prefix = ""
    if abs(value) >= 1:
        for prefix_next in _LARGE:
            if abs(value) < 1000:
                break
            prefix = prefix_next
            value /= 1000
    else:
        value, prefix = _scaled_up(value)
    return short(value) + prefix


def _scaled_up(value: float) -> tuple[float, str]:
    prefix = ""
    for smaller in _SMALL:
        if abs(value) >= 1:
            break
        prefix = smaller
        value *= 1000
    return value, prefix


def humanize_1024(given: Value) -> str:
    """A number with four digits and a binary prefix, as `1.5Mi`."""
    value = to_float(given)
    if abs(value) <= 1 or not math.isfinite(value):
        return short(value)
    prefix = ""
    for larger in ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"):
        if abs(value) < 1024:
            break
        prefix = larger
        value /= 1024
    return short(value) + prefix


def humanize_duration(given: Value) -> str:
    """Seconds as `1d 2h 3m 4s`, or with four digits below a minute."""
    value = to_float(given)
    if not math.isfinite(value):
        return short(value)
    if value == 0:
        return f"{short(value)}s"
    if abs(value) < 1:
        scaled, prefix = _scaled_up(value)
        return f"{short(scaled)}{prefix}s"
    sign = "-" if value < 0 else ""
    whole = int(abs(value))
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{short(abs(value))}s"


def title(text: str) -> str:
    """Go's strings.Title: the first letter of each word large."""
    out: list[str] = []
    inside = False
    for char in text:
        out.append(char if inside else char.title() if len(char.title()) == 1 else char)
        inside = char == "_" or char.isalnum() or (ord(char) >= 0x80 and not char.isspace())
    return "".join(out)
