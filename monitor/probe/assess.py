"""From an answer to a judged attempt: expectations first, then what the body says, which may only make it worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model.checks import NO_READING, BodyReading, FailureReason, HealthState
from monitor.probe.expect import Shortfall


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one answer amounts to."""

    state: HealthState
    reason: FailureReason | None = None
    text: str = ""
    """All sentences, the worst first."""


FINE = Assessment(HealthState.HEALTHY)


def assess(shortfalls: Sequence[Shortfall], reading: BodyReading = NO_READING) -> Assessment:
    """The worst of it all; its reason is that of the first of the worst."""
    if not shortfalls and reading.state.rank == 0:
        return FINE
    findings = list(shortfalls)
    if reading.state.rank:
        reason = FailureReason.BODY_UNHEALTHY if reading.state is HealthState.UNHEALTHY else FailureReason.BODY_DEGRADED
        findings.append(Shortfall(reading.state, reason, reading.text or reason.sentence))
    findings.sort(key=lambda finding: -finding.state.rank)
    return Assessment(findings[0].state, findings[0].reason, "; ".join(finding.text for finding in findings))
