"""What muting makes Alertmanager lose, and how it is mended where somebody asks for it.

Alertmanager evaluates a group's log only over what is not muted. So whoever was told of an alert does not hear that it
resolved while it was muted, is not reminded when the muting ends and it still fires, and hears nothing if it resolves and
fires again after the muting: the log still says that it fires. Each of these has a switch; without any, messages are
Alertmanager's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.dedup import left_unmuted
from monitor.alerts.groups import NotifyEntry
from monitor.model.alerts import Alert
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """Which losses are mended."""

    notify_on_unmute: bool = False
    """What fires on after muting is told again at the next flush, not only when the repeat interval is over."""
    resolve_when_muted: bool = False
    """The end of what was told is told though it is muted, once nothing that was told fires any more."""
    notify_on_refire: bool = False
    """What resolved while it was muted is new when it fires again."""


AS_ALERTMANAGER = Repairs()


def heard(
    entry: NotifyEntry | None, members: Sequence[Alert], muted: Collection[str], repairs: Repairs, now: Timestamp
) -> list[Alert]:
    """The members that one integration may be told of. `muted`: fingerprints of the members that are."""
    if not muted:
        return list(members)
    if entry is None or not repairs.resolve_when_muted:
        return left_unmuted(members, lambda alert: alert.fingerprint in muted)
    kept_quiet = bool(held_back(entry, members, muted, repairs, now))
    return [
        alert
        for alert in members
        if alert.fingerprint not in muted
        or (not kept_quiet and alert.resolved(now) and alert.fingerprint in entry.firing)
    ]


def held_back(
    entry: NotifyEntry, members: Sequence[Alert], muted: Collection[str], repairs: Repairs, now: Timestamp
) -> tuple[str, ...]:
    """The muted members whose end is not told yet: others that were told fire on, muted as well, and a message of ends
    only would read as the end of all."""
    if not muted or not repairs.resolve_when_muted:
        return ()
    told = [alert for alert in members if alert.fingerprint in muted and alert.fingerprint in entry.firing]
    audible = any(not alert.resolved(now) and alert.fingerprint not in muted for alert in members)
    if audible or all(alert.resolved(now) for alert in told):
        return ()
    return tuple(alert.fingerprint for alert in told if alert.resolved(now))


def after_quiet(
    entry: NotifyEntry, members: Sequence[Alert], muted: Collection[str], repairs: Repairs, now: Timestamp
) -> NotifyEntry:
    """The entry after a flush that told its integration nothing."""
    if repairs.notify_on_refire:
        waiting = held_back(entry, members, muted, repairs, now)
        gone = {alert.fingerprint for alert in members if alert.resolved(now) and alert.fingerprint in muted}
        entry = replace(entry, firing=tuple(name for name in entry.firing if name in waiting or name not in gone))
    if repairs.notify_on_unmute:
        quiet = {alert.fingerprint for alert in members if alert.fingerprint in muted and not alert.resolved(now)}
        entry = replace(entry, unheard=tuple(sorted({*entry.unheard, *quiet} & {*entry.firing})))
    return entry
