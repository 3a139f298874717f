"""What an alert, or the passing of time, changes: pure decisions over alert groups.

Two paths leave a group. The incident path sees every change at once, before group timers, muting and the notification log.
The Alertmanager path notifies at flushes only. Both are decided here and written in one transaction, so that neither can
know something that the other lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from monitor.alerts.dedup import has_foreign, names_foreign
from monitor.alerts.flapping import Damping
from monitor.alerts.flush import flush, retire
from monitor.alerts.groups import AlertGroup, ends_by_time, taken_together
from monitor.alerts.muting import Mute
from monitor.alerts.orphans import NO_CLAIMS, Claims, claims, is_orphan
from monitor.alerts.placement import Placement, Routing, placements
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
from monitor.model.alerts import Alert, MuteReason
from monitor.model.incidents import IncidentEvent, Member
from monitor.model.times import MINUTE, Millis, Timestamp

RESTART_GRACE: Millis = 5 * MINUTE
"""After a start, an alert that was believed to fire is believed for so long: the rules that report it restart as well."""


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
    claimed: Claims | None = None,
) -> AlertStep:
    """Alerts arrive. `groups` holds the stored state of every group that a placement names, and of every orphan. `claimed`:
    what orphans hold, where these are not all among the groups."""
    changed: dict[str, dict[str, Alert]] = {}
    news: dict[str, Placement] = {}
    began: dict[str, Alert] = {}
    ended: dict[str, Alert] = {}
    dampings: dict[str, Damping] = {}
    review = False
    learn, damps = routing.overlay.learn, bool(routing.flapping)
    orphans = [id_ for id_, group in groups.items() if is_orphan(group)]
    if claimed is None:
        claimed = claims((groups[id_] for id_ in orphans), now) if orphans else NO_CLAIMS
    for alert, places in arrivals:
        source, fingerprint, over = alert, alert.fingerprint, alert.ends_at <= now
        takers: list[tuple[str, Placement | None]] = [(place.group.id, place) for place in places]
        if orphans:
            takers += [(id_, None) for id_ in orphans if all(id_ != place.group.id for place in places)]
        for id_, place in takers:
            group, members = groups.get(id_), changed.get(id_)
            known = members.get(fingerprint) if members else None
            if known is None and group is not None:
                known = group.member(fingerprint)
            if place is None and (known is None or known.ends_at <= now):
                continue
            if known is None and over and not _ends_inherited(group, alert):
                continue
            if place is not None:
                news[id_] = place
            if members is None:
                members = changed[id_] = {}
            members[fingerprint] = after = alert if known is None else taken_together(known, alert, now)
            fired, fires = known is not None and known.ends_at > now, after.ends_at > now
            if damps and not (known is not None and _is_same_report(known, alert)):
                damping = dampings.setdefault(id_, _damping(group, place, routing))
                fired = fired and not damping.is_over(fingerprint)
                members[fingerprint] = taken = damping.taken(after, known, now)
                if taken is not after and taken.ends_at > source.ends_at:  # what is held as firing inhibits
                    source = taken
            if fires and not fired:
                began[fingerprint] = after
                if known is not None and known.ends_at <= now and ends_by_time(known):
                    ended[fingerprint] = known
            elif fired and not fires:
                ended[fingerprint] = after
        review |= learn(source, now)
    groups_after: list[AlertGroup] = []
    removed: list[str] = []
    events: list[IncidentEvent] = []
    for id_, members in changed.items():
        group = groups.get(id_)
        created: Mapping[str, object] = {}
        if group is None or group.forget_at is not None:
            log, flaps = ((), ()) if group is None else (group.log, group.flaps)
            group, created = news[id_].group, {"created_at": now, "log": log, "flaps": flaps}
        flush = group.next_flush
        if id_ in news and not group.flushed:
            flush = _first_flush(group, news[id_].route, members.values(), now)
        damped: Mapping[str, object] = {"flaps": dampings[id_].flaps} if id_ in dampings else {}
        after = group.with_members(members, next_flush=flush, **{**created, **damped})
        after, told = tell(after, routing, now, claimed)
        events += told
        if is_orphan(after) and not after.firing(now):
            removed.append(id_)
        else:
            groups_after.append(after)
    return AlertStep(
        groups=tuple(groups_after),
        removed=tuple(removed),
        events=tuple(events),
        began=tuple(began.values()),
        ended=tuple(ended.values()),
        arrived=changed,
        review=review,
    )


def look_again(group: AlertGroup, routing: Routing, now: Timestamp, claimed: Claims = NO_CLAIMS) -> AlertStep:
    """A timer of the group is due: notice members whose end has passed or whose muting has changed, and flush if it is
    time. `claimed`: what orphans hold."""
    if group.forget_at is not None:
        return AlertStep(removed=(group.id,)) if group.forget_at <= now else AlertStep(groups=(group,))
    held: tuple[Alert, ...] = ()
    review = False
    if group.flaps:
        damping = Damping(routing.flapping, group.receiver, group.flaps)
        settled, held = damping.settled(group.members, now)
        before = {alert.fingerprint: alert.ends_at for alert in group.members}
        for name, alert in settled.items():
            review |= routing.overlay.learn(alert, now, held_until=before.get(name))
        group = replace(group.with_members(settled, next_flush=group.next_flush), flaps=damping.flaps)
    group, events = tell(group, routing, now, claimed)
    if group.next_flush is not None and group.next_flush > now:
        return AlertStep(groups=(group,), events=events, ended=held, review=review)
    route = routing.routes().get(group.route) if group.next_flush is not None else None
    after = retire(group, now) if route is None else flush(group, route, routing, now)
    return replace(after, events=events, ended=(*held, *after.ended), review=review)


def _is_same_report(one: Alert, other: Alert) -> bool:
    """Under a new configuration members are taken in again; that is no news of them."""
    return (one.updated_at, one.ends_at) == (other.updated_at, other.ends_at)


def _damping(group: AlertGroup | None, place: Placement | None, routing: Routing) -> Damping:
    receiver = group.receiver if group is not None else place.group.receiver if place is not None else ""
    return Damping(routing.flapping, receiver, () if group is None else group.flaps)


def review(groups: Iterable[AlertGroup], routing: Routing, now: Timestamp) -> AlertStep:
    """What mutes alerts has changed: the incident side hears of it at once, everybody else at the next flush. `groups` are all
    that have a policy."""
    groups = list(groups)
    claimed = claims(groups, now)
    told = [(group, *tell(group, routing, now, claimed)) for group in groups]
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


def _first_flush(group: AlertGroup, route: Route, alerts: Iterable[Alert], now: Timestamp) -> Timestamp:
    """A new group waits for company; one whose first alert has waited long enough elsewhere does not."""
    if route.page_first:
        return group.next_flush if group.next_flush is not None else now
    overdue = any(alert.starts_at + route.group_wait < now and not alert.resolved(now) for alert in alerts)
    if overdue:
        return now
    return group.next_flush if group.next_flush is not None else now + route.group_wait


def tell(
    group: AlertGroup, routing: Routing, now: Timestamp, claimed: Claims
) -> tuple[AlertGroup, tuple[IncidentEvent, ...]]:
    """The incident side hears of every change in who fires and who is muted, at once; but of what an orphan of the policy
    holds, from that alone."""
    if not group.policy:
        return group, ()
    routes = _routes_of(group, routing)
    elsewhere = claimed.get(group.policy, frozenset()) if claimed and not is_orphan(group) else frozenset[str]()
    members = tuple([one for one in group.members if one.fingerprint not in elsewhere]) if elsewhere else group.members
    firing = tuple([alert for alert in members if not alert.resolved(now)])
    muted = {
        alert.fingerprint: min((routing.overlay.mutes(alert.labels, route, now) for route in routes(alert)), key=bool)
        for alert in firing
    }
    told = tuple(
        ":".join((fingerprint, *(mute.reason.value for mute in mutes))) for fingerprint, mutes in sorted(muted.items())
    )
    changes = [routing.overlay.next_change(alert.labels, route, now) for alert in firing for route in routes(alert)]
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
        members=tuple(_member(alert, muted.get(alert.fingerprint, ()), now) for alert in members),
        held_until=held,
    )
    return after, (event,)


def _routes_of(group: AlertGroup, routing: Routing) -> Callable[[Alert], Sequence[Route | None]]:
    """The routes that may mute a member, and must do so together: that of the group; for an orphan, whose own is gone, those
    that lead the member to its policy today. An alert that none leads there any more is muted by no route."""
    own = (routing.routes().get(group.route),)
    if not is_orphan(group):
        return lambda _: own
    return lambda alert: (
        [place.route for place in placements(alert.labels, routing) if place.group.policy == group.policy] or (None,)
    )


def _held_until(muted: Collection[tuple[Mute, ...]]) -> Timestamp | None:
    """When the first of the members is heard again, if all are muted and that is known."""
    if not all(muted):
        return None
    ends = [[mute.until for mute in mutes] for mutes in muted]
    known = [max(at for at in some if at is not None) for some in ends if None not in some]
    return min(known, default=None)


def _member(alert: Alert, mutes: Sequence[Mute], now: Timestamp) -> Member:
    resolved = alert.resolved(now)
    return Member(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        firing=not resolved,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at if resolved else None,
        muted_by=tuple(mute.reason for mute in mutes),
        explained_by=next((mute.by[0] for mute in mutes if mute.reason is MuteReason.INHIBITION), ""),
        generator_url=alert.generator_url,
        value=alert.value,
    )
