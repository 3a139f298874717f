"""Rules and alerts as Prometheus shows them. Source: prometheus web/api/v1/api.go (rules, RuleGroup, Alert)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from aiohttp import web
from multidict import MultiDict

from monitor.model.labels import quote
from monitor.web.answers import built_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import invalid, limit_of, parameters, selectors_of
from monitor.web.prometheus.rendering import exponent_text, time_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.matching.matchers import Matcher
    from monitor.rules.groups import Rule
    from monitor.rules.states import ActiveAlert
    from monitor.rules.status import GroupStatus, RuleStatus

_KINDS: Final = {"": "", "alert": "alerting", "record": "recording"}
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"", "0", "f", "F", "false", "FALSE", "False"})


async def rules(call: Call) -> web.StreamResponse:
    """All groups, or those and their rules that the filters name; groups without a rule left are left out."""
    given = await parameters(call)
    kind = _KINDS.get(given.get("type", "").lower())
    if kind is None:
        raise invalid("type", f"not supported value {quote(given['type'])}")
    matchers = selectors_of(given)
    exclude = given.get("exclude_alerts", "")
    if exclude not in _TRUE | _FALSE:
        raise invalid("exclude_alerts", f"{quote(exclude)} is neither true nor false")
    found, token = _page(_chosen(up(call.parts.rules).status(), given), given)

    def build() -> object:
        groups: list[object] = []
        names = set(given.getall("rule_name[]", []))
        filtered = bool(kind or names or matchers)
        for status in found:
            chosen = [one for one in status.rules if not matchers or _has(one.rule, matchers)]
            told = [rule_document(one, alerts=exclude not in _TRUE) for one in chosen]
            told = [one for one in told if (not kind or one["type"] == kind) and (not names or one["name"] in names)]
            if told or not filtered:
                groups.append(_group(status, told))
        data: dict[str, object] = {"groups": groups}
        if token:
            data["groupNextToken"] = token
        return {"status": "success", "data": data}

    return await built_answer(call.request, build, sum(len(status.rules) for status in found))


async def alerts(call: Call) -> web.StreamResponse:
    active = [one for group in up(call.parts.rules).status() for rule in group.rules for one in rule.alerts]

    def build() -> object:
        return {"status": "success", "data": {"alerts": [_alert(one) for one in active]}}

    return await built_answer(call.request, build, len(active))


def rule_document(status: RuleStatus, *, alerts: bool) -> dict[str, object]:
    """One rule."""
    from monitor.rules.groups import AlertingRule

    rule = status.rule
    common: dict[str, object] = {
        "health": status.health.value,
        "evaluationTime": status.evaluation_seconds,
        "lastEvaluation": time_text(status.last_evaluation),
    }
    if status.last_error:
        common["lastError"] = status.last_error
    if not isinstance(rule, AlertingRule):
        return {"name": rule.name, "query": rule.query, "labels": dict(rule.labels), **common, "type": "recording"}
    return {
        "state": status.state.value if status.state is not None else "inactive",
        "name": rule.name,
        "query": rule.query,
        "duration": _seconds(rule.for_),
        "keepFiringFor": _seconds(rule.keep_firing_for),
        "labels": {name: text.source for name, text in rule.labels},
        "annotations": {name: text.source for name, text in rule.annotations},
        "alerts": [_alert(one) for one in status.alerts] if alerts else [],
        **common,
        "type": "alerting",
    }


def _has(rule: Rule, selectors: Sequence[Sequence[Matcher]]) -> bool:
    """Does the rule have labels that satisfy one of the selectors? Templates are no values yet: such a label counts as
    absent."""
    from monitor.rules.groups import AlertingRule

    if isinstance(rule, AlertingRule):
        labels = {name: text.source for name, text in rule.labels if "{{" not in text.source}
    else:
        labels = dict(rule.labels)
    return any(all(one.matches(labels.get(one.name, "")) for one in matchers) for matchers in selectors)


def _chosen(found: tuple[GroupStatus, ...], given: MultiDict[str]) -> list[GroupStatus]:
    names, files = set(given.getall("rule_group[]", [])), set(given.getall("file[]", []))
    return [
        status
        for status in found
        if (not names or status.group.name in names) and (not files or status.group.file in files)
    ]


def _page(found: list[GroupStatus], given: MultiDict[str]) -> tuple[list[GroupStatus], str]:
    """The groups from `group_next_token` on, `group_limit` of them, and the token of the group after."""
    limit, token = limit_of(given, "group_limit"), given.get("group_next_token", "")
    if token:
        if not limit:
            raise invalid("group_limit", "group_limit needs to be set to use group_next_token")
        place = next((place for place, one in enumerate(found) if _token(one) == token), None)
        if place is None:
            raise invalid("group_next_token", "no group has it: rules were reloaded, begin again")
        found = found[place:]
    if not limit or len(found) <= limit:
        return found, ""
    return found[:limit], _token(found[limit])


def _token(status: GroupStatus) -> str:
    return hashlib.sha256(status.group.key.encode()).hexdigest()[:40]


def _group(status: GroupStatus, told: list[dict[str, object]]) -> dict[str, object]:
    group = status.group
    return {
        "name": group.name,
        "file": group.file,
        "rules": told,
        "interval": _seconds(group.interval),
        "limit": group.limit,
        "evaluationTime": status.evaluation_seconds,
        "lastEvaluation": time_text(status.last_evaluation),
    }


def _alert(alert: ActiveAlert) -> dict[str, object]:
    document: dict[str, object] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state.value,
        "activeAt": time_text(alert.active_at),
        "value": exponent_text(alert.value),
    }
    if alert.keep_firing_since is not None:
        document["keepFiringSince"] = time_text(alert.keep_firing_since)
    return document


def _seconds(span: int) -> float | int:
    return span / 1000 if span % 1000 else span // 1000


ROUTES: Final = (
    Route(method="GET", path="/api/v1/rules", handler=rules, dialect=Dialect.PROMETHEUS),
    Route(method="GET", path="/api/v1/alerts", handler=alerts, dialect=Dialect.PROMETHEUS),
)
