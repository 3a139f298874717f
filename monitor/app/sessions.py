"""HTTP clients: a session for notifications, one for discovery and the scrapes that need one, both made at first use, and the
connections of all other scrapes. All ask one resolver, and who trusts the system's authorities shares one context."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from monitor import __version__
from monitor.config.configuration import Configuration
from monitor.net.client import KeepingClient
from monitor.net.names import Names
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.net.tls import SYSTEM_TRUST, Contexts, SystemTrust, authorities_read

AGENT = f"Watchkeeper/{__version__}"
_KEPT_SECONDS = 150.0
"""Longer than most scrape intervals: a connection and its handshake cost more than the scrape."""


class _Connector(aiohttp.TCPConnector):
    """Has the system's authorities read, beside the loop, before the first connection that needs them."""

    trust: ssl.SSLContext
    """Of those who name no other; given to aiohttp too."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 (aiohttp's)
    ) -> Connection:
        if req.is_ssl():
            await authorities_read(self.trust if req.ssl is True else req.ssl)
        return await super().connect(req, traces, timeout)


class Sessions:
    """Follows the configuration in force, given by `configuration()`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, configuration: Callable[[], Configuration]) -> None:
        self._poller = Poller(loop)
        self._resolver = Resolver(loop)
        self._names = Names(self._resolver)
        self.contexts = Contexts()
        self.targets = KeepingClient(self._poller, self._resolver, self.contexts)
        """For targets: a connection for each, kept from scrape to scrape."""
        self._configuration = configuration
        self._shared: aiohttp.ClientSession | None = None
        self._scrapes: aiohttp.ClientSession | None = None
        self._trust: tuple[str, ssl.SSLContext] | None = None

    def shared(self) -> aiohttp.ClientSession:
        """For notifications."""
        if self._shared is None or self._shared.closed:
            connector = _Connector(ssl=self.trust(), resolver=self._names, limit=64)
            connector.trust = self.trust()
            self._shared = aiohttp.ClientSession(connector=connector, headers={"User-Agent": AGENT})
        return self._shared

    def trust(self) -> ssl.SSLContext:
        """Whom vendors' certificates are checked against."""
        file = self._configuration().vendor_ca_file
        if self._trust is None or self._trust[0] != file:
            self._trust = (file, self._trusting(file))
        return self._trust[1]

    def scrapes(self) -> aiohttp.ClientSession:
        """For who tells targets, and for targets that `targets` cannot ask."""
        if self._scrapes is None or self._scrapes.closed:
            trust = self.contexts.get(SYSTEM_TRUST)
            connector = _Connector(ssl=trust, resolver=self._names, limit=0, keepalive_timeout=_KEPT_SECONDS)
            connector.trust = trust
            self._scrapes = aiohttp.ClientSession(
                connector=connector, headers={"User-Agent": AGENT}, auto_decompress=True
            )
        return self._scrapes

    async def close(self) -> None:
        self.targets.close()
        self._poller.close()
        self._resolver.close()
        for session in (self._shared, self._scrapes):
            if session is not None:
                await session.close()

    def _trusting(self, file: str) -> ssl.SSLContext:
        if not file:
            return self.contexts.get(SYSTEM_TRUST)
        context = SystemTrust(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=file)
        return context
