"""Targets are asked over HTTP as Prometheus asks them; every way to fail has its sentence. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.model.errors import PeerError
from monitor.net.asking import Asking
from monitor.net.client import KeepingClient
from monitor.net.http_config import Authorization, HttpClient
from monitor.net.poller import Poller
from monitor.net.resolve import Answer as Found
from monitor.net.resolve import Resolver, Unresolved, literal
from monitor.net.tls import Contexts
from monitor.scrape.admission import ScrapeLimitError
from monitor.scrape.jobs import Limits, ScrapeJob, TargetGroup
from monitor.scrape.kinds.http import HttpFetch
from monitor.scrape.targets import Target, targets_of
from tests.support.scraped import answer_of

JOB = ScrapeJob(name="j", timeout=2_000)


async def metrics(request: web.Request) -> web.Response:
    response = web.Response(text="".join(f"{name} {value}\n" for name, value in request.headers.items()) * 50)
    response.enable_compression()
    return response


async def broken(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def moved(_: web.Request) -> web.Response:
    raise web.HTTPFound("/metrics")


async def hanging(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


class Neighbour:
    """Any name is this machine."""

    def ask(self, name: str, done: Callable[[Found | Unresolved], None]) -> None:
        done(Found(addresses=literal("127.0.0.1") or (), ttl=60.0))

    def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def asking(
    path: str, job: ScrapeJob = JOB, host: str = "127.0.0.1"
) -> AsyncGenerator[tuple[HttpFetch, ScrapeJob, Target]]:
    """A server, and what is needed to ask it for `path`."""
    app = web.Application()
    app.add_routes(
        [web.get("/metrics", metrics), web.get("/503", broken), web.get("/moved", moved), web.get("/hang", hanging)]
    )
    async with TestServer(app) as server:
        session = aiohttp.ClientSession()
        loop = asyncio.get_running_loop()
        poller, resolver = Poller(loop), Resolver(loop, Neighbour())
        client = KeepingClient(poller, resolver, Contexts())
        fetch = HttpFetch(Asking(lambda: session), client, "Watchkeeper/test")
        address = f"{host}:{server.make_url('/').port}"
        job = replace(job, metrics_path=path, groups=(TargetGroup(addresses=(address,)),))
        try:
            yield fetch, job, targets_of(job).active[0]
        finally:
            client.close()
            poller.close()
            resolver.close()
            await session.close()


async def body_of(path: str, job: ScrapeJob = JOB, host: str = "127.0.0.1") -> str:
    async with asking(path, job, host) as (fetch, asked, target):
        return (await answer_of(fetch, asked, target)).body.decode()


async def test_the_request_carries_prometheus_headers_and_the_body_comes_unpacked() -> None:
    """Accept, gzip and the timeout in seconds."""
    body = await body_of("/metrics", host="node.example")
    assert "Accept application/openmetrics-text;version=1.0.0" in body
    assert "Accept-Encoding gzip" in body
    assert "X-Prometheus-Scrape-Timeout-Seconds 2\n" in body


async def test_compression_can_be_left_out_and_headers_added() -> None:
    """As the job says."""
    body = await body_of("/metrics", replace(JOB, compression=False, client=HttpClient(headers=(("X-Team", "blue"),))))
    assert "Accept-Encoding identity" in body
    assert "X-Team blue" in body


async def test_a_target_on_this_host_is_not_asked_to_compress() -> None:
    """It would cost more than it saves, whatever the job says."""
    assert "Accept-Encoding identity" in await body_of("/metrics")


async def test_secrets_are_read_from_their_file_at_each_scrape(tmp_path: Path) -> None:
    """Bearer and basic; a rotated secret is used without a reload, a missing file fails the scrape and says which."""
    file = tmp_path / "token"
    job = replace(JOB, client=HttpClient(authorization=Authorization(secret_file=str(file))))
    async with asking("/metrics", job) as (fetch, asked, target):
        for secret in ("first", "second"):
            file.write_text(secret + "\n")
            assert f"Authorization Bearer {secret}\n" in (await answer_of(fetch, asked, target)).body.decode()
        file.unlink()
        with pytest.raises(PeerError, match=r"cannot read the secret from .*token"):
            await answer_of(fetch, asked, target)
    basic = Authorization(type="Basic", username="u", secret="p")
    body = await body_of("/metrics", replace(JOB, client=HttpClient(authorization=basic)))
    assert f"Authorization Basic {base64.b64encode(b'u:p').decode()}" in body
    assert "'p'" not in repr(basic)


async def test_a_redirect_is_followed_only_if_the_job_allows_it() -> None:
    """Otherwise it is a wrong status."""
    assert "Accept " in await body_of("/moved")
    with pytest.raises(PeerError, match="server returned HTTP status 302 Found"):
        await body_of("/moved", replace(JOB, client=HttpClient(follow_redirects=False)))


async def test_a_wrong_status_a_refused_connection_and_a_silent_target_each_have_their_sentence() -> None:
    """All are the target's fault."""
    with pytest.raises(PeerError, match="server returned HTTP status 503 Service Unavailable"):
        await body_of("/503")
    with pytest.raises(PeerError, match="no complete answer within 50ms"):
        await body_of("/hang", replace(JOB, timeout=50))
    async with asking("/metrics") as (fetch, job, target):
        with pytest.raises(PeerError, match=r"^http://127\.0\.0\.1:1/metrics: "):
            await answer_of(fetch, job, replace(target, url="http://127.0.0.1:1/metrics"))


async def test_a_body_over_the_limit_is_left_and_counted_after_unpacking() -> None:
    """Its size is told as -1."""
    with pytest.raises(ScrapeLimitError, match="body size limit exceeded") as caught:
        await body_of("/metrics", replace(JOB, limits=Limits(body_bytes=10_000)), "node.example")
    assert caught.value.body_bytes == -1
    assert await body_of("/metrics", replace(JOB, limits=Limits(body_bytes=100_000)), "node.example")
