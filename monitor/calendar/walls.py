"""What the clocks of a place show at an instant, and at which instant they show something.

The second question has two hard cases. A time that the clocks skip is never shown: it stands for the instant of the change,
when a person who waited for it would look up. A time that they show twice means the first. A reading of the wall is kept as
milliseconds, as if the place were on UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from monitor.model.times import DAY, MINUTE, Millis, Timestamp, from_datetime, parse_rfc3339, to_datetime

LOCAL: Final = "Local"
"""The machine's own zone, as Alertmanager calls it. Everywhere the empty name is UTC."""
_MILLISECOND: Final = timedelta(milliseconds=1)


def parse_location(text: str) -> str:
    """The name of a zone, if there is such a zone. Raises ValueError."""
    if text not in ("", LOCAL):
        try:
            _zone(text)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"unknown time zone {text}") from error
    return text


def local_time(at: Timestamp, location: str) -> datetime:
    """The instant on the clocks of the place."""
    moment = to_datetime(at)
    if not location:
        return moment
    return moment.astimezone(None if location == LOCAL else _zone(location))


def wall_of(at: Timestamp, location: str) -> Millis:
    """What the clocks show."""
    return at + _offset(at, location)


def instant_of(wall: Millis, location: str) -> Timestamp:
    """When the clocks first show this, or the change by which they skip it."""
    candidates = sorted({wall - _offset(wall - DAY, location), wall - _offset(wall + DAY, location)})
    shown = [at for at in candidates if wall_of(at, location) == wall]
    return shown[0] if shown else first_shifted(candidates[0], candidates[-1], location)


def first_shifted(at: Timestamp, after: Timestamp, location: str) -> Timestamp:
    """`after`, or the clock change between the two."""
    if not location or (old := _offset(at, location)) == _offset(after, location):
        return after
    low, high = at // MINUTE, after // MINUTE
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle * MINUTE, location) == old:
            low = middle
        else:
            high = middle
    return high * MINUTE


def wall_text(at: Timestamp, location: str) -> str:
    """`Sun 2026-03-29 03:00 CEST`: the instant on the clocks of the place."""
    return local_time(at, location).strftime("%a %Y-%m-%d %H:%M %Z")


def parse_local(text: str, location: str) -> Timestamp:
    """`2026-03-29T02:00:00+01:00`, or `2026-03-29 02:00` on the clocks of the place. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or len(text) < len("2026-03-29T02:00"):
        raise ValueError(f'"{text}" is no instant: write it as 2026-03-29T02:00:00+01:00')
    if moment.tzinfo is not None:
        return parse_rfc3339(text)
    if not location:
        raise ValueError(f'"{text}" has no zone: write it as 2026-03-29T02:00:00+01:00, or name a location')
    return instant_of(from_datetime(moment.replace(tzinfo=UTC)), location)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _offset(at: Timestamp, location: str) -> Millis:
    return (local_time(at, location).utcoffset() or timedelta()) // _MILLISECOND
