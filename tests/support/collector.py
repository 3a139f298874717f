"""A vendor of no particular kind: an HTTP server on loopback that keeps what arrives and answers as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One request."""

    method: str
    path: str
    """With its query, as sent."""
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class Reply:
    """One answer."""

    status: int = 200
    body: object = ""
    """A text, or a document that is sent as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after: float = 0.0
    """Seconds."""


class Collector:
    """Everything that arrived, in order; `answer` scripts the next replies, 200 without a body when there are none."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.url = ""
        self._replies: deque[Reply] = deque()
        self._by_path: dict[str, Reply] = {}

    def answer(self, *replies: Reply) -> None:
        """The next replies, in order."""
        self._replies.extend(replies)

    def always(self, path: str, reply: Reply) -> None:
        """What this path (without its query) answers, whatever was scripted."""
        self._by_path[path] = reply

    @property
    def last(self) -> Arrived:
        return self.arrived[-1]

    def lines(self) -> list[str]:
        """`POST /path` of each request."""
        return [f"{one.method} {one.path}" for one in self.arrived]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.arrived.append(
            Arrived(method=request.method, path=request.path_qs, headers=dict(request.headers), body=body)
        )
        reply = self._by_path.get(request.path) or (self._replies.popleft() if self._replies else Reply())
        if reply.after:
            await asyncio.sleep(reply.after)
        if isinstance(reply.body, str):
            return web.Response(text=reply.body, status=reply.status, headers=reply.headers)
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)


@asynccontextmanager
async def collecting(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Collector]:
    """A collector that runs while the block lasts."""
    collector = Collector()

    @web.middleware
    async def everything(request: web.Request, handler: Handler) -> web.StreamResponse:
        # no route: a proxy is asked for addresses that have no path
        del handler
        return await collector.handle(request)

    runner = web.AppRunner(
        web.Application(client_max_size=16 << 20, middlewares=[everything]), access_log=None, shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    collector.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield collector
    finally:
        await runner.cleanup()
