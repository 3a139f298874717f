"""Where features count: their small contracts on top of the metrics registry."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, generate_latest

from monitor.model.checks import Check, FailureReason, Outcome, Verdict
from monitor.model.notifications import DeliveryFailure, Destination, MessageKind
from monitor.model.times import Millis
from monitor.telemetry import Telemetry


class RuleCounters:
    """Implements `monitor.rules.ports.Counters`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def evaluated(self, group: str) -> None:
        self._telemetry.rule_evaluations.labels(group).inc()

    def failed(self, group: str) -> None:
        self._telemetry.rule_failures.labels(group).inc()

    def missed(self, group: str, slots: int) -> None:
        self._telemetry.rule_missed.labels(group).inc(slots)


class PushCounters:
    """Counts alerts that others push, under Alertmanager's names."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._firing = telemetry.alerts_received.labels("firing", _API)
        self._resolved = telemetry.alerts_received.labels("resolved", _API)
        self._invalid = telemetry.alerts_invalid.labels(_API)

    def count(self, firing: int, resolved: int, invalid: int) -> None:
        """One push; the invalid ones are among the others as well."""
        self._firing.inc(firing)
        self._resolved.inc(resolved)
        self._invalid.inc(invalid)


_API: Final = "v2"


class ProbeMeters:
    """Counts attempts. Children of the metrics are looked up once: this is called for every probe."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._counters: dict[tuple[str, bool], Counter] = {}

    def result(self, check: Check, outcome: Outcome, verdict: Verdict) -> None:
        """One attempt ended."""
        key = (check.kind, outcome.success)
        counter = self._counters.get(key)
        if counter is None:
            word = "success" if outcome.success else "failure"
            counter = self._counters[key] = self._telemetry.probes.labels(check.kind, word)
        counter.inc()
        if outcome.reason in _UNREADABLE:
            self._telemetry.bad_input.labels("health answer").inc()


_UNREADABLE = frozenset({FailureReason.BAD_ANSWER, FailureReason.TOO_LARGE})


class DeliveryMeters:
    """Implements `monitor.notify.delivering.Meters`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def accepted(self, destination: Destination, kind: MessageKind, latency: Millis) -> None:
        self._telemetry.delivery_seconds.labels(destination.integration).observe(latency / 1000)
        self._telemetry.deliveries.labels(destination.integration, "delivered").inc()

    def failed(self, destination: Destination, outcome: str) -> None:
        self._telemetry.deliveries.labels(destination.integration, outcome).inc()

    def gave_up(
        self, destination: Destination, kind: MessageKind, failure: DeliveryFailure, *, handed_over: bool
    ) -> None:
        before = "yes" if handed_over else "no"
        self._telemetry.given_up.labels(destination.integration, kind.value, failure.value, before).inc()

    def handed_over(self, destination: Destination, kind: MessageKind, failure: DeliveryFailure) -> None:
        self._telemetry.handed_over.labels(destination.integration, kind.value, failure.value).inc()

    def channel(self, destination: Destination, up: bool | None) -> None:
        labels = (destination.receiver, destination.integration, str(destination.index))
        if up is None:
            self._telemetry.channel_up.remove(*labels)
        else:
            self._telemetry.channel_up.labels(*labels).set(up)


def exposition(registry: CollectorRegistry) -> bytes:
    """All metrics as text 0.0.4."""
    return generate_latest(registry)
