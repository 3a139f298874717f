"""Data for a preview: what a template sees, written down as JSON under the names of a webhook's body.

The shape is Alertmanager's (template.Data), so that the same file serves `amtool template render`. What is not there has its
zero value; what nobody knows is an error, since a misspelt key would show as an empty text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

from monitor.alerts.templating.data import KV, NIL, AlertData, Alerts, Data
from monitor.gotemplate.moment_parsing import parse_moment
from monitor.gotemplate.moments import ZERO, Moment

_RFC3339: Final = "2006-01-02T15:04:05Z07:00"
_KEYS: Final = frozenset(
    [
        "receiver",
        "status",
        "alerts",
        "notification_reason",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
        "routeLabels",
        "version",
        "groupKey",
        "truncatedAlerts",
    ]
)
"""With those that only the body of a webhook has: a recorded one can be given as it is."""
_ALERT_KEYS: Final = frozenset(["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"])
_T = TypeVar("_T")

EXAMPLE: Final = """{
  "receiver": "team",
  "status": "firing",
  "alerts": [
    {"status": "firing", "labels": {"alertname": "HighLatency", "severity": "critical", "instance": "shop-1:8080"},
     "annotations": {"summary": "The shop answers slowly", "description": "99% of requests take longer than 2 s"},
     "startsAt": "2026-03-02T03:04:22Z", "endsAt": "0001-01-01T00:00:00Z",
     "generatorURL": "http://prometheus.example/graph?g0.expr=latency", "fingerprint": "1b2c3d4e5f607182"},
    {"status": "resolved", "labels": {"alertname": "HighLatency", "severity": "critical", "instance": "shop-2:8080"},
     "annotations": {"summary": "The shop answers slowly"},
     "startsAt": "2026-03-02T03:01:07Z", "endsAt": "2026-03-02T03:05:00Z",
     "generatorURL": "http://prometheus.example/graph?g0.expr=latency", "fingerprint": "92a3b4c5d6e7f801"}
  ],
  "notification_reason": "first notification",
  "groupLabels": {"alertname": "HighLatency"},
  "commonLabels": {"alertname": "HighLatency", "severity": "critical"},
  "commonAnnotations": {"summary": "The shop answers slowly"},
  "externalURL": "http://watchkeeper.example"
}
"""
"""What a template is shown when nobody gives data."""


def read_data(text: str) -> Data:
    """Raises ValueError saying where and what is wrong."""
    try:
        found = _mapping(json.loads(text), "the data", _KEYS)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: no JSON: {error.msg}") from error
    return Data(
        receiver=_get(found, "receiver", _string, ""),
        status=_get(found, "status", _string, ""),
        alerts=Alerts(_get(found, "alerts", _alerts, [])),
        group_labels=_get(found, "groupLabels", _texts, NIL),
        common_labels=_get(found, "commonLabels", _texts, NIL),
        common_annotations=_get(found, "commonAnnotations", _texts, NIL),
        external_url=_get(found, "externalURL", _string, ""),
        reason=_get(found, "notification_reason", _string, ""),
        route_labels=_get(found, "routeLabels", _texts, NIL),
    )


def _alerts(value: object, place: str) -> list[AlertData]:
    if not isinstance(value, list):
        raise ValueError(f"{place}: expected a list of alerts")
    return [_alert(each, f"{place}[{number}]") for number, each in enumerate(cast("list[object]", value))]


def _alert(value: object, place: str) -> AlertData:
    found = _mapping(value, place, _ALERT_KEYS)
    return AlertData(
        status=_get(found, "status", _string, "", place),
        labels=_get(found, "labels", _texts, NIL, place),
        annotations=_get(found, "annotations", _texts, NIL, place),
        starts_at=_get(found, "startsAt", _moment, ZERO, place),
        ends_at=_get(found, "endsAt", _moment, ZERO, place),
        generator_url=_get(found, "generatorURL", _string, "", place),
        fingerprint=_get(found, "fingerprint", _string, "", place),
    )


def _get(found: Mapping[str, object], key: str, read: Callable[[object, str], _T], absent: _T, within: str = "") -> _T:
    value = found.get(key)
    return absent if value is None else read(value, f"{within}.{key}" if within else key)


def _mapping(value: object, place: str, keys: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: expected an object with keys such as {', '.join(sorted(keys)[:3])}")
    found = cast("Mapping[str, object]", value)
    unknown = sorted(set(found) - keys)
    if unknown:
        raise ValueError(f"{place}: unknown key {unknown[0]}; known are {', '.join(sorted(keys))}")
    return found


def _texts(value: object, place: str) -> KV:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: expected an object of texts")
    texts = cast("Mapping[str, object]", value)
    return KV({name: _string(text, f"{place}.{name}") for name, text in texts.items()})


def _string(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place}: expected a text, got {json.dumps(value)}")
    return value


def _moment(value: object, place: str) -> Moment:
    try:
        return parse_moment(_RFC3339, _string(value, place))
    except ValueError as error:
        raise ValueError(f"{place}: expected a time as 2026-03-02T03:04:22Z: {error}") from error
