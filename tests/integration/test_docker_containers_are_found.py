"""Containers of a Docker daemon, which is played by a web server that answers as one does."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from monitor.model.errors import PeerError
from monitor.net.asking import Asking
from monitor.scrape.kinds.docker_targets import DockerFinder, DockerTargets

SHOP: Mapping[str, Any] = {
    "Id": "c1",
    "Names": ["/shop", "/other"],
    "Labels": {"com.docker.compose.service": "shop"},
    "HostConfig": {"NetworkMode": "front"},
    "Ports": [
        {"PrivatePort": 8080, "PublicPort": 80, "IP": "0.0.0.0", "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"},
        {"PrivatePort": 9100, "Type": "tcp"},
    ],
    "NetworkSettings": {
        "Networks": {
            "front": {"NetworkID": "n1", "IPAddress": "172.20.0.2"},
            "back": {"NetworkID": "n2", "IPAddress": "172.21.0.2"},
        }
    },
}
SIDECAR: Mapping[str, Any] = {
    "Id": "c2",
    "Names": ["/sidecar"],
    "HostConfig": {"NetworkMode": "container:c1"},
    "Ports": [],
    "NetworkSettings": {"Networks": {}},
}
EXPORTER: Mapping[str, Any] = {
    "Id": "c3",
    "Names": ["/exporter"],
    "HostConfig": {"NetworkMode": "host"},
    "Ports": [],
    "NetworkSettings": {"Networks": {"host": {"NetworkID": "n3", "IPAddress": ""}}},
}
NETWORKS: list[Mapping[str, Any]] = [
    {"Id": "n1", "Name": "front", "Scope": "local", "Internal": False, "Ingress": False, "Labels": {"a-b": "c"}},
    {"Id": "n2", "Name": "back", "Scope": "local", "Internal": True, "Ingress": False, "Labels": None},
    {"Id": "n3", "Name": "host", "Scope": "local", "Internal": False, "Ingress": False, "Labels": {}},
]


@asynccontextmanager
async def docker(socket: Path, containers: object) -> AsyncGenerator[list[str]]:
    """A daemon with these containers at this socket; the paths that were asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response(NETWORKS if request.path == "/networks" else containers)

    app = web.Application()
    app.router.add_get("/containers/json", answer)
    app.router.add_get("/networks", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield asked
    finally:
        await runner.cleanup()


async def found(socket: Path, **options: Any) -> list[tuple[str, Mapping[str, str]]]:
    """Addresses and labels, whose common beginning is left out."""
    async with aiohttp.ClientSession() as session:
        finder = DockerFinder(Asking(lambda: session))
        groups = (await finder.find(DockerTargets(host=f"unix://{socket}", **options), {})).groups
    return [
        (group.addresses[0], {name.removeprefix("__meta_docker_"): value for name, value in group.labels.items()})
        for group in groups
    ]


async def test_each_port_of_a_container_is_a_target(tmp_path: Path) -> None:
    """Of its first network by name, with what is known of container, network and port."""
    async with docker(tmp_path / "d", [SHOP]):
        targets = await found(tmp_path / "d")
    assert [address for address, _ in targets] == ["172.21.0.2:8080", "172.21.0.2:9100"]
    assert targets[0][1] == {
        "container_id": "c1",
        "container_name": "/shop",
        "container_network_mode": "front",
        "container_label_com_docker_compose_service": "shop",
        "network_id": "n2",
        "network_name": "back",
        "network_scope": "local",
        "network_internal": "true",
        "network_ingress": "false",
        "network_ip": "172.21.0.2",
        "port_private": "8080",
        "port_public": "80",
        "port_public_ip": "0.0.0.0",
    }
    assert "port_public" not in targets[1][1]


async def test_all_networks_when_asked_for(tmp_path: Path) -> None:
    """With the labels of each."""
    async with docker(tmp_path / "d", [SHOP]):
        targets = await found(tmp_path / "d", match_first_network=False)
    assert [address for address, _ in targets] == [
        "172.21.0.2:8080",
        "172.21.0.2:9100",
        "172.20.0.2:8080",
        "172.20.0.2:9100",
    ]
    assert targets[2][1]["network_label_a_b"] == "c"


async def test_containers_without_ports_have_the_port_of_the_job(tmp_path: Path) -> None:
    """In the network of another container its address; in that of the host the host that is named, without a port."""
    async with docker(tmp_path / "d", [SHOP, SIDECAR, EXPORTER]):
        targets = await found(tmp_path / "d", port=9090, host_networking_host="10.0.0.1")
    assert [address for address, _ in targets][2:] == ["172.21.0.2:9090", "10.0.0.1"]
    assert targets[2][1]["container_name"] == "/sidecar"


async def test_filters_are_passed_on(tmp_path: Path) -> None:
    """In the form that Docker reads."""
    async with docker(tmp_path / "d", []) as asked:
        assert await found(tmp_path / "d", filters=(("label", ("a=b", "c")), ("status", ("running",)))) == []
    (filters,) = parse_qs(urlsplit(asked[0]).query)["filters"]
    assert json.loads(filters) == {"label": {"a=b": True, "c": True}, "status": {"running": True}}


@pytest.mark.parametrize("answer", [{"message": "no"}, [{"Id": "c", "Names": ["/c"], "NetworkSettings": "none"}]])
async def test_an_answer_of_another_shape_is_told(tmp_path: Path, answer: object) -> None:
    """So that the targets of before are kept."""
    async with docker(tmp_path / "d", answer):
        with pytest.raises(PeerError, match=r"is not a list|unknown shape"):
            await found(tmp_path / "d")


async def test_a_daemon_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the socket's path."""
    with pytest.raises(PeerError, match="unix:///"):
        await found(tmp_path / "none")
