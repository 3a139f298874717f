"""Asking somebody over HTTP as an `http_config` says: for metrics, for targets, or to send them something.

One session serves all: its pool tells connections apart by address, trust and proxy. Secrets are read from their files at
each use and named in no error; certificates are read again when their files have changed.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import aiohttp
from multidict import CIMultiDict

from monitor.model.errors import PeerError
from monitor.model.times import Millis, format_duration
from monitor.net.http_config import Authorization, HttpClient, OAuth2
from monitor.net.oauth2 import Tokens
from monitor.net.proxies import Proxies
from monitor.net.socks import SocksSessions, is_socks, refused_by_proxy
from monitor.net.tls import SYSTEM_TRUST, Contexts, Trust
from monitor.net.url import Url, redacted

_USER_INFO: Final = re.compile(r"//[^/?#]*@")
_TOKEN_SECONDS: Final = 30.0
_MOST_TOKEN_BYTES: Final = 1 << 20


class Asking:
    """`session` gives the session of them all; it must decompress by itself, which is aiohttp's default."""

    def __init__(
        self, session: Callable[[], aiohttp.ClientSession], tls: Callable[[], ssl.SSLContext | bool] = lambda: True
    ) -> None:
        """`tls`: whom the session's own certificates are checked against; also behind SOCKS proxies, which need sessions of
        their own."""
        self._session = session
        self._socks = SocksSessions(tls)
        self._contexts = Contexts()
        self._tokens = Tokens(self._post, read_secret)

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
        try:
            async with asyncio.timeout(within / 1000):
                response = await self.ask(method, url, client, headers, body)
                async with response:
                    yield response
        except TimeoutError:
            raise PeerError(f"no complete answer within {format_duration(within)}") from None
        except aiohttp.InvalidURL as error:
            raise PeerError(redacted(f"not a URL that can be asked: {error}")) from None
        except (aiohttp.ClientError, OSError) as error:
            raise PeerError(redacted(f"{url}: {str(error) or type(error).__name__}")) from error

    async def ask(
        self, method: str, url: str, client: HttpClient, headers: Mapping[str, str], body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """The head of the answer, to be used as a context. A token that is refused is asked for anew, once. Raises
        PeerError for what is wrong before anything was sent; what goes wrong then is aiohttp's to tell."""
        sent = _headers(headers, client)
        if client.oauth2 is None:
            return await self._ask(method, url, client, sent, body)
        sent["Authorization"] = token = await self._token(client.oauth2)
        response = await self._ask(method, url, client, sent, body)
        if response.status == 401:
            response.close()
            self._tokens.refuse(client.oauth2, token)
            sent["Authorization"] = await self._token(client.oauth2)
            response = await self._ask(method, url, client, sent, body)
        return response

    async def _token(self, options: OAuth2) -> str:
        try:
            return await self._tokens.authorization(options)
        except (aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise PeerError(redacted(f"oauth2: cannot fetch token from {options.token_url}: {why}")) from error

    async def _ask(
        self, method: str, url: str, client: HttpClient, sent: CIMultiDict[str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        context = self._context(client.trust)
        session, proxy = await self._way(_proxy(url, client), context)
        try:
            return await session.request(
                method,
                _addressed(url, sent),
                data=body,
                headers=sent,
                allow_redirects=client.follow_redirects,
                timeout=aiohttp.ClientTimeout(total=None),  # the block's deadline holds
                ssl=context,
                server_hostname=client.trust.server_name or None,
                proxy=proxy,
                proxy_headers=CIMultiDict(client.proxy_headers) or None,
            )
        except Exception as error:
            if why := refused_by_proxy(error):
                raise PeerError(why) from None
            raise

    async def _way(self, proxy: str | None, context: ssl.SSLContext | bool) -> tuple[aiohttp.ClientSession, str | None]:
        """The session to ask with, and the proxy that it is still to be told."""
        session = self._session()
        if proxy is None or not is_socks(proxy):
            return session, proxy
        return await self._socks.through(proxy, session, context), None

    async def close(self) -> None:
        """Give back what it holds beside the session."""
        await self._socks.close()

    async def _post(self, options: OAuth2, headers: Mapping[str, str], form: str) -> tuple[int, str, bytes]:
        """For a token."""
        context = self._context(options.trust)
        session, proxy = await self._way(_proxy(options.token_url, options), context)
        async with session.post(
            _addressed(options.token_url, headers),
            headers=headers,
            data=form,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=_TOKEN_SECONDS),
            ssl=context,
            server_hostname=options.trust.server_name or None,
            proxy=proxy,
            proxy_headers=CIMultiDict(options.proxy_headers) or None,
        ) as response:
            body = await body_of(response, _MOST_TOKEN_BYTES)
            return response.status, response.content_type, body or b""

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


def read_secret(file: str) -> str:
    """The secret in this file. Raises PeerError, which does not tell it."""
    try:
        secret = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PeerError(f"cannot read the secret from {file}: {type(error).__name__}") from error
    return secret


def _addressed(url: str, headers: Mapping[str, str]) -> str:
    """The address as aiohttp takes it: a header tells who we are before a name in the address does, as in Go."""
    return _USER_INFO.sub("//", url, count=1) if "Authorization" in headers else url


def _headers(headers: Mapping[str, str], client: HttpClient) -> CIMultiDict[str]:
    sent = CIMultiDict({**headers, **dict(client.headers)})
    for header in client.more_headers:
        for value in (*header.values, *map(read_secret, header.files)):
            sent.add(header.name, _on_one_line(value))
    if client.authorization is not None:
        sent["Authorization"] = authorization_header(client.authorization)
    return sent


def _proxy(url: str, client: HttpClient | OAuth2) -> str | None:
    if client.proxy_from_environment:
        return Proxies.from_environment(os.environ).of(url) or None
    if client.no_proxy:
        return Proxies(http=client.proxy_url, https=client.proxy_url, without=client.no_proxy).of(url) or None
    return client.proxy_url or None


def authorization_header(how: Authorization) -> str:
    """The value of the Authorization header, its secret read now. Raises PeerError."""
    secret = _on_one_line(read_secret(how.secret_file) if how.secret_file else how.secret)
    if how.type == "Basic":
        username = read_secret(how.username_file) if how.username_file else how.username
        return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()
    return f"{how.type} {secret}"


def _on_one_line(secret: str) -> str:
    if "\n" in secret or "\r" in secret:
        raise PeerError("the secret holds a line end, which no header can")
    return secret


def url_authorization(url: Url) -> str:
    """The same from a URL that carries user and password."""
    name, _, password = url.userinfo.partition(":")
    return "Basic " + base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
