"""When is a notification due? The first rule that applies decides. Source: Alertmanager notify/dedup_stage.go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from operator import itemgetter
from typing import Final

from monitor.alerts.groups import NotifyEntry
from monitor.model.alerts import Alert
from monitor.model.labels import set_order
from monitor.model.notifications import NotifyReason
from monitor.model.times import HOUR, Millis, Timestamp
from monitor.model.xxh import labels_hash

RETENTION: Final[Millis] = 120 * HOUR
"""Alertmanager's default of `--data.retention`."""
_FOREIGN: Final = "xxh:"
"""Sorts behind all fingerprints, which are hexadecimal."""


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
    if firing & set(entry.unheard):
        return NotifyReason.UNMUTED
    if entry.at < now - repeat_interval:
        return NotifyReason.REPEAT
    return NotifyReason.NONE


def why_of_flapping(entry: NotifyEntry, firing: AbstractSet[str], flapping: AbstractSet[str]) -> NotifyReason:
    """The reason to tell that alerts flap, or are calm again, where nothing else is to be told."""
    if flapping & firing - set(entry.flapping):
        return NotifyReason.FLAPPING
    return NotifyReason.CALM if firing & set(entry.flapping) - flapping else NotifyReason.NONE


def foreign(hash_: int) -> str:
    """In place of the fingerprint of an alert that Alertmanager has told of, and that is known by its own hash only."""
    return f"{_FOREIGN}{hash_:016x}"


def names_foreign(entry: NotifyEntry, alert: Alert) -> bool:
    """Was this alert told, as far as Alertmanager's log says? It sorts behind the others, so the look is short."""
    return has_foreign(entry) and foreign(labels_hash(alert.labels)) in entry.firing


def has_foreign(entry: NotifyEntry) -> bool:
    """Does it name alerts by Alertmanager's hash?"""
    return any(names and names[-1].startswith(_FOREIGN) for names in (entry.firing, entry.resolved))


def recognised(entry: NotifyEntry, members: Iterable[Alert]) -> NotifyEntry:
    """The entry with the fingerprints of those members that it names by Alertmanager's hash (see `inheriting`)."""
    if not has_foreign(entry):
        return entry
    known = {foreign(labels_hash(alert.labels)): alert.fingerprint for alert in members}
    return replace(
        entry,
        firing=tuple(sorted(known.get(name, name) for name in entry.firing)),
        resolved=tuple(sorted(known.get(name, name) for name in entry.resolved)),
    )


def entry_expires(at: Timestamp, repeat_interval: Millis, retention: Millis = RETENTION) -> Timestamp:
    """How long it counts what somebody was told at this instant."""
    return at + min(retention, 2 * repeat_interval)


def left_unmuted(alerts: Iterable[Alert], muted: Callable[[Alert], object]) -> list[Alert]:
    """Those that nothing keeps quiet, in their order."""
    return [alert for alert in alerts if not muted(alert)]


def to_send(alerts: Iterable[Alert], send_resolved: bool, now: Timestamp) -> list[Alert]:
    """What a notification holds of these."""
    return [alert for alert in alerts if send_resolved or alert.ends_at > now]


def in_reading_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts of a message are sorted by job, instance, and then all labels; those without a job or instance come last."""
    alike: dict[tuple[bool, str, bool, str], list[Alert]] = {}
    for alert in alerts:
        job = instance = ""
        for name, value in alert.labels.pairs:
            if name == "instance":
                instance = value
            elif name == "job":
                job = value
                break  # later in the order of names
        alike.setdefault((not job, job, not instance, instance), []).append(alert)
    found: list[Alert] = []
    for _, some in sorted(alike.items(), key=itemgetter(0)):
        # Most have an instance to themselves, and to order whole label sets is dear.
        found += some if len(some) == 1 else sorted(some, key=lambda alert: set_order(alert.labels))
    return found


def names_text(names: Iterable[str]) -> str:
    """`CPUHigh: 2, DiskFull: 1`: many alerts in a line of the log, the commonest first."""
    return ", ".join(f"{name}: {count}" for name, count in Counter(names).most_common())
