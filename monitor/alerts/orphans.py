"""Groups that no route holds any more, kept for their incidents.

A reload may give alerts that fire to other groups. What an incident was told of stays with that incident: its members live on
in an orphan, silent towards everybody else, until they are over. Whoever acknowledged the incident still has them, and its
walk goes on where it was. So a group that gets such an alert under the new routes does not tell the same policy of it a second
time; that an alert fires is told by one group or by the other, whichever state is looked at. A member that is over has left
the orphan: if it fires again, it belongs where its route says.

Another policy is told, for other people answer to it. Notifications without an incident are Alertmanager's: a group with a new
key is told anew (decision 0031).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from monitor.alerts.groups import AlertGroup
from monitor.alerts.placement import Routing
from monitor.model.times import Timestamp

Claims: TypeAlias = Mapping[str, frozenset[str]]
"""By policy the fingerprints of alerts that its incidents hold through orphans."""

NO_CLAIMS: Final[Claims] = {}


def is_orphan(group: AlertGroup) -> bool:
    """No route holds this group any more; it lives until its incident has heard that its members resolved."""
    return group.next_flush is None and group.created_at > 0 and group.forget_at is None


def claims(groups: Iterable[AlertGroup], now: Timestamp) -> Claims:
    """What the orphans among these groups hold: their members that fire."""
    found: dict[str, frozenset[str]] = {}
    for group in groups:
        if is_orphan(group) and group.policy:
            names = frozenset(alert.fingerprint for alert in group.firing(now))
            found[group.policy] = found.get(group.policy, frozenset()) | names
    return found


def teller(group: AlertGroup, fingerprint: str, groups: Iterable[AlertGroup], now: Timestamp) -> AlertGroup:
    """The group through which the policy's incident hears of a member of this one: itself, or the orphan that holds it."""
    holding = (one for one in groups if is_orphan(one) and one.policy == group.policy)
    found = next((one for one in holding if (member := one.member(fingerprint)) and not member.resolved(now)), None)
    return found if found is not None and group.policy else group


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrouping:
    """What a reload did to alerts that fire."""

    told_again: int = 0
    """Alerts that are told again to somebody who knows them, because their group has another key now."""
    kept: frozenset[str] = frozenset()
    """Fingerprints of alerts that get to groups with other keys and stay with an incident whose own group is gone, now or since an earlier
    reload."""


def regrouping(
    before: Collection[AlertGroup], after: Iterable[AlertGroup], routing: Routing, now: Timestamp
) -> Regrouping:
    """From all groups under the former routes and all under these."""
    known = {(entry.destination, name) for group in before for entry in group.log for name in entry.firing}
    former = {group.id for group in before}
    after = list(after)
    held = claims(after, now)
    again: set[str] = set()
    kept: set[str] = set()
    for group in after:
        if is_orphan(group):
            kept.update(alert.fingerprint for alert in group.firing(now) if group.id not in former)
            continue
        if group.id not in former and group.policy in held:
            kept.update(alert.fingerprint for alert in group.firing(now) if alert.fingerprint in held[group.policy])
        receiver = routing.receivers.get(group.receiver)
        told = {entry.destination: set(entry.firing) for entry in group.log}
        for integration in receiver.integrations if receiver is not None and group.forget_at is None else ():
            news = {alert.fingerprint for alert in group.firing(now)} - told.get(integration.destination, set())
            again.update(name for name in news if (integration.destination, name) in known and group.id not in former)
    return Regrouping(told_again=len(again), kept=frozenset(kept))


def orphaned(group: AlertGroup, taken: Collection[str], now: Timestamp) -> AlertGroup | None:
    """What stays of a group that no route holds any more: the members that an incident was told of and that no group of the
    same incident has `taken` over. None: nothing."""
    if not group.policy:
        return None
    told = tuple(entry for entry in group.told if entry.partition(":")[0] not in taken)
    if not told:
        return None
    names = {entry.partition(":")[0] for entry in told}
    return replace(
        group,
        id=f"orphan:{group.policy}:{group.id}:{now}",
        members=tuple(alert for alert in group.members if alert.fingerprint in names),
        told=told,
        log=(),
        next_flush=None,
    )
