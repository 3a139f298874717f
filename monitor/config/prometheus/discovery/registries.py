"""Discovery in registries of services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.golang.kinds import Flag, Reading, Secret, Span, Text, url_mistake
from monitor.config.golang.structs import ListOf, MapOf, Rule, Struct, Values, need
from monitor.config.prometheus.discovery.shapes import PORT, asking, every, plain, web_address
from monitor.model.times import SECOND


def _consul(values: Values, reading: Reading) -> None:
    if not values.text("server").strip():
        reading.refuse(values.at("server"), "consul SD configuration requires a server address", "set server")
    if values.set("username", "password") and values.one("basic_auth"):
        text = "at most one of consul SD configuration username and password and basic auth can be configured"
        reading.refuse(values.at("basic_auth"), text, "keep basic_auth")
    if values.text("token") and (values.one("authorization") or values.one("oauth2")):
        text = "at most one of consul SD token, authorization, or oauth2 can be configured"
        reading.refuse(values.at("token"), text, "keep one of them")


def _eureka(values: Values, reading: Reading) -> None:
    server = values.text("server")
    scheme, colon, rest = server.partition("://")
    wrong = url_mistake(server)
    if not server:
        reading.refuse(values.at("server"), "eureka_sd: empty or null eureka server", "set server")
    elif wrong:
        reading.refuse(values.at("server"), wrong, "write http://host:port/eureka")
    elif not (scheme and colon and rest.partition("/")[0]):
        reading.refuse(values.at("server"), "eureka_sd: invalid eureka server URL", "write http://host:port/eureka")


def _zookeeper(name: str) -> Rule:
    def rule(values: Values, reading: Reading) -> None:
        if not values.texts("servers"):
            text = f"{name} SD config must contain at least one Zookeeper server"
            reading.refuse(values.at("servers"), text, "set servers")
        if not values.texts("paths"):
            reading.refuse(values.at("paths"), f"{name} SD config must contain at least one path", "set paths")
        for place, path in enumerate(values.texts("paths")):
            if not path.startswith("/"):
                text = f"{name} SD config paths must begin with '/': {path}"
                reading.refuse(values.at("paths", place), text, f"write /{path}")

    return rule


def _in_zookeeper(name: str) -> Struct:
    keys = {"servers": ListOf(), "paths": ListOf(), "timeout": Span(default=10 * SECOND)}
    return plain("zookeeper", keys, _zookeeper(name))


STRUCTS: Final[Mapping[str, Struct]] = {
    "consul_sd": asking(
        "consul",
        {
            "server": Text(default="localhost:8500"),
            "path_prefix": Text(),
            "token": Secret(),
            "datacenter": Text(),
            "namespace": Text(),
            "partition": Text(),
            "tag_separator": Text(default=","),
            "scheme": Text(default="http"),
            "username": Text(),
            "password": Secret(),
            "allow_stale": Flag(default=True),
            "services": ListOf(),
            "tags": ListOf(),
            "node_meta": MapOf(),
            "filter": Text(),
            "health_filter": Text(),
            "refresh_interval": every(30),
        },
        _consul,
    ),
    "eureka_sd": asking("eureka", {"server": Text(), "refresh_interval": every(30)}, _eureka),
    "nerve_sd": _in_zookeeper("nerve"),
    "serverset_sd": _in_zookeeper("serverset"),
    "puppetdb_sd": asking(
        "puppetdb",
        {
            "url": Text(),
            "query": Text(),
            "include_parameters": Flag(),
            "port": PORT,
            "refresh_interval": every(60),
        },
        web_address("url", "URL is missing"),
        need("query", "query missing"),
    ),
}
