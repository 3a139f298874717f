"""Alerts: those that are known, and those that others push."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import RequestError
from monitor.web.alertmanager.asking import (
    LARGEST_PUSH,
    body_of,
    facts_of,
    flag,
    matchers,
    route,
    wanted_receivers,
)
from monitor.web.alertmanager.documents import Quiet, alert_document
from monitor.web.answers import built_answer
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.alerts.placement import Routing
    from monitor.matching.matchers import Matcher
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp

_INLINE_BYTES: Final = 65_536
"""A longer body is read in a worker thread."""

Shown = tuple["Alert", Sequence[str], Quiet]
"""An alert with its receivers and what keeps it quiet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts a call asks for."""

    matchers: Sequence[Matcher]
    active: bool
    silenced: bool
    inhibited: bool

    @classmethod
    def of(cls, call: Call) -> Wanted:
        """Raises RequestError."""
        return cls(
            matchers=matchers(call),
            active=flag(call, "active"),
            silenced=flag(call, "silenced"),
            inhibited=flag(call, "inhibited"),
        )

    def has_labels(self, alert: Alert) -> bool:
        return all(one.matches(alert.labels.get(one.name, "")) for one in self.matchers)

    def has_state(self, quiet: Quiet) -> bool:
        if quiet.active:
            return self.active
        return not (quiet.silenced_by and not self.silenced) and not (quiet.inhibited_by and not self.inhibited)


async def alerts(call: Call) -> web.StreamResponse:
    """All that have not ended, by fingerprint."""
    wanted, receivers = Wanted.of(call), wanted_receivers(call)
    found = await up(call.parts.dispatcher).view(
        lambda groups, routing, now: _shown(groups, routing, now, wanted, receivers)
    )
    return await built_answer(call.request, lambda: [alert_document(*one) for one in found], len(found))


async def push(call: Call) -> web.Response:
    """Take alerts in; durable when it answers. What is no alert is refused alone, the others are taken."""
    from monitor.web.alertmanager.pushes import read_push

    raw = await body_of(call, "alerts")
    facts = facts_of(call)
    if len(raw) > _INLINE_BYTES:
        pushed = await asyncio.to_thread(read_push, raw, facts, call.now)
    else:
        pushed = read_push(raw, facts, call.now)
    call.parts.count_pushed(pushed.firing, pushed.resolved, len(pushed.problems))
    await up(call.parts.dispatcher).accept(call.parts.admit(pushed.alerts, call.now))
    if pushed.problems:
        raise RequestError("; ".join(pushed.problems))
    return web.Response(status=200)


def _shown(
    groups: Mapping[str, AlertGroup],
    routing: Routing,
    now: Timestamp,
    wanted: Wanted,
    receivers: Callable[[str], bool],
) -> list[Shown]:
    from monitor.alerts.standing import standing

    found: list[Shown] = []
    for alert in standing(groups, now):
        if not wanted.has_labels(alert):
            continue
        told = [route.receiver for route in routing.root.match(alert.labels)]
        if not any(map(receivers, told)):
            continue
        # No route: which hours mute an alert depends on its group, and only the list of groups tells that.
        quiet = Quiet.of(routing.overlay.mutes(alert.labels, None, now))
        if wanted.has_state(quiet):
            found.append((alert, told, quiet))
    return found


ROUTES: Final = (route("GET", "/alerts", alerts), route("POST", "/alerts", push, largest_body=LARGEST_PUSH))
