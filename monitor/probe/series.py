"""Which series a check writes, and in which order its row holds them.

The names are blackbox_exporter's, so that its dashboards and rules work; ours begin with `watchkeeper_`. A row has a
fixed part, the same for all checks of a kind, and a variable part that follows what the answers show: TLS facts,
components, the version, the reason of a failure. The variable part is described by a `Shape`; while the shape stays, so
do the series, and a row is one list of floats.

All series of a check carry `check` (its name), `instance` (its target) and the check's own labels. `probe_success` is
raw: 1 if this one attempt met all expectations and the body did not say otherwise. `watchkeeper_check_status` is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from monitor.model.checks import Check, Component, FailureReason, HealthState, Outcome, TlsFacts, Verdict
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import MISSING

HELP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "probe_success": "1 if the last attempt succeeded, else 0: raw, before any threshold.",
        "probe_duration_seconds": "How long the last attempt took.",
        "probe_timeout_seconds": "How long an attempt may take.",
        "probe_dns_lookup_time_seconds": "How long looking up the name took; 0 from the cache or for an address.",
        "probe_ip_protocol": "4 or 6; 0 if no address was known.",
        "probe_ip_addr_hash": "FNV-1a-32 of the address, to see it change.",
        "probe_http_duration_seconds": "Duration of an HTTP attempt by phase, summed over redirects.",
        "probe_http_status_code": "Status of the final answer; 0 if there was none.",
        "probe_http_content_length": "Length that the final answer announced; -1 if it did not.",
        "probe_http_uncompressed_body_length": "Length of the body after decompression, as far as read.",
        "probe_http_redirects": "Redirects followed.",
        "probe_http_ssl": "1 if the final answer came over TLS.",
        "probe_http_version": "HTTP version of the final answer.",
        "probe_http_last_modified_timestamp_seconds": "Last-Modified header of the final answer.",
        "probe_failed_due_to_regex": "1 if a regular expression on header or body failed the attempt.",
        "probe_ssl_earliest_cert_expiry": "When the first of the presented certificates ends; also when they do not verify.",
        "probe_ssl_last_chain_expiry_timestamp_seconds": "When the verified chain ends.",
        "probe_tls_version_info": "1, with the TLS version as a label.",
        "probe_tls_cipher_info": "1, with the cipher as a label.",
        "watchkeeper_check_status": (
            "Judged state of the check: 1 healthy, 0.5 degraded, 0 unhealthy. It changes only after failure_threshold "
            "or success_threshold attempts in a row; no sample before the first verdict."
        ),
        "watchkeeper_check_failure_reason": "1 while the last attempt failed or was degraded, with the reason as a label.",
        "watchkeeper_component_status": "State of a component as the body reports it: 1 healthy, 0.5 degraded, 0 unhealthy.",
        "watchkeeper_check_info": "1, with the version that the service reports as a label.",
    }
)
"""Metric name to its help text; all are gauges."""


class Shape(NamedTuple):
    """What the variable part of a row depends on."""

    tls: TlsFacts | None
    dated: bool
    """There is a Last-Modified header."""
    reason: FailureReason | None
    version: str
    components: tuple[str, ...]


PLAIN: Final = Shape(None, False, None, "", ())


@dataclass(frozen=True, slots=True)
class Layout:
    """The fixed part of a kind's rows."""

    names: tuple[tuple[str, str], ...]
    """(metric name, phase), phase empty where the metric has none."""
    values: Callable[[Outcome], list[float]]
    """In the order of `names`."""


def labels_of(check: Check, layout: Layout, shape: Shape) -> list[Labels]:
    """The row's series in order: judged status, timeout, fixed part, variable part."""
    base = {**dict(check.labels), "check": check.name, "instance": check.target}
    shared = [(name, value) for name, value in base.items() if value]

    def series(metric: str, label: str = "", value: str = "") -> Labels:
        pairs = [_metric(metric), *(pair for pair in shared if pair[0] != label)]
        if value:
            pairs.append((label, value))
        pairs.sort()
        return Labels.of_sorted(tuple(pairs))

    made = [series("watchkeeper_check_status"), series("probe_timeout_seconds")]
    made.extend(series(name, "phase", phase) for name, phase in layout.names)
    if shape.tls is not None:
        made.append(series("probe_ssl_earliest_cert_expiry"))
        if shape.tls.chain_expiry is not None:
            made.append(series("probe_ssl_last_chain_expiry_timestamp_seconds"))
        if shape.tls.version:
            made.append(series("probe_tls_version_info", "version", shape.tls.version))
        if shape.tls.cipher:
            made.append(series("probe_tls_cipher_info", "cipher", shape.tls.cipher))
    if shape.dated:
        made.append(series("probe_http_last_modified_timestamp_seconds"))
    if shape.reason is not None:
        made.append(series("watchkeeper_check_failure_reason", "reason", shape.reason.value))
    if shape.version:
        made.append(series("watchkeeper_check_info", "version", shape.version))
    made.extend(series("watchkeeper_component_status", "component", name) for name in shape.components)
    return made


