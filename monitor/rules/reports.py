"""Which of a rule's alerts are to be told now, and what is said of them.

A firing alert is told again and again, a resolved one as long as it is remembered; a pending one never. All here is a
function of its arguments; `handing_over` acts on it.

Source: prometheus rules/alerting.go (sendAlerts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from monitor.model.alerts import Alert, AlertState
from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.rules.leaving import AS_THEY_ARE, Leaving
from monitor.rules.states import Active, ActiveAlert

RESEND: Final[Millis] = MINUTE
"""A firing alert is told again after this."""

ALWAYS: Final[Timestamp] = -(1 << 62)
"""Earlier than any instant."""


def due(active: Active, at: Timestamp, *, resend: Millis = RESEND) -> tuple[Labels, ...]:
    """The alerts to be told now: firing or resolved ones, when they changed or when the last report is old."""
    return tuple(labels for labels, alert in active.items() if _needs_sending(alert, at, resend))


def quiet_until(active: Active, *, resend: Millis = RESEND) -> Timestamp:
    """Up to and including this instant none is to be told, as long as no alert changes."""
    times = (
        alert.last_sent_at + resend if alert.last_sent_at is not None else ALWAYS
        for alert in active.values()
        if alert.state is not AlertState.PENDING
    )
    return min(times, default=-ALWAYS)


def report(
    active: Active,
    chosen: Sequence[Labels],
    at: Timestamp,
    *,
    interval: Millis,
    generator_url: str,
    leaving: Leaving = AS_THEY_ARE,
    resend: Millis = RESEND,
) -> tuple[Alert, ...]:
    """What goes out for these alerts, less those that `leaving` drops. A firing one is to be believed for four intervals."""
    valid_until = at + 4 * max(interval, resend)
    alerts: list[Alert] = []
    for labels in chosen:
        alert = active[labels]
        dressed = leaving.dressed(labels)
        if dressed is None:
            continue
        alerts.append(
            Alert(
                labels=dressed,
                annotations=_explained(alert).whole(),
                starts_at=alert.fired_at if alert.fired_at is not None else alert.active_at,
                ends_at=alert.resolved_at if alert.resolved_at is not None else valid_until,
                updated_at=at,
                generator_url=generator_url,
                value=alert.value,
            )
        )
    return tuple(alerts)


def sent(
    active: Active, chosen: Sequence[Labels], at: Timestamp, *, interval: Millis, resend: Millis = RESEND
) -> Active:
    """The alerts after these were accepted."""
    valid_until = at + 4 * max(interval, resend)
    told = frozenset(chosen)
    return {
        labels: replace(alert, last_sent_at=at, valid_until=valid_until) if labels in told else alert
        for labels, alert in active.items()
    }


def unsent(active: Active) -> Active:
    """The alerts as if none had been told yet."""
    return {labels: replace(alert, last_sent_at=None) for labels, alert in active.items()}


def _explained(alert: ActiveAlert) -> Labels:
    return alert.annotations if alert.held is None else alert.annotations.with_(reason=alert.held.sentence)


def _needs_sending(alert: ActiveAlert, at: Timestamp, resend: Millis) -> bool:
    if alert.state is AlertState.PENDING:
        return False
    return alert.last_sent_at is None or alert.last_sent_at + resend < at
