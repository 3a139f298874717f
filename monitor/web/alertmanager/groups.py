"""Groups: alerts as they are notified together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.labels import set_order
from monitor.web.alertmanager.alerts import Wanted
from monitor.web.alertmanager.asking import flag, route, wanted_receivers
from monitor.web.alertmanager.documents import Document, Quiet, alert_document
from monitor.web.answers import built_answer
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.alerts.pipeline import Routing
    from monitor.model.alerts import Alert
    from monitor.model.labels import Labels
    from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A group with those of its alerts that are asked for."""

    labels: Labels
    route_labels: Mapping[str, str]
    receiver: str
    alerts: list[tuple[Alert, Quiet]]


async def groups(call: Call) -> web.StreamResponse:
    """By their labels; groups without an alert that is asked for are left out. `muted=no` leaves out those that are muted as
    a whole, by the hours of their route."""
    wanted, receivers, muted = Wanted.of(call), wanted_receivers(call), flag(call, "muted")
    found = await up(call.parts.dispatcher).view(
        lambda known, routing, now: _shown(known, routing, now, wanted, receivers)
    )
    told: dict[str, list[str]] = {}
    for group in found:
        for alert, _ in group.alerts:
            told.setdefault(alert.fingerprint, []).append(group.receiver)

    def build() -> list[Document]:
        return [
            _document(group, told) for group in found if muted or not all(quiet.muted_by for _, quiet in group.alerts)
        ]

    return await built_answer(call.request, build, sum(len(group.alerts) for group in found))


def _shown(
    groups: Mapping[str, AlertGroup],
    routing: Routing,
    now: Timestamp,
    wanted: Wanted,
    receivers: Callable[[str], bool],
) -> list[_Shown]:
    from monitor.alerts.dedup import in_reading_order

    routes = routing.routes()
    found: list[_Shown] = []
    for group in groups.values():
        route = routes.get(group.route)
        if route is None or not receivers(group.receiver):  # its route is gone: nobody is told of it any more
            continue
        alerts: list[tuple[Alert, Quiet]] = []
        for alert in in_reading_order(group.members):
            if alert.ends_at < now or not wanted.has_labels(alert):
                continue
            quiet = Quiet.of(routing.overlay.mutes(alert.labels, route, now))
            if wanted.has_state(quiet):
                alerts.append((alert, quiet))
        if alerts:
            labels = dict(route.labels)
            found.append(_Shown(labels=group.labels, route_labels=labels, receiver=group.receiver, alerts=alerts))
    return sorted(found, key=lambda group: (set_order(group.labels), group.receiver))


def _document(group: _Shown, told: Mapping[str, list[str]]) -> Document:
    return {
        "alerts": [alert_document(alert, sorted(told[alert.fingerprint]), quiet) for alert, quiet in group.alerts],
        "labels": dict(group.labels),
        "receiver": {"name": group.receiver},
        "routeLabels": dict(group.route_labels),
    }


ROUTES: Final = (route("GET", "/alerts/groups", groups),)
