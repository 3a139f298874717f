"""What stands before every route when there is a `web.yml`: a rate limit, users, and who holds which certificate.

The file is looked at with every request, so that users come and go without a restart. One that has become bad changes
nothing: the former reading stays in force and the log says why. A file that is being written, or that a full disk cut off,
may read as a good one that protects less: one that protects nothing is refused, and one that takes a protection away counts
once it reads the same a second later. A password is compared in a worker thread, one at a time, since that is slow on
purpose, and only so many wait for it; right ones are remembered for a few callers, and wrong ones apart from them, so that
guessing drives out nobody. An unknown user costs as much time as a known one with a wrong password. Source:
exporter-toolkit web/handler.go.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from collections import Counter
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
"""Right passwords, and as many wrong ones."""
_MOST_WAITING: Final = 16
"""Different passwords to compare, the one under way included: a second or two at the usual cost."""
_SETTLING: Final = 1.0
"""Seconds after which a file that protects less must read the same."""
_LONGEST_PASSWORD: Final = 72
"""Bytes; bcrypt looks at no more."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Of Basic auth."""

    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubted:
    """A reading that protects less than the one in force."""

    reading: WebFile
    stamp: tuple[int, int, int] | None
    since: float


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
        self._stamp = _stamp(file.file)
        self._reading = asyncio.Lock()
        self._comparing = asyncio.Lock()
        self._doubted: _Doubted | None = None
        self._waiting: Counter[bytes] = Counter()
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
        known = await self._is_user(given, file) if given is not None else False
        if given is not None and known:
            return given.user
        if token():
            return ""
        if known is None:
            return _refusal(429, "Too Many Requests")
        refusal = _refusal(401, "Unauthorized")
        refusal.headers["WWW-Authenticate"] = "Basic"
        return refusal

    async def _follow(self) -> None:
        """Read the file again if it has changed."""
        if not self._is_due(_stamp(self._file.file)):
            return
        async with self._reading:
            stamp = _stamp(self._file.file)
            if not self._is_due(stamp):
                return
            try:
                fresh = await asyncio.to_thread(self._read, self._file.file)
            except (ConfigError, BugError, OSError) as error:
                self._doubted = None
                self._log.error("the web configuration is refused, the former one stays in force", findings=str(error))
            else:
                self._weigh(fresh, stamp)
            self._stamp = stamp

    def _is_due(self, stamp: tuple[int, int, int] | None) -> bool:
        doubted = self._doubted
        return stamp != self._stamp or (doubted is not None and self._monotonic() - doubted.since >= _SETTLING)

    def _weigh(self, fresh: WebFile, stamp: tuple[int, int, int] | None) -> None:
        """Does this reading come into force?"""
        former, doubted, now = self._file, self._doubted, self._monotonic()
        self._doubted = None
        if fresh == WebFile(file=fresh.file) != former:
            problem = f"{fresh.file} protects nothing any more (remedy: write it whole, or restart to do without)"
            self._log.error("the web configuration is refused, the former one stays in force", findings=problem)
            return
        lost = _lost(former, fresh)
        settled = doubted is not None and (doubted.reading, doubted.stamp) == (fresh, stamp)
        if lost and not settled:
            self._doubted = _Doubted(reading=fresh, stamp=stamp, since=now)
            self._log.warning(
                "the web configuration protects less: it counts if it reads the same in a second",
                file=fresh.file,
                lost=", ".join(lost),
            )
            return
        if (fresh.tls is None) != (former.tls is None):
            self._log.warning("TLS is turned on or off by a restart only", file=fresh.file)
        self._file = fresh
        self._tls = fresh.tls or self._tls
        self._log.info("web configuration read again", file=fresh.file, users=len(fresh.users))

    def _within_rate(self, limit: RateLimit | None) -> bool:
        if limit is None:
            return True
        now = self._monotonic()
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = Bucket(limit, now)
        return self._bucket.take(now)

    async def _is_user(self, given: Credentials, file: WebFile) -> bool | None:
        """None: too many wait to be told."""
        hashed = file.users.get(given.user)
        stored = hashed or _NOBODYS_HASH
        text = "\0".join((given.user, stored, given.password))
        key = hmac.digest(self._salt, text.encode(), hashlib.sha256)
        if key in self._right:
            return True
        if key in self._wrong:
            return False
        if key not in self._waiting and len(self._waiting) >= _MOST_WAITING:
            return None
        self._waiting[key] += 1
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


def _remember(keys: dict[bytes, None], key: bytes) -> None:
    while len(keys) >= _REMEMBERED:
        del keys[next(iter(keys))]
    keys[key] = None


def _lost(former: WebFile, fresh: WebFile) -> list[str]:
    """What protected the server and would no more."""
    old, new = former.tls or ServerTls(), fresh.tls or ServerTls()
    lost = {
        "basic_auth_users": former.users and not fresh.users,
        "tls_server_config": former.tls is not None and fresh.tls is None,
        "client_auth_type": old.client_certificate and not new.client_certificate,
        "client_allowed_sans": old.client_names and not new.client_names,
    }
    return [name for name, gone in lost.items() if gone]


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
