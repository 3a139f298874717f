"""How alerts stand now, over all groups: for lists and counts, where an alert is one however many groups hold it."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.alerts.groups import AlertGroup
from monitor.alerts.placement import Routing
from monitor.model.alerts import Alert
from monitor.model.times import Timestamp


def standing(groups: Mapping[str, AlertGroup], now: Timestamp) -> list[Alert]:
    """The newest report of each alert that has not ended, by fingerprint."""
    known: dict[str, Alert] = {}
    for group in groups.values():
        for alert in group.members:
            before = known.get(alert.fingerprint)
            if before is None or before.updated_at < alert.updated_at:
                known[alert.fingerprint] = alert
    return [alert for _, alert in sorted(known.items()) if alert.ends_at >= now]


def count_states(groups: Mapping[str, AlertGroup], routing: Routing, now: Timestamp) -> dict[str, int]:
    """How many are active, and how many does something other than the hours of their route keep quiet?"""
    counts = {"active": 0, "suppressed": 0}
    for alert in standing(groups, now):
        counts["suppressed" if routing.overlay.mutes(alert.labels, None, now) else "active"] += 1
    return counts
