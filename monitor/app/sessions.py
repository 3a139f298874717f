"""HTTP client sessions: one for notifications, one for scrapes and discovery, made at first use."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import aiohttp

from monitor import __version__
from monitor.config.configuration import Configuration

_AGENT = {"User-Agent": f"Watchkeeper/{__version__}"}
_KEPT_SECONDS = 150.0
"""Longer than most scrape intervals: a connection and its handshake cost more than the scrape."""


class Sessions:
    """Follows the configuration in force, given by `configuration()`."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._shared: aiohttp.ClientSession | None = None
        self._scrapes: aiohttp.ClientSession | None = None
        self._trust: tuple[str, ssl.SSLContext] | None = None

    def shared(self) -> aiohttp.ClientSession:
        """For notifications."""
        if self._shared is None or self._shared.closed:
            connector = aiohttp.TCPConnector(ssl=self.trust(), limit=64)
            self._shared = aiohttp.ClientSession(connector=connector, headers=_AGENT)
        return self._shared

    def trust(self) -> ssl.SSLContext:
        """Whom vendors' certificates are checked against."""
        file = self._configuration().vendor_ca_file
        if self._trust is None or self._trust[0] != file:
            context = ssl.create_default_context()
            if file:
                context.load_verify_locations(cafile=file)
            self._trust = (file, context)
        return self._trust[1]

    def scrapes(self) -> aiohttp.ClientSession:
        """For targets and for who tells them: as many connections as there are targets, kept from scrape to scrape."""
        if self._scrapes is None or self._scrapes.closed:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS)
            self._scrapes = aiohttp.ClientSession(connector=connector, headers=_AGENT, auto_decompress=True)
        return self._scrapes

    async def close(self) -> None:
        for session in (self._shared, self._scrapes):
            if session is not None:
                await session.close()
