"""Bounds of GET requests in Alertmanager's place: so many at once, each for so long. Source: Alertmanager api/api.go."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from monitor.model.times import Millis, format_duration

_FEWEST: Final = 8


class Gets:
    """Those under way."""

    def __init__(self, most: int = 0, longest: Millis = 0) -> None:
        """`most` 0 is a number that fits the machine; `longest` 0 is no limit."""
        self._most = most if most > 0 else max(os.cpu_count() or 1, _FEWEST)
        self._longest = longest
        self.under_way = 0
        self.exceeded = 0
        """How many were refused because too many were under way."""

    def __repr__(self) -> str:
        return f"Gets({self.under_way} of {self._most})"

    async def answer(self, make: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """What is made, or 503."""
        if self.under_way >= self._most:
            self.exceeded += 1
            return _unavailable(
                f"{self._most} GET requests are under way already, which is the limit: try again later."
            )
        self.under_way += 1
        try:
            async with asyncio.timeout(self._longest / 1000 if self._longest else None):
                return await make()
        except TimeoutError:
            return _unavailable(f"This took longer than {format_duration(self._longest)}.")
        finally:
            self.under_way -= 1


def _unavailable(text: str) -> web.Response:
    return web.Response(status=503, text=f"{text}\n", content_type="text/plain", charset="utf-8")
