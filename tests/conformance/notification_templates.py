"""alertmanager/template_cases.json: the data that notification templates see, and the texts that they give."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from monitor.alerts.groups import AlertGroup
from monitor.alerts.messages import group_message
from monitor.alerts.templating.data import KV, AlertData, Alerts, Data, Pair, Pairs, data_of
from monitor.alerts.templating.payloads import filled
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary
from monitor.config.yamltree import natural, read
from monitor.gotemplate.gojson import json_text
from monitor.gotemplate.moment_parsing import parse_moment
from monitor.gotemplate.moments import MILLISECOND, ZERO, Moment
from monitor.gotemplate.values import Value, sequence_of
from monitor.model.alerts import Alert
from monitor.model.errors import ConfigError, TemplateError
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import NotifyReason
from monitor.model.times import Timestamp
from tests.conformance.cases import Case, Check

_RFC3339 = "2006-01-02T15:04:05Z07:00"


def _moment(text: str | None) -> Moment:
    return ZERO if text is None else parse_moment(_RFC3339, text)


def _instant(text: str | None) -> Timestamp:
    return _moment(text).nanos // MILLISECOND


def check_data(case: Case) -> None:
    data = case.data
    now = _instant("2020-01-01T00:00:00Z")
    alerts = [
        Alert(
            labels=Labels(given["labels"]),
            annotations=Labels(given["annotations"]),
            starts_at=_instant(given["startsAt"]),
            ends_at=now + 1 if given["endsAt"] == "0001-01-01T00:00:00Z" else _instant(given["endsAt"]),
            updated_at=now,
        )
        for given in data["alerts"]
    ]
    group = AlertGroup(
        id="g",
        key="g",
        route="r",
        receiver=data["receiver"],
        labels=Labels(data["group_labels"]),
        members=tuple(alerts),
    )
    message = group_message(
        group,
        alerts,
        reason=NotifyReason(data["reason"]),
        external_url=data["external_url"],
        recent_changes=(),
        now=now,
    )
    got = json.loads(json_text(data_of(message)))
    for alert in got["alerts"]:
        # the table leaves out what is at its zero value
        for name, zero in (("endsAt", "0001-01-01T00:00:00Z"), ("generatorURL", "")):
            if alert[name] == zero:
                del alert[name]
    assert got == data["result"], f"gave {json.dumps(got)}"
    assert not data["route_labels"] or Labels(data["route_labels"]) is not EMPTY


def check_method(case: Case) -> None:
    on, method = case.data["on"], case.data["method"]
    value = KV(on) if hasattr(on, "items") else Pairs(Pair(*each) for each in on)
    got = value.go_methods()[method].call()
    listed: object = got
    if isinstance(got, Pairs):
        listed = [[pair.name, pair.value] for pair in got]
    elif not isinstance(got, str):
        listed = list(sequence_of(got) or ())
    assert listed == case.data["result"], f"gave {listed!r}"


def check_render(case: Case) -> None:
    data = case.data
    rendering = Rendering(
        TemplateLibrary(),
        _dot(data["data"]),
        _instant(data.get("now", "2024-01-01T00:00:00Z")),
        route_labels_rendered=data.get("route_labels_rendered", False),
    )
    try:
        got = (rendering.html if data["html"] else rendering.text)(data["template"])
    except TemplateError as error:
        assert data["fails"], f"failed: {error}"
        wanted = data.get("error")
        assert wanted is None or wanted is True or str(error) == wanted, f"said {error}"
        return
    assert not data["fails"], f"gave {got!r}"
    assert got == data["output"], f"gave {got!r}"


def check_payload(case: Case) -> None:
    renders: dict[str, Callable[[str], str]] = {
        "identity": lambda text: text,
        'append "-templated" to every string': lambda text: text + "-templated",
    }
    given = case.data["input"]
    pairs: list[tuple[object, object]] | None = given.get("pairs") if hasattr(given, "get") else None
    got = filled(given if pairs is None else dict(pairs), renders[case.data["render"]], _parsed)
    assert got == case.data["result"], f"gave {got!r}"


def _parsed(text: str) -> object:
    try:
        return natural(read(text, "payload").tree)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _dot(given: Mapping[str, Any] | None) -> Value:
    if given is None:
        return None
    value = given["value"]
    match given["type"]:
        case "Data":
            return Data(
                receiver=value.get("receiver", ""),
                status=value.get("status", ""),
                alerts=Alerts(_alert(each) for each in value.get("alerts", ())),
                group_labels=KV(value.get("groupLabels")),
                common_labels=KV(value.get("commonLabels")),
                common_annotations=KV(value.get("commonAnnotations")),
                external_url=value.get("externalURL", ""),
                route_labels=KV(value.get("routeLabels")),
            )
        case "floats":
            return [float(each) for each in value]
        case "time":
            return _moment(value)
        case "strings" | "ints" | "map":
            return value
        case other:
            raise AssertionError(f"no reader for {other}")


def _alert(given: Mapping[str, Any]) -> AlertData:
    return AlertData(
        status=given.get("status", ""),
        labels=KV(given.get("labels")),
        annotations=KV(given.get("annotations")),
        starts_at=_moment(given.get("startsAt")),
        ends_at=_moment(given.get("endsAt")),
        generator_url=given.get("generatorURL", ""),
        fingerprint=given.get("fingerprint", ""),
    )


KINDS: dict[str, dict[str, Check]] = {
    "alertmanager/template_cases.json": {
        "data": check_data,
        "method": check_method,
        "payload": check_payload,
        "render": check_render,
    }
}
