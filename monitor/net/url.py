"""Web addresses, taken apart once: where to connect, what to ask for, what to say in `Host`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 8192
_USER_INFO: Final = re.compile(r"(?<=://)([^:/?#@\s]*:)?[^/?#\s]*@")
# Characters that may stand as they are in a path and query; `%` stays because escapes are kept.
_SAFE: Final = "/?:@!$&'()*+,;=-._~%[]|^`{}\"<>\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An absolute http or https address."""

    secure: bool
    host: str
    """Without brackets; international names in their ASCII form."""
    port: int
    target: str
    """Path and query, as sent; never empty."""
    authority: str
    """What the Host header says: the port only when it is not the scheme's own."""
    userinfo: str = ""
    """`user:password` when the address carries it, still escaped."""

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.target}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """Scheme, host and port: what a credential is meant for."""
        return (self.secure, self.host, self.port)


def parse_url(text: str) -> Url:
    """Take an address apart; without a scheme it is http. Raises ValueError that says what is wrong."""
    if len(text) > _LONGEST:
        raise ValueError(f"address is longer than {_LONGEST} characters")
    if not text.isprintable():
        raise ValueError(f"address {text!r} has control characters")
    if "://" not in text:
        text = f"http://{text}"
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"scheme {scheme!r} is not http or https")
    host = parts.hostname
    if not host:
        raise ValueError(f"address {text!r} has no host")
    host = ascii_host(host)
    try:
        port = parts.port or _DEFAULT_PORTS[scheme]
    except ValueError as error:
        raise ValueError(f"port of {text!r} is not a number from 1 to 65535") from error
    path = quote(parts.path or "/", safe=_SAFE)
    target = f"{path}?{quote(parts.query, safe=_SAFE)}" if parts.query else path
    shown = f"[{host}]" if ":" in host else host
    return Url(
        secure=scheme == "https",
        host=host,
        port=port,
        target=target if target.startswith("/") else f"/{target}",
        authority=shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}",
        userinfo=parts.netloc.rpartition("@")[0],
    )


def redacted(text: str) -> str:
    """A text whose addresses tell no password, as Go's URL.Redacted has it: `http://user:xxxxx@host`. A name without a
    password is taken for a token."""
    return _USER_INFO.sub(r"\1xxxxx@", text)


def redacted_address(text: str) -> str:
    """A text that is an address, with or without a scheme: `user:xxxxx@host`. A name without a password is taken for a
    token."""
    before, at, host = text.rpartition("@")
    if not at:
        return text
    start = before.find("://") + 3 if "://" in before else 0
    user, colon, _ = before[start:].partition(":")
    return f"{before[:start]}{user if colon else ''}{colon}xxxxx@{host}"


def follow(base: Url, location: str) -> Url:
    """Where a redirect leads. Raises ValueError."""
    joined = urljoin(str(base), location.strip())
    if "://" not in joined:
        raise ValueError(f"scheme of {joined[:60]!r} is not http or https")
    return parse_url(joined)


def parse_host_port(text: str) -> tuple[str, int]:
    """`db.example:5432` or `[2001:db8::1]:443`. Raises ValueError."""
    if "@" in text:
        raise ValueError(f"{redacted_address(text)!r}: write host:port alone, without user and password")
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: write an IPv6 address in brackets, as [2001:db8::1]:443")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not host:port")
    return ascii_host(host), int(port)


def ascii_host(host: str) -> str:
    """The host in the form that DNS and TLS use. Raises ValueError."""
    if host.isascii():
        if any(char <= " " or char in "/\\@<>\"'`{}|^\x7f" for char in host):
            raise ValueError(f"host {host!r} has characters that no host name has")
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"host {host!r} is not a valid international name") from error
