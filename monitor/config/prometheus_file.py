"""Prometheus's configuration: global settings, scrape jobs, rule files.

Discovery mechanisms that we do not have are known by name; a job that has one warns that those targets are not found.
Source: Prometheus config/config.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field

from monitor.config.fields import AsList, AsMapping, Flag, Free, Section, Size, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.http_client import HttpClientSection, trust_of
from monitor.config.showing import shown
from monitor.config.yamltree import Document, Path, Tree
from monitor.matching.relabel import NOTHING, Relabeling, RelabelRule
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, SECOND, Millis
from monitor.scrape.exposition.negotiation import FALLBACKS, Format
from monitor.scrape.jobs import Authorization, HttpClient, Limits, Mechanism, ScrapeJob, TargetGroup
from monitor.scrape.kinds.dns_targets import DnsTargets, RecordType
from monitor.scrape.kinds.file_targets import FileTargets
from monitor.scrape.kinds.http_targets import HttpTargets

_DISCOVERY: Final = tuple(
    f"{name}_sd_configs"
    for name in (
        "aws", "azure", "consul", "digitalocean", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud",
        "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
    )
)  # fmt: skip
_UNSERVED_JOB: Final = (
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
    "keep_dropped_targets",
    "label_limit",
    "metric_name_escaping_scheme",
    "metric_name_validation_scheme",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "sample_age_limit",
    "scrape_classic_histograms",
    "scrape_failure_log_file",
    "scrape_native_histograms",
    "scrape_protocols",
)
_SD_FILE: Final = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")
_PROTOCOLS: Final = (
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusProto",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
)
_RECORDS: Final[Mapping[str, RecordType]] = {"A": "A", "AAAA": "AAAA", "MX": "MX", "NS": "NS", "SRV": "SRV"}
UNSERVED_TOP: Final = (
    "alerting",
    "otlp",
    "remote_read",
    "runtime",
    "scrape_config_files",
    "storage",
    "tracing",
)


class PrometheusGlobalSection(Section):
    """Defaults for jobs and rules."""

    model_config = {**Section.model_config, "extra": "allow"}

    scrape_interval: Span = MINUTE
    """How often a job is scraped."""
    scrape_timeout: Span = 10 * SECOND
    """How long a scrape may take."""
    evaluation_interval: Span = MINUTE
    """How often a rule group is evaluated."""
    rule_query_offset: Span = 0
    """Rules look at the samples of so long ago."""
    external_labels: Annotated[dict[str, Text], AsMapping] = {}
    """Added to alerts when they leave the rules."""
    body_size_limit: Size = 0
    """Default of the jobs."""
    sample_limit: Whole = 0
    """Default of the jobs."""
    label_limit: Whole = 0
    """Default of the jobs."""
    label_name_length_limit: Whole = 0
    """Default of the jobs."""
    label_value_length_limit: Whole = 0
    """Default of the jobs."""
    target_limit: Whole = 0
    """Default of the jobs."""


class StaticSection(Section):
    """Addresses with common labels."""

    targets: Annotated[list[Text], AsList] = []
    """host:port."""
    labels: Annotated[dict[str, Text], AsMapping] = {}
    """Added to every series of these targets."""


class FileSdSection(Section):
    """Files that list targets."""

    files: Annotated[list[Text], AsList] = []
    """JSON or YAML; the last part of a path may hold `*`."""
    refresh_interval: Span = 5 * MINUTE
    """How often at least the files are read; changes are seen within seconds."""


class HttpSdSection(HttpClientSection):
    """A web service that lists targets."""

    url: Text = Field(min_length=1)
    refresh_interval: Span = MINUTE
    """How often it is asked."""


class DnsSdSection(Section):
    """Names whose records are targets."""

    names: Annotated[list[Text], AsList] = []
    type: Text = "SRV"
    """SRV, A, AAAA, MX or NS."""
    port: Whole = 0
    """Of every target; SRV records bring theirs."""
    refresh_interval: Span = 30 * SECOND
    """How often the names are asked for."""


class RelabelSection(Section):
    """One step of relabelling."""

    source_labels: Annotated[list[Text], AsList] = []
    separator: Text = ";"
    target_label: Text = ""
    regex: Text = "(.*)"
    modulus: Whole = 0
    replacement: Text = "$1"
    action: Text = "replace"


class ScrapeSection(HttpClientSection):
    """A scrape job."""

    model_config = {**Section.model_config, "extra": "allow"}

    job_name: Text = Field(min_length=1)
    """Becomes the `job` label."""
    scrape_interval: Span | None = None
    scrape_timeout: Span | None = None
    metrics_path: Text = "/metrics"
    scheme: Text = "http"
    params: Annotated[dict[str, list[Text]], AsMapping] = {}
    honor_labels: Flag = False
    honor_timestamps: Flag = True
    track_timestamps_staleness: Flag = False
    enable_compression: Flag = True
    static_configs: Annotated[list[StaticSection], AsList] = []
    file_sd_configs: Annotated[list[FileSdSection], AsList] = []
    http_sd_configs: Annotated[list[HttpSdSection], AsList] = []
    dns_sd_configs: Annotated[list[DnsSdSection], AsList] = []
    relabel_configs: Annotated[list[RelabelSection], AsList] = []
    metric_relabel_configs: Annotated[list[RelabelSection], AsList] = []
    body_size_limit: Size | None = None
    sample_limit: Whole | None = None
    label_limit: Whole | None = None
    label_name_length_limit: Whole | None = None
    label_value_length_limit: Whole | None = None
    target_limit: Whole | None = None
    fallback_scrape_protocol: Text = ""
    """What an answer is read as that does not say its format, such as PrometheusText0.0.4."""
    extra_scrape_metrics: Flag = False


class PrometheusSection(Section):
    """The part of a Prometheus file that is served."""

    model_config = {**Section.model_config, "extra": "allow"}

    global_: Annotated[PrometheusGlobalSection, AsMapping] = Field(
        default_factory=PrometheusGlobalSection, alias="global"
    )
    scrape_configs: Annotated[list[ScrapeSection], AsList] = []
    rule_files: Annotated[list[Text], AsList] = []
    remote_write: Annotated[list[Free], AsList] = []
    """Read by `remote_write`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusParts:
    """What a valid file amounts to."""

    jobs: tuple[ScrapeJob, ...] = ()
    rule_files: tuple[str, ...] = ()
    """Patterns, as written."""
    evaluation_interval: Millis = MINUTE
    query_offset: Millis = 0
    external_labels: Labels = EMPTY
    yaml: str = ""
    """As written, without secrets."""


