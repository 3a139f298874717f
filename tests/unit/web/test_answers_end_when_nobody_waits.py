"""Large answers are written in threads, which cannot be cut off from outside: they look whether anybody still waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from threading import Event

import pytest
from aiohttp.test_utils import make_mocked_request

from monitor.web.answers import streamed_answer


class Endless:
    """An answer that never comes to its end by itself."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._test_is_over = Event()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    def parts(self) -> Iterator[str]:
        self._loop.call_soon_threadsafe(self.begun.set)
        try:
            while not self._test_is_over.is_set():
                yield ""
        finally:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self.ended.set)

    def __enter__(self) -> Endless:
        return self

    def __exit__(self, *_: object) -> None:
        self._test_is_over.set()


async def test_a_stop_ends_an_answer_that_is_being_written() -> None:
    """The server cancels what is under way: the thread ends as well, or the process would wait for it."""
    with Endless() as endless:
        answer = asyncio.get_running_loop().create_task(streamed_answer(make_mocked_request("GET", "/"), endless.parts))
        await endless.begun.wait()
        answer.cancel()
        async with asyncio.timeout(10):
            await endless.ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await answer


async def test_a_client_that_goes_away_ends_its_answer() -> None:
    """Nobody reads the rest."""
    request = make_mocked_request("GET", "/")
    with Endless() as endless:
        answer = asyncio.get_running_loop().create_task(streamed_answer(request, endless.parts))
        await endless.begun.wait()
        request.protocol.transport = None
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await answer
