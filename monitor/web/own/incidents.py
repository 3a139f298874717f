"""Incidents: the list, one with its whole history, and what people do to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.times import DAY
from monitor.web.access import Role
from monitor.web.answers import BadCallError, built_answer, json_answer
from monitor.web.own.bodies import Body, read_body, rows_of
from monitor.web.own.documents import incident_details, incident_document
from monitor.web.parts import up
from monitor.web.routes import Call, Route

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.alerts.placement import Routing
    from monitor.model.times import Timestamp
    from monitor.oncall.effects import Answer
    from monitor.oncall.escalating import Escalating
    from monitor.oncall.incident import Incident
    from monitor.web.parts import Parts

_LONGEST_SNOOZE = 7 * DAY


async def incidents(call: Call) -> web.StreamResponse:
    """The newest first."""
    state = call.request.query.get("state", "") or "open"
    if state not in ("open", "all"):
        raise BadCallError(f'state "{state[:40]}" is not known', "send state=open or state=all")
    found = await up(call.parts.escalating).incidents(rows_of(call, 100), open_only=state == "open")
    return await built_answer(
        call.request, lambda: {"incidents": [incident_document(one) for one in found]}, len(found)
    )


async def incident(call: Call) -> web.StreamResponse:
    shown = await up(call.parts.escalating).show(call.path("reference"))
    sent = await up(call.parts.outbox).of_incident(shown.incident.id)
    gone = await unreported(call.parts, shown.incident) if shown.incident.state.is_open else {}
    size = len(shown.timeline) + len(sent) + len(shown.incident.members)
    return await built_answer(
        call.request, lambda: {"incident": incident_details(shown.incident, shown.timeline, sent, gone)}, size
    )


async def unreported(parts: Parts, incident: Incident) -> dict[str, Timestamp]:
    """Of its alerts that fire and came from our own rules, those that none of these has any longer: a reload has taken the
    rule away, or changed their labels. Until when each is believed."""
    ours = {member.fingerprint for member in incident.members if member.firing and member.value is not None}
    configuration = parts.configuration()
    for status in parts.rules.status() if ours and parts.rules is not None else ():
        known = (configuration.leaves_as(one.labels) for rule in status.rules for one in rule.alerts)
        ours.difference_update(labels.fingerprint for labels in known if labels is not None)
    if not ours:
        return {}

    def look(groups: Mapping[str, AlertGroup], _: Routing, now: Timestamp) -> dict[str, Timestamp]:
        holding = [group for group in groups.values() if group.policy == incident.policy]
        found = [alert for group in holding for name in ours if (alert := group.member(name)) is not None]
        return {alert.fingerprint: alert.ends_at for alert in found if not alert.resolved(now)}

    return await up(parts.dispatcher).view(look)


async def act(call: Call, name: str) -> web.Response:
    """Durable when it answers."""
    escalating = up(call.parts.escalating)
    body = await read_body(call, ("for",) if name == "snooze" else ())
    reference = call.path("reference")
    answer = await perform(escalating, call, name, reference, body)
    shown = await escalating.show(reference)
    document = {"changed": answer.changed, "message": answer.text, "incident": incident_document(shown.incident)}
    return json_answer(document)


async def perform(escalating: Escalating, call: Call, name: str, reference: str, body: Body) -> Answer:
    """Let the caller do this to an incident. Raises NotFoundError, ConflictError, BadCallError."""
    actor = call.caller.actor
    if name == "snooze":
        span = body.duration("for")
        if span > _LONGEST_SNOOZE:
            raise BadCallError("an incident can be snoozed for a week at most", 'send {"for": "8h"}')
        return await escalating.snooze(reference, actor, call.now + span)
    return await _actions(escalating)[name](reference, actor)


def _actions(escalating: Escalating) -> dict[str, Callable[..., Awaitable[Answer]]]:
    return {
        "acknowledge": escalating.acknowledge,
        "unacknowledge": escalating.unacknowledge,
        "resolve": escalating.resolve,
        "escalate": escalating.escalate,
    }


ACTIONS: Final = ("acknowledge", "unacknowledge", "resolve", "escalate", "snooze")

ROUTES: Final = (
    Route(method="GET", path="/api/watchkeeper/v1/incidents", handler=incidents),
    Route(method="GET", path="/api/watchkeeper/v1/incidents/{reference}", handler=incident),
    *(
        Route(
            method="POST",
            path=f"/api/watchkeeper/v1/incidents/{{reference}}/{name}",
            handler=partial(act, name=name),
            role=Role.RESPONDER,
            changes=True,
        )
        for name in ACTIONS
    ),
)
