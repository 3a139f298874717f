"""Prometheus's whole format: what it refuses we refuse in its words, what it takes we take."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.findings import Findings
from monitor.config.golang.kinds import parse_size, url_mistake
from monitor.config.golang.structs import Struct
from monitor.config.prometheus.discovery.registry import DISCOVERIES, Discovery
from monitor.config.prometheus.file import PrometheusParts, read_prometheus
from monitor.config.yamltree import read

GOOD_DISCOVERY = {
    "aws": "role: rds",
    "azure": "subscription_id: s, authentication_method: SDK",
    "consul": "server: c:8500",
    "digitalocean": "port: 9100",
    "dns": "names: [x]",
    "docker": 'host: "tcp://d:2375"',
    "dockerswarm": 'host: "unix:///run/docker.sock", role: tasks',
    "ec2": "filters: [{name: n, values: [v]}]",
    "ecs": "region: r",
    "elasticache": "region: r",
    "eureka": 'server: "http://e/eureka"',
    "file": "files: [a/*.yml]",
    "gce": "project: p, zone: z",
    "hetzner": "role: robot",
    "http": 'url: "https://h/x"',
    "ionos": "datacenter_id: d",
    "kubernetes": "role: endpointslice, namespaces: {own_namespace: true}, selectors: [{role: pod, label: a=b}]",
    "kuma": 'server: "http://k:5676"',
    "lightsail": "region: r",
    "linode": "region: r",
    "marathon": 'servers: ["http://m"], auth_token_file: t',
    "msk": "region: r",
    "nerve": "servers: [z], paths: [/a]",
    "nomad": "region: eu",
    "oci": "auth: instance_principal",
    "openstack": "role: hypervisor, region: r, availability: admin",
    "outscale": "access_key: a, secret_key_file: f",
    "ovhcloud": "service: vps, application_key: a, application_secret: b, consumer_key: c",
    "puppetdb": 'url: "https://p/", query: q',
    "rds": "region: r",
    "scaleway": "role: baremetal, project_id: p, access_key: a, secret_key: s",
    "serverset": "servers: [z], paths: [/a]",
    "stackit": "project: p",
    "triton": "account: a, dns_suffix: d, endpoint: e, role: cn",
    "uyuni": 'server: "https://u", username: u, password: p',
    "vultr": "port: 1",
}


def job(text: str) -> str:
    """A file with one job that has this as well."""
    return f"scrape_configs: [{{job_name: j, {text}}}]\n"


def judged(text: str, folder: Path | None = None, **variables: str) -> tuple[PrometheusParts | None, Findings]:
    """What is read of this text, and all that is found."""
    findings = Findings()
    base = folder or Path("/etc/prometheus")
    document = read(text, "prometheus.yml", repeats=True)
    parts = read_prometheus(document, document.tree, (), findings, lambda name: str(base / name), variables)
    return parts, findings


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("scrape_configs: [{job_name: ''}]\n", "job_name is empty"),
        ("scrape_configs: [~]\n", "empty or null scrape config section"),
        ("remote_read: [~]\n", "empty or null remote read config section"),
        (job("metric_relabel_configs: [~]"), "empty or null metric relabeling rule in scrape config"),
        ("alerting: {alert_relabel_configs: [~]}\n", "empty or null alert relabeling rule"),
        ("global: {scrape_interval: 5s, scrape_timeout: 6s}\n", "global scrape timeout greater than scrape interval"),
        ("global: {scrape_protocols: []}\n", "scrape_protocols cannot be empty for global config"),
        (job("scrape_interval: 5x"), 'not a valid duration string: "5x"'),
        (job("body_size_limit: 10mb"), "units: unknown unit mb in 10mb"),
        (job("sample_limit: -1"), "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `-1` into uint"),
        (job("honor_labels: perhaps not"), "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `perhaps...` into bool"),
        (job("metrics_path: [a]"), "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into string"),
        (job("relabel_configs: [{action: twist}]"), 'unknown relabel action "twist"'),
        (
            job("relabel_configs: [{source_labels: [a]}]"),
            "relabel configuration for replace action requires 'target_label' value",
        ),
        (
            "global: {metric_name_validation_scheme: legacy}\n" + job("relabel_configs: [{target_label: a.b}]"),
            '"a.b" is invalid \'target_label\' for replace action',
        ),
        (
            job("metric_name_escaping_scheme: none"),
            "unknown metric name escaping scheme, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', "
            'got "none"',
        ),
        (
            job("basic_auth: {username: a}, bearer_token: b"),
            "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
        ),
        (
            job("basic_auth: {password: a, password_file: b}"),
            "at most one of basic_auth password, password_file & password_ref must be configured",
        ),
        (
            job("authorization: {credentials: a}, bearer_token: b"),
            "authorization is not compatible with bearer_token & bearer_token_file",
        ),
        (
            job("authorization: {type: BASIC}"),
            'authorization type cannot be set to "basic", use "basic_auth" instead',
        ),
        (
            job("authorization: {credentials: a}, oauth2: {client_id: c}"),
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        (job("oauth2: {token_url: 'http://t'}"), "oauth2 client_id must be configured"),
        (job("oauth2: {client_id: c}"), "oauth2 token_url must be configured"),
        (
            job("tls_config: {cert_file: c}"),
            "exactly one of key or key_file must be configured when a client certificate is configured",
        ),
        (job("tls_config: {min_version: SSL3}"), "unknown TLS version: SSL3"),
        (job("no_proxy: a"), "if no_proxy is configured, proxy_url must also be configured"),
        (
            job("proxy_from_environment: true, proxy_url: 'http://p'"),
            "if proxy_from_environment is configured, proxy_url must not be configured",
        ),
        (
            job("proxy_connect_header: {a: [b]}"),
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        ),
        (job("http_headers: {user-agent: {values: [me]}}"), 'setting header "User-Agent" is not allowed'),
        (job("kubernetes_sd_configs: [{role: node, selectors: [{role: pod}]}]"), "node role supports only node selectors"),
        (
            job("kubernetes_sd_configs: [{role: pod, selectors: [{role: pod, field: a}]}]"),
            "invalid selector: 'a'; can't understand 'a'",
        ),
        (job("kubernetes_sd_configs: [{role: pod, selectors: [{kind: pod}]}]"), "yaml: unmarshal errors:\n  line 1: field kind not found in type kubernetes.plain"),
        (job("ec2_sd_configs: [{filters: [{name: a}]}]"), "EC2 SD configuration filter values cannot be empty"),
        (job("puppetdb_sd_configs: [{url: 'http://'}]"), "host is missing in URL"),
        (job("hetzner_sd_configs: [~]"), "empty or null section in hetzner_sd_configs"),
        ("remote_write: [{url: 'http://a', name: x}, {url: 'http://b', name: x}]\n", 'found multiple remote write configs with job name "x"'),
        ("remote_read: [{name: x}]\n", "url for remote_read is empty"),
        (
            "remote_write: [{url: 'http://a', protobuf_message: x.Y}]\n",
            "invalid protobuf_message value: unknown type for remote write protobuf message x.Y, "
            "supported: prometheus.WriteRequest, io.prometheus.write.v2.Request",
        ),
        (
            "alerting: {alertmanagers: [{api_version: v1}]}\n",
            "expected Alertmanager api version to be one of [v2] but got v1",
        ),
        ("alerting: {alertmanagers: [{static_configs: [{targets: ['http://a']}]}]}\n", '"http://a" is not a valid hostname'),
        ("scrape_config_files: ['a*/b*']\n", 'invalid scrape config file path "a*/b*"'),
        ("global: {a: 1}\n", "yaml: unmarshal errors:\n  line 1: field a not found in type config.plain"),
        ("global: {}\nglobal: {}\n", "yaml: unmarshal errors:\n  line 1: field global already set in type config.plain"),
        (
            "otlp: {promote_all_resource_attributes: true, promote_resource_attributes: [a]}\n",
            "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
        ),
        (
            "otlp: {promote_resource_attributes: [a, ' a ']}\n",
            'invalid \'promote_resource_attributes\': duplicated promoted OTel resource attribute "a"',
        ),
        (
            "global: {metric_name_validation_scheme: legacy}\notlp: {translation_strategy: NoTranslation}\n",
            'OTLP translation strategy "NoTranslation" is not allowed when UTF8 is disabled',
        ),
    ],
)  # fmt: skip
def test_what_prometheus_refuses_is_refused_in_its_words(text: str, theirs: str) -> None:
    """The first text is exactly theirs, and the finding has a line and a remedy."""
    _, findings = judged(text)
    assert findings.errors[0].original == theirs
    assert findings.errors[0].line > 0


def test_every_way_of_discovery_is_known_with_its_keys() -> None:
    """A good one of each is taken, an unknown key in any of them is not, and what we do not serve is one warning."""
    assert {f"{name}_sd_configs" for name in GOOD_DISCOVERY} | {"static_configs"} == set(DISCOVERIES)
    for name, keys in GOOD_DISCOVERY.items():
        parts, findings = judged(job(f"{name}_sd_configs: [{{{keys}}}]"))
        assert parts is not None, (name, [str(one) for one in findings.errors])
        served = name in ("file", "http", "dns", "docker")
        assert len(findings.warnings) == (not served), name
        _, findings = judged(job(f"{name}_sd_configs: [{{{keys}, colour: red}}]"))
        kind = DISCOVERIES[f"{name}_sd_configs"]
        assert isinstance(kind, Discovery)
        struct = kind.kind().item
        assert isinstance(struct, Struct)
        assert findings.errors[0].original == (
            f"yaml: unmarshal errors:\n  line 1: field colour not found in type {struct.inside}.plain"
        )


def test_jobs_take_over_what_the_global_section_says() -> None:
    """Unless they say it themselves; a timeout is never longer than the interval."""
    parts, findings = judged(
        "global: {scrape_interval: 5s, sample_limit: 10, body_size_limit: 1MB, extra_scrape_metrics: true}\n"
        "scrape_configs:\n"
        "- {job_name: a}\n"
        "- {job_name: b, scrape_interval: 1h, sample_limit: 3, body_size_limit: 2KiB, extra_scrape_metrics: false}\n"
    )
    assert findings.all == []
    assert parts is not None
    a, b = parts.jobs
    assert (a.interval, a.timeout, a.limits.samples, a.limits.body_bytes, a.extra_metrics) == (5_000, 5_000, 10, 1 << 20, True)  # fmt: skip
    assert (b.interval, b.timeout, b.limits.samples, b.limits.body_bytes, b.extra_metrics) == (3_600_000, 5_000, 3, 2 << 10, False)  # fmt: skip


def test_jobs_of_other_files_belong_to_it(tmp_path: Path) -> None:
    """With their own folder for the files that they name; a name that is taken names both places."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "a.yml").write_text("scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]\n")
    parts, _ = judged("scrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: main}]\n", tmp_path)
    assert parts is not None
    assert [one.name for one in parts.jobs] == ["main", "a"]
    assert str(folder / "t.json") in repr(parts.jobs[1].discover)
    (folder / "b.yml").write_text("scrape_configs: [{job_name: a}]\n")
    _, findings = judged("scrape_config_files: [jobs/*.yml]\n", tmp_path)
    assert findings.errors[0].original == (
        f'"{folder}/b.yml": found multiple scrape configs with job name "a", first found in "{folder}/a.yml"'
    )


