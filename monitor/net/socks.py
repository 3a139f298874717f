"""SOCKS proxies, through aiohttp-socks: an extra (`pip install 'watchkeeper[socks]'`), imported at first use.

As in Go `socks5` and `socks5h` are one: the proxy resolves the names. aiohttp ties such a proxy to a session, so there is one
for each. Secrets in the proxy's URL are told nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from monitor.model.errors import PeerError
from monitor.net.tls import authorities_read

if TYPE_CHECKING:
    import ssl
    from types import ModuleType

    import aiohttp

INSTALL: Final = "pip install 'watchkeeper[socks]'"
_SCHEMES: Final = ("socks5://", "socks5h://")


def is_socks(proxy: str) -> bool:
    """Is that the URL of a SOCKS proxy?"""
    return proxy.lower().startswith(_SCHEMES)


def installed() -> bool:
    """Is the package there?"""
    return find_spec("aiohttp_socks") is not None


def _package() -> ModuleType:
    import aiohttp_socks

    return aiohttp_socks


class SocksSessions:
    """A session for each proxy, made at first use."""

    def __init__(self, tls: Callable[[], ssl.SSLContext | bool], package: Callable[[], ModuleType] = _package) -> None:
        """`tls`: whom certificates are checked against unless a call says otherwise. `package` imports it; it raises
        ImportError when it is not installed."""
        self._tls = tls
        self._package = package
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    def __repr__(self) -> str:
        return f"SocksSessions({len(self._sessions)} proxies)"

    async def through(
        self, proxy: str, like: aiohttp.ClientSession, trust: ssl.SSLContext | bool
    ) -> aiohttp.ClientSession:
        """The session for this proxy; its headers are those of `like`. `trust`: the call's own, True if that is the session's.
        Neither the package nor the system's authorities are read on the loop. Raises PeerError."""
        import aiohttp

        await authorities_read(self._tls() if trust is True else trust)
        found = self._sessions.get(proxy)
        if found is not None and not found.closed:
            return found
        try:
            package = await asyncio.get_running_loop().run_in_executor(None, self._package)
        except ImportError:
            raise PeerError(f"a SOCKS proxy needs the package aiohttp-socks: {INSTALL}") from None
        made = self._sessions.get(proxy)
        if made is not None and not made.closed:
            return made  # by another call, meanwhile
        url = proxy.partition("://")[2]
        try:
            connector = package.ProxyConnector.from_url(f"socks5://{url}", rdns=True, ssl=self._tls())
        except ValueError:
            # its text may hold the password
            raise PeerError("the SOCKS proxy's URL is not one: write socks5://host:port") from None
        session = self._sessions[proxy] = aiohttp.ClientSession(connector=connector, headers=like.headers)
        return session

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def refused_by_proxy(error: Exception) -> str:
    """What to say when the proxy itself did not let a call through; empty for any other error. Nothing was sent then."""
    if not type(error).__module__.startswith("aiohttp_socks"):
        return ""
    return f"no connection through the SOCKS proxy: {type(error).__name__}"
