"""One call over HTTP as an `http_config` says, and what it means when there is no answer.

Whatever goes wrong before the request is on its way (a secret that cannot be read, no token, no connection) leaves nothing
unclear; a connection that broke later does. Texts of errors never hold the address, which may be a secret.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.model.errors import PeerError
from monitor.model.notifications import DeliveryFailure, Rejected, RetryLater, Undelivered, Unknown
from monitor.model.times import Millis, format_duration
from monitor.net.http_config import HttpClient
from monitor.notify.kinds.answers import by_failure, without

if TYPE_CHECKING:
    import aiohttp

    from monitor.net.asking import Asking

_MOST_READ: Final = 1 << 20
"""Bytes of an answer; nobody says more about a notification."""
_OPEN_HEADERS: Final = frozenset({"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "Host", "User-Agent"})
"""Of a request: they hold no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswer:
    """What came back."""

    status: int
    retry_after: str = ""
    content_type: str = ""
    body: bytes = b""
    """The beginning of a body that is too long."""
    confided: tuple[str, ...] = field(default=(), repr=False)
    """The address, and what the request's own headers held: credentials and whatever else an `http_config` adds. None of it
    may be told, also when the vendor repeats it."""

    def words(self, more: Iterable[str] = ()) -> str:
        """The body as text, without what was confided in the request and without these secrets."""
        return self.clean(self.body.decode("utf-8", "replace"), more)

    def clean(self, text: str, more: Iterable[str] = ()) -> str:
        """The same for a part of it."""
        return without(text, [*self.confided, *more])


class NoAnswerError(Exception):
    """There was none; the outcome tells why."""

    def __init__(self, outcome: Undelivered) -> None:
        super().__init__(repr(outcome))
        self.outcome = outcome


async def answer_of(asking: Asking, client: HttpClient, call: Call, *, within: Millis = 0) -> CallAnswer:
    """The answer with its body. `within`: a time of the receiver's own for all of it; 0 for none. Raises NoAnswerError."""
    import aiohttp

    try:
        async with asyncio.timeout(within / 1000 if within else None):
            response = await asking.ask(call.method, call.url, client, call.headers, call.body)
            async with response:
                return CallAnswer(
                    status=response.status,
                    retry_after=response.headers.get("Retry-After", ""),
                    content_type=response.content_type,
                    body=await _beginning(response),
                    confided=(call.url, *_confided(response.request_info.headers)),
                )
    except TimeoutError:
        raise NoAnswerError(Unknown(f"no answer within {format_duration(within)}", DeliveryFailure.DEADLINE)) from None
    except PeerError as error:
        raise NoAnswerError(RetryLater(str(error))) from None
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswerError(by_failure(error)) from None
    except ValueError:
        raise NoAnswerError(Rejected("the address or a header cannot be sent as it is written")) from None


def _confided(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name.title() in _OPEN_HEADERS:
            continue
        yield value
        scheme, _, credentials = value.partition(" ")
        if credentials:
            yield credentials
        if scheme == "Basic":
            with contextlib.suppress(ValueError):  # a header of somebody's own that only looks so
                yield base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[2]


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """As much as there is: the status has said already what matters."""
    import aiohttp

    found = bytearray()
    try:
        async for part in response.content.iter_any():
            found += part
            if len(found) >= _MOST_READ:
                break
    except aiohttp.ClientError:
        pass
    return bytes(found[:_MOST_READ])
