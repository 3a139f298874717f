"""Asks a target for its metrics over HTTP.

One keep-alive session a job; what TLS and proxies need is in the session. Secrets are read from their files at each scrape
and named in no error. A body is read piece by piece, so that one over the limit is left as soon as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp

from monitor.model.errors import PeerError
from monitor.model.times import format_duration
from monitor.scrape.admission import ScrapeLimitError
from monitor.scrape.exposition.negotiation import ACCEPT
from monitor.scrape.jobs import Authorization, ScrapeJob
from monitor.scrape.scraping import Answer
from monitor.scrape.targets import Target

_MOST_BYTES: Final = 512 << 20
"""Read of any body, limit or not: nobody's metrics are larger, and a decompression bomb is."""


class HttpFetch:
    """`scraping.Fetch` over aiohttp. `session` makes the session of a job when it is first needed; it must decompress by
    itself, which is aiohttp's default."""

    __slots__ = ("_make", "_sessions")

    def __init__(self, session: Callable[[ScrapeJob], aiohttp.ClientSession]) -> None:
        self._make = session
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __call__(self, job: ScrapeJob, target: Target) -> Answer:
        session = self._sessions.get(job.name)
        if session is None or session.closed:
            session = self._sessions[job.name] = self._make(job)
        try:
            async with session.get(
                target.url,
                headers=_headers(job, target),
                allow_redirects=job.follow_redirects,
                timeout=aiohttp.ClientTimeout(total=target.timeout / 1000),
            ) as response:
                if response.status != 200:
                    reason = f" {response.reason}" if response.reason else ""
                    raise PeerError(f"server returned HTTP status {response.status}{reason}")
                body = await _body(response, job.limits.body_bytes)
                return Answer(body=body, content_type=response.headers.get("Content-Type"))
        except TimeoutError:
            raise PeerError(f"no complete answer within {format_duration(target.timeout)}") from None
        except aiohttp.InvalidURL as error:
            raise PeerError(f"not a URL that can be asked: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise PeerError(f"{target.url}: {str(error) or type(error).__name__}") from error

    async def forget(self, job: str) -> None:
        """Close the job's session; the next scrape makes a new one."""
        session = self._sessions.pop(job, None)
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Close all sessions."""
        for job in [*self._sessions]:
            await self.forget(job)


def _headers(job: ScrapeJob, target: Target) -> dict[str, str]:
    headers = {
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip" if job.compression else "identity",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout / 1000:g}",
    }
    headers.update(job.headers)
    if job.authorization is not None:
        headers["Authorization"] = _authorization(job.authorization)
    return headers


def _authorization(how: Authorization) -> str:
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


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    most = limit or _MOST_BYTES
    size = 0
    parts: list[bytes] = []
    async for part in response.content.iter_any():
        size += len(part)
        if size > most:
            raise ScrapeLimitError("body size limit exceeded", body_bytes=-1)
        parts.append(part)
    return b"".join(parts)
