"""Asks a target for its metrics over HTTP.

Most targets are asked on our own wire, over connections that are kept, because a scrape of a thousand series costs less than
a general client spends on its request. What that wire does not do (a proxy, whatever else a client may be configured to)
goes through the session that discovery uses as well.

`enable_compression` asks for gzip, as in Prometheus, but not of a target on this host: there a compressed body saves nobody
anything, and costs the target more time than the whole scrape.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.model.checks import FailureReason
from monitor.model.errors import PeerError
from monitor.model.times import format_duration
from monitor.net.asking import Asking, authorization_header, body_of, url_authorization
from monitor.net.client import Exchange, KeepingClient, Request
from monitor.net.http1 import Response, WireError, request, unpacked
from monitor.net.http_config import HttpClient
from monitor.net.url import Url, follow, parse_url
from monitor.scrape.admission import ScrapeLimitError
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.scraping import Answer
from monitor.scrape.targets import Target

_MOST_BYTES: Final = 512 << 20
"""Read of any body, limit or not: nobody's metrics are larger, and a decompression bomb is."""
_SLACK: Final = 1 << 10
"""A body of few bytes grows when it is compressed."""
_UNPACKED_HERE: Final = 1 << 15
"""Compressed bytes that are decompressed at once; more of them in a thread."""
_UNPACKED_LEAST: Final = 1 << 20
"""Bytes that decompressing at once may come to; more go to a thread."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 10
_REMEMBERED: Final = 20_000


@dataclass(slots=True, kw_only=True)
class _Prepared:
    """A target's request, composed once if no secret file has to be read for it."""

    job: ScrapeJob
    target: Target
    url: Url
    message: bytes = field(repr=False)


class HttpFetch:
    """`scraping.Fetch`."""

    __slots__ = ("_agent", "_asking", "_client", "_prepared")

    def __init__(self, asking: Asking, client: KeepingClient, agent: str) -> None:
        self._asking = asking
        self._client = client
        self._agent = agent
        self._prepared: dict[tuple[str, str], _Prepared] = {}

    async def __call__(self, job: ScrapeJob, target: Target) -> Answer:
        if not _plain(job.client):
            return await self._through_session(job, target)
        prepared = self._prepared.get((target.job, target.url))
        if prepared is None or prepared.job is not job or prepared.target is not target:
            prepared = self._prepare(job, target)
        url, message = prepared.url, prepared.message or self._compose(job, target, prepared.url)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + target.timeout / 1000
        most = job.limits.body_bytes or _MOST_BYTES
        for _ in range(_MOST_REDIRECTS + 1):
            asked = Request(url=url, message=message, trust=job.client.trust, limit=most + _SLACK)
            response = await self._exchange(loop, target, asked, deadline)
            if response.status == 200:
                return Answer(
                    body=await _body(response, target, most), content_type=response.headers.get("content-type")
                )
            location = response.headers.get("location")
            if not job.client.follow_redirects or response.status not in _REDIRECTS or location is None:
                phrase = f" {response.phrase}" if response.phrase else ""
                raise PeerError(f"server returned HTTP status {response.status}{phrase}")
            try:
                url = follow(url, location)
                message = self._compose(job, target, url, known=url.origin == prepared.url.origin)
            except ValueError as error:
                raise PeerError(f"{target.url}: redirect leads nowhere: {error}") from error
        raise PeerError(f"{target.url}: stopped after {_MOST_REDIRECTS} redirects")

    async def _exchange(
        self, loop: asyncio.AbstractEventLoop, target: Target, asked: Request, deadline: float
    ) -> Response:
        answered: asyncio.Future[Response | WireError] = loop.create_future()

        def done(how: Response | WireError) -> None:
            if not answered.done():
                answered.set_result(how)

        exchange: Exchange = self._client.ask(asked, deadline, done)
        try:
            how = await answered
        finally:
            exchange.cancel()
        if isinstance(how, Response):
            return how
        raise _failure(how, target)

    async def _through_session(self, job: ScrapeJob, target: Target) -> Answer:
        async with self._asking.get(target.url, job.client, self._headers(job, target), target.timeout) as response:
            body = await body_of(response, job.limits.body_bytes or _MOST_BYTES)
            if body is None:
                raise ScrapeLimitError("body size limit exceeded", body_bytes=-1)
            return Answer(body=body, content_type=response.headers.get("Content-Type"))

    def _prepare(self, job: ScrapeJob, target: Target) -> _Prepared:
        try:
            url = parse_url(target.url)
            how = job.client.authorization
            message = (
                b"" if how is not None and (how.secret_file or how.username_file) else self._compose(job, target, url)
            )
        except ValueError as error:
            raise PeerError(f"not a URL that can be asked: {error}") from error
        if len(self._prepared) >= _REMEMBERED:
            self._prepared.clear()
        prepared = _Prepared(job=job, target=target, url=url, message=message)
        self._prepared[target.job, target.url] = prepared
        return prepared

    def _compose(self, job: ScrapeJob, target: Target, url: Url, *, known: bool = True) -> bytes:
        """The request. `known`: this is the origin that the credentials are for. Raises ValueError, and PeerError for a
        secret that cannot be read."""
        fields = {"host": ("Host", url.authority), "user-agent": ("User-Agent", self._agent)}
        for name, value in (*self._headers(job, target, url).items(), *job.client.headers):
            if known or name.lower() != "host":
                fields[name.lower()] = (name, value)
        if not known:
            for name in ("authorization", "cookie"):
                fields.pop(name, None)
        elif job.client.authorization is not None:
            fields["authorization"] = ("Authorization", authorization_header(job.client.authorization))
        elif url.userinfo:
            fields["authorization"] = ("Authorization", url_authorization(url))
        return request("GET", url.target, fields.values())

    def _headers(self, job: ScrapeJob, target: Target, url: Url | None = None) -> Mapping[str, str]:
        packed = job.compression and not (url is not None and _on_this_host(url.host))
        return {
            "Accept": job.accept,
            "Accept-Encoding": "gzip" if packed else "identity",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout / 1000:g}",
        }


def _plain(client: HttpClient) -> bool:
    """Is nothing asked for that our own wire does not do?"""
    known = HttpClient(
        authorization=client.authorization,
        headers=client.headers,
        follow_redirects=client.follow_redirects,
        trust=client.trust,
    )
    return client == known


def _on_this_host(host: str) -> bool:
    return host == "localhost" or host == "::1" or (host.startswith("127.") and host.replace(".", "").isdigit())


async def _body(response: Response, target: Target, most: int) -> bytes | bytearray:
    coding = response.headers.get("content-encoding", "")
    body = response.take_body()
    try:
        if not coding:
            pass
        elif len(body) > _UNPACKED_HERE:
            body = await asyncio.to_thread(unpacked, body, coding, most)
        else:
            try:
                body = unpacked(body, coding, min(most, _UNPACKED_LEAST))
            except WireError as error:
                if error.reason is not FailureReason.TOO_LARGE or most <= _UNPACKED_LEAST:
                    raise
                body = await asyncio.to_thread(unpacked, body, coding, most)
    except WireError as error:
        raise _failure(error, target) from error
    if len(body) > most:
        raise ScrapeLimitError("body size limit exceeded", body_bytes=-1)
    return body


def _failure(error: WireError, target: Target) -> PeerError:
    if error.reason is FailureReason.TOO_LARGE:
        return ScrapeLimitError("body size limit exceeded", body_bytes=-1)
    if error.reason is FailureReason.TIMEOUT:
        return PeerError(f"no complete answer within {format_duration(target.timeout)}")
    return PeerError(f"{target.url}: {error}")
