"""The bucket of `web.yml`, and the bounds of GET requests in Alertmanager's place."""

from __future__ import annotations

import asyncio

from aiohttp import web

from monitor.config.web_settings import RateLimit
from monitor.web.gets import Gets
from monitor.web.guarding import Bucket


def test_a_burst_passes_and_then_one_each_interval() -> None:
    """Three at once, none more, one after a second; after a long rest three again and not more."""
    bucket = Bucket(RateLimit(interval=1_000, burst=3), 10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.9), bucket.take(11.0), bucket.take(11.1)] == [False, True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


async def test_more_gets_than_allowed_are_told_to_come_again() -> None:
    """503 at once, and room again when one has ended."""
    gets = Gets(most=1)
    go = asyncio.Event()

    async def slow() -> web.StreamResponse:
        await go.wait()
        return web.Response(status=200)

    first = asyncio.ensure_future(gets.answer(slow))  # noqa: TID251 - a test has no supervisor
    await asyncio.sleep(0)  # noqa: TID251 - lets the other begin
    assert (await gets.answer(slow)).status == 503
    go.set()
    assert (await first).status == 200
    assert (await gets.answer(slow)).status == 200
    assert gets.exceeded == 1


async def test_a_get_that_takes_too_long_ends() -> None:
    """With 503."""
    gets = Gets(longest=10)

    async def never() -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response(status=200)

    assert (await gets.answer(never)).status == 503
    assert gets.under_way == 0
