"""What stands before every route when there is a `web.yml`: a rate limit, users, and who holds which certificate.

The file is looked at with every request, so that users come and go without a restart. One that has become bad changes
nothing: the former reading stays in force and the log says why. A password is compared in a worker thread, one at a time,
since that is slow on purpose; what was found out is remembered for a few callers. An unknown user costs as much time as a
known one with a wrong password. Source: exporter-toolkit web/handler.go.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from monitor.config.web_settings import RateLimit, WebFile
from monitor.model.errors import BugError, ConfigError
from monitor.net.server_tls import LiveContext, ServerTls, names_of
from monitor.telemetry import Log

_NOBODYS_HASH: Final = "$2b$10$C6UzMDM.H6dfI/f/IKcEeO7ZBpQZ5Z2n8w2zWk0wOe0C9yGkZ9v1S"
"""Of no password: unknown users are compared with it."""
_REMEMBERED: Final = 100
_LONGEST_PASSWORD: Final = 72
"""Bytes; bcrypt looks at no more."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Of Basic auth."""

    user: str
    password: str


class Bucket:
    """Lets `burst` through at once, and one more each interval."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        """`now`: seconds of a clock that only goes forward."""
        self.limit = limit
        self._full_at = now
        """When it would be full if nobody came."""

    def take(self, now: float) -> bool:
        """May one more pass?"""
        interval = self.limit.interval / 1000
        full_at = max(self._full_at, now) + interval
        if full_at - now > self.limit.burst * interval + 1e-9:
            return False
        self._full_at = full_at
        return True


class Guard:
    """One `web.yml`, as it stands at each request. Made on the loop."""

    def __init__(self, file: WebFile, *, read: Callable[[str], WebFile], log: Log) -> None:
        """`read`: reads the file anew, in a worker thread; raises ConfigError."""
        self._file = file
        self._read = read
        self._log = log
        self._stamp = _stamp(file.file)
        self._reading = asyncio.Lock()
        self._comparing = asyncio.Lock()
        self._known: dict[bytes, bool] = {}
        self._salt = os.urandom(16)
        self._bucket: Bucket | None = None

    def __repr__(self) -> str:
        return f"Guard({self._file})"

    @property
    def file(self) -> WebFile:
        """The reading in force."""
        return self._file

    def context(self) -> LiveContext | None:
        """TLS as it stands at each handshake; None for a server without. Raises OSError or ValueError."""
        if self._file.tls is None:
            return None

        def settings() -> ServerTls | None:
            return self._file.tls

        def failed(why: str) -> None:
            self._log.error("TLS files are not used", problem=why)

        return LiveContext(settings, failed)

    async def admit(self, request: web.Request, token: Callable[[], bool]) -> str | web.Response:
        """The name of the user (empty: nobody is asked, or somebody with a token), or the answer that refuses. `token`:
        does the request bring one of ours?"""
        await self._follow()
        file = self._file
        if not self._within_rate(file.rate_limit):
            return _refusal(429, "Too Many Requests")
        if file.tls is not None and file.tls.client_names:
            transport = request.transport
            shown = names_of(transport.get_extra_info("peercert") if transport is not None else None)
            if not shown & set(file.tls.client_names):
                return _refusal(403, "Forbidden")
        if not file.users:
            return ""
        given = _credentials(request.headers.get("Authorization", ""))
        if given is not None and await self._is_user(given, file):
            return given.user
        if token():
            return ""
        refusal = _refusal(401, "Unauthorized")
        refusal.headers["WWW-Authenticate"] = "Basic"
        return refusal

    async def _follow(self) -> None:
        """Read the file again if it has changed."""
        stamp = _stamp(self._file.file)
        if stamp == self._stamp:
            return
        async with self._reading:
            if stamp == self._stamp:
                return
            try:
                fresh = await asyncio.to_thread(self._read, self._file.file)
            except (ConfigError, BugError, OSError) as error:
                self._log.error("the web configuration is refused, the former one stays in force", findings=str(error))
            else:
                if (fresh.tls is None) != (self._file.tls is None):
                    self._log.warning("TLS is turned on or off by a restart only", file=fresh.file)
                self._file = fresh
                self._log.info("web configuration read again", file=fresh.file, users=len(fresh.users))
            self._stamp = stamp

    def _within_rate(self, limit: RateLimit | None) -> bool:
        if limit is None:
            return True
        now = asyncio.get_running_loop().time()
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit, now)
        return self._bucket.take(now)

    async def _is_user(self, given: Credentials, file: WebFile) -> bool:
        hashed = file.users.get(given.user)
        stored = hashed or _NOBODYS_HASH
        text = "\0".join((given.user, stored, given.password))
        key = hmac.digest(self._salt, text.encode(), hashlib.sha256)
        found = self._known.get(key)
        if found is None:
            async with self._comparing:
                found = self._known.get(key)
                if found is None:
                    same = await asyncio.to_thread(_matches, given.password, stored)
                    found = same and hashed is not None
                    while len(self._known) >= _REMEMBERED:
                        del self._known[next(iter(self._known))]
                    self._known[key] = found
        return found


def _matches(password: str, hashed: str) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST_PASSWORD], hashed.encode())
    except ValueError:  # a zero byte, or a hash that this library does not know
        return False


def _credentials(authorization: str) -> Credentials | None:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except ValueError:  # no Base64, not even ASCII, or no UTF-8
        return None
    return Credentials(user=user, password=password) if colon else None


def _refusal(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", content_type="text/plain", charset="utf-8")


def _stamp(name: str) -> tuple[int, int, int] | None:
    try:
        stat = Path(name).stat()
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