def read_prometheus(
    document: Document, tree: Tree, path: Path, findings: Findings, locate: Callable[[str], str]
) -> PrometheusParts | None:
    """Read the section at `path`; None if something is wrong."""
    before = len(findings.errors)
    section = findings.validate(PrometheusSection, document, tree, path)
    if section is None:
        return None
    for key in section.model_extra or {}:
        if key in UNSERVED_TOP:
            findings.doubt(document, (*path, key), "is known but not served yet")
        else:
            findings.wrong(
                document,
                (*path, key),
                f'"{key}" is not a known key here',
                "known keys: global, remote_write, rule_files, scrape_configs",
                original=f"field {key} not found in type config.plain",
            )
    jobs: list[ScrapeJob] = []
    seen: set[str] = set()
    for place, job in enumerate(section.scrape_configs):
        here = (*path, "scrape_configs", place)
        if job.job_name in seen:
            findings.wrong(
                document,
                (*here, "job_name"),
                f'found multiple scrape configs with job name "{job.job_name}"',
                "rename one of them",
            )
        seen.add(job.job_name)
        made = _job(job, section.global_, document, here, findings, locate)
        if made is not None:
            jobs.append(made)
    if len(findings.errors) > before:
        return None
    return PrometheusParts(
        jobs=tuple(jobs),
        rule_files=tuple(section.rule_files),
        evaluation_interval=section.global_.evaluation_interval,
        query_offset=section.global_.rule_query_offset,
        external_labels=Labels(section.global_.external_labels),
        yaml=shown(tree),
    )


