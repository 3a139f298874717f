"""Discovery in clusters of containers and machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.golang.http_client import TLS, custom
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Span, Text, Url, Whole, url_mistake
from monitor.config.golang.structs import ListOf, Struct, Values, need, refuse_unknown_word
from monitor.config.prometheus.discovery.served import docker_host
from monitor.config.prometheus.discovery.shapes import PORT, asking, every, filters, plain, role
from monitor.model.times import MINUTE

_SELECTABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "pod": ("pod", "node"),
    "service": ("service",),
    "endpointslice": ("pod", "service", "endpointslice"),
    "endpoints": ("pod", "service", "endpoints"),
    "node": ("node",),
    "ingress": ("ingress",),
}


def _kubernetes(values: Values, reading: Reading) -> None:
    """As Prometheus does, the first of these mistakes only."""
    server, file = "api_server" in values.given, values.text("kubeconfig_file")
    namespaces = values.one("namespaces")
    own = namespaces is not None and namespaces.flag("own_namespace")
    for wrong, key, text in (
        (server and file, "kubeconfig_file", "cannot use 'kubeconfig_file' and 'api_server' simultaneously"),
        (
            file and custom(values),
            "kubeconfig_file",
            "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
        ),
        (
            not server and custom(values),
            "api_server",
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
        ),
        (server and own, "namespaces", "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"),
        (file and own, "namespaces", "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"),
    ):
        if wrong:
            reading.refuse(values.at(key), text, "keep one of the two")
            return
    _selectors(values, reading)


def _selectors(values: Values, reading: Reading) -> None:
    word = values.text("role")
    seen: set[str] = set()
    for selector in values.many("selectors"):
        kind = selector.text("role")
        allowed = _SELECTABLE.get(word)
        if kind in seen:
            reading.refuse(selector.at("role"), f"duplicated selector role: {kind}", "keep one of them")
        elif allowed is not None and kind not in allowed:
            text = f"{word} role supports only {', '.join(allowed)} selectors"
            reading.refuse(selector.at("role"), text, f"one of: {', '.join(allowed)}")
        seen.add(kind)
        for key in ("field", "label"):
            for term in filter(None, selector.text(key).split(",")):
                if key == "field" and "=" not in term:
                    text = f"invalid selector: '{selector.text(key)}'; can't understand '{term}'"
                    reading.refuse(selector.at(key), text, "write name=value")


def _kuma(values: Values, reading: Reading) -> None:
    server = values.text("server")
    wrong = url_mistake(server)
    scheme, colon, host = server.partition("://")
    if not server:
        reading.refuse(values.at("server"), "kuma SD server must not be empty: ", "set server")
    elif wrong:
        reading.refuse(values.at("server"), wrong, "write http://host:port")
    elif not (colon and scheme and host):
        text = f"kuma SD server must not be empty and have a scheme: {server}"
        reading.refuse(values.at("server"), text, "write http://host:port")


def _marathon(values: Values, reading: Reading) -> None:
    tokens = values.set("auth_token", "auth_token_file")

    def refuse(key: str, text: str) -> None:
        reading.refuse(values.at(key), f"marathon_sd: at most one of {text} must be configured", "keep one of them")

    if not values.texts("servers"):
        text = "marathon_sd: must contain at least one Marathon server"
        reading.refuse(values.at("servers"), text, "set servers")
    elif len(tokens) > 1:
        refuse("auth_token_file", "auth_token & auth_token_file")
    elif tokens and values.one("basic_auth"):
        refuse(tokens[0], "basic_auth, auth_token & auth_token_file")
    elif tokens and values.set("bearer_token", "bearer_token_file"):
        refuse(tokens[0], "bearer_token, bearer_token_file, auth_token & auth_token_file")
    elif tokens and values.one("authorization"):
        refuse(tokens[0], "auth_token, auth_token_file & authorization")


def _nomad(values: Values, reading: Reading) -> None:
    if not values.text("server").strip():
        reading.refuse(values.at("server"), "nomad SD configuration requires a server address", "set server")


def _uyuni(values: Values, reading: Reading) -> None:
    wrong = url_mistake(values.text("server"))
    if wrong:
        reading.refuse(values.at("server"), f"Uyuni Server URL is not valid: {wrong}", "write https://host")


STRUCTS: Final[Mapping[str, Struct]] = {
    "dockerswarm_sd": asking(
        "moby",
        {
            "host": Text(),
            "role": Text(),
            "port": PORT,
            "filters": filters("moby", "Filter"),
            "refresh_interval": every(60),
        },
        need("host", "host missing"),
        docker_host,
        role(
            ("services", "nodes", "tasks"),
            "role missing (one of: tasks, services, nodes)",
            "invalid role {0}, expected tasks, services, or nodes",
        ),
    ),
    "kubernetes_sd": asking(
        "kubernetes",
        {
            "api_server": Url(),
            "role": Text(),
            "kubeconfig_file": File(),
            "namespaces": Struct(inside="kubernetes", keys={"own_namespace": Flag(), "names": ListOf()}),
            "selectors": ListOf(
                item=Struct(inside="kubernetes", keys={"role": Text(), "label": Text(), "field": Text()})
            ),
            "attach_metadata": Struct(
                inside="kubernetes", go="kubernetes.AttachMetadataConfig", keys={"node": Flag(), "namespace": Flag()}
            ),
        },
        role(
            tuple(_SELECTABLE),
            "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)",
            "unknown Kubernetes SD role {0}",
        ),
        _kubernetes,
    ),
    "kuma_sd": asking(
        "xds",
        {
            "server": Text(),
            "refresh_interval": every(15),
            "fetch_timeout": Span(default=2 * MINUTE),
            "client_id": Text(),
        },
        _kuma,
    ),
    "marathon_sd": asking(
        "marathon",
        {"servers": ListOf(), "refresh_interval": every(30), "auth_token": Secret(), "auth_token_file": File()},
        _marathon,
    ),
    "nomad_sd": asking(
        "nomad",
        {
            "allow_stale": Flag(default=True),
            "namespace": Text(default="default"),
            "refresh_interval": every(60),
            "region": Text(default="global"),
            "server": Text(default="http://localhost:4646"),
            "tag_separator": Text(default=","),
        },
        _nomad,
    ),
    "openstack_sd": plain(
        "openstack",
        {
            "identity_endpoint": Text(),
            "username": Text(),
            "userid": Text(),
            "password": Secret(),
            "project_name": Text(),
            "project_id": Text(),
            "domain_name": Text(),
            "domain_id": Text(),
            "application_credential_name": Text(),
            "application_credential_id": Text(),
            "application_credential_secret": Secret(),
            "role": Text(),
            "region": Text(),
            "refresh_interval": every(60),
            "port": PORT,
            "all_tenants": Flag(),
            "tls_config": TLS,
            "availability": Text(default="public"),
        },
        refuse_unknown_word(
            "availability",
            ("public", "internal", "admin"),
            "unknown availability {0}, must be one of admin, internal or public",
        ),
        role(("hypervisor", "instance", "loadbalancer"), "role missing (one of: instance, hypervisor, loadbalancer)"),
        need("region", "openstack SD configuration requires a region"),
    ),
    "triton_sd": plain(
        "triton",
        {
            "account": Text(),
            "role": Text(default="container"),
            "dns_suffix": Text(),
            "endpoint": Text(),
            "groups": ListOf(),
            "port": Whole(default=9163),
            "refresh_interval": every(60),
            "tls_config": TLS,
            "version": Whole(default=1),
        },
        refuse_unknown_word(
            "role", ("container", "cn"), "triton SD configuration requires role to be 'container' or 'cn'"
        ),
        need("account", "triton SD configuration requires an account"),
        need("dns_suffix", "triton SD configuration requires a dns_suffix"),
        need("endpoint", "triton SD configuration requires an endpoint"),
        need("refresh_interval", "triton SD configuration requires RefreshInterval to be a positive integer"),
    ),
    "uyuni_sd": asking(
        "uyuni",
        {
            "server": Text(),
            "username": Text(),
            "password": Secret(),
            "entitlement": Text(default="monitoring_entitled"),
            "separator": Text(default=","),
            "refresh_interval": every(60),
        },
        need("server", "Uyuni SD configuration requires server host"),
        _uyuni,
        need("username", "Uyuni SD configuration requires a username"),
        need("password", "Uyuni SD configuration requires a password"),
    ),
}
