"""Why was somebody told of an alert, or why not? Read off the state that decisions were made with; nothing is decided here.

An alert may be in several groups (`continue`). For each: which way it took through the routes, what keeps it quiet now, what
the last flush said to each integration and why, and when the next word is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from monitor.alerts.flapping import Flap, calm_at, rule_for
from monitor.alerts.flush import order_key_of
from monitor.alerts.groups import AlertGroup
from monitor.alerts.muting import Mute
from monitor.alerts.orphans import is_orphan, teller
from monitor.alerts.placement import Routing
from monitor.alerts.routes import Route
from monitor.model.alerts import Alert, MuteReason
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, NotifyReason
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one integration knows of the alert."""

    destination: Destination
    order_key: str
    """By which its outbox rows are found."""
    at: Timestamp | None
    """When it was last told of the group; None: never, or it has been forgotten."""
    knows: bool
    """It was told then that this alert fires."""
    reason: NotifyReason | None
    """What the last flush decided; None before the first flush, and when everything was muted."""
    repeats_at: Timestamp | None
    """If nothing changes, it is told again with the first flush after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert in one of its groups."""

    alert: Alert
    group: AlertGroup
    teller: AlertGroup
    """The group through which the policy's incident hears of it: this one, or a former one that holds it (`orphans`)."""
    way: tuple[Route, ...]
    """The routes from the root to the group's; empty if a reload has taken them away."""
    mutes: tuple[Mute, ...]
    inhibited_by: tuple[Labels, ...]
    """The alerts that inhibit it, as far as they are known still."""
    flap: Flap | None
    """How it changed, if it is held as firing because it comes and goes."""
    calm_at: Timestamp | None
    """When that ends, if it changes no more."""
    told: tuple[Told, ...]


def standings(
    groups: Mapping[str, AlertGroup], fingerprints: Iterable[str], routing: Routing, now: Timestamp
) -> tuple[Standing, ...]:
    """Where these alerts stand, group by group. One that stays with the incident of a former group (`orphans`) stands in the
    group that its route says, and in the former one only if no other tells the same policy of it."""
    wanted = set(fingerprints)
    ways = {way[-1].id: way for way in _ways((routing.root,))}
    here = [
        (alert, group)
        for group in groups.values()
        if group.forget_at is None
        for alert in group.members
        if alert.fingerprint in wanted
    ]
    routed = {(alert.fingerprint, group.policy) for alert, group in here if not is_orphan(group)}
    return tuple(
        _standing(alert, group, ways.get(group.route, ()), groups.values(), routing, now)
        for alert, group in here
        if not (is_orphan(group) and (alert.fingerprint, group.policy) in routed)
    )


def _ways(way: tuple[Route, ...]) -> Iterable[tuple[Route, ...]]:
    yield way
    for child in way[-1].children:
        yield from _ways((*way, child))


def _standing(
    alert: Alert,
    group: AlertGroup,
    way: tuple[Route, ...],
    groups: Collection[AlertGroup],
    routing: Routing,
    now: Timestamp,
) -> Standing:
    route = way[-1] if way else None
    receiver = routing.receivers.get(group.receiver)
    log = {entry.destination: entry for entry in group.log}
    reasons = dict(group.last_flush.reasons) if group.last_flush is not None else {}
    told: list[Told] = []
    for integration in receiver.integrations if receiver is not None else ():
        entry = log.get(integration.destination)
        told.append(
            Told(
                destination=integration.destination,
                order_key=order_key_of(group.key, integration.destination),
                at=entry.at if entry is not None else None,
                knows=entry is not None and alert.fingerprint in entry.firing,
                reason=reasons.get(integration.destination),
                repeats_at=entry.at + route.repeat_interval if entry is not None and route is not None else None,
            )
        )
    flap = next(
        (one for one in group.flaps if one.fingerprint == alert.fingerprint and one.held_since is not None), None
    )
    rule = rule_for(routing.flapping, group.receiver, alert.labels) if flap is not None else None
    mutes = routing.overlay.mutes(alert.labels, route, now)
    return Standing(
        flap=flap,
        calm_at=calm_at(flap, rule) if flap is not None and rule is not None else None,
        alert=alert,
        group=group,
        teller=teller(group, alert.fingerprint, groups, now),
        way=way,
        mutes=mutes,
        inhibited_by=_inhibiting(mutes, groups),
        told=tuple(told),
    )


def _inhibiting(mutes: Iterable[Mute], groups: Iterable[AlertGroup]) -> tuple[Labels, ...]:
    names = {by for mute in mutes if mute.reason is MuteReason.INHIBITION for by in mute.by}
    if not names:
        return ()
    found = {name: alert.labels for group in groups for name in names if (alert := group.member(name)) is not None}
    return tuple(found.values())