def _job(
    section: ScrapeSection,
    defaults: PrometheusGlobalSection,
    document: Document,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
) -> ScrapeJob | None:
    _warn_unserved(section, document, path, findings)
    interval = section.scrape_interval or defaults.scrape_interval
    timeout = section.scrape_timeout or min(defaults.scrape_timeout, interval)
    if section.scrape_timeout is not None and timeout > interval:
        findings.wrong(
            document,
            (*path, "scrape_timeout"),
            f'scrape timeout greater than scrape interval for scrape config with job name "{section.job_name}"',
            "lower scrape_timeout or raise scrape_interval",
        )
    if section.scheme not in ("http", "https"):
        findings.wrong(document, (*path, "scheme"), f"unsupported scheme {section.scheme}", "http or https")
    relabel = relabeling_of(section.relabel_configs, document, (*path, "relabel_configs"), findings)
    metric_relabel = relabeling_of(
        section.metric_relabel_configs, document, (*path, "metric_relabel_configs"), findings
    )
    if relabel is None or metric_relabel is None:
        return None
    if not section.relabel_configs:
        _refuse_urls(section, document, path, findings)
    return ScrapeJob(
        name=section.job_name,
        interval=interval,
        timeout=timeout,
        metrics_path=section.metrics_path,
        scheme=section.scheme,
        params=tuple((name, tuple(values)) for name, values in section.params.items()),
        groups=tuple(
            TargetGroup(addresses=tuple(group.targets), labels=Labels(group.labels), source=f"static {place}")
            for place, group in enumerate(section.static_configs)
        ),
        discover=_mechanisms(section, document, path, findings, locate),
        relabel=relabel,
        metric_relabel=metric_relabel,
        honor_labels=section.honor_labels,
        honor_timestamps=section.honor_timestamps,
        track_timestamps_staleness=section.track_timestamps_staleness,
        limits=Limits(
            body_bytes=_given(section.body_size_limit, defaults.body_size_limit),
            samples=_given(section.sample_limit, defaults.sample_limit),
            labels=_given(section.label_limit, defaults.label_limit),
            label_name_length=_given(section.label_name_length_limit, defaults.label_name_length_limit),
            label_value_length=_given(section.label_value_length_limit, defaults.label_value_length_limit),
            targets=_given(section.target_limit, defaults.target_limit),
        ),
        compression=section.enable_compression,
        client=client_of(section, locate),
        extra_metrics=section.extra_scrape_metrics,
        fallback_format=_fallback(section.fallback_scrape_protocol, document, path, findings),
    )


def _fallback(protocol: str, document: Document, path: Path, findings: Findings) -> Format | None:
    here = (*path, "fallback_scrape_protocol")
    if protocol and protocol not in _PROTOCOLS:
        findings.wrong(
            document,
            here,
            f"unknown scrape protocol {protocol}",
            f"supported: {', '.join(_PROTOCOLS)}",
            original=f"unknown scrape protocol {protocol}, supported: [{' '.join(_PROTOCOLS)}]",
        )
    elif protocol and protocol not in FALLBACKS:
        findings.doubt(document, here, f"{protocol} is known but not served yet")
    return FALLBACKS.get(protocol)


def _refuse_urls(section: ScrapeSection, document: Document, path: Path, findings: Findings) -> None:
    """An address is host:port. Only relabelling can make one of a URL, as jobs for an exporter of probes do."""
    for place, group in enumerate(section.static_configs):
        for which, address in enumerate(group.targets):
            if "/" not in address:
                continue
            scheme, _, rest = address.rpartition("://")
            host, slash, tail = rest.partition("/")
            remedy = [f"write {host}"]
            if scheme and scheme != section.scheme:
                remedy.append(f"scheme: {scheme}")
            if tail and slash + tail != section.metrics_path:
                remedy.append(f"metrics_path: /{tail}")
            findings.wrong(
                document,
                (*path, "static_configs", place, "targets", which),
                f'"{address}" is not a valid hostname',
                " and ".join(remedy),
            )


