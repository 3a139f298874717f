"""A message as incident.io's Alertmanager source takes it: the webhook's document with version 1 and metadata.

The group key says which alert is meant there. One that is acknowledged takes in what comes under its key and notifies nobody,
so that an incident which pages again after an acknowledgement has another one (decision 0037).
"""

from __future__ import annotations

from monitor.model.notifications import Message
from monitor.notify.dressing.keys import marked
from monitor.notify.dressing.webhook import go_json, webhook_document
from monitor.notify.dressing.wording import fields_below

LARGEST = 512 * 1024
"""Bytes."""


def incidentio_body(message: Message, *, max_alerts: int = 0) -> bytes:
    """The body; one that would be too large names only its first alert. None fits: ValueError."""
    body = _body(message, max_alerts)
    if len(body) > LARGEST and len(message.alerts) > 1:
        body = _body(message, 1)
    if len(body) > LARGEST:
        raise ValueError(f"the message is larger than {LARGEST} bytes even with one alert")
    return body


def _body(message: Message, max_alerts: int) -> bytes:
    document = webhook_document(message, max_alerts=max_alerts)
    document["version"] = "1"
    document["groupKey"] = marked(str(document["groupKey"]), message)
    if metadata := fields_below(message, "metadata"):
        document["metadata"] = metadata
    return go_json(document)
