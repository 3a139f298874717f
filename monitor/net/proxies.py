"""Which proxy a request goes through, if any. Source: Go's golang.org/x/net/http/httpproxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Proxies by the scheme of what is asked, and who is asked without one."""

    http: str = ""
    https: str = ""
    without: str = ""
    """Hosts, domains, addresses and networks, separated by commas; `*` for all."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Proxies:
        """As HTTP_PROXY, HTTPS_PROXY and NO_PROXY say, in capitals or not."""

        def value(name: str) -> str:
            return variables.get(name) or variables.get(name.lower(), "")

        return cls(http=value("HTTP_PROXY"), https=value("HTTPS_PROXY"), without=value("NO_PROXY"))

    def of(self, url: str) -> str:
        """The proxy for this URL; empty for none. This machine itself is never asked through one."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if not proxy or _is_here(host) or self._is_without(host, port):
            return ""
        return proxy if "://" in proxy else f"http://{proxy}"

    def _is_without(self, host: str, port: int) -> bool:
        address = _address(host)
        for word in self.without.lower().split(","):
            entry = word.strip()
            if entry == "*":
                return True
            if entry and (_in_network(address, entry) or _named(host, address, port, entry)):
                return True
        return False


def _named(host: str, address: _Address | None, port: int, entry: str) -> bool:
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdecimal() and (":" not in name or name.startswith("[")):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if address is not None:
        return address == _address(entry)
    if entry.startswith("*."):
        entry = entry[1:]
    return host.endswith(entry) if entry.startswith(".") else host == entry or host.endswith(f".{entry}")


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_network(address: _Address | None, entry: str) -> bool:
    if address is None or "/" not in entry:
        return False
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
