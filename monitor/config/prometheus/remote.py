"""Sending samples away and asking others for them. Source: prometheus config/config.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from monitor.config.golang.http_client import HTTP_CLIENT, valid_client
from monitor.config.golang.kinds import File, Flag, Kind, Reading, Secret, Span, Text, Url, Whole
from monitor.config.golang.structs import ListOf, MapOf, Rule, Struct, Values, need
from monitor.config.prometheus.relabeling import relabel_configs
from monitor.model.times import MINUTE, SECOND

_RESERVED: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "user-agent",
        "www-authenticate",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-prometheus-remote-read-version",
        "x-prometheus-remote-write-version",
    }
)
_MESSAGES: Final = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")
_WAYS: Final = ("basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam")


def free_headers(authorization: str) -> Rule:
    """No header is one that we set ourselves; `authorization` is said of that one."""

    def rule(values: Values, reading: Reading) -> None:
        for header in values.mapping("headers"):
            if header.lower() == "authorization":
                reading.refuse(values.at("headers", header), authorization, "use basic_auth or authorization")
            elif header.lower() in _RESERVED:
                text = f"{header} is a reserved header. It must not be changed"
                reading.refuse(values.at("headers", header), text, "leave it out")

    return rule


_FREE_HEADERS: Final = free_headers(
    "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter"
)


def _signed(values: Values, reading: Reading) -> None:
    if len(values.set("access_key", "secret_key")) == 1:
        text = "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config"
        reading.refuse(values.path, text, "set both or none")


SIGV4: Final = Struct(
    inside="sigv4",
    keys={
        "region": Text(),
        "access_key": Text(),
        "secret_key": Secret(),
        "profile": Text(),
        "role_arn": Text(),
        "external_id": Text(),
        "use_fips_sts_endpoint": Flag(),
    },
    rules=(_signed,),
)


def _one_identity(values: Values, reading: Reading) -> None:
    ways = ("managed_identity", "workload_identity", "oauth", "sdk")
    names = ("Managed Identity", "Workload Identity", "OAuth", "SDK")
    if not any(values.one(way) for way in ways):
        known = ", ".join(f"Azure {name}" for name in names[:-1])
        reading.refuse(values.path, f"must provide an {known} or Azure SDK in the Azure AD config", "set one of them")
    for key in ("client_id", "tenant_id"):
        for way in ways:
            inner = values.one(way)
            if inner is not None and key in inner.given and not inner.text(key):
                reading.refuse(inner.at(key), f"must provide an Azure {way} {key} in the Azure AD config", f"set {key}")


_IDENTITY: Final[Mapping[str, Kind]] = {"client_id": Text(), "tenant_id": Text()}
_AZUREAD: Final = Struct(
    inside="azuread",
    keys={
        "cloud": Text(default="AzurePublic"),
        "managed_identity": Struct(go="azuread.ManagedIdentityConfig", keys={"client_id": Text()}),
        "workload_identity": Struct(go="azuread.WorkloadIdentityConfig", keys={**_IDENTITY, "token_file_path": Text()}),
        "oauth": Struct(go="azuread.OAuthConfig", keys={**_IDENTITY, "client_secret": Secret()}),
        "sdk": Struct(go="azuread.SDKConfig", keys={"tenant_id": Text()}),
        "scope": Text(),
    },
    rules=(_one_identity,),
)


def _queue(values: Values, reading: Reading) -> None:
    for key in ("max_shards", "min_shards", "capacity", "max_samples_per_send"):
        if values.whole(key) < 1:
            reading.refuse(values.at(key), f"remote write queue {key} must be positive", "1 or more")
    if values.whole("min_shards") > values.whole("max_shards") > 0:
        text = "remote write queue min_shards must not be greater than max_shards"
        reading.refuse(values.at("min_shards"), text, "lower min_shards or raise max_shards")
    if values.whole("max_backoff") < values.whole("min_backoff"):
        text = "remote write queue max_backoff must not be less than min_backoff"
        reading.refuse(values.at("max_backoff"), text, "raise max_backoff or lower min_backoff")


def _write(values: Values, reading: Reading) -> None:
    message = values.text("protobuf_message")
    if message not in _MESSAGES:
        text = (
            f"invalid protobuf_message value: unknown type for remote write protobuf message {message}, "
            f"supported: {', '.join(_MESSAGES)}"
        )
        reading.refuse(values.at("protobuf_message"), text, " or ".join(_MESSAGES))
    ways = [way for way in _WAYS if values.one(way) is not None]
    if len(ways) > 1:
        known = f"{', '.join(_WAYS[:-1])}, or {_WAYS[-1]}"
        text = f"at most one of {known} must be configured. Currently configured: [{' '.join(ways)}]"
        reading.refuse(values.at(ways[1]), text, "keep one of them")


REMOTE_WRITE: Final = Struct(
    title="Remote write",
    about="Who gets our samples.",
    keys={
        "url": Url(),
        "remote_timeout": Span(default=30 * SECOND),
        "headers": MapOf(),
        "write_relabel_configs": relabel_configs("empty or null relabeling rule in remote write config"),
        "name": Text(),
        "send_exemplars": Flag(),
        "send_native_histograms": Flag(served=False),
        "round_robin_dns": Flag(served=False),
        "protobuf_message": Text(default=_MESSAGES[0], allowed=_MESSAGES, go="remoteapi.WriteMessageType"),
        "queue_config": Struct(
            title="Remote write queue",
            about="How much waits, and how it is sent.",
            go="config.QueueConfig",
            keys={
                "capacity": Whole(default=10_000, about="Samples that wait in memory while the disk is full."),
                "max_shards": Whole(
                    default=50, served=False, about="There is one connection, so that samples keep their order."
                ),
                "min_shards": Whole(default=1, served=False, about="There is one connection."),
                "max_samples_per_send": Whole(default=2_000, about="Samples in one request."),
                "batch_send_deadline": Span(
                    default=5 * SECOND, about="A sample waits so long for others to go with it."
                ),
                "min_backoff": Span(default=30, about="Before a first repetition; doubled up to max_backoff."),
                "max_backoff": Span(default=5 * SECOND, about="Unless the receiver says how long."),
                "retry_on_http_429": Flag(about="Wait when the receiver has too much to do; otherwise it is lost."),
                "sample_age_limit": Span(about="Older samples are dropped instead of sent."),
            },
            rules=(_queue,),
        ),
        "metadata_config": Struct(
            title="Remote write metadata",
            about="Whether types and help texts are sent.",
            go="config.MetadataConfig",
            keys={
                "send": Flag(default=True),
                "send_interval": Span(default=MINUTE),
                "max_samples_per_send": Whole(default=2_000),
            },
        ),
        "sigv4": replace(SIGV4, served=False),
        "azuread": replace(_AZUREAD, served=False),
        "google_iam": Struct(go="googleiam.Config", keys={"credentials_file": File()}, served=False),
        **HTTP_CLIENT,
    },
    rules=(need("url", "url for remote_write is empty"), _FREE_HEADERS, _write, valid_client),
)
REMOTE_READ: Final = Struct(
    keys={
        "url": Url(),
        "remote_timeout": Span(default=MINUTE),
        "chunked_read_limit": Whole(unsigned=True, go="uint64"),
        "headers": MapOf(),
        "read_recent": Flag(),
        "name": Text(),
        "required_matchers": MapOf(),
        "filter_external_labels": Flag(default=True),
        **HTTP_CLIENT,
    },
    rules=(need("url", "url for remote_read is empty"), _FREE_HEADERS, valid_client),
)


def unique_names(values: Values, key: str, what: str, reading: Reading) -> None:
    """No two sections of this kind bear one name."""
    seen: set[str] = set()
    for one in values.many(key):
        name = one.text("name")
        if name and name in seen:
            text = f'found multiple {what} configs with job name "{name}"'
            reading.refuse(one.at("name"), text, "rename one of them")
        seen.add(name)


WRITES: Final = ListOf(
    item=REMOTE_WRITE, nothing="empty or null remote write config section", about="Who gets our samples."
)
READS: Final = ListOf(item=REMOTE_READ, nothing="empty or null remote read config section", served=False)
