"""Targets that are containers of a Docker daemon (`docker_sd_configs`).

Asked over its socket or over HTTP for containers and networks. Each published or exposed TCP port of each network of a
container is a target; a container without one is a target at the job's port. Source: prometheus discovery/moby/docker.go.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.surrogates import json_of
from monitor.model.times import MINUTE, Millis
from monitor.net.http_config import HttpClient
from monitor.scrape.discovery import Found, Groups
from monitor.scrape.jobs import TargetGroup

# The configuration is read by a process that knows the options below and asks nobody: it starts sooner without a client.
if TYPE_CHECKING:
    from monitor.net.asking import Asking

_META: Final = "__meta_docker_"
_MOST_BYTES: Final = 64 << 20
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_]")
_SHARED: Final = "container:"
"""How the network mode of a container begins that lives in another one's network."""

_Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerTargets:
    """An entry of `docker_sd_configs`."""

    host: str
    """`unix:///path`, `tcp://host:port`, `http://…` or `https://…`; `client` holds for the last two."""
    port: int = 80
    """Of containers that expose none."""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    host_networking_host: str = "localhost"
    match_first_network: bool = True
    refresh: Millis = MINUTE
    client: HttpClient = field(default_factory=HttpClient)


class DockerFinder:
    """Asks within the refresh interval."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def find(self, options: DockerTargets, last: Mapping[str, Groups]) -> Found:
        """Raises PeerError when there is no good answer."""
        async with self._reached(options) as (asking, base):
            containers = await _listed(asking, options, f"{base}/containers/json{_query(options)}")
            networks = await _listed(asking, options, f"{base}/networks")
        try:
            groups = tuple(_groups(containers, _network_labels(networks), options))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PeerError(f"{options.host}: an answer of an unknown shape: {type(error).__name__}") from error
        return Found({options.host: groups})

    @asynccontextmanager
    async def _reached(self, options: DockerTargets) -> AsyncGenerator[tuple[Asking, str]]:
        """Somebody who asks, and how the addresses begin."""
        scheme, _, rest = options.host.partition("://")
        if scheme == "unix":
            import aiohttp

            from monitor.net.asking import Asking

            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=rest)) as session:
                yield Asking(lambda: session), "http://docker"
        else:
            yield self._asking, f"{'http' if scheme == 'tcp' else scheme}://{rest.rstrip('/')}"


async def _listed(asking: Asking, options: DockerTargets, url: str) -> list[_Object]:
    from monitor.net.asking import body_of

    # the socket and plain TCP take none of the client's settings, as in Prometheus
    plain = urlsplit(options.host).scheme in ("unix", "tcp")
    client = HttpClient() if plain else options.client
    try:
        async with asking.get(url, client, {"Accept": "application/json"}, options.refresh) as response:
            body = await body_of(response, _MOST_BYTES)
    except PeerError as error:
        raise PeerError(f"{options.host}: {error}") from error
    if body is None:
        raise PeerError(f"{options.host}: answered more than {_MOST_BYTES >> 20} MB")
    try:
        found: object = await asyncio.to_thread(json_of, body)
    except (ValueError, RecursionError) as error:
        raise PeerError(f"{options.host}: is not JSON: {error}") from error
    if not isinstance(found, list):
        raise PeerError(f"{options.host}: is not a list")
    return [cast("_Object", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def _query(options: DockerTargets) -> str:
    if not options.filters:
        return ""
    wanted: dict[str, dict[str, bool]] = {}
    for name, values in options.filters:
        wanted.setdefault(name, {}).update(dict.fromkeys(values, True))
    return f"?filters={quote(json.dumps(wanted))}"


def _groups(
    containers: Sequence[_Object], networks: Mapping[str, Mapping[str, str]], options: DockerTargets
) -> Iterator[TargetGroup]:
    by_id = {str(one.get("Id")): one for one in containers}
    for container in containers:
        names = container.get("Names") or ()
        if not names:
            continue
        mode = _mode(container)
        common = {
            f"{_META}container_id": str(container.get("Id", "")),
            f"{_META}container_name": str(names[0]),
            f"{_META}container_network_mode": mode,
            **_labelled("container_label", container),
        }
        for network in _networks(container, by_id, options):
            shared = {**common, **networks.get(str(network.get("NetworkID", "")), {})}
            yield from _targets(container, network, shared, options)


def _networks(container: _Object, by_id: Mapping[str, _Object], options: DockerTargets) -> list[_Object]:
    """The networks of a container, or of the one whose network it shares."""
    seen: set[str] = set()
    found = _own_networks(container)
    while not found:
        mode = _mode(container)
        other = by_id.get(mode.removeprefix(_SHARED)) if mode.startswith(_SHARED) else None
        if other is None or mode in seen:
            return []
        seen.add(mode)
        container, found = other, _own_networks(other)
    there = [network for _, network in sorted(found.items()) if network is not None]
    return there[:1] if options.match_first_network else there


def _own_networks(container: _Object) -> dict[str, _Object | None]:
    return dict(_part(_part(container, "NetworkSettings"), "Networks"))


def _targets(
    container: _Object, network: _Object, shared: Mapping[str, str], options: DockerTargets
) -> Iterator[TargetGroup]:
    address = str(network.get("IPAddress", ""))
    shared = {**shared, f"{_META}network_ip": address}
    ports = [port for port in container.get("Ports") or () if port.get("Type") == "tcp"]
    for port in ports:
        private, public = int(port["PrivatePort"]), int(port.get("PublicPort") or 0)
        labels = {**shared, f"{_META}port_private": str(private)}
        if public:
            labels |= {f"{_META}port_public": str(public), f"{_META}port_public_ip": str(port.get("IP", ""))}
        yield _group(_joined(address, private), labels, options)
    if not ports:
        in_host = _mode(container) == "host"
        yield _group(options.host_networking_host if in_host else _joined(address, options.port), shared, options)


def _group(address: str, labels: Mapping[str, str], options: DockerTargets) -> TargetGroup:
    kept = {name: value for name, value in labels.items() if value}
    return TargetGroup(addresses=(address,), labels=Labels(kept), source=f"docker {options.host}")


def _network_labels(networks: Sequence[_Object]) -> dict[str, dict[str, str]]:
    return {
        str(one["Id"]): {
            f"{_META}network_id": str(one["Id"]),
            f"{_META}network_name": str(one.get("Name", "")),
            f"{_META}network_scope": str(one.get("Scope", "")),
            f"{_META}network_internal": "true" if one.get("Internal") else "false",
            f"{_META}network_ingress": "true" if one.get("Ingress") else "false",
            **_labelled("network_label", one),
        }
        for one in networks
    }


def _labelled(kind: str, one: _Object) -> dict[str, str]:
    return {f"{_META}{kind}_{_UNSAFE.sub('_', name)}": str(value) for name, value in _part(one, "Labels").items()}


def _mode(container: _Object) -> str:
    return str(_part(container, "HostConfig").get("NetworkMode", ""))


def _part(one: _Object, key: str) -> _Object:
    """An object inside another; an empty one where there is none. Raises TypeError."""
    part: object = one.get(key) or {}
    if not isinstance(part, dict):
        raise TypeError(f"{key} is not an object")
    return cast("_Object", part)


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
