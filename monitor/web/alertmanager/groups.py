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
    from monitor.alerts.placement import Routing
    from monitor.alerts.routes import Route
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A group with those of its alerts that are asked for."""

    group: AlertGroup
    route: Route
    alerts: list[tuple[Alert, Quiet]]


async def groups(call: Call) -> web.StreamResponse:
    """By their labels; groups without an alert that is asked for are left out. `muted=no` leaves out those that are muted as
    a whole, by the hours of their route."""
    wanted, receivers, muted = Wanted.of(call), wanted_receivers(call), flag(call, "muted")
    found, routing = await up(call.parts.dispatcher).view(
        lambda known, routing, now: (_shown(known, routing, now, wanted, receivers), routing)
    )
    told: dict[str, list[str]] = {}
    for one in found:
        for alert, _ in one.alerts:
            told.setdefault(alert.fingerprint, []).append(one.group.receiver)

    def build() -> list[Document]:
        return [
            _document(one, routing, told, call.now)
            for one in found
            if muted or not all(quiet.muted_by for _, quiet in one.alerts)
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
            found.append(_Shown(group=group, route=route, alerts=alerts))
    return sorted(found, key=lambda one: (set_order(one.group.labels), one.group.receiver))


def _document(one: _Shown, routing: Routing, told: Mapping[str, list[str]], now: Timestamp) -> Document:
    from monitor.alerts.flush import route_labels

    return {
        "alerts": [alert_document(alert, sorted(told[alert.fingerprint]), quiet) for alert, quiet in one.alerts],
        "labels": dict(one.group.labels),
        "receiver": {"name": one.group.receiver},
        "routeLabels": dict(route_labels(one.group, one.route, routing, now)) if one.route.labels else {},
    }


ROUTES: Final = (route("GET", "/alerts/groups", groups),)
