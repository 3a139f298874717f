"""The generic webhook's body: Alertmanager's version 4, so that what people have goes on working.

Messages of a policy step carry the same and an `incident`. Source: alertmanager template/template.go (Data) and
notify/webhook/webhook.go (Message).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import orjson

from monitor.matching.regex import quote_meta
from monitor.model.labels import EMPTY, Labels, in_common
from monitor.model.notifications import AlertView, GroupView, IncidentView, Message, MessageKind
from monitor.model.times import Timestamp, rfc3339
from monitor.notify.dressing.wording import field, firing, text_with_remedies

_NO_END = "0001-01-01T00:00:00Z"
_ESCAPED = tuple((char.encode(), f"\\u{ord(char):04x}".encode()) for char in "<>&\u2028\u2029")


def webhook_body(message: Message, *, max_alerts: int = 0, repeat: bool = False) -> bytes:
    """The JSON body: the integration's own `payload`, or Alertmanager's. `max_alerts` above 0 keeps only so many alerts
    and counts the rest in `truncatedAlerts`."""
    if payload := field(message, "payload"):
        return payload.encode()
    document = webhook_document(message, max_alerts=max_alerts)
    if message.incident is not None:
        document["incident"] = _incident(message, message.incident)
    if repeat:
        document["possibleRepeat"] = True
    if message.meant_for is not None:
        missed = message.meant_for
        receiver, _, integration = str(missed.destination).rpartition("/")
        document["fallbackFor"] = {"receiver": receiver, "integration": integration, "why": missed.why}
    if message.trouble:
        document["templateError"] = message.trouble
    return go_json(document)


def webhook_document(message: Message, *, max_alerts: int = 0) -> dict[str, object]:
    """Alertmanager's own part of it."""
    group = message.group if message.group is not None else GroupView(key="", receiver="")
    shown = message.alerts
    if 0 < max_alerts < len(shown):
        shown = shown[:max_alerts]
        group = replace(
            group,
            common_labels=in_common(alert.labels for alert in shown),
            common_annotations=in_common(alert.annotations for alert in shown),
        )
    return {
        "receiver": quote_meta(group.receiver),
        "status": _status(message),
        "alerts": [_alert(alert) for alert in shown],
        "notification_reason": message.reason.value,
        "groupLabels": _labels(group.labels),
        "commonLabels": _labels(group.common_labels),
        "commonAnnotations": _labels(group.common_annotations),
        "routeLabels": _labels(group.route_labels),
        "externalURL": message.external_url,
        "version": "4",
        "groupKey": group.key,
        "truncatedAlerts": group.truncated + len(message.alerts) - len(shown),
    }


def go_json(document: Mapping[str, object]) -> bytes:
    """As Go writes it: what HTML could take for its own is escaped."""
    body = orjson.dumps(document)
    for char, escaped in _ESCAPED:
        body = body.replace(char, escaped)
    return body


def _status(message: Message) -> str:
    if message.kind is MessageKind.RESOLVE:
        return "resolved"
    if message.alerts and not firing(message):
        return "resolved"
    return "firing"


def _alert(alert: AlertView) -> dict[str, object]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": _labels(alert.labels),
        "annotations": _labels(alert.annotations),
        "startsAt": _instant(alert.starts_at),
        "endsAt": _NO_END if alert.ends_at is None else _instant(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _incident(message: Message, incident: IncidentView) -> dict[str, object]:
    return {
        "id": incident.id,
        "number": incident.number,
        "generation": incident.generation,
        "epoch": incident.epoch,
        "policy": incident.policy,
        "state": incident.state,
        "step": incident.step,
        "steps": incident.steps,
        "loop": incident.loop,
        "nextStepAt": None if incident.next_step_at is None else _instant(incident.next_step_at),
        "acknowledgedBy": incident.acknowledged_by,
        "newAlerts": list(incident.news),
        "event": message.kind.value,
        "severity": message.severity.value,
        "title": message.title,
        "text": text_with_remedies(message),
        "since": _instant(message.since),
        "links": [{"text": text, "href": url} for text, url in message.links],
    }


@lru_cache(512)
def _instant(at: Timestamp) -> str:
    """As Go writes it: no zeros at the end of the fraction, and no fraction at a full second."""
    return f"{rfc3339(at)[:-1].rstrip('0').rstrip('.')}Z"


def _labels(labels: Labels = EMPTY) -> dict[str, str]:
    return dict(labels.pairs)
