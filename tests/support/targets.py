"""Scripted servers on loopback, good and bad, for probes of real sockets.

A `Target` answers each connection with its script: a coroutine that is given the request's head and a writer. The
scripts below cover what services do wrong: hang, drip, never stop, speak nonsense, redirect in circles.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.farewell import farewell

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Target:
    """A running server. `heads` are the requests' heads in order of arrival."""

    port: int
    secure: bool
    heads: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(
    script: Script, *, context: ssl.SSLContext | None = None, silent: bool = False
) -> AsyncGenerator[Target]:
    """Run a server with this script. With `silent` the script does not wait for a request first."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        try:
            head = b""
            if not silent:
                head = await reader.readuntil(b"\r\n\r\n")
                target.heads.append(head)
            await script(head, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    target = Target(port=server.sockets[0].getsockname()[1], secure=context is not None)
    try:
        yield target
    finally:
        for _ in range(3):  # connections that were accepted just now get their handler
            await asyncio.sleep(0)
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await farewell([target.port])
        await server.wait_closed()


def reply(status: int = 200, body: bytes = b"ok", *headers: tuple[str, str]) -> Script:
    """A plain, correct answer."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *(f"{n}: {v}" for n, v in headers)]
    message = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    return raw(message)


def raw(message: bytes) -> Script:
    """Exactly these bytes, then the end."""

    async def script(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(message)

    return script


def in_turn(*scripts: Script) -> Script:
    """One script after the other, the last one for good."""
    left = list(scripts)

    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(head, writer)

    return script


async def hang(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


def drip(message: bytes, pause: float = 0.01) -> Script:
    """One byte after the other."""

    async def script(_: bytes, writer: asyncio.StreamWriter) -> None:
        for at in range(len(message)):
            writer.write(message[at : at + 1])
            await writer.drain()
            await asyncio.sleep(pause)

    return script


def endless(start: bytes, piece: bytes) -> Script:
    """A start, then the same piece for ever."""

    async def script(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return script


async def circle(head: bytes, writer: asyncio.StreamWriter) -> None:
    """A redirect to another path of the same server, for ever."""
    path = head.split(b" ", 2)[1]
    location = path + b"x" if len(path) < 40 else b"/"
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
