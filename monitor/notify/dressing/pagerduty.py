"""A message as an event for PagerDuty's Events API v2. Sources: PagerDuty developer-docs events-API-v2, alertmanager
notify/pagerduty/pagerduty.go. What its dedup keys are is in `keys`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from monitor.model.incidents import Severity
from monitor.model.notifications import AlertView, Message, MessageKind
from monitor.model.times import rfc3339
from monitor.notify.dressing.keys import page_key
from monitor.notify.dressing.wording import (
    cut,
    field,
    fields_below,
    firing,
    links_of,
    records,
    resolved,
    standing,
    title_of,
)

LARGEST_SUMMARY = 1024
LARGEST_EVENT = 512_000
"""Bytes of JSON, all told."""
_ENVELOPE = 1_000
"""Room for the routing key and what surrounds it."""
_LARGEST_FIELD = 255
_LARGEST_VALUE = 20_000
_CLIENT = "Watchkeeper"

_ACTIONS = {
    MessageKind.TRIGGER: "trigger",
    MessageKind.UNACKNOWLEDGE: "trigger",
    MessageKind.REMINDER: "trigger",
    MessageKind.UPDATE: "trigger",
    MessageKind.TEST: "trigger",
    MessageKind.ACKNOWLEDGE: "acknowledge",
    MessageKind.RESOLVE: "resolve",
}
_SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyEvent:
    """What goes into one call, the routing key apart."""

    action: str
    """trigger, acknowledge or resolve."""
    dedup_key: str
    properties: dict[str, object]
    """payload, links, images, client, client_url; empty unless it triggers."""


def pagerduty_event(message: Message, *, instance: str, row_key: str) -> PagerDutyEvent:
    """The event. Too large a one keeps everything but its details."""
    action = _ACTIONS[message.kind]
    properties: dict[str, object] = {}
    if action == "trigger":
        properties = _properties(message, _details(message))
        if _size(properties) > LARGEST_EVENT - _ENVELOPE:
            note = {"error": "the details are left out: with them the event is larger than PagerDuty takes"}
            properties = _properties(message, note)
    return PagerDutyEvent(
        action=action,
        dedup_key=page_key(message, instance=instance, row_key=row_key),
        properties=properties,
    )


def service_event(message: Message, event: PagerDutyEvent, service_key: str) -> dict[str, object]:
    """The same for the older Events API v1."""
    details = event.properties.get("payload", {})
    body: dict[str, object] = {
        "service_key": service_key,
        "event_type": event.action,
        "incident_key": event.dedup_key,
        "description": cut(field(message, "description").strip() or title_of(message), LARGEST_SUMMARY),
        "details": cast("Mapping[str, object]", details).get("custom_details", {}) or _details(message),
    }
    for name in ("client", "client_url"):
        if name in event.properties:
            body[name] = event.properties[name]
    return body


def _properties(message: Message, details: Mapping[str, object]) -> dict[str, object]:
    severity = field(message, "severity").lower()
    payload: dict[str, object] = {
        "summary": cut(field(message, "description").strip() or title_of(message), LARGEST_SUMMARY),
        "source": cut(field(message, "source").strip() or message.source.strip() or _CLIENT, LARGEST_SUMMARY),
        "severity": severity if severity in _SEVERITIES.values() else _SEVERITIES[message.severity],
        "timestamp": rfc3339(message.since),
        "custom_details": details,
    }
    for name in ("class", "component", "group"):
        if value := field(message, name):
            payload[name] = cut(value, _LARGEST_FIELD)
    properties: dict[str, object] = {"payload": payload, "client": field(message, "client") or _CLIENT}
    client_url = field(message, "client_url") or message.external_url
    if client_url:
        properties["client_url"] = client_url
    links = [{"href": url, "text": text} for text, url in links_of(message)]
    links += [
        {"href": link["href"], "text": link.get("text", "")} for link in records(message, "links") if link.get("href")
    ]
    if links:
        properties["links"] = links
    images = [image for image in records(message, "images") if image.get("src")]
    if images:
        properties["images"] = images
    return properties


def _details(message: Message) -> dict[str, object]:
    own: dict[str, object] = {
        name: cut(value, _LARGEST_VALUE) for name, value in fields_below(message, "details").items()
    }
    if own:
        return own
    details: dict[str, object] = dict(message.facts)
    if message.text:
        details["text"] = cut(message.text, _LARGEST_VALUE)
    if message.incident is not None:
        details["incident"] = standing(message.incident)
    if message.trouble:
        details["trouble"] = message.trouble
    lit, out = firing(message), resolved(message)
    details["num_firing"] = str(len(lit))
    details["num_resolved"] = str(len(out))
    if lit:
        details["firing"] = cut("\n".join(_line(alert) for alert in lit), _LARGEST_VALUE)
    if out:
        details["resolved"] = cut("\n".join(_line(alert) for alert in out), _LARGEST_VALUE)
    return details


def _line(alert: AlertView) -> str:
    words = alert.annotations.get("summary", "") or alert.annotations.get("description", "")
    return f"{alert.labels} {words}".rstrip()


def _size(properties: dict[str, object]) -> int:
    return len(json.dumps(properties, ensure_ascii=False).encode())
