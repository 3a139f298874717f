"""What an HTTP answer, or the lack of one, says about a delivery."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from monitor.model.notifications import Delivered, DeliveryOutcome, Rejected, RetryLater, Unknown
from monitor.model.times import SECOND, Millis, Timestamp, from_datetime

if TYPE_CHECKING:
    import aiohttp

_AGAIN = frozenset({408, 425, 429})


def by_status(
    status: int, retry_after: str, now: Timestamp, *, lost: frozenset[int] = frozenset({504})
) -> DeliveryOutcome:
    """2xx: delivered. 408, 425, 429 and 5xx: later; of these, a status in `lost` leaves open whether it arrived. All others
    are final."""
    if 200 <= status < 300:
        return Delivered()
    why = f"answered {status}"
    if status in lost:
        return Unknown(why)
    if status in _AGAIN or status >= 500:
        return RetryLater(why, wish(retry_after, now))
    return Rejected(why)


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


def by_failure(error: aiohttp.ClientError | OSError) -> DeliveryOutcome:
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
