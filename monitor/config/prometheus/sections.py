"""The other sections of Prometheus's file: alerting, storage, tracing, OTLP, runtime. Source: prometheus config/config.go."""

from __future__ import annotations

from typing import Final

from monitor.config.golang.http_client import HTTP_CLIENT, TLS, valid_client
from monitor.config.golang.kinds import Flag, Reading, Real, Size, Span, Text, Whole
from monitor.config.golang.structs import ListOf, MapOf, Struct, Values, need, refuse_unknown_word
from monitor.config.prometheus.discovery.registry import DISCOVERIES
from monitor.config.prometheus.relabeling import relabel_configs
from monitor.config.prometheus.remote import SIGV4, free_headers
from monitor.config.prometheus.scrape import refuse_urls
from monitor.model.labels import quote
from monitor.model.times import SECOND

_STRATEGIES: Final = (
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
)


def _alertmanager(values: Values, reading: Reading) -> None:
    ways = [way for way in ("basic_auth", "authorization", "oauth2", "sigv4") if values.one(way) is not None]
    if values.one("sigv4") is not None and len(ways) > 1:
        text = "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured"
        reading.refuse(values.at("sigv4"), text, "keep one of them")
    if not values.many("relabel_configs"):
        refuse_urls(values, reading)


ALERTING: Final = Struct(
    about="What alerts of rules are told with.",
    keys={
        "alert_relabel_configs": relabel_configs(
            "empty or null alert relabeling rule", "Of alerts that leave the rules, after external labels were added."
        ),
        "alertmanagers": ListOf(
            go="config.AlertmanagerConfigs",
            about="Alerts are notified by Watchkeeper itself (alertmanager_file, or alertmanager here); no other one is told.",
            served=False,
            item=Struct(
                go="config.AlertmanagerConfig",
                keys={
                    "scheme": Text(default="http"),
                    "path_prefix": Text(),
                    "timeout": Span(default=10 * SECOND),
                    "api_version": Text(default="v2"),
                    "sigv4": SIGV4,
                    "relabel_configs": relabel_configs("empty or null Alertmanager target relabeling rule"),
                    "alert_relabel_configs": relabel_configs("empty or null Alertmanager alert relabeling rule"),
                    **DISCOVERIES,
                    **HTTP_CLIENT,
                },
                rules=(
                    refuse_unknown_word(
                        "api_version", ("v2",), "expected Alertmanager api version to be one of [v2] but got {0}"
                    ),
                    valid_client,
                    _alertmanager,
                ),
            ),
        ),
    },
)


def _share(values: Values, reading: Reading) -> None:
    if not 0 <= values.real("percentage") <= 100:
        text = "'storage.tsdb.retention.percentage' must be in the range [0, 100]"
        reading.refuse(values.at("percentage"), text, "0 to 100")


def _encoding(values: Values, reading: Reading) -> None:
    word = values.text("floats")
    if "floats" in values.given and word not in ("xor", "xor2"):
        text = (
            "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, "
            f"got {quote(word)}"
        )
        reading.refuse(values.at("floats"), text, "leave it out")


STORAGE: Final = Struct(
    go="config.StorageConfig",
    keys={
        "tsdb": Struct(
            keys={
                "out_of_order_time_window": Span(about="Taken where storage.out_of_order_time_window is not set."),
                "stale_series_compaction_threshold": Real(served=False),
                "retention": Struct(
                    about="Set storage.retention and storage.retention_size in Watchkeeper's own file instead.",
                    served=False,
                    keys={"time": Span(), "size": Size(), "percentage": Real()},
                    rules=(_share,),
                ),
                "chunk_encoding": Struct(served=False, keys={"floats": Text()}, rules=(_encoding,)),
            },
        ),
        "exemplars": Struct(
            served=False,
            go="config.ExemplarsConfig",
            keys={"max_exemplars": Whole(go="int64", default=100_000)},
        ),
    },
)


def _compression(values: Values, reading: Reading) -> None:
    word = values.text("compression")
    if word and word != "gzip":
        text = f"invalid compression type {word} provided, valid options: gzip"
        reading.refuse(values.at("compression"), text, "gzip")


TRACING: Final = Struct(
    served=False,
    keys={
        "client_type": Text(default="grpc", go="config.TracingClientType"),
        "endpoint": Text(),
        "sampling_fraction": Real(),
        "insecure": Flag(),
        "tls_config": TLS,
        "headers": MapOf(),
        "compression": Text(),
        "timeout": Span(),
    },
    rules=(
        refuse_unknown_word(
            "client_type", ("http", "grpc"), "expected tracing client type to be to be http or grpc, but got {0}"
        ),
        free_headers("custom authorization header configuration is not yet supported"),
        need("endpoint", "tracing endpoint must be set"),
        _compression,
    ),
)


def _attributes(values: Values, reading: Reading) -> None:
    everything = values.flag("promote_all_resource_attributes")
    promoted, ignored = values.texts("promote_resource_attributes"), values.texts("ignore_resource_attributes")
    if everything and promoted:
        text = "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously"
        reading.refuse(values.at("promote_resource_attributes"), text, "keep one of the two")
    elif ignored and not everything:
        text = "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true"
        reading.refuse(values.at("ignore_resource_attributes"), text, "set promote_all_resource_attributes")
    else:
        key, word = ("ignore", "ignored") if everything else ("promote", "promoted")
        _each_once(f"{key}_resource_attributes", word, values, reading)


def _each_once(key: str, word: str, values: Values, reading: Reading) -> None:
    seen: set[str] = set()
    for place, text in enumerate(values.texts(key)):
        attribute = text.strip()
        wrong = ""
        if not attribute:
            wrong = f"empty {word} OTel resource attribute"
        elif attribute in seen:
            wrong = f"duplicated {word} OTel resource attribute {quote(attribute)}"
        if wrong:
            reading.refuse(values.at(key, place), f"invalid '{key}': {wrong}", "remove it", problem=wrong)
        seen.add(attribute)


OTLP: Final = Struct(
    served=False,
    keys={
        "promote_all_resource_attributes": Flag(),
        "promote_resource_attributes": ListOf(),
        "ignore_resource_attributes": ListOf(),
        "translation_strategy": Text(default=_STRATEGIES[0]),
        "keep_identifying_resource_attributes": Flag(),
        "convert_histograms_to_nhcb": Flag(),
        "promote_scope_metadata": Flag(),
        "label_name_underscore_sanitization": Flag(default=True),
        "label_name_preserve_multiple_underscores": Flag(default=True),
    },
    rules=(
        refuse_unknown_word("translation_strategy", ("", *_STRATEGIES), "unsupported OTLP translation strategy {1}"),
        _attributes,
    ),
)
RUNTIME: Final = Struct(served=False, go="config.RuntimeConfig", keys={"gogc": Whole()})
