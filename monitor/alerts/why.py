"""Why was somebody told of an alert, or why not? Read off the state that decisions were made with; nothing is decided here.

An alert may be in several groups (`continue`). For each: which way it took through the routes, what keeps it quiet now, what
the last flush said to each integration and why, and when the next word is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.alerts.flapping import Flap, calm_at, rule_for
from monitor.alerts.flush import order_key_of
from monitor.alerts.groups import AlertGroup
from monitor.alerts.muting import Mute
from monitor.alerts.placement import Routing
from monitor.alerts.routes import Route
from monitor.model.alerts import Alert
from monitor.model.dataclass import dataclass
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
    way: tuple[Route, ...]
    """The routes from the root to the group's; empty if a reload has taken them away."""
    mutes: tuple[Mute, ...]
    flap: Flap | None
    """How it changed, if it is held as firing because it comes and goes."""
    calm_at: Timestamp | None
    """When that ends, if it changes no more."""
    told: tuple[Told, ...]


def standings(
    groups: Mapping[str, AlertGroup], fingerprints: Iterable[str], routing: Routing, now: Timestamp
) -> tuple[Standing, ...]:
    """Where these alerts stand, group by group."""
    wanted = set(fingerprints)
    ways = {way[-1].id: way for way in _ways((routing.root,))}
    return tuple(
        _standing(alert, group, ways.get(group.route, ()), routing, now)
        for group in groups.values()
        if group.forget_at is None
        for alert in group.members
        if alert.fingerprint in wanted
    )


def _ways(way: tuple[Route, ...]) -> Iterable[tuple[Route, ...]]:
    yield way
    for child in way[-1].children:
        yield from _ways((*way, child))


def _standing(alert: Alert, group: AlertGroup, way: tuple[Route, ...], routing: Routing, now: Timestamp) -> Standing:
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
    return Standing(
        flap=flap,
        calm_at=calm_at(flap, rule) if flap is not None and rule is not None else None,
        alert=alert,
        group=group,
        way=way,
        mutes=routing.overlay.mutes(alert.labels, route, now),
        told=tuple(told),
    )
