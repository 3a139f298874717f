"""Asks a target for its metrics over HTTP.

Most targets are asked on our own wire, over connections that are kept, because a scrape of a thousand series costs less than
a general client spends on its request. What that wire does not do (a proxy, whatever else a client may be configured to)
goes through the session that discovery uses as well.

`enable_compression` asks for gzip, as in Prometheus, but not of a target on this host: there a compressed body saves nobody
anything, and costs the target more time than the whole scrape.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
from monitor.scrape.scraped import Answer
from monitor.scrape.scraping import Told
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

    def ask(self, job: ScrapeJob, target: Target, done: Callable[[Told], None]) -> None:
        prepared = self._prepared.get((target.job, target.url))
        if prepared is None or prepared.job is not job or prepared.target is not target:
            if not _plain(job.client):
                done(self._through_session(job, target))
                return
            prepared = None
        try:
            prepared = prepared or self._prepare(job, target)
            message = prepared.message or self._compose(job, target, prepared.url)
        except PeerError as error:
            done(error)
            return
        deadline = asyncio.get_running_loop().time() + target.timeout / 1000
        self._client.ask(
            _request(job, prepared.url, message), deadline, lambda how: done(self._judged(prepared, how, deadline))
        )

    def _judged(self, prepared: _Prepared, how: Response | WireError, deadline: float) -> Told:
        """What the first answer comes to; one that leads elsewhere, or has to be unpacked at length, is gone after."""
        job, target = prepared.job, prepared.target
        if isinstance(how, WireError):
            return _failure(how, target)
        if how.status != 200:
            return self._follow(prepared, how, deadline) if _leads_on(how, job) else _refusal(how)
        if how.headers.get("content-encoding"):
            return _answer(how, target, _most(job))
        body = how.take_body()
        if len(body) > _most(job):
            return _too_large()
        return Answer(body=body, content_type=how.headers.get("content-type"))

    async def _follow(self, prepared: _Prepared, response: Response, deadline: float) -> Answer:
        """Where this answer leads. Raises PeerError."""
        job, target, url = prepared.job, prepared.target, prepared.url
        for _ in range(_MOST_REDIRECTS):
            try:
                url = follow(url, response.headers["location"])
                message = self._compose(job, target, url, known=url.origin == prepared.url.origin)
            except ValueError as error:
                raise PeerError(f"{target.url}: redirect leads nowhere: {error}") from error
            response = await self._exchange(target, _request(job, url, message), deadline)
            if response.status == 200:
                return await _answer(response, target, _most(job))
            if not _leads_on(response, job):
                raise _refusal(response)
        raise PeerError(f"{target.url}: stopped after {_MOST_REDIRECTS} redirects")

    async def _exchange(self, target: Target, asked: Request, deadline: float) -> Response:
        answered: asyncio.Future[Response | WireError] = asyncio.get_running_loop().create_future()

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
                raise _too_large()
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


async def _answer(response: Response, target: Target, most: int) -> Answer:
    """The answer, its body unpacked. Raises PeerError."""
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
        raise _too_large()
    return Answer(body=body, content_type=response.headers.get("content-type"))


def _request(job: ScrapeJob, url: Url, message: bytes) -> Request:
    return Request(url=url, message=message, trust=job.client.trust, limit=_most(job) + _SLACK)


def _most(job: ScrapeJob) -> int:
    return job.limits.body_bytes or _MOST_BYTES


def _leads_on(response: Response, job: ScrapeJob) -> bool:
    return job.client.follow_redirects and response.status in _REDIRECTS and "location" in response.headers


def _refusal(response: Response) -> PeerError:
    phrase = f" {response.phrase}" if response.phrase else ""
    return PeerError(f"server returned HTTP status {response.status}{phrase}")


def _too_large() -> ScrapeLimitError:
    return ScrapeLimitError("body size limit exceeded", body_bytes=-1)


def _failure(error: WireError, target: Target) -> PeerError:
    if error.reason is FailureReason.TOO_LARGE:
        return _too_large()
    if error.reason is FailureReason.TIMEOUT:
        return PeerError(f"no complete answer within {format_duration(target.timeout)}")
    return PeerError(f"{target.url}: {error}")
