"""What an alert, or the passing of time, changes: pure decisions over alert groups.

Two paths leave a group. The incident path sees every change at once, before group timers, muting and the notification log.
The Alertmanager path notifies at flushes only. Both are decided here and written in one transaction, so that neither can
know something that the other lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from monitor.alerts.dedup import why_notify
from monitor.alerts.groups import AlertGroup, NotifyEntry, taken_together
from monitor.alerts.messages import Fields, RecentChanges, group_message
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route, group_key, labels_text
from monitor.model.alerts import Alert, MuteReason
from monitor.model.errors import TemplateError
from monitor.model.incidents import IncidentEvent, Member
from monitor.model.labels import Labels
from monitor.model.notifications import DeliveryReport, Destination, Message, NotifyReason, OutboxRow
from monitor.model.times import MINUTE, Millis, Timestamp

RESTART_GRACE: Millis = 5 * MINUTE
"""After a start, an alert that was believed to fire is believed for so long: the rules that report it restart as well."""


class Overlay(Protocol):
    """What keeps alerts quiet: silences, inhibition, intervals, maintenance."""

    def reasons(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[MuteReason, ...]:
        """Why an alert with these labels must not notify now; empty if nothing mutes it."""
        ...

    def ends_at(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
        """When what mutes it now is expected to end, if that is known."""
        ...


class NothingMuted:
    """The overlay of a configuration without any muting."""

    def reasons(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[MuteReason, ...]:
        return ()

    def ends_at(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The part of the configuration that decisions over groups need."""

    root: Route
    receivers: Mapping[str, Receiver]
    overlay: Overlay = field(default_factory=NothingMuted)
    fields: Fields | None = None
    recent_changes: RecentChanges = lambda _labels, _now: ()
    external_url: str = ""
    drop_labels: frozenset[str] = frozenset()
    """`replica_labels`: dropped before fingerprints, so that replicas agree."""

    def routes(self) -> dict[str, Route]:
        return {route.id: route for route in self.root.walk()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStep:
    """What a decision writes."""

    groups: tuple[AlertGroup, ...] = ()
    removed: tuple[str, ...] = ()
    events: tuple[IncidentEvent, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    consumed: tuple[int, ...] = ()
    """Reports of undelivered notifications that are dealt with."""

    def __add__(self, other: AlertStep) -> AlertStep:
        return AlertStep(
            groups=self.groups + other.groups,
            removed=self.removed + other.removed,
            events=self.events + other.events,
            outbox=self.outbox + other.outbox,
            consumed=self.consumed + other.consumed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an alert belongs: the group's id and what a new group would be."""

    group: AlertGroup
    route: Route


def placements(alert: Alert, routing: Routing) -> tuple[Placement, ...]:
    """The groups that take this alert, as they would be if they were new."""
    found: list[Placement] = []
    for route in routing.root.match(alert.labels):
        labels = route.group_labels(alert.labels)
        group = AlertGroup(
            id=f"{route.id}:{labels_text(labels)}",
            key=group_key(route, labels),
            route=route.id,
            receiver=route.receiver,
            labels=labels,
            policy=routing.receivers[route.receiver].policy,
        )
        found.append(Placement(group=group, route=route))
    return tuple(found)


def clean(alert: Alert, routing: Routing) -> Alert:
    """The alert without the labels that only tell replicas apart."""
    if not routing.drop_labels:
        return alert
    return replace(alert, labels=alert.labels.without(*routing.drop_labels))


def punctual(alert: Alert, now: Timestamp) -> Alert:
    """A report from the future, as it would read now: the wall clock was set back since the times in it were taken."""
    late = alert.updated_at - now
    if late <= 0:
        return alert
    return replace(alert, starts_at=min(alert.starts_at, now), ends_at=alert.ends_at - late, updated_at=now)


def ingest(
    groups: Mapping[str, AlertGroup],
    arrivals: Sequence[tuple[Alert, Sequence[Placement]]],
    routing: Routing,
    now: Timestamp,
) -> AlertStep:
    """Alerts arrive. `groups` holds the stored state of every group that a placement names, and of every group without a
    route (see `rerouted`) that has one of these alerts as a member."""
    changed: dict[str, dict[str, Alert]] = {}
    news: dict[str, Placement] = {}
    for alert, places in arrivals:
        targets = {place.group.id: place for place in places}
        homes = [*targets, *(id_ for id_, group in groups.items() if id_ not in targets and _is_orphan(group))]
        for id_ in homes:
            group = groups.get(id_)
            known = changed.get(id_, {}).get(alert.fingerprint) or (group and group.member(alert.fingerprint))
            if known is None and (alert.resolved(now) or id_ not in targets):
                continue
            if id_ in targets:
                news[id_] = targets[id_]
            changed.setdefault(id_, {})[alert.fingerprint] = taken_together(known or None, alert, now)
    step = AlertStep()
    for id_, members in changed.items():
        group = groups.get(id_)
        if group is None:
            group = replace(news[id_].group, created_at=now)
        if id_ in news and not group.flushed:
            group = replace(group, next_flush=_first_flush(group, news[id_].route, members.values(), now))
        told = _tell(group.with_members(members), routing, now)
        step += replace(told, groups=()) + _retire(told.groups[0], now) if _is_orphan(group) else told
    return step


def look_again(group: AlertGroup, routing: Routing, now: Timestamp) -> AlertStep:
    """A timer of the group is due: notice members whose end has passed, and flush if it is time."""
    told = _tell(group, routing, now)
    group = told.groups[0]
    if group.next_flush is not None and group.next_flush > now:
        return told
    route = routing.routes().get(group.route) if group.next_flush is not None else None
    after = _retire(group, now) if route is None else _flush(group, route, routing, now)
    return replace(told, groups=()) + after


def rerouted(groups: Sequence[AlertGroup], routing: Routing, now: Timestamp) -> AlertStep:
    """A new configuration, or a new start. A group whose route still takes its members keeps its timers and its log. The
    firing alerts of the others go where they now belong, under the log of the group that had the same key, so that nothing
    is said twice. What nobody takes over is ended: whoever was told that alerts fire is told that they are told elsewhere,
    and members of which an incident was told live on in an orphan, silent, until they have resolved."""
    routes = routing.routes()
    stays: dict[str, AlertGroup] = {}
    leaves: list[AlertGroup] = []
    firing: dict[str, Alert] = {}
    for group in groups:
        homes = [{place.group.id: place.group for place in placements(alert, routing)} for alert in group.members]
        if _is_orphan(group):
            stays[group.id] = group
            continue
        if homes and all(_same_home(group, home.get(group.id)) for home in homes):
            stays[group.id] = _punctual_group(group, routes[group.route], now)
        else:
            leaves.append(group)
        firing.update((alert.fingerprint, alert) for alert in group.firing(now))
    step = ingest(stays, [(alert, placements(alert, routing)) for alert in firing.values()], routing, now)
    after = {**stays, **{group.id: group for group in step.groups}}
    for id_ in step.removed:
        after.pop(id_, None)
    logs = {(group.key, entry.destination): entry for group in leaves for entry in group.log}
    for group in list(after.values()):
        if _is_orphan(group):
            continue
        inherited = tuple(entry for (key, _), entry in logs.items() if key == group.key)
        log = inherited if group.id not in stays and not group.log else group.log
        served = {one.destination for one in routing.receivers[group.receiver].integrations}
        after[group.id] = replace(group, log=tuple(entry for entry in log if entry.destination in served))
    ended = [row for group in groups if not _is_orphan(group) for row in _ended(group, after.values(), routing, now)]
    orphans = [orphan for group in leaves if (orphan := _orphan(group, after.values(), now)) is not None]
    removed = [group.id for group in leaves if group.id not in after]
    return AlertStep(
        groups=(*after.values(), *orphans),
        removed=(*step.removed, *removed),
        events=step.events,
        outbox=(*step.outbox, *ended),
    )


def forgotten(
    groups: Mapping[str, AlertGroup], reports: Sequence[tuple[int, DeliveryReport]], routing: Routing, now: Timestamp
) -> AlertStep:
    """Notifications that were given up: the log must not say that their destinations know. The next flush decides anew."""
    changed: dict[str, AlertGroup] = {}
    routes = routing.routes()
    for _, report in reports:
        for group in groups.values():
            mine = changed.get(group.id, group)
            if report.order_key != _order_key(group.key, report.destination) or group.next_flush is None:
                continue
            log = tuple(entry for entry in mine.log if entry.destination != report.destination)
            route = routes.get(group.route)
            soon = now + (route.group_interval if route is not None else RESTART_GRACE)
            changed[group.id] = replace(mine, log=log, next_flush=min(mine.next_flush or soon, soon))
    return AlertStep(groups=tuple(changed.values()), consumed=tuple(id_ for id_, _ in reports))


def restarted(group: AlertGroup, now: Timestamp) -> AlertGroup:
    """After a start: what was believed to fire when we went down is believed a little longer, because whoever reports it
    may have been down with us."""
    return group.with_members(
        {
            alert.fingerprint: replace(alert, ends_at=max(alert.ends_at, now + RESTART_GRACE))
            for alert in group.members
            if alert.ends_at > alert.updated_at
        }
    )


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
        row = _row(group, integration, alerts, NotifyReason.ALL_RESOLVED, routing, now)
        moved = any(not alert.resolved(now) for alert in group.members)
        words = f"The routing was changed: what fires is told elsewhere now.\n{row.message.text}"
        message = replace(row.message, text=words) if moved else row.message
        rows.append(replace(row, dedupe_key=f"{row.dedupe_key}|moved|{now}", message=message))
    return rows


def _orphan(group: AlertGroup, after: Iterable[AlertGroup], now: Timestamp) -> AlertGroup | None:
    """The members that an incident was told of and that no group of the same incident has taken over."""
    if not group.policy:
        return None
    taken = {
        alert.fingerprint
        for one in after
        if (one.policy, one.key) == (group.policy, group.key)
        for alert in one.members
    }
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


def _order_key(key: str, destination: Destination) -> str:
    return f"group|{key}|{destination}"


def _is_orphan(group: AlertGroup) -> bool:
    return group.next_flush is None and group.created_at > 0


def _same_home(group: AlertGroup, home: AlertGroup | None) -> bool:
    return home is not None and (home.receiver, home.policy) == (group.receiver, group.policy)


def _first_flush(group: AlertGroup, route: Route, alerts: Iterable[Alert], now: Timestamp) -> Timestamp:
    """A new group waits for company; one whose first alert has waited long enough elsewhere does not."""
    if route.page_first:
        return group.next_flush if group.next_flush is not None else now
    overdue = any(alert.starts_at + route.group_wait < now and not alert.resolved(now) for alert in alerts)
    if overdue:
        return now
    return group.next_flush if group.next_flush is not None else now + route.group_wait


def _tell(group: AlertGroup, routing: Routing, now: Timestamp) -> AlertStep:
    """The incident side hears of every change in who fires and who is muted, at once."""
    if not group.policy:
        return AlertStep(groups=(group,))
    route = routing.routes().get(group.route)
    muted = {alert.fingerprint: routing.overlay.reasons(alert.labels, route, now) for alert in group.firing(now)}
    told = tuple(
        ":".join((fingerprint, *(reason.value for reason in reasons))) for fingerprint, reasons in sorted(muted.items())
    )
    if told == group.told:
        return AlertStep(groups=(group,))
    ends = [routing.overlay.ends_at(alert.labels, route, now) for alert in group.firing(now)]
    held = min((end for end in ends if end is not None), default=None) if muted and all(muted.values()) else None
    event = IncidentEvent(
        at=now,
        policy=group.policy,
        group_key=group.key,
        receiver=group.receiver,
        group_labels=group.labels,
        members=tuple(_member(alert, muted.get(alert.fingerprint, ()), now) for alert in group.members),
        held_until=held,
    )
    return AlertStep(groups=(replace(group, told=told),), events=(event,))


def _member(alert: Alert, muted_by: tuple[MuteReason, ...], now: Timestamp) -> Member:
    resolved = alert.resolved(now)
    return Member(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        firing=not resolved,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at if resolved else None,
        muted_by=muted_by,
        generator_url=alert.generator_url,
        value=alert.value,
    )


def _retire(group: AlertGroup, now: Timestamp) -> AlertStep:
    """A group without a route: nothing to notify; it ends with its last firing member."""
    if group.firing(now):
        return AlertStep(groups=(replace(group, next_flush=None),))
    return AlertStep(removed=(group.id,))


def _flush(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> AlertStep:
    audible = [alert for alert in group.members if not routing.overlay.reasons(alert.labels, route, now)]
    rows: list[OutboxRow] = []
    log = {entry.destination: entry for entry in group.log}
    for integration in routing.receivers[route.receiver].integrations if audible else ():
        firing = {alert.fingerprint for alert in audible if not alert.resolved(now)}
        resolved = {alert.fingerprint for alert in audible if alert.resolved(now)}
        reason = why_notify(
            log.get(integration.destination),
            firing,
            resolved,
            repeat_interval=route.repeat_interval,
            send_resolved=integration.send_resolved,
            now=now,
        )
        if reason is NotifyReason.NONE:
            continue
        log[integration.destination] = NotifyEntry(
            destination=integration.destination,
            firing=tuple(sorted(firing)),
            resolved=tuple(sorted(resolved)),
            at=now,
        )
        shown = [alert for alert in audible if integration.send_resolved or not alert.resolved(now)]
        if shown:
            rows.append(_row(group, integration, shown, reason, routing, now))
    left = {alert.fingerprint for alert in group.firing(now)}
    if not left:
        return AlertStep(removed=(group.id,), outbox=tuple(rows))
    soon = route.group_wait if route.page_first and not group.flushed else route.group_interval
    after = replace(
        group,
        members=tuple(alert for alert in group.members if alert.fingerprint in left),
        log=tuple(log.values()),
        flushed=True,
        next_flush=now + soon,
        epoch=group.epoch + 1,
    )
    return AlertStep(groups=(after,), outbox=tuple(rows))


def _row(
    group: AlertGroup,
    integration: Integration,
    alerts: Sequence[Alert],
    reason: NotifyReason,
    routing: Routing,
    now: Timestamp,
) -> OutboxRow:
    message = group_message(
        group,
        sorted(alerts, key=_reading_order),
        reason=reason,
        external_url=routing.external_url,
        recent_changes=routing.recent_changes([alert.labels for alert in alerts], now),
        now=now,
    )
    return OutboxRow(
        dedupe_key=f"group|{group.id}|{group.created_at}|{group.epoch}|{integration.destination}",
        order_key=_order_key(group.key, integration.destination),
        destination=integration.destination,
        message=_rendered(message, integration, routing),
        due_at=now,
    )


def _rendered(message: Message, integration: Integration, routing: Routing) -> Message:
    """The message with the integration's templated options; in its plain form, with the reason, if a template fails."""
    if routing.fields is None:
        return message
    try:
        fields = routing.fields.render(integration.destination, message)
    except TemplateError as error:
        return replace(message, trouble=str(error))
    return replace(message, fields=tuple(fields.items()))


def _reading_order(alert: Alert) -> tuple[str, str, Labels]:
    return (alert.labels.get("job", ""), alert.labels.get("instance", ""), alert.labels)