def _mechanisms(
    section: ScrapeSection, document: Document, path: Path, findings: Findings, locate: Callable[[str], str]
) -> tuple[Mechanism, ...]:
    """What is not allowed is said in Prometheus's words (discovery/*, UnmarshalYAML)."""
    found: list[Mechanism] = []
    for place, files in enumerate(section.file_sd_configs):
        here = (*path, "file_sd_configs", place)
        if not files.files:
            findings.wrong(document, here, "file service discovery config must contain at least one path name")
        for which, name in enumerate(files.files):
            if not _SD_FILE.fullmatch(name):
                findings.wrong(
                    document,
                    (*here, "files", which),
                    f'path name "{name}" is not valid for file discovery',
                    "it ends in .json, .yml or .yaml, and only its last part may hold one *",
                )
        found.append(
            FileTargets(files=tuple(map(locate, files.files)), refresh_interval=_positive(files.refresh_interval))
        )
    for place, http in enumerate(section.http_sd_configs):
        here = (*path, "http_sd_configs", place)
        address = urlsplit(http.url)
        if address.scheme not in ("http", "https"):
            findings.wrong(document, (*here, "url"), "URL scheme must be 'http' or 'https'", "write http://host/path")
        elif not address.hostname:
            findings.wrong(document, (*here, "url"), "host is missing in URL", "write http://host/path")
        for key in http.unserved():
            findings.doubt(document, (*here, key), "is known but not served yet")
        found.append(
            HttpTargets(url=http.url, refresh=_positive(http.refresh_interval), client=client_of(http, locate))
        )
    for place, dns in enumerate(section.dns_sd_configs):
        here = (*path, "dns_sd_configs", place)
        kind = _RECORDS.get(dns.type.upper())
        if not dns.names:
            findings.wrong(document, here, "DNS-SD config must contain at least one SRV record name")
        if kind is None:
            findings.wrong(
                document, (*here, "type"), f"invalid DNS-SD records type {dns.type}", "SRV, A, AAAA, MX or NS"
            )
        elif kind != "SRV" and not dns.port:
            findings.wrong(
                document,
                here,
                "a port is required in DNS-SD configs for all record types except SRV",
                "set port",
            )
        found.append(
            DnsTargets(
                names=tuple(dns.names), type=kind or "SRV", port=dns.port, refresh=_positive(dns.refresh_interval)
            )
        )
    return tuple(found)


def _positive(span: Millis) -> Millis:
    return max(span, SECOND)


def client_of(section: HttpClientSection, locate: Callable[[str], str]) -> HttpClient:
    """How somebody is asked, as the scrapers' room wants it."""
    return HttpClient(
        authorization=_authorization(section, locate),
        follow_redirects=section.follow_redirects,
        trust=trust_of(section.tls_config, locate),
        proxy_url=section.proxy_url,
    )


def _authorization(section: HttpClientSection, locate: Callable[[str], str]) -> Authorization | None:
    basic, other = section.basic_auth, section.authorization
    if basic.username:
        return Authorization(
            type="Basic",
            username=basic.username,
            secret=basic.password,
            secret_file=locate(basic.password_file) if basic.password_file else "",
        )
    file = other.credentials_file or section.bearer_token_file
    inline = other.credentials or section.bearer_token
    if not file and not inline:
        return None
    return Authorization(type=other.type, secret=inline, secret_file=locate(file) if file else "")


def relabeling_of(
    sections: list[RelabelSection], document: Document, path: Path, findings: Findings
) -> Relabeling | None:
    """The steps, compiled; None if one is wrong."""
    if not sections:
        return NOTHING
    rules = [
        RelabelRule(
            source_labels=tuple(section.source_labels),
            separator=section.separator,
            regex=section.regex,
            target_label=section.target_label,
            replacement=section.replacement,
            modulus=section.modulus,
            action=section.action,
        )
        for section in sections
    ]
    return findings.attempt(document, path, lambda: Relabeling(rules))


def _given(own: int | None, default: int) -> int:
    return default if own is None else own


def _warn_unserved(section: ScrapeSection, document: Document, path: Path, findings: Findings) -> None:
    for key in section.unserved():
        findings.doubt(document, (*path, key), "is known but not served yet")
    for key in section.model_extra or {}:
        if key in _DISCOVERY:
            findings.doubt(
                document, (*path, key), "is known but not served yet", "these targets are not found: use static_configs"
            )
        elif key in _UNSERVED_JOB:
            findings.doubt(document, (*path, key), "is known but not served yet")
        else:
            findings.wrong(
                document,
                (*path, key),
                f'"{key}" is not a known key here',
                "see the reference of scrape_configs",
                original=f"field {key} not found in type config.ScrapeConfig",
            )
