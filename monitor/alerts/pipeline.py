"""What an alert, or the passing of time, changes: pure decisions over alert groups.

Two paths leave a group. The incident path sees every change at once, before group timers, muting and the notification log.
The Alertmanager path notifies at flushes only. Both are decided here and written in one transaction, so that neither can
know something that the other lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from monitor.alerts.dedup import (
    RETENTION,
    entry_expires,
    has_foreign,
    in_reading_order,
    names_foreign,
    recognised,
    to_send,
    why_notify,
    why_of_flapping,
)
from monitor.alerts.flapping import Damping, FlapRule, forgotten_at
from monitor.alerts.groups import AlertGroup, Flushed, MutedMember, NotifyEntry, ends_by_time, taken_together
from monitor.alerts.mending import AS_ALERTMANAGER, Repairs, after_quiet, heard, held_back
from monitor.alerts.messages import Fields, RecentChanges, group_message
from monitor.alerts.muting import Mute, NothingMuted, Overlay
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.recurring import Recurring
from monitor.alerts.routes import Route, group_key, labels_text
from monitor.columns.fingerprints import learn_fingerprints
from monitor.model import copies
from monitor.model.alerts import Alert, MuteReason
from monitor.model.errors import TemplateError
from monitor.model.incidents import IncidentEvent, Member
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, Message, NotifyReason, OutboxRow
from monitor.model.times import MINUTE, Millis, Timestamp

RESTART_GRACE: Millis = 5 * MINUTE
"""After a start, an alert that was believed to fire is believed for so long: the rules that report it restart as well."""
_PLACEMENTS_KEPT: Final = 10_000
"""Reckoning the key of a group costs more than finding it again; alerts come in again and again."""
_RECORDED: Final = 100
"""So many muted members are written down with a flush."""


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

    retention: Millis = RETENTION
    """Longest time for which it counts what somebody was told."""

    repairs: Repairs = AS_ALERTMANAGER
    flapping: tuple[FlapRule, ...] = ()
    """Which alerts are held as firing while they come and go."""

    _routes: Mapping[str, Route] = field(init=False, compare=False, repr=False)
    recurring: Recurring[tuple[Placement, ...]] = field(
        default_factory=lambda: Recurring[tuple[Placement, ...]](), init=False, compare=False, repr=False
    )
    """Of the loop's thread."""
    _placements: dict[tuple[str, Labels], Placement] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        # Whole before anybody has it: decisions and displays ask from different threads.
        object.__setattr__(self, "_routes", {route.id: route for route in self.root.walk()})

    def routes(self) -> Mapping[str, Route]:
        """All routes by id."""
        return self._routes

    def placement(self, route: Route, labels: Labels) -> Placement:
        """The group of this route that has these labels, as it would be if it were new."""
        found = self._placements.get((route.id, labels))
        if found is None:
            group = AlertGroup(
                id=f"{route.id}:{labels_text(labels)}",
                key=group_key(route, labels),
                route=route.id,
                receiver=route.receiver,
                labels=labels,
                policy=self.receivers[route.receiver].policy,
            )
            found = Placement(group=group, route=route)
            if len(self._placements) >= _PLACEMENTS_KEPT:
                self._placements.clear()
            self._placements[route.id, labels] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStep:
    """What a decision writes."""

    groups: tuple[AlertGroup, ...] = ()
    removed: tuple[str, ...] = ()
    events: tuple[IncidentEvent, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    suppressed: tuple[MuteReason, ...] = ()
    """For each alert that a flush left out because it is muted, by what first."""
    began: tuple[Alert, ...] = ()
    """For the history: those that did not fire before, as they are in their first group."""
    ended: tuple[Alert, ...] = ()
    """For the history: those that fired, with their end, whether it was reported or came by time alone."""
    consumed: tuple[int, ...] = ()
    """Reports of undelivered notifications that are dealt with."""
    arrived: Mapping[str, Mapping[str, Alert]] = field(default_factory=dict[str, Mapping[str, Alert]])
    """Of groups whose members changed only because alerts arrived: these, by group and fingerprint."""
    review: bool = False
    """Alerts of other groups may be muted, or no longer muted, because of this."""

    @classmethod
    def of(cls, steps: Sequence[AlertStep]) -> AlertStep:
        """One step that writes what these write, in their order."""
        return cls(
            groups=tuple(group for step in steps for group in step.groups),
            removed=tuple(id_ for step in steps for id_ in step.removed),
            events=tuple(event for step in steps for event in step.events),
            outbox=tuple(row for step in steps for row in step.outbox),
            suppressed=tuple(reason for step in steps for reason in step.suppressed),
            began=tuple(alert for step in steps for alert in step.began),
            ended=tuple(alert for step in steps for alert in step.ended),
            consumed=tuple(id_ for step in steps for id_ in step.consumed),
            arrived={id_: members for step in steps for id_, members in step.arrived.items()},
            review=any(step.review for step in steps),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an alert belongs: the group's id and what a new group would be."""

    group: AlertGroup
    route: Route


def placements(labels: Labels, routing: Routing) -> tuple[Placement, ...]:
    """The groups that take an alert with these labels, as they would be if they were new."""
    return tuple(routing.placement(route, route.group_labels(labels)) for route in routing.root.match(labels))


def arrivals(alerts: Sequence[Alert], routing: Routing, now: Timestamp) -> list[tuple[Alert, tuple[Placement, ...]]]:
    """Alerts with the groups that take them."""
    recurring = routing.recurring
    recurring.forget_old(now)
    known = [recurring.recognise(alert.labels, now) for alert in alerts]
    learn_fingerprints(alert.labels for alert, places in zip(alerts, known, strict=True) if places is None)
    found: list[tuple[Alert, tuple[Placement, ...]]] = []
    for alert, places in zip(alerts, known, strict=True):
        if places is None:
            places = placements(alert.labels, routing)
            recurring.keep(alert.labels, places, now)
        recurring.share(alert.annotations)
        found.append((alert, places))
    return found


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
    began: dict[str, Alert] = {}
    ended: dict[str, Alert] = {}
    dampings: dict[str, Damping] = {}
    review = False
    orphans = [id_ for id_, group in groups.items() if is_orphan(group)]
    for alert, places in arrivals:
        source = alert
        targets = {place.group.id: place for place in places}
        for id_ in (*targets, *(id_ for id_ in orphans if id_ not in targets)) if orphans else targets:
            group, members = groups.get(id_), changed.get(id_)
            known = members.get(alert.fingerprint) if members else None
            if known is None and group is not None:
                known = group.member(alert.fingerprint)
            if known is None and (id_ not in targets or (alert.resolved(now) and not _ends_inherited(group, alert))):
                continue
            if id_ in targets:
                news[id_] = targets[id_]
            if members is None:
                members = changed[id_] = {}
            members[alert.fingerprint] = after = taken_together(known, alert, now)
            fired, fires = known is not None and known.ends_at > now, after.ends_at > now
            if routing.flapping and not (known is not None and _is_same_report(known, alert)):
                damping = dampings.setdefault(id_, _damping(group, targets.get(id_), routing))
                fired = fired and not damping.is_over(alert.fingerprint)
                members[alert.fingerprint] = taken = damping.taken(after, known, now)
                if taken is not after and taken.ends_at > source.ends_at:  # what is held as firing inhibits
                    source = taken
            if fires and not fired:
                began[alert.fingerprint] = after
                if known is not None and known.ends_at <= now and ends_by_time(known):
                    ended[alert.fingerprint] = known
            elif fired and not fires:
                ended[alert.fingerprint] = after
        review |= routing.overlay.learn(source, now)
    groups_after: list[AlertGroup] = []
    removed: list[str] = []
    events: list[IncidentEvent] = []
    for id_, members in changed.items():
        group = groups.get(id_)
        if group is None or group.forget_at is not None:
            log, flaps = ((), ()) if group is None else (group.log, group.flaps)
            group = copies.changed(news[id_].group, created_at=now, log=log, flaps=flaps)
        if id_ in dampings:
            group = copies.changed(group, flaps=dampings[id_].flaps)
        flush = group.next_flush
        if id_ in news and not group.flushed:
            flush = _first_flush(group, news[id_].route, members.values(), now)
        group, told = _tell(group.with_members(members, next_flush=flush), routing, now)
        events += told
        if is_orphan(group) and not group.firing(now):
            removed.append(id_)
        else:
            groups_after.append(group)
    return AlertStep(
        groups=tuple(groups_after),
        removed=tuple(removed),
        events=tuple(events),
        began=tuple(began.values()),
        ended=tuple(ended.values()),
        arrived=changed,
        review=review,
    )


def look_again(group: AlertGroup, routing: Routing, now: Timestamp) -> AlertStep:
    """A timer of the group is due: notice members whose end has passed or whose muting has changed, and flush if it is
    time."""
    if group.forget_at is not None:
        return AlertStep(removed=(group.id,)) if group.forget_at <= now else AlertStep(groups=(group,))
    held: tuple[Alert, ...] = ()
    review = False
    if group.flaps:
        damping = Damping(routing.flapping, group.receiver, group.flaps)
        settled, held = damping.settled(group.members, now)
        for alert in settled.values():
            review |= routing.overlay.learn(alert, now)
        group = replace(group.with_members(settled, next_flush=group.next_flush), flaps=damping.flaps)
    group, events = _tell(group, routing, now)
    if group.next_flush is not None and group.next_flush > now:
        return AlertStep(groups=(group,), events=events, ended=held, review=review)
    route = routing.routes().get(group.route) if group.next_flush is not None else None
    after = _retire(group, now) if route is None else _flush(group, route, routing, now)
    return replace(after, events=events, ended=(*held, *after.ended), review=review)


def _is_same_report(one: Alert, other: Alert) -> bool:
    """Under a new configuration members are taken in again; that is no news of them."""
    return (one.updated_at, one.ends_at) == (other.updated_at, other.ends_at)


def _damping(group: AlertGroup | None, place: Placement | None, routing: Routing) -> Damping:
    receiver = group.receiver if group is not None else place.group.receiver if place is not None else ""
    return Damping(routing.flapping, receiver, () if group is None else group.flaps)


def review(groups: Iterable[AlertGroup], routing: Routing, now: Timestamp) -> AlertStep:
    """What mutes alerts has changed: the incident side hears of it at once, everybody else at the next flush."""
    told = [(group, *_tell(group, routing, now)) for group in groups]
    return AlertStep(
        groups=tuple(after for before, after, _ in told if after != before),
        events=tuple(event for _, _, events in told for event in events),
    )


def _ends_inherited(group: AlertGroup | None, alert: Alert) -> bool:
    """Is it the end of what only Alertmanager has told of? Nobody else will tell it."""
    return group is not None and group.forget_at is not None and any(names_foreign(one, alert) for one in group.log)


def is_inherited(group: AlertGroup) -> bool:
    """Does its log come from Alertmanager? (See `inheriting`.)"""
    return any(map(has_foreign, group.log))


def order_key_of(key: str, destination: Destination) -> str:
    """What a destination hears of the groups with this key, it hears in order."""
    return f"group|{key}|{destination}"


def is_told_by(key: str, order_key: str) -> bool:
    """Is that the order key of a destination that hears of the groups with this key?"""
    return order_key.startswith(f"group|{key}|")


def is_orphan(group: AlertGroup) -> bool:
    """No route holds this group any more; it lives until its incident has heard that its members resolved."""
    return group.next_flush is None and group.created_at > 0 and group.forget_at is None


def _first_flush(group: AlertGroup, route: Route, alerts: Iterable[Alert], now: Timestamp) -> Timestamp:
    """A new group waits for company; one whose first alert has waited long enough elsewhere does not."""
    if route.page_first:
        return group.next_flush if group.next_flush is not None else now
    overdue = any(alert.starts_at + route.group_wait < now and not alert.resolved(now) for alert in alerts)
    if overdue:
        return now
    return group.next_flush if group.next_flush is not None else now + route.group_wait


def _tell(group: AlertGroup, routing: Routing, now: Timestamp) -> tuple[AlertGroup, tuple[IncidentEvent, ...]]:
    """The incident side hears of every change in who fires and who is muted, at once."""
    if not group.policy:
        return group, ()
    route = routing.routes().get(group.route)
    firing = group.firing(now)
    muted = {alert.fingerprint: routing.overlay.mutes(alert.labels, route, now) for alert in firing}
    told = tuple(
        ":".join((fingerprint, *(mute.reason.value for mute in mutes))) for fingerprint, mutes in sorted(muted.items())
    )
    changes = [routing.overlay.next_change(alert.labels, route, now) for alert in firing]
    held = _held_until(muted.values())
    after = replace(
        group, told=told, held_until=held, look_at=min((at for at in changes if at is not None), default=None)
    )
    if (told, held) == (group.told, group.held_until):
        return after, ()
    event = IncidentEvent(
        at=now,
        policy=group.policy,
        group_key=group.key,
        receiver=group.receiver,
        group_labels=group.labels,
        members=tuple(
            _member(alert, tuple(mute.reason for mute in muted.get(alert.fingerprint, ())), now)
            for alert in group.members
        ),
        held_until=held,
    )
    return after, (event,)


def _held_until(muted: Collection[tuple[Mute, ...]]) -> Timestamp | None:
    """When the first of the members is heard again, if all are muted and that is known."""
    if not all(muted):
        return None
    ends = [[mute.until for mute in mutes] for mutes in muted]
    known = [max(at for at in some if at is not None) for some in ends if None not in some]
    return min(known, default=None)


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
    asked = [(alert.labels.fingerprint, routing.overlay.mutes(alert.labels, route, now)) for alert in group.members]
    muted = {fingerprint: mutes for fingerprint, mutes in asked if mutes}
    suppressed = tuple(mutes[0].reason for mutes in muted.values())
    reasons: list[tuple[Destination, NotifyReason]] = []
    rows: list[OutboxRow] = []
    log = {entry.destination: recognised(entry, group.members) for entry in group.log}
    waiting: set[str] = set()
    flapping = {flap.fingerprint for flap in group.flaps if flap.held_since is not None}
    for integration in routing.receivers[route.receiver].integrations:
        entry = log.get(integration.destination)
        audible = heard(entry, group.members, muted, routing.repairs, now)
        if entry is not None:
            waiting.update(held_back(entry, group.members, muted, routing.repairs, now))
            log[integration.destination] = after_quiet(entry, group.members, muted, routing.repairs, now)
        if not audible:
            continue
        # Both in the order of the members, who are sorted by fingerprint.
        firing = tuple([alert.labels.fingerprint for alert in audible if not alert.resolved(now)])
        resolved = tuple([alert.labels.fingerprint for alert in audible if alert.resolved(now)])
        reason = why_notify(
            entry,
            frozenset(firing),
            frozenset(resolved),
            repeat_interval=route.repeat_interval,
            send_resolved=integration.send_resolved,
            now=now,
        )
        if reason is NotifyReason.NONE and entry is not None:
            reason = why_of_flapping(entry, frozenset(firing), flapping)
        reasons.append((integration.destination, reason))
        if reason is NotifyReason.NONE:
            continue
        log[integration.destination] = NotifyEntry(
            destination=integration.destination,
            firing=firing,
            resolved=resolved,
            at=now,
            flapping=tuple([name for name in firing if name in flapping]),
        )
        if shown := to_send(audible, integration.send_resolved, now):
            rows.append(notification(group, integration, shown, reason, routing, now))
    left = group.firing(now)
    over: tuple[Alert, ...] = ()
    if len(left) < len(group.members):
        gone = (alert for alert in group.resolved(now) if alert.fingerprint not in waiting)
        over = tuple(alert for alert in gone if ends_by_time(alert))
    if not left:
        after = _ended(replace(group, log=tuple(log.values())), route, routing, now)
        return replace(after, outbox=tuple(rows), suppressed=suppressed, ended=over)
    soon = route.group_wait if route.page_first and not group.flushed else route.group_interval
    after = replace(
        group,
        members=tuple([one for one in group.members if not one.resolved(now) or one.fingerprint in waiting])
        if len(left) < len(group.members)
        else group.members,
        log=tuple(log.values()),
        flushed=True,
        next_flush=now + soon,
        epoch=group.epoch + 1,
        last_flush=Flushed(at=now, reasons=tuple(reasons), muted=_recorded(muted)),
    )
    return AlertStep(groups=(after,), outbox=tuple(rows), suppressed=suppressed, ended=over)


def _ended(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> AlertStep:
    """All its alerts have resolved; the group goes, unless it is to be remembered by whom nobody told."""
    unheard = [entry_expires(entry.at, route.repeat_interval, routing.retention) for entry in group.log if entry.firing]
    until = max(unheard, default=now)
    remembered = forgotten_at(group.flaps, routing.flapping)
    if max(until, remembered) > now:
        kept = group if until > now else replace(group, log=())
        return AlertStep(groups=(kept.remembered(max(until, remembered)),))
    return AlertStep(removed=(group.id,))


def _recorded(muted: Mapping[str, tuple[Mute, ...]]) -> tuple[MutedMember, ...]:
    return tuple(
        MutedMember(fingerprint=fingerprint, reason=mute.reason, by=mute.by)
        for fingerprint, mutes in list(muted.items())[:_RECORDED]
        for mute in mutes
    )


def notification(
    group: AlertGroup,
    integration: Integration,
    alerts: Sequence[Alert],
    reason: NotifyReason,
    routing: Routing,
    now: Timestamp,
) -> OutboxRow:
    """What one destination of a group is sent, ready for the outbox."""
    message = group_message(
        group,
        in_reading_order(alerts),
        reason=reason,
        external_url=routing.external_url,
        recent_changes=routing.recent_changes([alert.labels for alert in alerts], now),
        now=now,
    )
    return OutboxRow(
        dedupe_key=f"group|{group.id}|{group.created_at}|{group.epoch}|{integration.destination}",
        order_key=order_key_of(group.key, integration.destination),
        destination=integration.destination,
        message=_rendered(message, routing.routes().get(group.route), integration, routing),
        due_at=now,
    )


def route_labels(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> Labels:
    """The labels of a route as a message about this group would have them now; as they are written, if a template fails."""
    written = Labels(dict(route.labels))
    if routing.fields is None:
        return written
    alerts = in_reading_order(group.members)
    reason = NotifyReason.NONE
    message = group_message(group, alerts, reason=reason, external_url=routing.external_url, recent_changes=(), now=now)
    try:
        return routing.fields.route_labels(route.labels, message)
    except TemplateError:
        return written


def _rendered(message: Message, route: Route | None, integration: Integration, routing: Routing) -> Message:
    """The message with the labels of its route and the integration's templated options; in its plain form, with the reason, if a template fails."""
    if routing.fields is None:
        return message
    try:
        if route is not None and route.labels and message.group is not None:
            labels = routing.fields.route_labels(route.labels, message)
            message = replace(message, group=replace(message.group, route_labels=labels))
        fields = routing.fields.render(integration.destination, message)
    except TemplateError as error:
        return replace(message, trouble=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours in a template must not keep the message from anybody
        return replace(message, trouble=f"{type(error).__name__}: {error}")
    return replace(message, fields=tuple(fields.items()))
