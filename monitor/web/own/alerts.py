"""Alerts that are pending or fire, our own rules' and those that others push: why, since when, and who was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.web.answers import built_answer
from monitor.web.own.documents import Document, instant, number
from monitor.web.parts import up
from monitor.web.routes import Call, Route

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.config.configuration import Configuration
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp
    from monitor.oncall.incident import Incident
    from monitor.rules.groups import Rule
    from monitor.rules.states import ActiveAlert


async def alerts(call: Call) -> web.StreamResponse:
    """Firing before pending, the oldest first."""
    parts = call.parts
    active = [
        (status.group.key, rule.rule, one)
        for status in (parts.rules.status() if parts.rules is not None else ())
        for rule in status.rules
        for one in rule.alerts
    ]
    groups = await up(parts.alerts).groups()
    incidents = await up(parts.escalating).incidents(1_000, open_only=True)
    configuration = parts.configuration()

    def build() -> object:
        places = _places(groups, incidents, call.now)
        found = [(one.active_at, _document(key, rule, one, places, configuration)) for key, rule, one in active]
        ruled = {str(document["fingerprint"]) for _, document in found}
        found += [(one.starts_at, _pushed(one, places)) for one in pushed_alerts(groups, ruled, call.now)]
        found.sort(key=lambda one: (str(one[1]["state"]), one[0]))
        return {"alerts": [document for _, document in found]}

    return await built_answer(call.request, build, len(active) + sum(len(group.members) for group in groups))


def pushed_alerts(groups: Sequence[AlertGroup], ruled: Collection[str], now: Timestamp) -> list[Alert]:
    """Those that fire and are none of our rules', whose fingerprints are given."""
    from monitor.alerts.standing import standing

    known = standing({group.id: group for group in groups}, now)
    return [alert for alert in known if alert.fingerprint not in ruled and not alert.resolved(now)]


_Place = tuple["AlertGroup", "Incident | None"]


def _places(groups: Sequence[AlertGroup], incidents: Sequence[Incident], now: Timestamp) -> dict[str, list[_Place]]:
    """Where each alert is, by fingerprint."""
    from monitor.alerts.orphans import is_orphan, teller

    known = {(one.policy, one.group_key): one for one in incidents}
    orphans = [group for group in groups if is_orphan(group)]
    found: dict[str, list[_Place]] = {}
    for group in groups:
        for member in group.members:
            telling = teller(group, member.fingerprint, orphans, now) if orphans else group
            incident = known.get((telling.policy, telling.key)) if telling.policy else None
            found.setdefault(member.fingerprint, []).append((group, incident))
    return found


def _document(
    group: str, rule: Rule, alert: ActiveAlert, places: dict[str, list[_Place]], configuration: Configuration
) -> Document:
    labels = configuration.leaves_as(alert.labels) or alert.labels.whole()
    fingerprint = labels.fingerprint
    return {
        "name": rule.name,
        "rule_group": group,
        "state": alert.state.value,
        "fingerprint": fingerprint,
        "labels": dict(labels),
        "annotations": dict(alert.annotations),
        "value": number(alert.value),
        "since": instant(alert.active_at),
        "fired_at": instant(alert.fired_at),
        "held": alert.held.sentence if alert.held is not None else None,
        "options": _options(rule),
        "groups": [_group(one, incident, fingerprint) for one, incident in places.get(fingerprint, ())],
    }


def _pushed(alert: Alert, places: dict[str, list[_Place]]) -> Document:
    """Nothing is known of its rule."""
    return {
        "name": alert.name,
        "rule_group": None,
        "state": "firing",
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": None,
        "since": instant(alert.starts_at),
        "fired_at": None,
        "held": None,
        "options": None,
        "groups": [_group(one, incident, alert.fingerprint) for one, incident in places.get(alert.fingerprint, ())],
    }


def _options(rule: Rule) -> Document | None:
    """What the rule does beyond Prometheus."""
    from monitor.rules.groups import AlertingRule

    if not isinstance(rule, AlertingRule) or rule.options.plain:
        return None
    options = rule.options
    return {
        "resolve_expr": options.resolve_query or None,
        "no_data": options.no_data.value,
        "active": str(options.active) if options.active is not None else None,
    }


def _group(group: AlertGroup, incident: Incident | None, fingerprint: str) -> Document:
    return {
        "key": group.key,
        "receiver": group.receiver,
        "policy": group.policy,
        "incident": incident.number if incident is not None else None,
        "notified": [
            {"destination": str(entry.destination), "at": instant(entry.at)}
            for entry in group.log
            if fingerprint in entry.firing
        ],
    }


ROUTES: Final = (Route(method="GET", path="/api/watchkeeper/v1/alerts", handler=alerts),)
