"""Why an alert was told, or was not: its way from the rule to the last attempts of each integration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.matching.matchers import all_match
from monitor.matching.parse import parse_matchers
from monitor.model.errors import NotFoundError, RequestError
from monitor.web.answers import built_answer
from monitor.web.own.documents import Document, incident_document, instant, number, sent_document
from monitor.web.parts import up
from monitor.web.routes import Call, Route

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.alerts.placement import Routing
    from monitor.alerts.why import Standing, Told
    from monitor.model.labels import Labels
    from monitor.model.times import Timestamp
    from monitor.oncall.incident import Incident
    from monitor.rules.groups import Rule
    from monitor.rules.states import ActiveAlert
    from monitor.state.outbox_store import Sent
    from monitor.web.parts import Parts

_MOST: Final = 20
"""Alerts in one answer."""
_ATTEMPTS: Final = 5
_LATELY: Final = 100
"""Incidents, the newest first, among which that of an alert that is over is looked for."""

_Ruled = tuple[str, "Rule", "ActiveAlert"]
"""Key of the rule group, rule, and its alert."""
_Chosen = Callable[["Labels", str], bool]


async def why(call: Call) -> web.StreamResponse:
    """`alert`: a fingerprint, an alert's name, or matchers as amtool takes them."""
    from monitor.alerts.why import standings

    wanted = call.request.query.get("alert", "")
    chosen = _choice(wanted)
    parts = call.parts
    ruled = _ruled(parts, chosen)

    def look(groups: Mapping[str, AlertGroup], routing: Routing, now: Timestamp) -> tuple[Standing, ...]:
        known = {alert.fingerprint: alert for group in groups.values() for alert in group.members}
        found = [fingerprint for fingerprint, alert in known.items() if chosen(alert.labels, fingerprint)]
        return standings(groups, found[:_MOST], routing, now)

    found = await up(parts.dispatcher).view(look)
    routed = {standing.alert.fingerprint for standing in found}
    unrouted = [(fingerprint, one) for fingerprint, one in ruled.items() if fingerprint not in routed][:_MOST]
    if not found and not unrouted:
        raise NotFoundError(f"nothing that is {wanted} fires or is pending")
    outbox = up(parts.outbox)
    sent = {
        told.order_key: await outbox.of_order(told.order_key, _ATTEMPTS) for standing in found for told in standing.told
    }
    pages: dict[str, Document] = {}
    incidents = await _incidents(parts, found)
    for incident in incidents.values():
        if incident.id not in pages:
            pages[incident.id] = _paged(incident, await outbox.of_incident(incident.id))

    def build() -> object:
        documents: list[Document] = []
        for one in found:
            incident = incidents.get(_key(one))
            paged = pages[incident.id] if incident is not None else None
            documents.append(_standing(one, ruled.get(one.alert.fingerprint), sent, paged, call.now))
        return {"alerts": documents + [_unrouted(fingerprint, one) for fingerprint, one in unrouted]}

    return await built_answer(call.request, build, len(found) + len(unrouted))


def _choice(wanted: str) -> _Chosen:
    """Raises RequestError."""
    if not wanted:
        raise RequestError("`alert` is missing: a fingerprint, an alert's name, or matchers")
    if not any(char in wanted for char in '=!~{"'):
        return lambda labels, fingerprint: wanted in (fingerprint, labels.get("alertname", ""))
    try:
        matchers = parse_matchers(wanted)
    except ValueError as error:
        raise RequestError(f"`alert`: {error}") from None
    return lambda labels, fingerprint: all_match(matchers, labels)


def _ruled(parts: Parts, chosen: _Chosen) -> dict[str, _Ruled]:
    """The alerts of our own rules, by the fingerprint with which they leave them."""
    configuration = parts.configuration()
    found: dict[str, _Ruled] = {}
    for status in parts.rules.status() if parts.rules is not None else ():
        for rule in status.rules:
            for one in rule.alerts:
                labels = configuration.leaves_as(one.labels)
                if labels is not None and chosen(labels, labels.fingerprint):
                    found[labels.fingerprint] = (status.group.key, rule.rule, one)
    return found


def _key(one: Standing) -> tuple[str, str, str]:
    return one.teller.policy, one.teller.key, one.alert.fingerprint


