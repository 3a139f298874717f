"""Twenty minutes of a small fleet's metrics, told as scrapes whose samples carry their own timestamps.

Whoever scrapes gets the moments in order, one a request, and the last one again when all have been told: so two programs
that scrape at different times hold the same samples. All numbers follow from the moment's index. The sample times never
fall on a multiple of a second, so that no query at whole seconds has a sample on the edge of its range.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web

from monitor.model.times import SECOND, Timestamp

MOMENTS = 81
STEP = 15 * SECOND
_ODD = 337
"""What every sample time is behind a whole second, ms."""
_INSTANCES = ("a:1", "b:1", "c:1")
_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, math.inf)


def moment_at(moment: int, start: Timestamp) -> Timestamp:
    """When the samples of this moment were taken; every seventh is late."""
    return start + moment * STEP + _ODD + (1234 if moment % 7 == 3 else 0)


def body(moment: int, start: Timestamp) -> str:
    """What is scraped of this moment."""
    at = moment_at(moment, start)
    return "".join(f"{series} {_number(value)} {at}\n" for series, value in _samples(moment))


@asynccontextmanager
async def serving_history(start: Timestamp) -> AsyncGenerator[str]:
    """host:port of a server that tells the history at every path, to each path from its beginning."""
    told: Counter[str] = Counter()

    async def scrape(request: web.Request) -> web.Response:
        moment = min(told[request.path], MOMENTS - 1)
        told[request.path] += 1
        return web.Response(
            text=body(moment, start), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    application = web.Application()
    application.router.add_get("/{anything:.*}", scrape)
    runner = web.AppRunner(application, shutdown_timeout=0.05)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)


def _samples(moment: int) -> Iterator[tuple[str, float]]:
    for place, instance in enumerate(_INSTANCES):
        yield from _requests(moment, place, instance)
        yield from _latencies(moment, place, instance)
        wave = math.sin(moment / (4 + place))
        yield f'temperature_celsius{{instance="{instance}",room="r{place % 2}"}}', 20 + 7.3 * wave + place / 3
        yield f'queue_length{{instance="{instance}"}}', float((moment * (place + 3)) % 17)
        yield f'memory_used_bytes{{instance="{instance}",job="api"}}', 1e9 + 1e7 * moment * (place + 1) + 12345.678
        yield f'memory_limit_bytes{{instance="{instance}",job="api"}}', 4e9
        version = "1.4.0" if moment < 30 + place * 10 else "1.5.0"
        yield f'build_info{{instance="{instance}",version="{version}"}}', 1.0
        if place != 1 or moment % 40 < 12:
            yield f'sometimes{{instance="{instance}"}}', float(moment)
    yield 'oddities{kind="nan"}', math.nan if moment % 3 else 4.0
    yield 'oddities{kind="inf"}', math.inf if moment % 5 == 4 else -1.5
    yield 'oddities{kind="negative"}', -0.001 * moment
    yield 'oddities{kind="large"}', 1e300 * (1 + moment % 3)
    yield 'text_values{kind="quoted \\"q\\" and back\\\\slash"}', 0.1 * moment
    if moment >= 50:
        yield "young_total", 3.0 * (moment - 50)


def _requests(moment: int, place: int, instance: str) -> Iterator[tuple[str, float]]:
    since = moment if place != 2 or moment < 44 else moment - 44  # c:1 was started anew
    for code, share in (("200", 37.0), ("404", 2.0), ("500", 0.7 + place)):
        for method in ("GET", "POST"):
            base = 0.0 if place == 2 else 1e6
            rate = share * (1.5 if method == "GET" else 0.5) * (1 + place / 10)
            labels = f'code="{code}",instance="{instance}",job="api",method="{method}"'
            yield f"http_requests_total{{{labels}}}", base + math.floor(since * rate * 15 + 11 * math.sin(since))


def _latencies(moment: int, place: int, instance: str) -> Iterator[tuple[str, float]]:
    labels = f'instance="{instance}",job="api"'
    total = 5000.0 + moment * (40 + place)
    for bound in _BOUNDS:
        share = 1.0 if math.isinf(bound) else 1 - math.exp(-bound * (4 + place + math.sin(moment / 9)))
        le = "+Inf" if math.isinf(bound) else str(bound)
        slow = 500.0 + math.floor(moment * (40 + place) * share) if not math.isinf(bound) else total
        yield f'http_request_duration_seconds_bucket{{{labels},le="{le}"}}', min(slow, total)
    yield f"http_request_duration_seconds_count{{{labels}}}", total
    yield f"http_request_duration_seconds_sum{{{labels}}}", total * 0.21
