"""Instants and durations.

An instant is UTC milliseconds since 1970 as a plain integer; zones appear only at the edges. A duration is
milliseconds too. Durations in text are Prometheus's (`1d2h`, `30s`, `1m500ms`, `0`): whole numbers, units in
descending order, each at most once. Source: prometheus/common model/time.go.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Timestamp: TypeAlias = int
"""An instant: UTC milliseconds since 1970-01-01T00:00:00Z."""

Millis: TypeAlias = int
"""A span of time in milliseconds."""

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
WEEK: Millis = 7 * DAY
YEAR: Millis = 365 * DAY

_UNITS: tuple[tuple[str, Millis], ...] = (
    ("y", YEAR),
    ("w", WEEK),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", 1),
)
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_MAX_DURATION: Millis = (2**63 - 1) // 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIRST_INSTANT: Timestamp = -62_135_596_800_000
"""0001-01-01T00:00:00Z: what Go calls zero, and the first that a datetime can tell."""
LAST_INSTANT: Timestamp = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""


def parse_duration(text: str) -> Millis:
    """Read `1h30m` or `0`. Raises ValueError with Prometheus's own wording."""
    if text == "":
        raise ValueError("empty duration string")
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a valid duration string: {_quote(text)}")
    total = sum(int(group) * size for group, (_, size) in zip(match.groups(), _UNITS, strict=True) if group)
    if total > _MAX_DURATION:
        raise ValueError("duration out of range")
    return total


def format_duration(span: Millis) -> str:
    """Print a duration as Prometheus does: `90s` is `1m30s`, years, weeks and days only when they divide it exactly."""
    if span == 0:
        return "0s"
    sign, rest = ("-", -span) if span < 0 else ("", span)
    parts: list[str] = []
    for unit, size in _UNITS:
        if unit in ("y", "w", "d") and rest % size:
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts)


def spoken_duration(span: Millis) -> str:
    """Print a duration for people, two units at most: `2h 5m`, `45s`, `3d`."""
    if span < SECOND:
        return f"{max(span, 0)}ms"
    parts: list[str] = []
    rest = span
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def to_datetime(at: Timestamp) -> datetime:
    """The instant as an aware UTC datetime; outside the years 1 to 9999 the nearest that there is, since an instant that
    cannot be told must not keep back what it belongs to."""
    return _EPOCH + timedelta(milliseconds=min(max(at, FIRST_INSTANT), LAST_INSTANT))


def from_datetime(moment: datetime) -> Timestamp:
    """The instant of an aware datetime, rounded down to milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(at: Timestamp) -> str:
    """`2026-01-02T03:04:05.678Z`."""
    # strftime does not pad years before 1000
    return f"{to_datetime(at).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def spoken_instant(at: Timestamp) -> str:
    """`2026-01-02 03:04:05 UTC`, for people."""
    return to_datetime(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def parse_rfc3339(text: str) -> Timestamp:
    """Read RFC 3339 with any offset and fraction. Raises ValueError, also when the zone is missing and for what an offset
    moves out of the years 1 to 9999."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {_quote(text)} has no zone: write it as 2006-01-02T15:04:05Z")
    instant = from_datetime(moment)
    if not FIRST_INSTANT <= instant <= LAST_INSTANT:
        raise ValueError(f"time {_quote(text)} is in UTC outside of the years 1 to 9999")
    return instant


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
