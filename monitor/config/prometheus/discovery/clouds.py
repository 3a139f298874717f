"""Discovery in the large clouds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.golang.kinds import File, Kind, Reading, Secret, Text, Whole
from monitor.config.golang.structs import ListOf, Struct, Values, need
from monitor.config.prometheus.discovery.shapes import PORT, asking, every, filters, plain, role
from monitor.model.labels import quote

_AWS: Final[Mapping[str, Kind]] = {
    "endpoint": Text(),
    "region": Text(),
    "access_key": Text(),
    "secret_key": Secret(),
    "profile": Text(),
    "role_arn": Text(),
    "external_id": Text(),
    "port": PORT,
    "refresh_interval": every(60),
}
_MANY: Final[Mapping[str, Kind]] = {**_AWS, "clusters": ListOf(), "request_concurrency": Whole()}
_AZURE_METHODS: Final = ("OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity")


def _filled(values: Values, reading: Reading) -> None:
    for one in values.many("filters"):
        if not one.texts("values"):
            reading.refuse(one.at("values"), "EC2 SD configuration filter values cannot be empty", "set values")


def _azure(values: Values, reading: Reading) -> None:
    method = values.text("authentication_method")
    needed = ["subscription_id"]
    if method == "OAuth":
        needed += ["tenant_id", "client_id", "client_secret"]
    for key in needed:
        if not values.text(key):
            reading.refuse(values.at(key), f"azure SD configuration requires a {key}", f"set {key}")
    if method not in _AZURE_METHODS:
        *most, last = map(quote, _AZURE_METHODS)
        text = f"unknown authentication_type {quote(method)}. Supported types are {', '.join(most)} or {last}"
        reading.refuse(values.at("authentication_method"), text, ", ".join(_AZURE_METHODS))


def _oci(values: Values, reading: Reading) -> None:
    if values.text("auth") not in ("", "api_key", "instance_principal"):
        method = quote(values.text("auth"))
        text = f'oci_sd: unknown auth method {method}, expected "api_key" or "instance_principal"'
        reading.refuse(values.at("auth"), text, "api_key or instance_principal")


STRUCTS: Final[Mapping[str, Struct]] = {
    "aws_sd": asking(
        "aws",
        {"role": Text(), **_MANY, "filters": filters("aws", "EC2Filter")},
        role(
            ("ec2", "ecs", "elasticache", "lightsail", "msk", "rds"),
            "role missing (one of: ec2, ecs, elasticache, lightsail, msk, rds)",
            "unknown AWS SD role {0}",
        ),
        _filled,
    ),
    "ec2_sd": asking("aws", {**_AWS, "filters": filters("aws", "EC2Filter")}, _filled),
    "ecs_sd": asking("aws", _MANY),
    "elasticache_sd": asking("aws", _MANY),
    "lightsail_sd": asking("aws", _AWS),
    "msk_sd": asking("aws", _MANY),
    "rds_sd": asking("aws", {**_MANY, "instances": ListOf()}),
    "azure_sd": asking(
        "azure",
        {
            "environment": Text(default="AzurePublicCloud"),
            "port": PORT,
            "subscription_id": Text(),
            "tenant_id": Text(),
            "client_id": Text(),
            "client_secret": Secret(),
            "refresh_interval": every(300),
            "authentication_method": Text(default="OAuth"),
            "resource_group": Text(),
        },
        _azure,
    ),
    "gce_sd": plain(
        "gce",
        {
            "project": Text(),
            "zone": Text(),
            "filter": Text(),
            "refresh_interval": every(60),
            "port": PORT,
            "tag_separator": Text(default=","),
        },
        need("project", "GCE SD configuration requires a project"),
        need("zone", "GCE SD configuration requires a zone"),
    ),
    "oci_sd": asking(
        "oci",
        {
            "auth": Text(default="api_key"),
            "region": Text(),
            "tenancy": Text(),
            "user": Text(),
            "fingerprint": Text(),
            "key_file": File(),
            "key_passphrase": Secret(),
            "key_passphrase_file": File(),
            "compartments": ListOf(),
            "port": PORT,
            "refresh_interval": every(60),
        },
        _oci,
    ),
}
