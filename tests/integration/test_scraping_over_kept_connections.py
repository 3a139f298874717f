"""Targets are asked over connections that are kept, and every way in which a server can spoil that is survived."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from monitor.model.errors import PeerError
from monitor.net.asking import Asking
from monitor.net.client import KeepingClient
from monitor.net.http_config import Authorization, HttpClient
from monitor.net.poller import Poller
from monitor.net.resolve import Address, Answer, Resolver, Unresolved, literal
from monitor.net.tls import Contexts, Trust
from monitor.scrape.admission import ScrapeLimitError
from monitor.scrape.jobs import Limits, ScrapeJob, TargetGroup
from monitor.scrape.kinds.http import HttpFetch
from monitor.scrape.targets import targets_of
from tests.support.certificates import Authority
from tests.support.scraped import answer_of

JOB = ScrapeJob(name="j", timeout=2_000)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nm 1\n"


class Names:
    """A source of names that knows what it is told."""

    def __init__(self, **addresses: tuple[str, ...]) -> None:
        self.addresses = addresses

    def ask(self, name: str, done: Callable[[Answer | Unresolved], None]) -> None:
        found: list[Address] = [one for text in self.addresses[name] for one in literal(text) or ()]
        done(Answer(addresses=tuple(found), ttl=60.0))

    def close(self) -> None:
        """Nothing is open."""


class Server:
    """Answers with the bytes that it is given, in turn: None closes the connection instead; the last one again and again."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if b"Connection: close" in answer or b"Content-Length" not in answer:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(server: Server, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def fetching(**names: tuple[str, ...]) -> AsyncGenerator[Callable[[str, ScrapeJob], Awaitable[bytes]]]:
    """A call that scrapes an address and returns the body."""
    loop = asyncio.get_running_loop()
    poller, resolver = Poller(loop), Resolver(loop, Names(**names))
    client = KeepingClient(poller, resolver, Contexts())
    session = aiohttp.ClientSession()
    fetch = HttpFetch(Asking(lambda: session), client, "Watchkeeper/test")
    targets: dict[tuple[str, ScrapeJob], ScrapeJob] = {}

    async def scrape(address: str, job: ScrapeJob = JOB) -> bytes:
        job = targets.setdefault((address, job), replace(job, groups=(TargetGroup(addresses=(address,)),)))
        return bytes((await answer_of(fetch, job, targets_of(job).active[0])).body)

    try:
        yield scrape
    finally:
        client.close()
        poller.close()
        resolver.close()
        await session.close()


def local(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


async def settle() -> None:
    """Let both sides see what happened on the socket."""
    for _ in range(20):
        await asyncio.get_running_loop().run_in_executor(None, int)


async def test_one_connection_serves_scrape_after_scrape() -> None:
    """As long as the server keeps it."""
    async with served(Server(OK)) as server, fetching() as scrape:
        for _ in range(3):
            assert await scrape(local(server), JOB) == b"m 1\n"
        assert server.connections == 1


async def test_a_server_that_closes_after_each_answer_is_asked_anew_each_time() -> None:
    """With and without announcing it; an answer that ends with its connection is whole."""
    for answer in (
        OK.replace(b"\r\nContent-Length", b"\r\nConnection: close\r\nContent-Length"),
        b"HTTP/1.1 200 OK\r\n\r\nm 1\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nm 1\n",
    ):
        async with served(Server(answer)) as server, fetching() as scrape:
            for _ in range(2):
                assert await scrape(local(server), JOB) == b"m 1\n"
            assert server.connections == 2


async def test_a_connection_found_closed_when_it_is_used_again_is_replaced_once() -> None:
    """The scrape succeeds; a server that closes a new connection too has failed."""
    async with served(Server(OK, None, OK)) as server, fetching() as scrape:
        assert await scrape(local(server), JOB) == b"m 1\n"
        assert await scrape(local(server), JOB) == b"m 1\n"
        assert server.connections == 2
    async with served(Server(OK, None)) as server, fetching() as scrape:
        assert await scrape(local(server), JOB) == b"m 1\n"
        with pytest.raises(PeerError, match="connection closed without an answer"):
            await scrape(local(server), JOB)
        assert server.connections == 2


async def test_a_connection_that_says_more_than_was_asked_is_not_used_again() -> None:
    """What comes after an answer could be taken for the next one."""
    async with (
        served(Server(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nm 9\n", OK)) as server,
        fetching() as scrape,
    ):
        assert await scrape(local(server), JOB) == b"m 1\n"
        await settle()
        assert await scrape(local(server), JOB) == b"m 1\n"
        assert server.connections == 2


async def test_bodies_come_whole_chunked_and_compressed() -> None:
    """A megabyte by length, the same in chunks, and as two members of gzip."""
    body = b"".join(b'm{i="%d"} %d\n' % (i, i) for i in range(60_000))
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 999]), body[at : at + 999]) for at in range(0, len(body), 999)
    )
    packed = gzip.compress(body[:1000]) + gzip.compress(body[1000:])
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % chunks,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed),
    ):
        async with served(Server(answer)) as server, fetching() as scrape:
            assert await scrape(local(server), JOB) == body


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        (b"Content-Length: 10", b"m 1\n", "inside the body"),
        (b"Content-Length: ten", b"", "is not a number"),
        (b"Transfer-Encoding: chunked", b"zz\r\n", "malformed chunk size"),
        (b"Content-Encoding: gzip\r\nContent-Length: 3", b"abc", "compressed body is damaged"),
        (
            b"Content-Encoding: gzip\r\nContent-Length: 20",
            gzip.compress(b"m 1\n" * 9)[:20],
            "compressed body is cut off",
        ),
        (b"Content-Encoding: br\r\nContent-Length: 3", b"abc", "content coding 'br' is not known"),
    ],
)
async def test_a_broken_answer_fails_with_its_reason(head: bytes, body: bytes, words: str) -> None:
    """Nothing of it is taken for metrics."""
    async with (
        served(Server(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n" + body)) as server,
        fetching() as scrape,
    ):
        with pytest.raises(PeerError, match=words):
            await scrape(local(server), JOB)


async def test_a_body_beyond_the_limit_is_left_however_it_comes() -> None:
    """By its length, in chunks, and unpacked from a few bytes."""
    bomb = gzip.compress(b"\0" * (8 << 20))
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(bomb), bomb),
    ):
        async with served(Server(answer)) as server, fetching() as scrape:
            with pytest.raises(ScrapeLimitError, match="body size limit exceeded"):
                await scrape(local(server), replace(JOB, limits=Limits(body_bytes=60_000)))
    async with served(Server(answer)) as server, fetching() as scrape:
        assert len(await scrape(local(server), JOB)) == 8 << 20


