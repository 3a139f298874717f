"""When is a notification due? The first rule that applies decides. Source: Alertmanager notify/dedup_stage.go."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from monitor.alerts.groups import NotifyEntry
from monitor.model.notifications import NotifyReason
from monitor.model.times import Millis, Timestamp


def why_notify(
    entry: NotifyEntry | None,
    firing: AbstractSet[str],
    resolved: AbstractSet[str],
    *,
    repeat_interval: Millis,
    send_resolved: bool,
    now: Timestamp,
) -> NotifyReason:
    """The reason to notify, or `NotifyReason.NONE`. `firing` and `resolved` are fingerprints."""
    if entry is None:
        return NotifyReason.FIRST if firing else NotifyReason.NONE
    if not firing <= set(entry.firing):
        return NotifyReason.NEW_ALERTS if entry.firing else NotifyReason.FIRST
    if not firing:
        return NotifyReason.ALL_RESOLVED if entry.firing else NotifyReason.NONE
    if send_resolved and not resolved <= set(entry.resolved):
        return NotifyReason.SOME_RESOLVED
    if entry.at < now - repeat_interval:
        return NotifyReason.REPEAT
    return NotifyReason.NONE