async def _incidents(parts: Parts, found: Sequence[Standing]) -> dict[tuple[str, str, str], Incident]:
    """The open incident of each alert, or the latest one that had it."""
    keys = {_key(one) for one in found if one.group.policy}
    if not keys:
        return {}
    escalating = up(parts.escalating)
    open_ones = {(one.policy, one.group_key): one for one in await escalating.incidents(1_000, open_only=True)}
    known = {key: one for key in keys if (one := open_ones.get(key[:2])) is not None}
    if len(known) < len(keys):
        for incident in await escalating.incidents(_LATELY):
            for member in incident.members:
                key = (incident.policy, incident.group_key, member.fingerprint)
                if key in keys:
                    known.setdefault(key, incident)
    return known


def _paged(incident: Incident, sent: Sequence[Sent]) -> Document:
    """An incident, and what was last sent to each who was to hear of it."""
    told: dict[str, list[Sent]] = {}
    for one in reversed(sent):
        told.setdefault(str(one.destination), []).append(one)
    return {
        **incident_document(incident),
        "told": [
            {"destination": destination, "attempts": [sent_document(one) for one in rows[:_ATTEMPTS]]}
            for destination, rows in told.items()
        ],
    }


def _standing(
    one: Standing,
    ruled: _Ruled | None,
    sent: Mapping[str, Sequence[Sent]],
    paged: Document | None,
    now: Timestamp,
) -> Document:
    group, route = one.group, one.way[-1] if one.way else None
    return {
        "fingerprint": one.alert.fingerprint,
        "labels": dict(one.alert.labels),
        "state": "resolved" if one.alert.resolved(now) else "firing",
        "since": instant(one.alert.starts_at),
        "believed_until": instant(one.alert.ends_at),
        "rule": None if ruled is None else _rule(ruled),
        "pushed": one.alert.value is None,
        "route": [step.key for step in one.way],
        "group": {
            "key": group.key,
            "receiver": group.receiver,
            "members": len(group.members),
            "policy": group.policy or None,
            "incident": None if paged is None else paged["number"],
            "kept_from": None if one.teller is group else one.teller.key,
            "last_look": instant(group.last_flush.at if group.last_flush is not None else None),
            "next_look": instant(group.next_flush),
            "repeat_interval": None if route is None else route.repeat_interval / 1000,
        },
        "quiet": [
            {
                "reason": mute.reason.value,
                "sentence": mute.reason.sentence,
                "by": list(mute.by),
                "alerts": [dict(labels) for labels in one.inhibited_by if labels.fingerprint in mute.by],
                "until": instant(mute.until),
            }
            for mute in one.mutes
        ],
        "flapping": _flapping(one),
        "incident": paged,
        "integrations": [_told(told, sent.get(told.order_key, ())) for told in one.told],
    }


def _flapping(one: Standing) -> Document | None:
    flap = one.flap
    if flap is None:
        return None
    said = "its source says that it fires" if flap.fires else "its source says that it does not fire"
    return {
        "sentence": f"held as firing because it comes and goes; {said}",
        "since": instant(flap.held_since),
        "changes": len(flap.changes),
        "calm_at": instant(one.calm_at),
    }


def _told(told: Told, sent: Sequence[Sent]) -> Document:
    return {
        "destination": str(told.destination),
        "told_at": instant(told.at),
        "knows": told.knows,
        "last_decision": told.reason.value if told.reason is not None else None,
        "repeats_at": instant(told.repeats_at),
        "attempts": [
            {**sent_document(one), "instead": [sent_document(other) for other in one.instead]} for one in sent
        ],
    }


def _unrouted(fingerprint: str, ruled: _Ruled) -> Document:
    """It has not left its rule: it is pending, held, or was handed over just now."""
    _, _, one = ruled
    return {
        "fingerprint": fingerprint,
        "labels": dict(one.labels),
        "state": one.state.value,
        "since": instant(one.active_at),
        "rule": _rule(ruled),
        "pushed": False,
        "route": [],
        "group": None,
        "quiet": [],
        "flapping": None,
        "incident": None,
        "integrations": [],
    }


def _rule(ruled: _Ruled) -> Document:
    key, rule, one = ruled
    return {
        "group": key,
        "name": rule.name,
        "query": rule.query,
        "value": number(one.value),
        "active_since": instant(one.active_at),
        "fired_at": instant(one.fired_at),
        "held": one.held.sentence if one.held is not None else None,
    }


ROUTES: Final = (Route(method="GET", path="/api/watchkeeper/v1/alerts/why", handler=why),)
