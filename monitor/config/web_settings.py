"""What a `web.yml` amounts to: how the server is protected, in plain values that can be pickled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.times import Millis
from monitor.net.server_tls import ServerTls

Stamp = tuple[int, int, int]
"""What a file's contents are told apart by without reading them: time of the last change, size, inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A bucket of `burst` requests that fills by one each `interval`."""

    interval: Millis
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WebFile:
    """One reading of the file."""

    file: str
    tls: ServerTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Sent with each answer."""
    users: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to the bcrypt hash of the password. Empty: nobody is asked."""
    rate_limit: RateLimit | None = None
    stamp: Stamp | None = field(default=None, compare=False)
    """Of the file as it was opened, before it was read: what is written from then on gives it another one."""

    def __repr__(self) -> str:
        return f"WebFile({self.file!r}, {self.tls}, {len(self.users)} users)"


def stamp_of(status: os.stat_result) -> Stamp:
    return (status.st_mtime_ns, status.st_size, status.st_ino)
