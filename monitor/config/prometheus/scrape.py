"""Scrape jobs and the global section whose values they take over. Source: prometheus config/config.go."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from monitor.config.golang.http_client import HTTP_CLIENT, valid_client
from monitor.config.golang.kinds import File, Flag, Kind, Reading, Real, Size, Span, Text, Whole
from monitor.config.golang.structs import ListOf, MapOf, Struct, UnsureError, Values
from monitor.config.prometheus.discovery.registry import DISCOVERIES
from monitor.config.prometheus.discovery.served import go_quote
from monitor.config.prometheus.relabeling import relabel_configs
from monitor.config.yamltree import Path
from monitor.model.labels import quote
from monitor.model.surrogates import is_whole
from monitor.model.times import MINUTE, SECOND

PROTOCOLS: Final = (
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusProto",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
)
_NAMES: Final = ("utf8", "legacy")
_ESCAPINGS: Final = ("allow-utf-8", "underscores", "dots", "values")
_OF_JOBS: Final = "Default of the jobs."
_HISTOGRAMS: Final = "Known; native histograms are not served yet."


def _limits(about: str) -> dict[str, Kind]:
    return {
        "body_size_limit": Size(about=about or "Of the body, after decompression."),
        "sample_limit": Whole(unsigned=True, about=about or "After metric relabelling."),
        "target_limit": Whole(unsigned=True, about=about or "Over it, all targets of the job fail."),
        "label_limit": Whole(unsigned=True, about=about or "Labels of a sample."),
        "label_name_length_limit": Whole(unsigned=True, about=about or "In bytes."),
        "label_value_length_limit": Whole(unsigned=True, about=about or "In bytes."),
        "keep_dropped_targets": Whole(
            unsigned=True, about=about or "How many targets that relabelling threw away are shown."
        ),
    }


def _formats(about: str) -> dict[str, Kind]:
    return {
        "scrape_protocols": ListOf(
            item=Text(go="config.ScrapeProtocol"), go="[]config.ScrapeProtocol", about="What is asked for, best first."
        ),
        "scrape_native_histograms": Flag(about=_HISTOGRAMS, served=False),
        "convert_classic_histograms_to_nhcb": Flag(about=_HISTOGRAMS, served=False),
        "always_scrape_classic_histograms": Flag(about=_HISTOGRAMS),
        "extra_scrape_metrics": Flag(
            about=about or "Write scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes too."
        ),
        "metric_name_validation_scheme": Text(allowed=_NAMES, about="Names in relabelling: utf8 or legacy."),
        "metric_name_escaping_scheme": Text(
            allowed=_ESCAPINGS, about="How targets are asked to write names that are not legacy."
        ),
        "scrape_failure_log_file": File(about="Known, not served yet: the daemon's log tells.", served=False),
    }


def _valid_global(values: Values, reading: Reading) -> None:
    for name, value in values.pairs("external_labels").items():
        for text, what in ((name, "name"), (value, "value")):
            if not is_whole(text) or not name:
                said = f"{go_quote(text)} is not a valid label {what}"
                reading.refuse(values.at("external_labels", name), said, "write a text of UTF-8")
                break
    interval = values.whole("scrape_interval") or MINUTE
    if values.whole("scrape_timeout") > interval:
        text = "global scrape timeout greater than scrape interval"
        reading.refuse(values.at("scrape_timeout"), text, "lower scrape_timeout or raise scrape_interval")
    _valid_names(values, reading)
    if "scrape_protocols" in values.given:
        _valid_protocols(values, values.texts("scrape_protocols"), " for global config", reading)


def _valid_names(values: Values, reading: Reading) -> None:
    scheme = values.text("metric_name_validation_scheme")
    if scheme and scheme not in _NAMES:
        text = f"unrecognized ValidationScheme: {quote(scheme)}"
        reading.refuse(values.at("metric_name_validation_scheme"), text, "utf8 or legacy")
    elif scheme == "legacy":
        where = values.at("metric_name_validation_scheme")
        reading.doubt(where, "holds for relabelling and what is asked for; names in answers are not refused")


GLOBAL: Final = Struct(
    title="Prometheus global",
    about="Defaults for jobs and rules.",
    keys={
        "scrape_interval": Span(default=MINUTE, about="How often a job is scraped."),
        "scrape_timeout": Span(about="How long a scrape may take. Default: 10s, or the interval if that is shorter."),
        "evaluation_interval": Span(default=MINUTE, about="How often a rule group is evaluated."),
        "rule_query_offset": Span(about="Rules look at the samples of so long ago."),
        "external_labels": MapOf(go="labels.Labels", about="Added to alerts when they leave the rules."),
        "query_log_file": File(about="Known, not served yet.", served=False),
        **_limits(_OF_JOBS),
        **_formats(_OF_JOBS),
    },
    rules=(_valid_global,),
)


def _valid_job(values: Values, reading: Reading) -> None:
    if not values.text("job_name"):
        reading.refuse(values.at("job_name"), "job_name is empty", "set job_name")
    _valid_names(values, reading)
    if not values.many("relabel_configs"):
        refuse_urls(values, reading)


SCRAPE: Final = Struct(
    title="Scrape",
    about="A scrape job.",
    go="config.ScrapeConfig",
    keys={
        "job_name": Text(about="Becomes the `job` label."),
        "scrape_interval": Span(),
        "scrape_timeout": Span(),
        "metrics_path": Text(default="/metrics"),
        "scheme": Text(default="http"),
        "params": MapOf(item=ListOf(), go="url.Values"),
        "honor_labels": Flag(about="On a clash, does the target's own label win?"),
        "honor_timestamps": Flag(default=True),
        "track_timestamps_staleness": Flag(about="Mark the end of series with explicit timestamps too."),
        "enable_compression": Flag(default=True),
        "fallback_scrape_protocol": Text(
            go="config.ScrapeProtocol",
            allowed=PROTOCOLS,
            about="What an answer is read as that does not say its format, such as PrometheusText0.0.4.",
        ),
        **_formats(""),
        **_limits(""),
        "native_histogram_bucket_limit": Whole(unsigned=True, about=_HISTOGRAMS, served=False),
        "native_histogram_min_bucket_factor": Real(about=_HISTOGRAMS, served=False),
        **DISCOVERIES,
        "relabel_configs": relabel_configs("empty or null target relabeling rule in scrape config"),
        "metric_relabel_configs": relabel_configs("empty or null metric relabeling rule in scrape config"),
        **HTTP_CLIENT,
    },
    rules=(_valid_job, valid_client),
)


def validate_job(job: Values, defaults: Values, reading: Reading) -> None:
    """What only the job and the global section together can tell (Prometheus's ScrapeConfig.Validate)."""
    name = f"for scrape config with job name {quote(job.text('job_name'))}"
    for rule in (_valid_times, _valid_formats, _valid_fallback, _valid_escaping):
        with suppress(UnsureError):
            rule(job.strict(), defaults.strict(), name, reading)


def _valid_times(job: Values, defaults: Values, name: str, reading: Reading) -> None:
    if job.whole("scrape_timeout") > interval_of(job, defaults):
        text = f"scrape timeout greater than scrape interval {name}"
        reading.refuse(job.at("scrape_timeout"), text, "lower scrape_timeout or raise scrape_interval")


def _valid_formats(job: Values, defaults: Values, name: str, reading: Reading) -> None:
    if "scrape_protocols" in job.given:
        _valid_protocols(job, job.texts("scrape_protocols"), f" {name}", reading)


def _valid_fallback(job: Values, defaults: Values, name: str, reading: Reading) -> None:
    fallback = job.text("fallback_scrape_protocol")
    if fallback and fallback not in PROTOCOLS:
        text = f"invalid fallback_scrape_protocol {name}: {_unknown_protocol(fallback)}"
        problem = f"unknown scrape protocol {fallback}"
        reading.refuse(job.at("fallback_scrape_protocol"), text, f"supported: {', '.join(PROTOCOLS)}", problem=problem)


def interval_of(job: Values, defaults: Values) -> int:
    """How often this job is scraped."""
    return job.whole("scrape_interval") or defaults.whole("scrape_interval") or MINUTE


def timeout_of(job: Values, defaults: Values) -> int:
    """How long a scrape of it may take."""
    default = defaults.whole("scrape_timeout") or min(10 * SECOND, defaults.whole("scrape_interval") or MINUTE)
    return job.whole("scrape_timeout") or min(default, interval_of(job, defaults))


def is_legacy(job: Values, defaults: Values) -> bool:
    """Are only the names of Prometheus 2 valid?"""
    key = "metric_name_validation_scheme"
    return (job.text(key) or defaults.text(key)) == "legacy"


def _valid_escaping(job: Values, defaults: Values, name: str, reading: Reading) -> None:
    key = "metric_name_escaping_scheme"
    escaping = job.text(key) or defaults.text(key)
    where: Path = job.at(key) if job.text(key) else job.path
    if escaping and escaping not in _ESCAPINGS:
        *most, last = (f"'{one}'" for one in _ESCAPINGS)
        known = f"{', '.join(most)}, or {last}"
        text = f"unknown metric name escaping scheme, must be one of {known}, got {quote(escaping)}"
        reading.refuse(where, text, ", ".join(_ESCAPINGS))
    elif escaping == "allow-utf-8" and is_legacy(job, defaults):
        text = "utf8 metric names requested but validation scheme is not set to UTF8"
        reading.refuse(where, text, "leave metric_name_escaping_scheme out, or metric_name_validation_scheme")


def _valid_protocols(values: Values, protocols: Sequence[str], tail: str, reading: Reading) -> None:
    where = values.at("scrape_protocols")
    if not protocols:
        reading.refuse(where, f"scrape_protocols cannot be empty{tail}", f"supported: {', '.join(PROTOCOLS)}")
    seen: set[str] = set()
    for protocol in protocols:
        if protocol.lower() in seen:
            text = f"duplicated protocol in scrape_protocols, got [{' '.join(protocols)}]{tail}"
            reading.refuse(where, text, "keep one of them")
            return
        if protocol not in PROTOCOLS:
            text = f"scrape_protocols: {_unknown_protocol(protocol)}{tail}"
            problem = f"unknown scrape protocol {protocol}"
            reading.refuse(where, text, f"supported: {', '.join(PROTOCOLS)}", problem=problem)
            return
        seen.add(protocol.lower())


def _unknown_protocol(protocol: str) -> str:
    return f"unknown scrape protocol {protocol}, supported: [{' '.join(PROTOCOLS)}]"


def refuse_urls(values: Values, reading: Reading) -> None:
    """An address is host:port. Only relabelling can make one of a URL, as jobs for an exporter of probes do."""
    for group in values.many("static_configs"):
        for place, address in enumerate(group.texts("targets")):
            if "/" not in address:
                continue
            scheme, _, rest = address.rpartition("://")
            host, slash, tail = rest.partition("/")
            remedy = [f"write {host.rpartition('@')[2]}"]
            if scheme and scheme != values.text("scheme"):
                remedy.append(f"scheme: {scheme}")
            if tail and "metrics_path" in SCRAPE.keys and slash + tail != "/metrics":
                remedy.append(f"metrics_path: /{tail}")
            reading.refuse(
                group.at("targets", place), f"{quote(address)} is not a valid hostname", " and ".join(remedy)
            )
