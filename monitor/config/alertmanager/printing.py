"""A configuration as Alertmanager prints it: complete, without what is empty, with its secrets covered."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, cast
from urllib.parse import urlsplit

from monitor.config.alertmanager.catalogue import INTEGRATIONS, OURS
from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager.inheritance import CLIENT_DEFAULTS, Plain, plain
from monitor.config.alertmanager.kinds import UPDATED, AddressTemplate, TemplateUrl, UpdatedTemplate, WebUrl
from monitor.config.alertmanager.receiver_list import NamedReceiver
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import COVERED, Kind, Secret, Span
from monitor.config.golang.spans import GoSpan, format_go_duration
from monitor.config.golang.structs import ListOf, MapOf, Struct, Values
from monitor.model.times import format_duration
from monitor.net.url import redacted

_QUERY: Final = re.compile(r"([?&][^=&#]*=)[^&#]+")
_KEPT: Final = frozenset(
    {
        "enable_http2",
        "enable_update",
        "follow_redirects",
        "insecure_skip_verify",
        "require_tls",
        "resolve_timeout",
        "send_resolved",
        "smtp_require_tls",
    }
)
"""Printed also when they are false or zero: absent they would mean something else."""
_OPEN: Final = frozenset(
    {
        "brokers",
        "client_type",
        "compression",
        "endpoint",
        "max_version",
        "min_version",
        "path",
        "server_name",
        "timeout",
        "topic",
        "type",
    }
)
"""Texts of sections whose structure nobody here knows that hold no secret; nor do names of files."""


def printed_global(values: Values, *, cover: bool = True) -> dict[str, object]:
    """The global section with its defaults."""
    found = plain(GLOBAL, values)
    found["http_config"] = found["http_config"] or dict(CLIENT_DEFAULTS)
    found["smtp_tls_config"] = found["smtp_tls_config"] or {"insecure_skip_verify": False}
    return _printed(GLOBAL, found, cover)


def printed_receiver(receiver: NamedReceiver, *, cover: bool = True) -> dict[str, object]:
    """A receiver with all that its integrations inherit."""
    lists = {
        key: [_printed(INTEGRATIONS[key], one.values, cover, without=OURS.get(key, ())) for one in many]
        for key, many in receiver.integrations.items()
    }
    return {"name": receiver.name, "labels": dict(receiver.labels), **lists}


def printed_value(kind: Kind, value: object, *, cover: bool = True) -> object:
    """One value of this kind."""
    if isinstance(kind, Secret | TemplateUrl) or (isinstance(kind, WebUrl) and kind.secret):
        return COVERED if cover else value
    if isinstance(kind, WebUrl | AddressTemplate) and isinstance(value, str) and cover:
        # a token in the query is a common way to say who one is
        return _QUERY.sub(rf"\1{COVERED}", redacted(value))
    if isinstance(kind, GoSpan) and isinstance(value, int):
        return format_go_duration(value)
    if isinstance(kind, Span) and isinstance(value, int):
        return format_duration(value)
    if isinstance(kind, UpdatedTemplate) and isinstance(value, dict):
        return _printed(UPDATED, cast("Plain", value), cover)
    if isinstance(kind, Struct) and isinstance(value, dict):
        own = cast("Plain", value)
        return _printed(kind, _with_bearer(own) if kind is CLIENT else own, cover)
    if isinstance(value, dict):
        inner = kind.item if isinstance(kind, MapOf) else kind
        return {key: printed_value(inner, each, cover=cover) for key, each in cast("Plain", value).items()}
    if isinstance(value, list):
        inner = kind.item if isinstance(kind, ListOf) else kind
        return [printed_value(inner, each, cover=cover) for each in cast("list[object]", value)]
    return redacted(value) if cover and isinstance(value, str) else value


def printed_unserved(value: object, key: str = "") -> object:
    """A section that is taken as it is written (`tracing`, `event_recorder`). Whatever may be a secret in it is covered: all
    texts that are not known to be none; of an address the host stays, so that amtool still reads it as one."""
    if isinstance(value, dict):
        return {name: printed_unserved(each, str(name)) for name, each in cast("Plain", value).items()}
    if isinstance(value, list):
        return [printed_unserved(each, key) for each in cast("list[object]", value)]
    if not isinstance(value, str) or not value:
        return value
    if key in _OPEN or key.endswith("_file"):
        return redacted(value)
    if key == "url" and (host := urlsplit(value).hostname):
        return f"{urlsplit(value).scheme}://{host}/{COVERED}"
    return COVERED


def _printed(struct: Struct, values: Plain, cover: bool, *, without: Collection[str] = ()) -> dict[str, object]:
    """`without`: Watchkeeper's own keys, since amtool reads the printed configuration strictly."""
    found: dict[str, object] = {}
    for key, kind in struct.keys.items():
        value = values.get(key)
        if key in without or _empty(value, key):
            continue
        found[key] = printed_value(kind, value, cover=cover)
    return found


def _empty(value: object, key: str) -> bool:
    return value is None or (value in ("", [], {}, 0) and key not in _KEPT)


def _with_bearer(client: Plain) -> Plain:
    """The older form of a bearer's token is turned into the newer one when it is read. Source: prometheus/common
    config/http_config.go, Validate."""
    inline, file = client.get("bearer_token"), client.get("bearer_token_file")
    if not (inline or file):
        return client
    bearer = {"type": "Bearer", "credentials": inline or "", "credentials_file": file or ""}
    return {**client, "authorization": bearer, "bearer_token": None, "bearer_token_file": None}
