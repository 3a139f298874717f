"""From what was read of a scrape job to what the daemon runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from monitor.config.golang.clients import client_of
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.prometheus.relabeling import relabeling
from monitor.config.prometheus.scrape import PROTOCOLS, interval_of, is_legacy, timeout_of
from monitor.matching.relabel import NameScheme
from monitor.model.labels import Labels
from monitor.model.times import SECOND, Millis
from monitor.scrape.exposition.negotiation import FALLBACKS, Format, accept
from monitor.scrape.jobs import Limits, Mechanism, ScrapeJob, TargetGroup
from monitor.scrape.kinds.dns_targets import DnsTargets, RecordType
from monitor.scrape.kinds.docker_targets import DockerTargets
from monitor.scrape.kinds.file_targets import FileTargets
from monitor.scrape.kinds.http_targets import HttpTargets

_RECORDS: Final[dict[str, RecordType]] = {"A": "A", "AAAA": "AAAA", "MX": "MX", "NS": "NS", "SRV": "SRV"}
_SHORTEST: Final[Millis] = SECOND
"""Between two looks for targets."""


def job_of(job: Values, defaults: Values, reading: Reading) -> ScrapeJob:
    """The job, whose mistakes that only show now are told."""
    names = NameScheme.LEGACY if is_legacy(job, defaults) else NameScheme.UTF8
    if job.text("scheme") not in ("http", "https"):
        reading.doubt(job.at("scheme"), f"unsupported scheme {job.text('scheme')}", "http or https")

    def limit(key: str) -> int:
        return max(job.whole(key) or defaults.whole(key), 0)

    def flag(key: str) -> bool:
        return job.flag(key) if key in job.given else defaults.flag(key)

    return ScrapeJob(
        name=job.text("job_name"),
        interval=interval_of(job, defaults),
        timeout=timeout_of(job, defaults),
        metrics_path=job.text("metrics_path"),
        scheme=job.text("scheme"),
        params=tuple((name, _texts(values)) for name, values in job.mapping("params").items()),
        groups=groups_of(job.many("static_configs"), "static"),
        discover=tuple(_mechanisms(job, reading)),
        relabel=relabeling(job, "relabel_configs", reading, names),
        metric_relabel=relabeling(job, "metric_relabel_configs", reading, names),
        honor_labels=job.flag("honor_labels"),
        honor_timestamps=job.flag("honor_timestamps"),
        track_timestamps_staleness=job.flag("track_timestamps_staleness"),
        limits=Limits(
            body_bytes=limit("body_size_limit"),
            samples=limit("sample_limit"),
            labels=limit("label_limit"),
            label_name_length=limit("label_name_length_limit"),
            label_value_length=limit("label_value_length_limit"),
            targets=limit("target_limit"),
            dropped=limit("keep_dropped_targets"),
        ),
        compression=job.flag("enable_compression"),
        client=client_of(job, reading),
        extra_metrics=flag("extra_scrape_metrics"),
        accept=_accept(job, defaults, reading),
        fallback_format=_fallback(job, reading),
    )


def groups_of(groups: Sequence[object], source: str) -> tuple[TargetGroup, ...]:
    """Read structures of targets as groups."""
    return tuple(
        TargetGroup(addresses=group.texts("targets"), labels=Labels(group.pairs("labels")), source=f"{source} {place}")
        for place, group in enumerate(groups)
        if isinstance(group, Values)
    )


def _mechanisms(job: Values, reading: Reading) -> list[Mechanism]:
    found: list[Mechanism] = [
        FileTargets(files=tuple(map(reading.locate, one.texts("files"))), refresh_interval=_refresh(one))
        for one in job.many("file_sd_configs")
    ]
    found += [
        HttpTargets(url=one.text("url"), refresh=_refresh(one), client=client_of(one, reading))
        for one in job.many("http_sd_configs")
    ]
    found += [
        DnsTargets(
            names=one.texts("names"),
            type=_RECORDS.get(one.text("type").upper(), "SRV"),
            port=one.whole("port"),
            refresh=_refresh(one),
        )
        for one in job.many("dns_sd_configs")
    ]
    found += [
        DockerTargets(
            host=one.text("host"),
            port=one.whole("port"),
            filters=tuple((given.text("name"), given.texts("values")) for given in one.many("filters")),
            host_networking_host=one.text("host_networking_host"),
            match_first_network=one.flag("match_first_network"),
            refresh=_refresh(one),
            client=client_of(one, reading),
        )
        for one in job.many("docker_sd_configs")
    ]
    return found


def _refresh(values: Values) -> Millis:
    return max(values.whole("refresh_interval"), _SHORTEST)


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(str, cast("list[object]", values))) if isinstance(values, list) else ()


def _accept(job: Values, defaults: Values, reading: Reading) -> str:
    key = "scrape_protocols"
    protocols = job.texts(key) if key in job.given else defaults.texts(key)
    if "PrometheusProto" in job.texts(key):
        reading.doubt(job.at(key), "PrometheusProto is known but not served yet", "the other formats are asked for")
    escaping = job.text("metric_name_escaping_scheme") or defaults.text("metric_name_escaping_scheme")
    return accept(protocols, escaping or ("underscores" if is_legacy(job, defaults) else ""))


def _fallback(job: Values, reading: Reading) -> Format | None:
    protocol = job.text("fallback_scrape_protocol")
    if protocol in PROTOCOLS and protocol not in FALLBACKS:
        reading.doubt(job.at("fallback_scrape_protocol"), f"{protocol} is known but not served yet")
    return FALLBACKS.get(protocol)
