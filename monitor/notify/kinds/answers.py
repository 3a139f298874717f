"""What an HTTP answer, or the lack of one, says about a delivery."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Rejected,
    RetryLater,
    Undelivered,
    Unknown,
)
from monitor.model.times import SECOND, Millis, Timestamp, from_datetime

if TYPE_CHECKING:
    import aiohttp

GATEWAY_GAVE_UP: Final = frozenset({504})
_BUSY: Final = frozenset({408, 425, 429})
_SHOWN: Final = 200
"""So many characters of an answer's body are told."""

_SEPARATORS: Final = re.compile(r"[/?&=]")
_SHORTEST_WORD: Final = 4
"""A shorter one is no secret, and hiding it would spoil every word."""
_SHORTEST: Final = 8
"""Shorter parts of an address are words such as `hook` and `v1`."""

RETRIED: Final[Mapping[str, frozenset[int]]] = MappingProxyType(
    {
        "incidentio": frozenset({429}),
        "jira": frozenset({429}),
        "opsgenie": frozenset({429}),
        "pagerduty": frozenset({429}),
        "pagerduty v1": frozenset({403}),
    }
)
"""By integration: what is tried again although the caller seems to be at fault. Source: Alertmanager's notifiers."""


def failure_of(status: int) -> DeliveryFailure:
    """What the status alone says."""
    if status in (401, 403):
        return DeliveryFailure.AUTH
    if status == 429:
        return DeliveryFailure.RATE_LIMITED
    if status >= 500:
        return DeliveryFailure.SERVER
    return DeliveryFailure.CLIENT if status >= 400 else DeliveryFailure.OTHER


def by_status(
    status: int,
    retry_after: str,
    now: Timestamp,
    *,
    lost: frozenset[int] = GATEWAY_GAVE_UP,
    again: frozenset[int] = frozenset(),
    body: str = "",
) -> DeliveryOutcome:
    """2xx: delivered. 5xx and those in `again`: later; of these, a status in `lost` leaves open whether it arrived. 408, 425
    and 429 too where the vendor says when. All others are final. `body` is told with a failure, cut; it holds
    no secret any more (`without`)."""
    if 200 <= status < 300:
        return Delivered()
    why, failure = unexpected(status, body), failure_of(status)
    if status in lost:
        return Unknown(why, failure)
    wished = wish(retry_after, now)
    if status >= 500 or status in again or (status in _BUSY and wished is not None):
        return RetryLater(why, wished, failure)
    return Rejected(why, failure)


def unexpected(status: int, said: str = "") -> str:
    """`unexpected status code 400: no such channel`. A page of markup says nothing."""
    text = " ".join(said[: 4 * _SHOWN].split())
    text = "" if text.startswith("<") else text
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f"unexpected status code {status}{f': {shown}' if shown else ''}"


def without(text: str, secrets: Iterable[str]) -> str:
    """A vendor's words without these texts, and without the parts of the path of those that are addresses: one of them is
    the token. All secrets go in one call, and before anything is cut: half of one would not be recognised."""
    # the longest first: a word of an address may be a part of its token
    for part in sorted({part for secret in secrets for part in _told_by(secret)}, key=len, reverse=True):
        text = text.replace(part, "<secret>")
    return text


def _told_by(secret: str) -> Iterator[str]:
    if len(secret) >= _SHORTEST_WORD:
        yield secret
    if "://" in secret:
        yield from (part for part in _SEPARATORS.split(secret)[1:] if len(part) >= _SHORTEST)


def wish(retry_after: str, now: Timestamp) -> Millis | None:
    """Retry-After as a span: seconds or an HTTP date. None if it is absent or nonsense. Source: RFC 9110 §10.2.3."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text) * SECOND
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        return None
    return max(from_datetime(moment) - now, 0)


def by_failure(error: aiohttp.ClientError | OSError) -> Undelivered:
    """No answer. A connection that never stood carried nothing; one that broke may have. The error's own text may hold
    the address, which may be a secret, so only its name is told."""
    import aiohttp

    name = type(error).__name__
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return Rejected("the address is no valid URL")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return RetryLater(f"no connection: the proxy answered {error.status}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return RetryLater("no connection: the certificate is not trusted")
    if isinstance(error, aiohttp.TooManyRedirects):
        return Rejected("redirects lead nowhere")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        reason = error.os_error.strerror or name
        return RetryLater(f"no connection: {reason if 'http' not in reason else name}")
    return Unknown(f"the connection broke before the answer: {name}")
