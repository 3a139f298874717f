"""What outlives a configuration, a process or a delivery: groups under new routes, after a start, after a give-up.

The same laws hold as in `pipeline`: nothing is said twice, everything that was said is ended, and an incident hears of the
end of every alert that it was told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from monitor.alerts.flapping import Flap, rule_for
from monitor.alerts.flush import is_told_by, notification, order_key_of
from monitor.alerts.groups import AlertGroup
from monitor.alerts.orphans import claims, is_orphan, orphaned
from monitor.alerts.pipeline import RESTART_GRACE, ingest, is_inherited, punctual, tell
from monitor.alerts.placement import Placement, Routing, placements
from monitor.alerts.receivers import Integration
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
from monitor.model.alerts import Alert
from monitor.model.notifications import DeliveryReport, NotifyReason, OutboxRow
from monitor.model.times import Millis, Timestamp

_UNWATCHED: Final = "console"
"""The integration that prints on the daemon's output."""


def rerouted(groups: Sequence[AlertGroup], routing: Routing, now: Timestamp) -> AlertStep:
    """A new configuration, or a new start. A group whose route still takes its members keeps its timers and its log. The
    firing alerts of the others go where they now belong, under the log of the group that had the same key, so that nothing
    is said twice. What nobody takes over is ended: whoever was told that alerts fire is told that they are told elsewhere,
    and members of which an incident was told live on in an orphan, silent, until they have resolved. An alert that is held as
    firing although its source says that it is over is held by groups that damp it, and comes to no others."""
    routes = routing.routes()
    stays: dict[str, AlertGroup] = {}
    leaves: list[AlertGroup] = []
    firing: dict[str, Alert] = {}
    held: dict[str, Alert] = {}
    flaps: dict[str, Flap] = {}
    for group in groups:
        homes = [
            {place.group.id: place.group for place in placements(alert.labels, routing)} for alert in group.members
        ]
        if is_orphan(group):
            stays[group.id] = group
            continue
        if group.forget_at is not None:
            route = routes.get(group.route)
            here = route is not None and (route.receiver, routing.receivers[route.receiver].policy) == (
                group.receiver,
                group.policy,
            )
            if here and (not routing.repairs.notify_on_refire or is_inherited(group)):
                stays[group.id] = group
            else:
                leaves.append(group)
            continue
        if homes and all(_same_home(group, home.get(group.id)) for home in homes):
            stays[group.id] = _punctual_group(group, routes[group.route], now)
        else:
            leaves.append(group)
        swinging = {flap.fingerprint: flap for flap in group.flaps}
        flaps |= swinging
        for alert in group.firing(now):
            over = (flap := swinging.get(alert.fingerprint)) is not None and flap.over
            (held if over else firing)[alert.fingerprint] = alert
    orphans = [orphan for group in leaves if (orphan := orphaned(group, _taken(group, stays, routing, now), now))]
    arriving = [(alert, placements(alert.labels, routing)) for alert in firing.values()]
    arriving += [(alert, _damping(alert, routing)) for name, alert in held.items() if name not in firing]
    step = ingest(stays, arriving, routing, now, claims((*stays.values(), *orphans), now))
    after = {**stays, **{group.id: group for group in step.groups}}
    for id_ in step.removed:
        after.pop(id_, None)
    logs = {(group.key, entry.destination): entry for group in leaves for entry in group.log}
    for group in list(after.values()):
        if is_orphan(group):
            continue
        inherited = tuple(entry for (key, _), entry in logs.items() if key == group.key)
        log = inherited if group.id not in stays and not group.log else group.log
        if flaps and group.id not in stays:
            group = replace(group, flaps=tuple(flaps.get(flap.fingerprint, flap) for flap in group.flaps))
        served = {one.destination for one in routing.receivers[group.receiver].integrations}
        after[group.id] = replace(group, log=tuple(entry for entry in log if entry.destination in served))
    ended = [row for group in groups if not is_orphan(group) for row in _ended(group, after.values(), routing, now)]
    removed = [group.id for group in leaves if group.id not in after]
    # Other routes may mute them now; nobody else tells their incidents.
    tellers = [*orphans, *(group for group in after.values() if is_orphan(group))]
    told = {group.id: tell(group, routing, now, {}) for group in tellers}
    routed = (group for group in after.values() if group.id not in told)
    return AlertStep(
        groups=(*routed, *(group for group, _ in told.values())),
        removed=(*step.removed, *removed),
        events=(*step.events, *(event for _, events in told.values() for event in events)),
        outbox=(*step.outbox, *ended),
    )


