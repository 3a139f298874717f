"""Asking somebody over HTTP, for metrics or for targets.

One session serves all: its pool tells connections apart by address, trust and proxy. Secrets are read from their files at
each use and named in no error; certificates are read again when their files have changed.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import aiohttp

from monitor.model.errors import PeerError
from monitor.model.times import Millis, format_duration
from monitor.net.tls import SYSTEM_TRUST, Contexts, Trust
from monitor.net.url import Url
from monitor.scrape.jobs import Authorization, HttpClient


class Asking:
    """`session` gives the session of them all; it must decompress by itself, which is aiohttp's default."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._session = session
        self._contexts = Contexts()

    @asynccontextmanager
    async def get(
        self, url: str, client: HttpClient, headers: Mapping[str, str], within: Millis
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer with status 200; its body comes while the block lasts. Raises PeerError, also for what goes wrong
        inside the block."""
        async with self._asked("GET", url, client, headers, within) as response:
            if response.status != 200:
                reason = f" {response.reason}" if response.reason else ""
                raise PeerError(f"server returned HTTP status {response.status}{reason}")
            yield response

    @asynccontextmanager
    async def post(
        self, url: str, client: HttpClient, headers: Mapping[str, str], body: bytes, within: Millis
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The same for a POST, whatever the status."""
        async with self._asked("POST", url, client, headers, within, body) as response:
            yield response

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        url: str,
        client: HttpClient,
        headers: Mapping[str, str],
        within: Millis,
        body: bytes | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        sent = {**headers, **dict(client.headers)}
        if client.authorization is not None:
            sent["Authorization"] = authorization_header(client.authorization)
        try:
            async with self._session().request(
                method,
                url,
                data=body,
                headers=sent,
                allow_redirects=client.follow_redirects,
                timeout=aiohttp.ClientTimeout(total=within / 1000),
                ssl=self._context(client.trust),
                server_hostname=client.trust.server_name or None,
                proxy=client.proxy_url or None,
            ) as response:
                yield response
        except TimeoutError:
            raise PeerError(f"no complete answer within {format_duration(within)}") from None
        except aiohttp.InvalidURL as error:
            raise PeerError(f"not a URL that can be asked: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise PeerError(f"{url}: {str(error) or type(error).__name__}") from error

    def _context(self, trust: Trust) -> ssl.SSLContext | bool:
        if trust == SYSTEM_TRUST:
            return True
        try:
            return self._contexts.get(trust)
        except (OSError, ValueError) as error:
            raise PeerError(f"the certificates of tls_config cannot be read: {error}") from error


async def body_of(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, piece by piece, so that one with more bytes than `most` is left as soon as it is; None for such a one."""
    size = 0
    parts: list[bytes] = []
    async for part in response.content.iter_any():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def authorization_header(how: Authorization) -> str:
    """The value of the Authorization header, its secret read now. Raises PeerError."""
    secret = how.secret
    if how.secret_file:
        try:
            secret = Path(how.secret_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PeerError(f"cannot read the secret from {how.secret_file}: {type(error).__name__}") from error
    if "\n" in secret or "\r" in secret:
        raise PeerError("the secret holds a line end, which no header can")
    if how.type == "Basic":
        return "Basic " + base64.b64encode(f"{how.username}:{secret}".encode()).decode()
    return f"{how.type} {secret}"


def url_authorization(url: Url) -> str:
    """The same from a URL that carries user and password."""
    name, _, password = url.userinfo.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