async def test_credentials_follow_a_redirect_within_the_origin_only() -> None:
    """Another host is not told our secrets; a loop of redirects ends."""
    job = replace(JOB, client=HttpClient(authorization=Authorization(secret="s3cret")))
    async with served(Server(OK)) as other, fetching() as scrape:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://{local(other)}/m\r\nContent-Length: 0\r\n\r\n".encode()
        within = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        async with served(Server(within, moved)) as server:
            assert await scrape(local(server), job) == b"m 1\n"
            assert [("s3cret" in request, request.split()[1]) for request in server.requests] == [
                (True, "/metrics"),
                (True, "/elsewhere"),
            ]
            assert "s3cret" not in other.requests[0]
        async with served(Server(within)) as server:
            with pytest.raises(PeerError, match="stopped after 10 redirects"):
                await scrape(local(server), job)


async def test_tls_checks_the_name_that_is_configured(tmp_path: Path) -> None:
    """`server_name` stands in for the address; another name, an unknown authority and too old a version are refused."""
    authority = Authority(tmp_path)
    trust = Trust(ca_file=authority.file, server_name="node.example")
    job = replace(JOB, scheme="https", client=HttpClient(trust=trust))
    async with served(Server(OK), authority.server("node.example")) as server, fetching() as scrape:
        for _ in range(2):
            assert await scrape(local(server), job) == b"m 1\n"
        assert server.connections == 1
        for wrong, words in (
            (replace(trust, server_name="other.example"), "certificate is for another host"),
            (Trust(server_name="node.example"), "certificate is not trusted"),
            (replace(trust, ca_file=str(tmp_path / "absent")), "certificates of tls_config cannot be read"),
        ):
            with pytest.raises(PeerError, match=words):
                await scrape(local(server), replace(job, client=HttpClient(trust=wrong)))
        assert await scrape(local(server), replace(job, client=HttpClient(trust=Trust(verify=False)))) == b"m 1\n"
    old = authority.server("node.example")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with served(Server(OK), old) as server, fetching() as scrape:
        with pytest.raises(PeerError, match="TLS"):
            await scrape(local(server), replace(job, client=HttpClient(trust=replace(trust, min_version="TLS13"))))


async def test_another_address_of_the_name_is_tried_when_one_refuses() -> None:
    """All of them are down only if all are."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.2", 0))
        async with served(Server(OK)) as server, fetching(two=("127.0.0.2", "127.0.0.1"), one=("127.0.0.2",)) as scrape:
            assert await scrape(f"two:{server.port}", JOB) == b"m 1\n"
            with pytest.raises(PeerError, match="connection refused"):
                await scrape(f"one:{server.port}", JOB)


async def test_a_silent_server_costs_the_timeout_and_the_connection() -> None:
    """The late answer must not be taken for the next one."""
    async with served(Server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nm", OK)) as server, fetching() as scrape:
        job = replace(JOB, timeout=60)
        with pytest.raises(PeerError, match="no complete answer within 60ms"):
            await scrape(local(server), job)
        assert await scrape(local(server), JOB) == b"m 1\n"
        assert server.connections == 2


async def test_an_abandoned_scrape_closes_its_connection() -> None:
    """A target that is taken away while it is asked."""
    async with served(Server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")) as server, fetching() as scrape:
        task = asyncio.ensure_future(scrape(local(server), JOB))
        while not server.requests:
            await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