def forgotten(
    groups: Mapping[str, AlertGroup], reports: Sequence[tuple[int, DeliveryReport]], routing: Routing, now: Timestamp
) -> AlertStep:
    """Notifications that were given up: the log must not say that their destinations know. The next flush decides anew.
    What somebody else was told instead counts as told, or they would hear of it at each flush; but what only the console
    was told does not, for nobody may be looking at that."""
    changed: dict[str, AlertGroup] = {}
    routes = routing.routes()
    for _, report in reports:
        if report.redirected_to is not None and report.redirected_to.integration != _UNWATCHED:
            continue
        for group in groups.values():
            if group.next_flush is None or not is_told_by(group.key, report.order_key):
                continue
            mine = changed.get(group.id, group)
            log = tuple(entry for entry in mine.log if order_key_of(group.key, entry.destination) != report.order_key)
            route = routes.get(group.route)
            soon = now + (route.group_interval if route is not None else RESTART_GRACE)
            changed[group.id] = replace(mine, log=log, next_flush=min(mine.next_flush or soon, soon))
    return AlertStep(groups=tuple(changed.values()), consumed=tuple(id_ for id_, _ in reports))


def restarted(group: AlertGroup, now: Timestamp, away: Millis | None = None) -> AlertGroup:
    """After a start: what was believed to fire when we went down is believed as much longer as nobody could report it here,
    `away`, so that whoever is silent is believed no longer than by a daemon that was never down; after a long absence, or one
    of unknown length (None), only so long that rules that were down with us can report again."""

    def until(alert: Alert) -> Timestamp:
        longest = max(alert.ends_at, now + RESTART_GRACE)
        return longest if away is None else min(alert.ends_at + max(away, 0), longest)

    return group.with_members(
        {
            alert.fingerprint: replace(alert, ends_at=until(alert))
            for alert in group.members
            if alert.ends_at > alert.updated_at
        },
        next_flush=group.next_flush,
    )


def moved(groups: Iterable[AlertGroup], by: Millis, routing: Routing, now: Timestamp) -> AlertStep:
    """The wall clock was set back: all times move with it."""
    after = tuple(group.moved(by) for group in groups)
    for group in after:
        for alert in group.members:
            routing.overlay.learn(alert, now)
    return AlertStep(groups=after)


def _damping(alert: Alert, routing: Routing) -> tuple[Placement, ...]:
    """The groups that take an alert and damp it."""
    places = placements(alert.labels, routing)
    return tuple(one for one in places if rule_for(routing.flapping, one.group.receiver, alert.labels) is not None)


def _same_home(group: AlertGroup, home: AlertGroup | None) -> bool:
    return home is not None and (home.receiver, home.policy) == (group.receiver, group.policy)


def _punctual_group(group: AlertGroup, route: Route, now: Timestamp) -> AlertGroup:
    """No time of a group lies further ahead than it can have been set: the clock may have been put back while we were
    down."""
    flush = group.next_flush
    return replace(
        group,
        next_flush=None if flush is None else min(flush, now + max(route.group_wait, route.group_interval)),
        log=tuple(replace(entry, at=min(entry.at, now)) for entry in group.log),
        members=tuple(punctual(alert, now) for alert in group.members),
        created_at=min(group.created_at, now),
    )


def _ended(group: AlertGroup, after: Iterable[AlertGroup], routing: Routing, now: Timestamp) -> list[OutboxRow]:
    """What ends the notifications of a group that is gone, at the destinations that no successor tells of them."""
    told = {(one.key, entry.destination) for one in after for entry in one.log}
    known = {one.destination: one for receiver in routing.receivers.values() for one in receiver.integrations}
    rows: list[OutboxRow] = []
    for entry in group.log:
        integration = known.get(entry.destination, Integration(destination=entry.destination))
        if not entry.firing or (group.key, entry.destination) in told or not integration.send_resolved:
            continue
        alerts = [
            replace(alert, ends_at=min(alert.ends_at, now))
            for alert in group.members
            if alert.fingerprint in entry.firing
        ]
        if not alerts:
            continue
        row = notification(group, integration, alerts, NotifyReason.ALL_RESOLVED, routing, now)
        moved = any(not alert.resolved(now) for alert in group.members)
        words = f"The routing was changed: what fires is told elsewhere now.\n{row.message.text}"
        message = replace(row.message, text=words) if moved else row.message
        rows.append(replace(row, dedupe_key=f"{row.dedupe_key}|moved|{now}", message=message))
    return rows


def _taken(group: AlertGroup, stays: Mapping[str, AlertGroup], routing: Routing, now: Timestamp) -> set[str]:
    """The members of a group that a group of the same incident takes over: those that fire are taken in there anew."""
    incident = (group.policy, group.key)
    taken = {
        alert.fingerprint
        for one in stays.values()
        if (one.policy, one.key) == incident and not is_orphan(one)
        for alert in one.members
    }
    for alert in group.firing(now):
        if any((place.group.policy, place.group.key) == incident for place in placements(alert.labels, routing)):
            taken.add(alert.fingerprint)
    return taken
