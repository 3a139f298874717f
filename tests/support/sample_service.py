"""A web service to watch: a process of its own that answers /health and /metrics and can be made ill.

Its traffic is reckoned, not sent: at each scrape it has answered `rate` requests a second since the last one, of which
the share `error_ratio` failed. `SampleService` is the handle on the test's side; `python -m tests.support.sample_service`
is the service itself. It is steered by `POST /control` with any of the fields of `Condition`, or by being killed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import aiohttp

ROOT = Path(__file__).parents[2]
_BUCKETS = (0.05, 0.1, 0.5, 1.0, 2.5, 5.0)


@dataclass
class Condition:
    """How the service is."""

    error_ratio: float = 0.0
    """Share of its answers that are 500."""
    latency: float = 0.02
    """Seconds that each of its answers took."""
    rate: float = 50.0
    """Requests a second."""
    status: str = "healthy"
    database: str = "connected"
    cache: str = "connected"
    version: str = "1.4.0"
    code: int = 200
    """The status code of /health."""


class Service:
    """The counters of one life of the service."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self._answers = {"200": 0.0, "500": 0.0}
        self._durations = dict.fromkeys(_BUCKETS, 0.0)
        self._sum = 0.0
        self._reckoned_at = time.monotonic()

    def change(self, wanted: dict[str, Any]) -> None:
        """Raises TypeError for a field that it does not have."""
        self._reckon()
        self.condition = Condition(**{**asdict(self.condition), **wanted})

    def health(self) -> bytes:
        """The body of /health."""
        now = self.condition
        body = {"status": now.status, "version": now.version, "database": now.database, "cache": now.cache}
        return json.dumps(body).encode()

    def metrics(self) -> bytes:
        """The body of /metrics."""
        self._reckon()
        total = sum(self._answers.values())
        lines = ["# TYPE http_requests_total counter"]
        lines += [f'http_requests_total{{code="{code}"}} {int(count)}' for code, count in self._answers.items()]
        lines.append("# TYPE http_request_duration_seconds histogram")
        for bound in _BUCKETS:
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound:g}"}} {int(self._durations[bound])}')
        lines.append(f'http_request_duration_seconds_bucket{{le="+Inf"}} {int(total)}')
        lines.append(f"http_request_duration_seconds_sum {self._sum:.6f}")
        lines.append(f"http_request_duration_seconds_count {int(total)}")
        lines.append("# TYPE pg_up gauge")
        lines.append(f"pg_up {int(self.condition.database == 'connected')}")
        return ("\n".join(lines) + "\n").encode()

    def _reckon(self) -> None:
        now = time.monotonic()
        answered = self.condition.rate * (now - self._reckoned_at)
        self._reckoned_at = now
        self._answers["500"] += answered * self.condition.error_ratio
        self._answers["200"] += answered * (1 - self.condition.error_ratio)
        self._sum += answered * self.condition.latency
        for bound in _BUCKETS:
            if self.condition.latency <= bound:
                self._durations[bound] += answered


class SampleService:
    """The service as a test holds it. It keeps its port from life to life."""

    def __init__(self, log: Path) -> None:
        self.port = 0
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"SampleService(port={self.port}, up={self._process is not None})"

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def start(self) -> None:
        """Up when this returns, and well."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.support.sample_service",
                "--port",
                str(self.port),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            line = await self._process.stdout.readline()
        self.port = int(line)

    async def kill(self) -> None:
        """Gone, as by kill -9: connections are refused from here on."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    async def change(self, **wanted: object) -> None:
        """Set fields of `Condition`."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/control", json=wanted, raise_for_status=True),
        ):
            pass


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                self._answer(service.condition.code, service.health(), "application/json")
            elif self.path == "/metrics":
                self._answer(200, service.metrics(), "text/plain; version=0.0.4")
            else:
                self._answer(404, b"", "text/plain")

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.change(cast("dict[str, Any]", wanted))
            self._answer(200, b"", "text/plain")

        def log_message(self, format: str, *args: object) -> None:
            """Silent: what was asked is in the daemon's own record."""

        def _answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.sample_service", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, which is printed")
    port: int = parser.parse_args().port
    with _Server(("127.0.0.1", port), _handler(Service(Condition()))) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
