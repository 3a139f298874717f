"""What an answer to a request means, and how long to wait before the next attempt. Pure.

Source: prometheus storage/remote/client.go (5xx and 429 may be tried again) and queue_manager.go (backoff doubles).
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from monitor.model.times import MINUTE, Millis, Timestamp

_LONGEST_TEXT = 300
_LONGEST_WISH: Millis = 10 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a receiver answered; status 0 when it did not, and `text` says why."""

    status: int
    retry_after: str = ""
    """The header, as it came."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Try again after so long."""

    after: Millis
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Trying again does not help: it is dropped."""

    why: str


Verdict: TypeAlias = Taken | RetryLater | Refused


def judge(reply: Reply, backoff: Millis, *, retry_429: bool, now: Timestamp) -> Verdict:
    """`backoff` is how long to wait when the receiver does not say."""
    status, why = reply.status, f"HTTP status {reply.status}: {reply.text.strip()[:_LONGEST_TEXT]}"
    if 200 <= status < 300:
        return Taken()
    if status == 0:
        return RetryLater(backoff, reply.text[:_LONGEST_TEXT])
    if status >= 500 or (status == 429 and retry_429):
        return RetryLater(_asked_for(reply.retry_after, now) or backoff, why)
    return Refused(why)


def _asked_for(header: str, now: Timestamp) -> Millis | None:
    """Retry-After as a span: seconds or an HTTP date. None if it is absent or nonsense."""
    text = header.strip()
    if text.isdecimal():
        return min(int(text[:9]) * 1000, _LONGEST_WISH)
    try:
        at = round(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return min(max(at - now, 0), _LONGEST_WISH)