def test_external_labels_name_variables_of_the_environment() -> None:
    """As Go's os.Expand reads them; one that is not set is empty, and that is told."""
    parts, findings = judged(
        'global: {external_labels: {a: "$ZONE-${ZONE}", b: "1$$2", c: "x${NONE}"}}\n', None, ZONE="eu"
    )
    assert parts is not None
    assert dict(parts.external_labels) == {"a": "eu-eu", "b": "1$2", "c": "x"}
    assert [one.problem for one in findings.all] == ["the environment variable NONE is empty or not set"]


def test_all_mistakes_are_told_together() -> None:
    """One does not hide the others."""
    _, findings = judged(job("scheme: [x], colour: red, sample_limit: many, relabel_configs: [{action: twist}]"))
    assert [one.path for one in findings.errors] == [
        "scrape_configs[0].scheme",
        "scrape_configs[0].colour",
        "scrape_configs[0].sample_limit",
        "scrape_configs[0].relabel_configs[0].action",
    ]


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("0", 0), ("1B", 1), ("1KB", 1024), ("1.5MiB", 3 << 19), ("1GB512MB", 3 << 29), ("2EiB", 2 << 60)],
)
def test_sizes_are_powers_of_1024(text: str, bytes_: int) -> None:
    """With or without the i, several parts added."""
    assert parse_size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://a:1/b?c=%zz", ""),
        ("kubernetes:443", ""),
        ("://a", 'parse "://a": missing protocol scheme'),
        ("http://a:b/", 'parse "http://a:b/": invalid port ":b" after host'),
        ("1a:b/c", 'parse "1a:b/c": first path segment in URL cannot contain colon'),
        ("http://a/%zz", 'parse "http://a/%zz": invalid URL escape "%zz"'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
    ],
)
def test_urls_are_refused_as_go_refuses_them(text: str, said: str) -> None:
    """With its words for the part that is wrong."""
    assert url_mistake(text) == said
