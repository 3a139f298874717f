"""A small shop to watch: a page, a health document, metrics, and a way to break it.

Standard library only, so that it runs in a bare Python image. It visits itself a few times a second, because a service
without visitors has no error rate. Break it and mend it with

    curl -X POST 'http://127.0.0.1:8080/faults?errors=0.1'       every tenth visit fails
    curl -X POST 'http://127.0.0.1:8080/faults?seconds=3'        every visit takes three seconds
    curl -X POST 'http://127.0.0.1:8080/faults?database=down'    the health document says so
    curl -X POST 'http://127.0.0.1:8080/faults'                  all is well again

It takes no arguments; variables of the environment change it:

    PORT      where it listens (8080)
    HOST      the address for it (127.0.0.1)
    VERSION   what it says that it is (1.0.0)
    VISITS    how often a second it visits itself (5; 0 for never)
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
VERSION = os.environ.get("VERSION", "1.0.0")


class Shop:
    """Faults and counts, shared by all requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.errors = 0.0
        """Share of visits that fail."""
        self.seconds = 0.0
        """How long a visit takes."""
        self.database = "connected"
        self._owed = 0.0
        self._codes = {200: 0, 500: 0}
        self._below = dict.fromkeys(BUCKETS, 0)
        self._total = 0.0

    def set_faults(self, query: dict[str, list[str]]) -> None:
        """What is not named is well."""
        with self._lock:
            self.errors = float(query.get("errors", ["0"])[0])
            self.seconds = float(query.get("seconds", ["0"])[0])
            self.database = query.get("database", ["connected"])[0]

    def visit(self) -> int:
        """Serve one visitor; the status. Exactly the share `errors` of them fails."""
        began = time.perf_counter()
        time.sleep(self.seconds)
        took = time.perf_counter() - began
        with self._lock:
            self._owed += self.errors
            code = 500 if self._owed >= 1 else 200
            self._owed -= code == 500
            self._codes[code] += 1
            self._total += took
            for limit in BUCKETS:
                self._below[limit] += took <= limit
        return code

    def health(self) -> dict[str, str]:
        """What /health answers."""
        status = "healthy" if self.database == "connected" else "unhealthy"
        return {"status": status, "version": VERSION, "database": self.database, "cache": "connected"}

    def metrics(self) -> str:
        """What /metrics answers, in Prometheus's text format."""
        with self._lock:
            lines = ["# TYPE http_requests_total counter"]
            lines += [f'http_requests_total{{code="{code}"}} {count}' for code, count in self._codes.items()]
            visits = sum(self._codes.values())
            lines.append("# TYPE http_request_duration_seconds histogram")
            lines += [
                f'http_request_duration_seconds_bucket{{le="{limit}"}} {count}' for limit, count in self._below.items()
            ]
            lines.append(f'http_request_duration_seconds_bucket{{le="+Inf"}} {visits}')
            lines.append(f"http_request_duration_seconds_sum {self._total}")
            lines.append(f"http_request_duration_seconds_count {visits}")
        return "\n".join(lines) + "\n"


class Handler(BaseHTTPRequestHandler):
    """The shop's doors."""

    shop = Shop()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/health":
            health = self.shop.health()
            self._answer(200 if health["status"] == "healthy" else 503, json.dumps(health), "application/json")
        elif path == "/metrics":
            self._answer(200, self.shop.metrics(), "text/plain; version=0.0.4")
        elif path == "/":
            code = self.shop.visit()
            self._answer(code, "Welcome.\n" if code == 200 else "Something broke.\n", "text/plain")
        else:
            self._answer(404, "There is no such page.\n", "text/plain")

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/faults":
            self._answer(404, "There is no such page.\n", "text/plain")
            return
        try:
            self.shop.set_faults(parse_qs(address.query))
        except ValueError as error:
            self._answer(400, f"{error}\n", "text/plain")
            return
        self._answer(200, json.dumps(self.shop.health()), "application/json")

    def log_message(self, format: str, *args: object) -> None:
        """Visits are not worth a line."""

    def _answer(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def visit_for_ever(port: int, pause: float) -> None:
    """Be the visitors."""
    while True:
        time.sleep(pause)
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            continue
        finally:
            connection.close()


def main() -> None:
    """Serve on PORT (8080) with VISITS (5) a second. Arguments are none: they get the text above."""
    if len(sys.argv) > 1:
        sys.stdout.write(__doc__ or "")
        sys.exit(0 if sys.argv[1] in ("-h", "--help") else 2)
    port = int(os.environ.get("PORT", "8080"))
    visits = float(os.environ.get("VISITS", "5"))
    server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), port), Handler)
    if visits > 0:
        threading.Thread(target=visit_for_ever, args=(server.server_port, 1 / visits), daemon=True).start()
    sys.stdout.write(f"The shop is open at http://127.0.0.1:{server.server_port}/\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
