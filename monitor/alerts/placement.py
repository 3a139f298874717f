"""Which groups take an alert, under the part of the configuration that decisions over groups need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from monitor.alerts.dedup import RETENTION
from monitor.alerts.flapping import FlapRule
from monitor.alerts.groups import AlertGroup
from monitor.alerts.mending import AS_ALERTMANAGER, Repairs
from monitor.alerts.messages import Fields, RecentChanges
from monitor.alerts.muting import NothingMuted, Overlay
from monitor.alerts.receivers import Receiver
from monitor.alerts.recurring import Recurring
from monitor.alerts.routes import Route, group_key, labels_text
from monitor.model.alerts import Alert
from monitor.model.fingerprints import learn_fingerprints
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp

_PLACEMENTS_KEPT: Final = 10_000
"""Reckoning the key of a group costs more than finding it again; alerts come in again and again."""


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
    _placements: dict[tuple[str, tuple[tuple[str, str], ...]], Placement] = field(
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
        found = self._placements.get((route.id, labels.pairs))
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
            self._placements[route.id, labels.pairs] = found
        return found


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
