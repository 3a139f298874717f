"""The keys under which vendors keep what a message is about, so that a later one finds it.

One key per incident generation, never one per rule: a stale trigger that arrives late then cannot revive an alert under a key
that somebody uses again. Group notifications use Alertmanager's key, the sha256 of the group key, so that a move from
Alertmanager leaves open alerts closable.

Vendors that wake people notify nobody of an alert that is acknowledged already. There an incident that pages again after it was
acknowledged has a new key; the page ends the alert under the key before it, and the end of the incident all that may be left
(decision 0037).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from monitor.model.notifications import Message, MessageKind

LONGEST_KEY: Final = 255
_FORMER: Final = 10
"""Keys of before, the latest ones, that the end of an incident ends; those before them were ended with the pages that came
between."""


def dedup_key(message: Message, *, instance: str, row_key: str) -> str:
    """At most 255 characters. `row_key` serves messages that belong to neither incident nor group, as tests do."""
    if message.incident is not None:
        key = f"wk:{instance}:{message.incident.id}"
        return key if len(key) <= LONGEST_KEY else f"wk:{_digest(key)}"
    return _digest(message.group.key if message.group is not None else row_key)


def page_key(message: Message, *, instance: str, row_key: str) -> str:
    """The same for vendors that wake people: another one after each acknowledgement that did not last."""
    key = dedup_key(message, instance=instance, row_key=row_key)
    whole = marked(key, message)
    return whole if len(whole) <= LONGEST_KEY else marked(f"wk:{_digest(key)}", message)


def marked(key: str, message: Message) -> str:
    """The key, and how often somebody has had the incident before it paged again, if ever."""
    wake = message.incident.wake if message.incident is not None else 0
    return f"{key}:{wake}" if wake else key


def ends_of_former(message: Message) -> tuple[Message, ...]:
    """What ends the alerts that this page, or this end, leaves behind under the incident's former keys: a page the latest one,
    an end all of them that may be open."""
    incident = message.incident
    if incident is None or not (message.kind.wakes or message.kind is MessageKind.RESOLVE):
        return ()
    most = 1 if message.kind.wakes else _FORMER
    former = range(max(incident.wake - most, 0), incident.wake)
    return tuple(
        replace(message, kind=MessageKind.RESOLVE, fields=(), incident=replace(incident, wake=wake))
        for wake in reversed(former)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