def row_of(check: Check, layout: Layout, outcome: Outcome, verdict: Verdict) -> list[float]:
    """The values, in the order of `labels_of` for `shape_of` of the same outcome and verdict."""
    state = verdict.state
    row = [MISSING if state is HealthState.UNKNOWN else state.level, check.timeout / 1000]
    row += layout.values(outcome)
    tls = outcome.tls_facts
    if tls is not None:
        row.append(MISSING if tls.earliest_expiry is None else tls.earliest_expiry / 1000)
        if tls.chain_expiry is not None:
            row.append(tls.chain_expiry / 1000)
        if tls.version:
            row.append(1.0)
        if tls.cipher:
            row.append(1.0)
    if outcome.last_modified is not None:
        row.append(outcome.last_modified / 1000)
    if outcome.reason is not None:
        row.append(1.0)
    if verdict.version:
        row.append(1.0)
    for component in verdict.components:
        row.append(component.state.level)
    return row


def shape_of(outcome: Outcome, verdict: Verdict, names: tuple[str, ...]) -> Shape:
    """The shape of this row; `names` are the verdict's components' names."""
    return Shape(outcome.tls_facts, outcome.last_modified is not None, outcome.reason, verdict.version, names)


def names_of(components: Sequence[Component]) -> tuple[str, ...]:
    """The components' names in order."""
    return tuple(component.name for component in components)


def gone(before: Sequence[Labels], after: Sequence[Labels]) -> list[int]:
    """Rows of `before` that are not in `after`."""
    kept = set(after)
    return [row for row, labels in enumerate(before) if labels not in kept]


def _common(outcome: Outcome) -> list[float]:
    return [
        1.0 if outcome.success else 0.0,
        outcome.took,
        outcome.resolve,
        float(outcome.ip_protocol),
        float(outcome.ip_hash),
    ]


def _http(outcome: Outcome) -> list[float]:
    reason = outcome.reason
    return [
        1.0 if outcome.success else 0.0,
        outcome.took,
        outcome.resolve,
        float(outcome.ip_protocol),
        float(outcome.ip_hash),
        outcome.resolve,
        outcome.connect,
        outcome.tls,
        outcome.processing,
        outcome.transfer,
        float(outcome.status_code),
        float(outcome.content_length),
        float(outcome.body_length),
        float(outcome.redirects),
        1.0 if outcome.tls_facts is not None else 0.0,
        outcome.http_version,
        1.0 if reason is FailureReason.HEADER or reason is FailureReason.BODY_TEXT else 0.0,
    ]


def _tcp(outcome: Outcome) -> list[float]:
    return [*_common(outcome), 1.0 if outcome.reason is FailureReason.BODY_TEXT else 0.0]


def _heartbeat(outcome: Outcome) -> list[float]:
    return [1.0 if outcome.success else 0.0, outcome.took]


_COMMON: Final = (
    ("probe_success", ""),
    ("probe_duration_seconds", ""),
    ("probe_dns_lookup_time_seconds", ""),
    ("probe_ip_protocol", ""),
    ("probe_ip_addr_hash", ""),
)
HTTP: Final = Layout(
    (
        *_COMMON,
        *(("probe_http_duration_seconds", phase) for phase in ("resolve", "connect", "tls", "processing", "transfer")),
        ("probe_http_status_code", ""),
        ("probe_http_content_length", ""),
        ("probe_http_uncompressed_body_length", ""),
        ("probe_http_redirects", ""),
        ("probe_http_ssl", ""),
        ("probe_http_version", ""),
        ("probe_failed_due_to_regex", ""),
    ),
    _http,
)
TCP: Final = Layout((*_COMMON, ("probe_failed_due_to_regex", "")), _tcp)
TLS: Final = Layout(_COMMON, _common)
HEARTBEAT: Final = Layout((("probe_success", ""), ("probe_duration_seconds", "")), _heartbeat)

_METRIC_PAIRS: Final[dict[str, tuple[str, str]]] = {name: (METRIC_NAME, name) for name in HELP}


def _metric(name: str) -> tuple[str, str]:
    return _METRIC_PAIRS[name]
