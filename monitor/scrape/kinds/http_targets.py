"""Targets listed by a web service (`http_sd_configs`). Source: prometheus discovery/http/http.go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.model.errors import PeerError
from monitor.model.times import MINUTE, Millis
from monitor.net.http_config import HttpClient
from monitor.scrape.discovery import Found, Groups, read_groups

# The configuration is read by a process that knows the options below and asks nobody: it starts sooner without a client.
if TYPE_CHECKING:
    from monitor.net.asking import Asking

_MOST_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTargets:
    """An entry of `http_sd_configs`."""

    url: str = field(repr=False)
    refresh: Millis = MINUTE
    client: HttpClient


class HttpFinder:
    """Asks within the refresh interval."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def find(self, options: HttpTargets, last: Mapping[str, Groups]) -> Found:
        """Raises PeerError when there is no good answer."""
        from monitor.net.asking import body_of

        headers = {
            "Accept": "application/json",
            "X-Prometheus-Refresh-Interval-Seconds": f"{options.refresh / 1000:g}",
        }
        async with self._asking.get(options.url, options.client, headers, options.refresh) as response:
            if response.content_type.lower() != "application/json":
                raise PeerError(f'unsupported content type "{response.headers.get("Content-Type", "")}"')
            body = await body_of(response, _MOST_BYTES)
        if body is None:
            raise PeerError(f"answered more than {_MOST_BYTES >> 20} MB")
        groups = await asyncio.to_thread(_read, body, options.url)
        return Found({options.url: groups})


def _read(body: bytes, url: str) -> Groups:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PeerError(f"is not UTF-8: {error.reason}") from error
    return read_groups(text, url, {"__meta_url": url}, is_json=True)
