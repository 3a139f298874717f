"""How somebody is asked over HTTP: who we say we are, whom we believe, through which proxy. Plain values.

Names and meaning are those of `http_config`, as Prometheus and Alertmanager share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from monitor.net.tls import SYSTEM_TRUST, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What stands in the Authorization header. Exactly one of `secret` and `secret_file` is set; the file is read at each
    use, so that rotated secrets need no reload."""

    type: str = "Bearer"
    """`Basic` takes `username` too; any other word stands before the secret as it is."""
    username: str = ""
    username_file: str = ""
    """A file that holds it, instead."""
    secret: str = field(default="", repr=False)
    secret_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header with any number of values, some of them in files that are read at each use."""

    name: str
    values: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """How to get a token by client credentials. At most one of `secret` and `secret_file` is set."""

    client_id: str
    token_url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    secret_file: str = ""
    scopes: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """More fields of the question; any may be a secret."""
    trust: Trust = SYSTEM_TRUST
    proxy_url: str = field(default="", repr=False)
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpClient:
    """How somebody is asked over HTTP."""

    authorization: Authorization | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    follow_redirects: bool = True
    trust: Trust = SYSTEM_TRUST
    proxy_url: str = field(default="", repr=False)
    no_proxy: str = ""
    """Who is asked without it (net/proxies.py)."""
    proxy_from_environment: bool = False
    """Take all that from the environment instead."""
    proxy_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """For the proxy itself."""
    more_headers: tuple[Header, ...] = ()
    oauth2: OAuth2 | None = None


PLAIN: Final = HttpClient()
"""Nothing is said of it: as by default."""
