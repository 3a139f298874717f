"""What takes long the first time, the library that looks up names and the system's authorities, is had beside the loop."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

import aiohttp
import pytest

from monitor.app.sessions import Sessions
from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.model.checks import FailureReason
from monitor.net.connection import Connection
from monitor.net.poller import Poller
from monitor.net.resolve import Address, literal
from monitor.net.socks import SocksSessions
from monitor.net.tls import SystemTrust
from tests.support.certificates import Authority
from tests.support.targets import Target, reply, serving


class Watched(SystemTrust):
    """Knows which thread read the authorities; it begins when it may."""

    may_begin: threading.Event
    readers: list[threading.Thread]

    def load_default_certs(self, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        self.readers = [*getattr(self, "readers", ()), threading.current_thread()]
        assert self.may_begin.wait(30)
        super().load_default_certs(purpose)

    @classmethod
    def made(cls) -> Watched:
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.may_begin = threading.Event()
        return context

    def read_beside(self) -> bool:
        """Once, and not by the loop's thread."""
        (reader,) = self.readers
        return reader is not threading.main_thread()


class Line(Connection):
    """Says how it ended up."""

    def __init__(self, poller: Poller) -> None:
        super().__init__(poller)
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def established(self) -> None:
        self.outcome.set_result("established")

    def received(self, data: bytes) -> None:
        pass

    def ended(self) -> None:
        pass

    def broken(self, reason: FailureReason, text: str) -> None:
        self.outcome.set_result(text)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that the system trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


@asynccontextmanager
async def lines(count: int) -> AsyncGenerator[list[Line]]:
    """Connections that are not open yet."""
    poller = Poller(asyncio.get_running_loop())
    made = [Line(poller) for _ in range(count)]
    try:
        yield made
    finally:
        for line in made:
            line.close()
        poller.close()


def _here() -> Address:
    found = literal("127.0.0.1")
    assert found is not None
    return found[0]


async def test_checks_and_scrapes_wait_for_the_authorities_without_holding_the_loop(authority: Authority) -> None:
    """They are read once for all who connect meanwhile; the time that takes is not the peer's."""
    context = Watched.made()
    async with serving(reply(), context=authority.server("localhost")) as server, lines(3) as made:
        for line in made:
            line.open(_here(), server.port, context=context, server_name="localhost")
            assert not line.opened_at
        context.may_begin.set()
        assert await asyncio.gather(*(line.outcome for line in made)) == ["established"] * 3
        assert context.read_beside()
        assert all(0 < line.opened_at <= line.connected_at <= line.ready_at for line in made)


async def test_who_is_closed_while_the_authorities_are_read_never_connects(authority: Authority) -> None:
    """A deadline may pass meanwhile."""
    context = Watched.made()
    async with serving(reply(), context=authority.server("localhost")) as server, lines(2) as (gone, stays):
        for line in (gone, stays):
            line.open(_here(), server.port, context=context, server_name="localhost")
        gone.close()
        context.may_begin.set()
        assert await stays.outcome == "established"
        assert not gone.open_
        assert not gone.outcome.done()


async def _get(sessions: Sessions, server: Target, context: Watched) -> None:
    for session in (sessions.shared(), sessions.scrapes()):
        async with session.get(server.url(host="localhost"), ssl=context) as response:
            assert response.status == 200


async def test_notifications_wait_for_the_authorities_likewise(authority: Authority, tmp_path: Path) -> None:
    """And so does whatever else is asked through a session of aiohttp."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text("checks: []\n")
    configuration: Configuration = load(Overrides(config=str(file)), Environment())
    sessions = Sessions(asyncio.get_running_loop(), lambda: configuration)
    context = Watched.made()
    context.may_begin.set()
    try:
        async with serving(reply(), context=authority.server("localhost")) as server:
            await _get(sessions, server, context)
        assert context.read_beside()
        own = cast("SystemTrust", sessions.trust())
        assert own.cert_store_stats()["x509"] == 0
        async with (
            serving(reply(), context=authority.server("localhost")) as server,
            sessions.shared().get(server.url(host="localhost")) as response,
        ):
            assert response.status == 200
        assert own.cert_store_stats()["x509"] == 1
    finally:
        await sessions.close()


async def test_what_goes_through_a_socks_proxy_waits_likewise(authority: Authority) -> None:
    """For the package that speaks to it too."""
    contexts = [Watched.made(), Watched.made()]
    importers: list[threading.Thread] = []

    def package() -> ModuleType:
        importers.append(threading.current_thread())
        return import_module("aiohttp_socks")

    for context in contexts:
        context.may_begin.set()
    sessions = SocksSessions(lambda: contexts[0], package)
    async with aiohttp.ClientSession() as like:
        made = [await sessions.through("socks5://127.0.0.1:1", like, trust) for trust in (True, contexts[1], True)]
    assert made[0] is made[1] is made[2]
    assert all(context.read_beside() for context in contexts)
    (importer,) = importers
    assert importer is not threading.main_thread()
    await sessions.close()


_WATCH = """
import asyncio, sys, threading

importers = []

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            importers.append(threading.current_thread() is threading.main_thread())
"""
_FIRST_NAME = """
from monitor.net.resolve import AresSource

async def main():
    loop = asyncio.get_running_loop()
    answers = [loop.create_future(), loop.create_future()]
    source = AresSource(loop, ["127.0.0.1"])
    sys.meta_path.insert(0, Finder())
    source.ask("192.0.2.1", answers[0].set_result)
    source.ask("192.0.2.2", answers[1].set_result)
    print([[one.text for one in (await answer).addresses] for answer in answers])
    print(importers)
    source.close()

asyncio.run(main())
"""


_FIRST_TARGETS = """
from monitor.model.errors import PeerError
from monitor.scrape.kinds.dns_targets import c_ares

async def main():
    sys.meta_path.insert(0, Finder())
    look_up = c_ares(["127.0.0.1"], port=1)
    for _ in range(2):
        try:
            await look_up("shop.test", "SRV")
        except PeerError:
            print("nobody there")
    print(importers)

asyncio.run(main())
"""
_FIRST_LINES = """
from monitor.telemetry import DeferredLog

async def main():
    sys.meta_path.insert(0, Finder())
    log = DeferredLog("logfmt", "info")
    log.info("one")
    await asyncio.gather(log.open(), log.open())
    log.info("two")
    print(importers, "rich" in sys.modules)

asyncio.run(main())
"""


def _run(code: str, package: str) -> tuple[list[str], str]:
    """What it prints, and what it logs."""
    words = [sys.executable, "-c", _WATCH + code, package]
    run = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return run.stdout.splitlines(), run.stderr


def test_the_library_for_names_is_imported_beside_the_loop() -> None:
    """By the first question; those that come meanwhile are answered in their turn."""
    assert _run(_FIRST_NAME, "aiodns")[0] == ["[['192.0.2.1'], ['192.0.2.2']]", "[False]"]


def test_so_it_is_for_targets_that_are_records() -> None:
    """By whoever asks first."""
    assert _run(_FIRST_TARGETS, "aiodns")[0] == ["nobody there", "nobody there", "[False]"]


def test_what_writes_the_log_is_imported_beside_the_loop() -> None:
    """What was said before is written once, and in its order."""
    printed, logged = _run(_FIRST_LINES, "structlog")
    assert printed == ["[False] False"]
    assert [line.partition("msg=")[2] for line in logged.splitlines()] == ["one", "two"]
