"""The service that the demo breaks: /health and /metrics on loopback, in a process of its own.

It stands for any small web service. `POST /break` and `POST /mend` are what the demo does to it.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

VERSION = "2.4.1"


class SampleService:
    """Healthy until it is broken."""

    def __init__(self) -> None:
        self.broken = False
        self.requests = {"200": 0, "503": 0}
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
                web.post("/break", self._break),
                web.post("/mend", self._mend),
            ]
        )

    def __repr__(self) -> str:
        return f"SampleService({'broken' if self.broken else 'well'}, requests={self.requests})"

    async def _health(self, _: web.Request) -> web.Response:
        status = 503 if self.broken else 200
        self.requests[str(status)] += 1
        database = "connection pool exhausted" if self.broken else "connected"
        body = {"status": "unhealthy" if self.broken else "healthy", "version": VERSION, "database": database}
        return web.json_response(body, status=status)

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = ["# TYPE http_requests_total counter"]
        lines += [f'http_requests_total{{code="{code}"}} {count}' for code, count in self.requests.items()]
        return web.Response(text="\n".join(lines) + "\n")

    async def _break(self, _: web.Request) -> web.Response:
        self.broken = True
        return web.json_response({"broken": True})

    async def _mend(self, _: web.Request) -> web.Response:
        self.broken = False
        return web.json_response({"broken": False})


async def serve(port: int) -> None:
    """Serve on loopback until cancelled; prints the port when it listens (0 takes a free one)."""
    runner = web.AppRunner(SampleService().app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        address: tuple[str, int] = runner.addresses[0]
        sys.stdout.write(f"{address[1]}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    except KeyboardInterrupt:
        sys.exit(130)
