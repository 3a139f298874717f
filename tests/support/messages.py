"""Messages and outbox rows for tests."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.incidents import Severity
from monitor.model.labels import Labels
from monitor.model.notifications import (
    AlertView,
    Destination,
    GroupView,
    IncidentView,
    Message,
    MessageKind,
    NotifyReason,
    OutboxRow,
)
from monitor.model.times import MINUTE, Timestamp, parse_rfc3339

T0: Timestamp = parse_rfc3339("2026-03-02T09:00:00Z")
INCIDENT = "01KJQ00000000000000000000A"


_SAID = {MessageKind.RESOLVE: "RESOLVED: ", MessageKind.ACKNOWLEDGE: "ACKNOWLEDGED: "}
"""On-call's titles say the state; those of plain notifications do not."""


def a_message(kind: MessageKind = MessageKind.TRIGGER, *, at: Timestamp = T0, of_incident: bool = True) -> Message:
    """A message about one failing service."""
    labels = Labels({"alertname": "ServiceDown", "service": "shop-api", "severity": "critical"})
    annotations = Labels({"summary": "shop-api is down"})
    ends_at = at if kind is MessageKind.RESOLVE else None
    return Message(
        kind=kind,
        reason=NotifyReason.STEP if of_incident else NotifyReason.FIRST,
        at=at,
        title=(_SAID.get(kind, "") if of_incident else "") + "shop-api is down",
        text="No answer from <https://shop.example.com/healthz> & its twin.",
        severity=Severity.CRITICAL,
        since=T0 - 2 * MINUTE,
        source="shop-api",
        facts=(("service", "shop-api"), ("version", "1.4.2")),
        links=(("Runbook", "https://runbooks.example.com/down"), ("Graph", "https://graphs.example.com/g")),
        alerts=(
            AlertView(
                labels=labels,
                annotations=annotations,
                starts_at=T0 - 2 * MINUTE,
                ends_at=ends_at,
                fingerprint=labels.fingerprint,
                generator_url="https://graphs.example.com/g",
            ),
        ),
        group=GroupView(
            key='{}:{service="shop-api"}',
            receiver="page.shop",
            labels=Labels({"service": "shop-api"}),
            common_labels=labels,
            common_annotations=annotations,
        ),
        incident=an_incident(kind) if of_incident else None,
        external_url="https://watchkeeper.example.com",
    )


def an_incident(kind: MessageKind = MessageKind.TRIGGER) -> IncidentView:
    """The incident of `a_message`."""
    state = {MessageKind.RESOLVE: "resolved", MessageKind.ACKNOWLEDGE: "acknowledged"}.get(kind, "triggered")
    return IncidentView(
        id=INCIDENT,
        number=12,
        generation=1,
        epoch=1,
        policy="payments",
        state=state,
        step=1,
        steps=3,
        next_step_at=T0 + 5 * MINUTE,
        acknowledged_by="ana" if kind is MessageKind.ACKNOWLEDGE else "",
    )


def a_row(
    kind: MessageKind = MessageKind.TRIGGER,
    *,
    key: str = "r1",
    order: str = "",
    integration: str = "webhook",
    receiver: str = "user:ana",
    of_incident: bool = True,
    epoch: int = 1,
    at: Timestamp = T0,
) -> OutboxRow:
    """One outbox row, due at once."""
    destination = Destination(receiver, integration)
    return OutboxRow(
        dedupe_key=key,
        order_key=order or f"{INCIDENT}/{destination}",
        destination=destination,
        message=replace(a_message(kind, at=at, of_incident=of_incident)),
        due_at=at,
        incident=INCIDENT if of_incident else "",
        epoch=epoch if of_incident else 0,
    )
