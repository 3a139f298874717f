"""What stands before every route when there is a `web.yml`: a rate limit, users, and who holds which certificate.

The file is looked at with every request, so that users come and go without a restart. One that has become bad changes
nothing: the former reading stays in force and the log says why. A file that is being written, or that a full disk cut off,
may read as a good one that protects less. So what takes a protection away waits until somebody says that it is meant, by a
reload or a restart, while all else of the same file is followed at once (`web/loosening.py`).

A password is compared in a worker thread, one at a time, since that is slow on purpose, and only so many wait for it, of one
place of the network even fewer; right ones are remembered for a few callers, and wrong ones apart from them, so that guessing
drives out nobody. An unknown user costs as much time as a known one with a wrong password. Source:
exporter-toolkit web/handler.go.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from monitor.config.web_settings import RateLimit, Stamp, WebFile, stamp_of
from monitor.model.errors import BugError, ConfigError
from monitor.net.server_tls import LiveContext, ServerTls, names_of
from monitor.telemetry import Log
from monitor.web.loosening import tightened

_NOBODYS_HASH: Final = "$2b$10$C6UzMDM.H6dfI/f/IKcEeO7ZBpQZ5Z2n8w2zWk0wOe0C9yGkZ9v1S"
"""Of no password: unknown users are compared with it."""
_REMEMBERED: Final = 100
"""Right passwords, and as many wrong ones."""
_MOST_WAITING: Final = 32
"""Different passwords to compare, the one under way included: two or three seconds at the usual cost."""
_MOST_FROM_ONE: Final = 8
"""Of these, from one address (of IPv6 one network of 64 bits): who guesses leaves places to others."""
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

    def __init__(
        self,
        file: WebFile,
        *,
        read: Callable[[str], WebFile],
        log: Log,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """`read`: reads the file anew, in a worker thread; raises ConfigError. `monotonic`: the loop's clock if not given."""
        self._file = file
        self._tls = file.tls
        self._monotonic = monotonic or asyncio.get_running_loop().time
        self._read = read
        self._log = log
        self._stamp = file.stamp
        """Of the last reading, good or bad."""
        self._reading = asyncio.Lock()
        self._comparing = asyncio.Lock()
        self._waiting: Counter[bytes] = Counter()
        self._waiting_from: Counter[str] = Counter()
        self._right: dict[bytes, None] = {}
        self._wrong: dict[bytes, None] = {}
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
        if self._tls is None:
            return None

        def settings() -> ServerTls | None:
            return self._tls

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
        if self._tls is not None and self._tls.client_names:  # also when the file has none any more: until a restart
            transport = request.transport
            shown = names_of(transport.get_extra_info("peercert") if transport is not None else None)
            if not shown & set(self._tls.client_names):
                return _refusal(403, "Forbidden")
        if not file.users:
            return ""
        given = _credentials(request.headers.get("Authorization", ""))
        known = await self._is_user(given, file, _place(request.remote)) if given is not None else False
        if given is not None and known:
            return given.user
        if token():
            return ""
        if known is None:
            return _refusal(429, "Too Many Requests")
        refusal = _refusal(401, "Unauthorized")
        refusal.headers["WWW-Authenticate"] = "Basic"
        return refusal

    def take(self, fresh: WebFile) -> None:
        """Somebody said that this reading of the file is meant, also where it protects less: a reload."""
        if fresh.file != self._file.file or self._is_nothing(fresh):
            return  # another file takes a restart
        self._stamp = fresh.stamp
        self._put(fresh)

    async def _follow(self) -> None:
        """Read the file again if it has changed."""
        if _stamp(self._file.file) == self._stamp:
            return
        async with self._reading:
            stamp = _stamp(self._file.file)
            if stamp == self._stamp:
                return
            try:
                fresh = await asyncio.to_thread(self._read, self._file.file)
            except (ConfigError, BugError, OSError) as error:
                self._log.error("the web configuration is refused, the former one stays in force", findings=str(error))
                self._stamp = stamp
            else:
                self._stamp = fresh.stamp
                self._weigh(fresh)

    def _weigh(self, fresh: WebFile) -> None:
        """What of this reading comes into force by itself?"""
        if self._is_nothing(fresh):
            return
        kept, lost = tightened(self._file, fresh)
        if lost:
            self._log.warning(
                "the web configuration protects less: that counts after a reload or a restart, all else at once",
                file=fresh.file,
                lost=", ".join(lost),
            )
        if kept != self._file:
            self._put(kept)

    def _is_nothing(self, fresh: WebFile) -> bool:
        if not fresh == WebFile(file=fresh.file) != self._file:
            return False
        problem = f"{fresh.file} protects nothing any more (remedy: write it whole, or restart to do without)"
        self._log.error("the web configuration is refused, the former one stays in force", findings=problem)
        return True

    def _put(self, file: WebFile) -> None:
        if (file.tls is None) != (self._file.tls is None):
            self._log.warning("TLS is turned on or off by a restart only", file=file.file)
        self._file = file
        self._tls = file.tls or self._tls
        self._log.info("web configuration read again", file=file.file, users=len(file.users))

    def _within_rate(self, limit: RateLimit | None) -> bool:
        if limit is None:
            return True
        now = self._monotonic()
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit, now)
        return self._bucket.take(now)

    async def _is_user(self, given: Credentials, file: WebFile, place: str) -> bool | None:
        """None: too many wait to be told, in all or of this place."""
        hashed = file.users.get(given.user)
        stored = hashed or _NOBODYS_HASH
        text = "\0".join((given.user, stored, given.password))
        key = hmac.digest(self._salt, text.encode(), hashlib.sha256)
        if key in self._right:
            return True
        if key in self._wrong:
            return False
        new = key not in self._waiting
        if new and (len(self._waiting) >= _MOST_WAITING or self._waiting_from[place] >= _MOST_FROM_ONE):
            return None
        self._waiting[key] += 1
        self._waiting_from[place] += new
        try:
            async with self._comparing:
                if key not in self._right and key not in self._wrong:
                    same = await asyncio.to_thread(_matches, given.password, stored)
                    _remember(self._right if same and hashed is not None else self._wrong, key)
                return key in self._right
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
            self._waiting_from[place] -= new
            if not self._waiting_from[place]:
                del self._waiting_from[place]


def _remember(keys: dict[bytes, None], key: bytes) -> None:
    while len(keys) >= _REMEMBERED:
        del keys[next(iter(keys))]
    keys[key] = None


def _place(remote: str | None) -> str:
    """Where a caller is, as far as one can choose among one's own addresses."""
    try:
        address = ipaddress.ip_address((remote or "").partition("%")[0])
    except ValueError:
        return remote or ""
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


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


def _stamp(name: str) -> Stamp | None:
    try:
        return stamp_of(Path(name).stat())
    except OSError:
        return None
