"""A SOCKS5 proxy on loopback, as far as a client needs one: user and password if wanted, CONNECT by name. Source: RFC 1928, 1929."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_GRANTED, _REFUSED = 0, 2


@dataclass(kw_only=True)
class SocksProxy:
    """What was asked of it."""

    hosts: Mapping[str, int]
    """Whom it connects to, by name: a port on loopback. It refuses all others."""
    login: tuple[str, str] | None = None
    asked: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Names and ports, unresolved."""
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._speak(reader, writer)
        writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, number = await reader.readexactly(2)
        await reader.readexactly(number)
        writer.write(bytes([5, 2 if self.login else 0]))
        if self.login and not await self._knows(reader, writer):
            return
        _, _, _, kind = await reader.readexactly(4)
        length = (await reader.readexactly(1))[0] if kind == 3 else 4
        raw = await reader.readexactly(length)
        name = raw.decode() if kind == 3 else ".".join(map(str, raw))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((name, port))
        there = self.hosts.get(name)
        writer.write(bytes([5, _REFUSED if there is None else _GRANTED, 0, 1, 127, 0, 0, 1, 0, 0]))
        if there is None:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", there)
        back = asyncio.ensure_future(_pass_on(far_reader, writer))
        await _pass_on(reader, far_writer)
        far_writer.close()
        await back

    async def _knows(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(1)
        said = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
        good = tuple(said) == self.login
        writer.write(bytes([1, 0 if good else 1]))
        return good


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def socks_proxy(hosts: Mapping[str, int], login: tuple[str, str] | None = None) -> AsyncGenerator[SocksProxy]:
    """A proxy that runs while the block lasts."""
    proxy = SocksProxy(hosts=hosts, login=login)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = f"{login[0]}:{login[1]}@" if login else ""
    proxy.url = f"socks5://{who}127.0.0.1:{port}"
    try:
        yield proxy
    finally:
        server.close()
        await server.wait_closed()
