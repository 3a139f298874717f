"""What dashboards, alerting rules and karma look for on Alertmanager's /metrics, from what is counted here anyway.

Nothing is counted twice: these families are put together when somebody asks. What has no counterpart here has no series,
rather than one that is always zero: the notification log and silences are rows of a database, so there are no snapshots of
them, no gossip, and no queries of their own. A test holds the list of what is left out against Alertmanager's own /metrics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from monitor.alerts.receivers import Integration
from monitor.config.configuration import Configuration
from monitor.model.notifications import DeliveryFailure
from monitor.model.times import Timestamp
from monitor.telemetry import Telemetry
from monitor.web.alertmanager.status import SPOKEN
from monitor.web.gets import Gets

_DELIVERED = "delivered"
_GET = "get"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerState:
    """How things stand at this moment."""

    configuration: Configuration
    reloaded_at: Timestamp | None
    reload_failed: bool
    groups: int
    """That have firing members."""
    limited: Mapping[str, int]
    """Alerts that were not taken in, by alertname; those of names beyond the first thousand together."""
    gets: Gets | None = None
    """GET requests, where their number is bounded: in Alertmanager's place."""


def alertmanager_exposition(telemetry: Telemetry, state: AlertmanagerState) -> bytes:
    """All of them as text 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(telemetry, state))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, telemetry: Telemetry, state: AlertmanagerState) -> None:
        self._telemetry = telemetry
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from self._of_the_build()
        yield from self._of_the_configuration()
        yield from self._of_notifications()
        yield self._gauge("dispatcher_aggregation_groups", "Groups that have alerts.", self._state.groups)
        limited = self._counter("alerts_limited", "Pushed alerts beyond the limit of their alertname.", ["alertname"])
        for name, number in self._state.limited.items():
            limited.add_metric([name], number)
        yield limited
        yield from self._of_requests()

    def _of_requests(self) -> Iterator[Metric]:
        yield _renamed(self._telemetry.http_seconds, "alertmanager_http_request_duration_seconds", {"route": "handler"})
        gets = self._state.gets
        if gets is None:
            return
        flying = GaugeMetricFamily(
            "alertmanager_http_requests_in_flight", "Requests that are being answered.", labels=["method"]
        )
        flying.add_metric([_GET], gets.under_way)
        yield flying
        refused = self._counter(
            "http_concurrency_limit_exceeded", "Requests that were refused because of so many others.", ["method"]
        )
        refused.add_metric([_GET], gets.exceeded)
        yield refused

    def _of_the_build(self) -> Iterator[Metric]:
        names = ["version", "revision", "branch", "goversion"]
        build = GaugeMetricFamily("alertmanager_build_info", "The Alertmanager whose API is spoken.", labels=names)
        build.add_metric([SPOKEN, "", "", ""], 1)
        yield build
        cluster = self._state.configuration.listen.cluster
        yield self._gauge("cluster_enabled", "1 if a cluster, of one, is told of.", cluster)
        if cluster:
            yield self._gauge("cluster_members", "Members of the cluster: ourselves.", 1)
            yield self._gauge("cluster_failed_peers", "Members that failed: there are no others.", 0)
            yield self._gauge("cluster_health_score", "0 is healthy.", 0)
            yield self._gauge("peer_position", "Our place in the cluster.", 0)

    def _of_the_configuration(self) -> Iterator[Metric]:
        state = self._state
        paging = state.configuration.paging
        yield self._gauge(
            "config_last_reload_successful",
            "1 if the last load of the configuration succeeded.",
            not state.reload_failed,
        )
        if state.reloaded_at is not None:
            about = "When a configuration was last loaded successfully."
            yield self._gauge("config_last_reload_success_timestamp_seconds", about, state.reloaded_at / 1000)
        # 48 bits are exact in a float
        digest = hashlib.md5(paging.alertmanager.original.encode(), usedforsecurity=False).digest()[:6]
        yield self._gauge("config_hash", "Changes with the routing.", int.from_bytes(digest, "little"))
        used = {route.receiver for route in paging.root.walk()}
        receivers = [receiver for name, receiver in paging.receivers.items() if name in used]
        yield self._gauge("receivers", "Receivers that routes use.", len(receivers))
        yield self._gauge("integrations", "Their integrations.", sum(len(one.integrations) for one in receivers))
        yield self._gauge("inhibition_rules", "Inhibition rules.", len(paging.muting.inhibit_rules))

    def _of_notifications(self) -> Iterator[Metric]:
        requests, failures = self._attempts()
        given_up = self._lost()
        for name, about, found in (
            ("notification_requests", "Attempts to deliver.", requests),
            ("notification_requests_failed", "Attempts to deliver that failed.", failures),
        ):
            family = self._counter(name, about, ["integration"])
            for integration, number in found.items():
                family.add_metric([integration], number)
            yield family
        told = self._counter("notifications", "Notifications that were delivered or failed.", ["integration"])
        about = "Notifications that were given up, or failed so often that others were told of it."
        failed = self._counter("notifications_failed", about, ["integration", "reason"])
        for integration, number in requests.items():
            lost = {reason.value: given_up.get((integration, reason.value), 0.0) for reason in DeliveryFailure}
            told.add_metric([integration], number - failures[integration] + sum(lost.values()))
            for reason, times in lost.items():
                failed.add_metric([integration, reason], times)
        yield told
        yield failed
        yield _renamed(self._telemetry.delivery_seconds, "alertmanager_notification_latency_seconds", {})
        yield _renamed(self._telemetry.suppressed, "alertmanager_notifications_suppressed", {})

    def _attempts(self) -> tuple[dict[str, float], dict[str, float]]:
        requests = {one.destination.integration: 0.0 for one in self._integrations()}
        failures = dict(requests)
        for sample in _samples(self._telemetry.deliveries):
            integration, outcome = sample.labels["integration"], sample.labels["outcome"]
            requests[integration] = requests.get(integration, 0.0) + sample.value
            failures[integration] = failures.get(integration, 0.0) + (0.0 if outcome == _DELIVERED else sample.value)
        return requests, failures

    def _lost(self) -> dict[tuple[str, str], float]:
        """By integration and reason, each once: what was handed over, and is given up in the end, failed when it was handed
        over."""
        found: dict[tuple[str, str], float] = {}
        for family in (self._telemetry.given_up, self._telemetry.handed_over):
            for sample in _samples(family):
                if sample.labels.get("handed_over") == "yes":
                    continue
                key = (sample.labels["integration"], sample.labels["reason"])
                found[key] = found.get(key, 0.0) + sample.value
        return found

    def _integrations(self) -> Iterator[Integration]:
        for receiver in self._state.configuration.paging.receivers.values():
            yield from receiver.integrations

    def _gauge(self, name: str, about: str, value: float) -> Metric:
        return GaugeMetricFamily(f"alertmanager_{name}", about, value=value)

    def _counter(self, name: str, about: str, labels: list[str]) -> CounterMetricFamily:
        return CounterMetricFamily(f"alertmanager_{name}", about, labels=labels)


def _samples(family: Collector) -> Iterator[Sample]:
    for metric in family.collect():
        yield from (sample for sample in metric.samples if not sample.name.endswith("_created"))


def _renamed(family: Collector, name: str, labels: Mapping[str, str]) -> Metric:
    """The same under another name, and with some labels under others."""
    (metric,) = family.collect()
    made = Metric(name, metric.documentation, metric.type)
    for sample in metric.samples:
        if not sample.name.endswith("_created"):
            told = {labels.get(label, label): value for label, value in sample.labels.items()}
            made.add_sample(name + sample.name.removeprefix(metric.name), told, sample.value)
    return made
