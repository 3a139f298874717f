"""Taking over from Alertmanager: what its integrations were told of is not told again, and its end is not forgotten.

Its notification log knows alerts by another hash than ours, and only by that; the label sets come when the alerts do. So an
inherited entry keeps the foreign hashes, and each flush replaces those that it recognises among the members of its group
(`dedup.recognised`).
What nobody recognises stays: whoever was told of it is told when the group is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.dedup import foreign
from monitor.alerts.groups import AlertGroup, NotifyEntry
from monitor.alerts.placement import Routing
from monitor.alerts.routes import Route
from monitor.matching.matchers import MatchOp
from monitor.matching.parse import parse_matchers
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An entry of Alertmanager's notification log: what one integration was last told about a group."""

    group_key: str
    destination: Destination
    at: Timestamp
    firing: frozenset[int]
    """Hashes of label sets (`monitor.model.xxh`)."""
    resolved: frozenset[int]
    expires_at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """What comes of a notification log under a configuration."""

    groups: tuple[AlertGroup, ...]
    """Without members, each to be taken up again when one of its alerts comes."""
    homeless: tuple[Heard, ...]
    """No route of this configuration has such a group, or its receiver has no such integration: nobody will ask for them."""
    expired: int


def inherit(heard: Iterable[Heard], routing: Routing, now: Timestamp) -> Inheritance:
    """The groups that remember these entries."""
    served = {one.destination for receiver in routing.receivers.values() for one in receiver.integrations}
    by_home: dict[str, list[Heard]] = defaultdict(list)
    homes: dict[str, AlertGroup] = {}
    homeless: list[Heard] = []
    expired = 0
    for one in heard:
        if one.expires_at <= now:
            expired += 1
            continue
        found = [group for group in _homes(one, routing) if one.destination in served]
        if not found:
            homeless.append(one)
        for group in found:
            homes[group.id] = group
            by_home[group.id].append(one)
    groups = tuple(
        replace(
            homes[id_].remembered(max(one.expires_at for one in entries)),
            log=tuple(_entry(one, now) for one in sorted(entries, key=lambda one: one.destination)),
        )
        for id_, entries in by_home.items()
    )
    return Inheritance(groups=groups, homeless=tuple(homeless), expired=expired)


def _homes(one: Heard, routing: Routing) -> Sequence[AlertGroup]:
    """The groups with this key, as they would be if they were new: one for each place in the tree that has the key."""
    return [
        routing.placement(route, labels).group
        for route in routing.root.walk()
        if route.receiver == one.destination.receiver and (labels := _labels_after(route, one.group_key)) is not None
    ]


def _labels_after(route: Route, key: str) -> Labels | None:
    """The group labels of a key that begins with the route's own; None if it does not, or they are not of its kind."""
    text = key.removeprefix(f"{route.key}:")
    if text == key or not text.startswith("{"):
        return None
    try:
        matchers = parse_matchers(text)
    except ValueError:
        return None
    if any(matcher.op is not MatchOp.EQUAL for matcher in matchers):
        return None
    labels = Labels((matcher.name, matcher.value) for matcher in matchers)
    return labels if route.group_by_all or route.group_by >= set(labels) else None


def _entry(one: Heard, now: Timestamp) -> NotifyEntry:
    return NotifyEntry(
        destination=one.destination,
        firing=tuple(sorted(foreign(number) for number in one.firing)),
        resolved=tuple(sorted(foreign(number) for number in one.resolved)),
        at=min(one.at, now),
    )
