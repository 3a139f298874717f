"""Opsgenie, VictorOps, Pushover, incident.io and PagerDuty's older API: what arrives, whole, and what the answers mean."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio

from monitor.model.labels import Labels
from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    GroupView,
    MessageKind,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import SECOND
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.pushover import PushoverOptions
from tests.support.collector import Collector, Reply, collecting
from tests.support.messages import INCIDENT, a_message
from tests.support.receivers import Told, told
from tests.support.surroundings import Around, around

GROUP = hashlib.sha256(b'{}:{service="shop-api"}').hexdigest()
TEXT = """Firing:
shop-api is down
  alertname: ServiceDown
  service: shop-api
  severity: critical
  since: 2026-03-02 08:58:00 UTC
  source: https://graphs.example.com/g

"""
RESOLVED = TEXT.replace("Firing", "Resolved")
SUBJECT = "[FIRING:1] shop-api (ServiceDown critical)"
OVER = "[RESOLVED] shop-api (ServiceDown critical)"
PAGE = "https://watchkeeper.example.com/alerts?receiver=page%5C.shop"
COMMON = {"alertname": "ServiceDown", "service": "shop-api", "severity": "critical"}
TRIGGER, RESOLVE = MessageKind.TRIGGER, MessageKind.RESOLVE


@dataclass
class Line:
    """The vendor, and what the kinds share."""

    vendor: Collector
    around: Around

    def told(self, key: str, options: Mapping[str, object], folder: Path = Path("/etc/am")) -> Told:
        return told(self.around, key, options, folder=folder)


@pytest_asyncio.fixture
async def line() -> AsyncGenerator[Line]:
    async with collecting() as vendor, around() as place:
        yield Line(vendor, place)


def opsgenie(line: Line, **more: object) -> Told:
    return line.told("opsgenie_configs", {"api_url": line.vendor.url, "api_key": "hush", **more})


def victorops(line: Line, **more: object) -> Told:
    given = {"api_url": f"{line.vendor.url}/alert", "api_key": "hush", "routing_key": "shop team", **more}
    return line.told("victorops_configs", given)


def pushover(line: Line, **more: object) -> Told:
    one = line.told("pushover_configs", {"user_key": "hush", "token": "hush", **more})
    assert isinstance(one.options, PushoverOptions)
    # its address is no key of the configuration
    return replace(one, options=replace(one.options, api_url=f"{line.vendor.url}/1/messages.json"))


def incidentio(line: Line, **more: object) -> Told:
    given = {"url": f"{line.vendor.url}/v2/alert_events/a", "alert_source_token": "hush", **more}
    return line.told("incidentio_configs", given)


def pagerduty(line: Line, **more: object) -> Told:
    one = line.told("pagerduty_configs", {"service_key": "hush", **more})
    assert isinstance(one.options, PagerDutyOptions)
    return replace(one, options=replace(one.options, url_v1=f"{line.vendor.url}/v1"))


ALL = {
    "opsgenie": opsgenie,
    "victorops": victorops,
    "pushover": pushover,
    "incidentio": incidentio,
    "pagerduty v1": pagerduty,
}


async def test_opsgenie_gets_an_alert_with_all_that_is_configured(line: Line) -> None:
    """Alias and details as Alertmanager's; teams in one responder become one each, empty responders none."""
    one = opsgenie(
        line,
        details={"team": "{{ .CommonLabels.service }}!"},
        responders=[
            {"name": "a,b", "type": "teams"},
            {"username": "{{ .CommonLabels.nobody }}", "type": "{{ .CommonLabels.nobody }}"},
            {"id": "u1", "type": "user"},
        ],
        tags="one,{{ .Status }},",
        actions="restart",
        note="n",
        priority="P1",
        entity="shop",
    )
    assert await one.send() == Delivered()
    assert line.vendor.lines() == ["POST /v2/alerts"]
    assert line.vendor.last.headers["Authorization"] == "GenieKey hush"
    assert line.vendor.last.json() == {
        "alias": GROUP,
        "message": SUBJECT,
        "description": f"shop-api is down\n\n{TEXT}",
        "details": {**COMMON, "team": "shop-api!"},
        "source": PAGE,
        "responders": [{"name": "a", "type": "team"}, {"name": "b", "type": "team"}, {"id": "u1", "type": "user"}],
        "tags": ["one", "firing"],
        "note": "n",
        "priority": "P1",
        "entity": "shop",
        "actions": ["restart"],
    }


async def test_opsgenie_closes_what_is_over_and_changes_what_is_open(line: Line) -> None:
    """By alias; with update_alerts message and description follow, once the alert itself was taken."""
    one = opsgenie(line, update_alerts=True)
    await one.send()
    await one.send(RESOLVE)
    assert line.vendor.lines() == [
        "POST /v2/alerts",
        f"PUT /v2/alerts/{GROUP}/message?identifierType=alias",
        f"PUT /v2/alerts/{GROUP}/description?identifierType=alias",
        f"POST /v2/alerts/{GROUP}/close?identifierType=alias",
    ]
    bodies = [each.json() for each in line.vendor.arrived[1:]]
    assert bodies == [{"message": SUBJECT}, {"description": f"shop-api is down\n\n{TEXT}"}, {"source": PAGE}]
    line.vendor.answer(Reply(status=422))
    assert await one.send() == Rejected("unexpected status code 422")
    assert len(line.vendor.arrived) == 5


async def test_an_incident_is_one_alert_at_opsgenie_and_is_acknowledged_there(line: Line) -> None:
    """Its alias is the incident's own, whatever its alerts do."""
    one = opsgenie(line)
    for kind in (TRIGGER, MessageKind.ACKNOWLEDGE, RESOLVE):
        assert await one.send(a_message(kind)) == Delivered()
    alias = f"wk:shop:{INCIDENT}"
    assert [each.path.partition("?")[0] for each in line.vendor.arrived] == [
        "/v2/alerts",
        f"/v2/alerts/{alias}/acknowledge",
        f"/v2/alerts/{alias}/close",
    ]


async def test_victorops_gets_an_event_and_its_recovery(line: Line) -> None:
    """Under the group's key; the routing key is a part of the address."""
    one = victorops(line, message_type="WARNING", custom_fields={"team": "{{ .CommonLabels.service }}"})
    assert await one.send() == Delivered()
    assert line.vendor.last.path == "/alert/hush/shop%20team"
    assert line.vendor.last.json() == {
        "message_type": "WARNING",
        "entity_id": GROUP,
        "entity_display_name": SUBJECT,
        "state_message": f"shop-api is down\n\n{TEXT}",
        "monitoring_tool": "Watchkeeper",
        "team": "shop-api",
    }
    await one.send(RESOLVE)
    recovery = line.vendor.last.json()
    assert recovery["message_type"] == "RECOVERY"
    assert recovery["entity_id"] == GROUP


@pytest.mark.parametrize(("given", "sent"), [("INFO", "INFO"), ("OOPS", "CRITICAL"), ("{{ .Status }}", "CRITICAL")])
async def test_victorops_knows_three_types_of_firing_events(line: Line, given: str, sent: str) -> None:
    """Any other is a page."""
    await victorops(line, message_type=given).send()
    event = line.vendor.last.json()
    assert event["message_type"] == sent


async def test_pushover_gets_a_form_whose_secrets_are_not_in_the_address(line: Line) -> None:
    """Priority 2 while it fires, 0 when it is over; spans are seconds."""
    assert await pushover(line, ttl="1h", sound="siren", device="d").send() == Delivered()
    assert line.vendor.lines() == ["POST /1/messages.json"]
    form = dict(parse_qsl(line.vendor.last.body.decode(), keep_blank_values=True))
    assert form == {
        "token": "hush",
        "user": "hush",
        "title": SUBJECT,
        "message": f"shop-api is down\n\n{TEXT}".strip(),
        "url": PAGE,
        "url_title": "",
        "priority": "2",
        "retry": "60",
        "expire": "3600",
        "device": "d",
        "sound": "siren",
        "ttl": "3600",
    }
    await pushover(line).send(RESOLVE)
    assert dict(parse_qsl(line.vendor.last.body.decode()))["priority"] == "0"


async def test_pushovers_html_is_escaped_and_an_empty_text_is_filled(line: Line) -> None:
    """What labels say cannot become markup; without html it stays as it is."""
    message = replace(
        a_message(of_incident=False),
        group=replace(_group(), common_labels=Labels({"host": "<b>&"})),
    )
    for html in (True, False):
        await pushover(line, html=html, message="<i>{{ .CommonLabels.host }}</i>").send(message)
    await pushover(line, monospace=True, message='{{ "" }} ').send()
    forms = [dict(parse_qsl(each.body.decode())) for each in line.vendor.arrived]
    assert [form["message"] for form in forms] == ["<i>&lt;b&gt;&amp;</i>", "<i><b>&</i>", "(no details)"]
    assert [(form.get("html"), form.get("monospace")) for form in forms] == [("1", None), (None, None), (None, "1")]


async def test_incidentio_gets_alertmanagers_document_with_version_1(line: Line) -> None:
    """And the metadata that are configured; a resolve says so."""
    one = incidentio(line, metadata={"team": "{{ .CommonLabels.service }}"})
    assert await one.send() == Delivered()
    assert line.vendor.last.headers["Authorization"] == "Bearer hush"
    alert = a_message(of_incident=False).alerts[0]
    document = {
        "receiver": "page\\.shop",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": COMMON,
                "annotations": {"summary": "shop-api is down"},
                "startsAt": "2026-03-02T08:58:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "https://graphs.example.com/g",
                "fingerprint": alert.fingerprint,
            }
        ],
        "notification_reason": "first notification",
        "groupLabels": {"service": "shop-api"},
        "commonLabels": COMMON,
        "commonAnnotations": {"summary": "shop-api is down"},
        "routeLabels": {},
        "externalURL": "https://watchkeeper.example.com",
        "version": "1",
        "groupKey": '{}:{service="shop-api"}',
        "truncatedAlerts": 0,
        "metadata": {"team": "shop-api"},
    }
    assert line.vendor.last.json() == document
    await one.send(RESOLVE)
    over = line.vendor.last.json()
    assert over["status"] == "resolved"


async def test_incidentio_gets_another_alert_when_an_incident_pages_again_after_an_acknowledgement(line: Line) -> None:
    """The alert of before is ended beside it, and the end of the incident ends both; its first is the group's, as ever."""
    one = incidentio(line)
    for kind in (TRIGGER, RESOLVE):
        for wake in (0, 1):
            message = a_message(kind)
            assert message.incident is not None
            await one.send(replace(message, incident=replace(message.incident, wake=wake)))
    group = '{}:{service="shop-api"}'
    assert [(body["status"], body["groupKey"]) for body in (each.json() for each in line.vendor.arrived)] == [
        ("firing", group),
        ("firing", f"{group}:1"),
        ("resolved", group),
        ("resolved", group),
        ("resolved", f"{group}:1"),
        ("resolved", group),
    ]


async def test_incidentio_gets_one_alert_of_a_group_that_is_too_large(line: Line) -> None:
    """And its number is counted; one alert that is too large by itself is refused with the reason."""
    message = a_message(of_incident=False)
    large = replace(message.alerts[0], annotations=Labels({"text": "x" * 200_000}))
    assert await incidentio(line).send(replace(message, alerts=(large, large, large))) == Delivered()
    sent = line.vendor.last.json()
    assert (len(sent["alerts"]), sent["truncatedAlerts"]) == (1, 2)
    huge = replace(large, annotations=Labels({"text": "x" * 600_000}))
    assert isinstance(await incidentio(line).send(replace(message, alerts=(huge,))), Rejected)


async def test_pagerdutys_older_api_is_told_by_service_key(line: Line) -> None:
    """The description as configured, the four details, and the same key for the end."""
    one = pagerduty(line, description="{{ .CommonLabels.service }} is ill", client="c")
    assert await one.send() == Delivered(GROUP)
    body = line.vendor.last.json()
    details = body.pop("details")
    assert body == {
        "service_key": "hush",
        "event_type": "trigger",
        "incident_key": GROUP,
        "description": "shop-api is ill",
        "client": "c",
        "client_url": r"https://watchkeeper.example.com/alerts?receiver=page%5C.shop",
    }
    assert details["num_firing"] == "1"
    await one.send(RESOLVE)
    over = line.vendor.last.json()
    assert (over["event_type"], over["incident_key"], "client" in over) == ("resolve", GROUP, False)
    line.vendor.answer(Reply(status=403))
    assert await one.send() == RetryLater("unexpected status code 403")


async def test_pagerduty_with_an_http_config_is_called_without_its_package(line: Line) -> None:
    """The same event, through what the configuration asks for."""
    given = {
        "routing_key": "hush",
        "url": f"{line.vendor.url}/v2/enqueue",
        "http_config": {"http_headers": {"X-Team": {"values": ["shop"]}}},
    }
    one = line.told("pagerduty_configs", given)
    line.vendor.answer(Reply(status=202))
    assert await one.send() == Delivered(GROUP)
    assert (line.vendor.last.path, line.vendor.last.headers["X-Team"]) == ("/v2/enqueue", "shop")
    event = line.vendor.last.json()
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("hush", "trigger", GROUP)
    line.vendor.answer(Reply(status=429, headers={"Retry-After": "9"}), Reply(status=400), Reply(status=503))
    outcomes = [await one.send() for _ in range(3)]
    assert outcomes == [
        RetryLater("unexpected status code 429", 9 * SECOND),
        Rejected("unexpected status code 400"),
        Unknown("unexpected status code 503"),
    ]


@pytest.mark.parametrize("name", list(ALL))
@pytest.mark.parametrize(
    ("status", "expected"), [(400, Rejected), (401, Rejected), (404, Rejected), (429, RetryLater), (500, None)]
)
async def test_what_an_answer_means(line: Line, name: str, status: int, expected: type | None) -> None:
    """The vendor's wish to wait counts; a failed server is asked again, for it may know the key already."""
    line.vendor.answer(Reply(status=status, headers={"Retry-After": "7"}))
    outcome = await ALL[name](line).send()
    if expected is not None:
        assert isinstance(outcome, expected)
    else:
        assert isinstance(outcome, RetryLater | Unknown)
    if isinstance(outcome, RetryLater) and status == 429:
        assert outcome.after == 7 * SECOND


@pytest.mark.parametrize("name", list(ALL))
async def test_secrets_are_in_no_outcome_no_log_and_no_stored_message(
    line: Line, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when the vendor repeats them."""
    caplog.set_level(logging.DEBUG)
    one = ALL[name](line)
    line.vendor.answer(*(Reply(status=status, body="hush") for status in (200, 400, 401, 429, 500)))
    said: list[object] = [await one.send() for _ in range(5)]
    said += [one.options, await one.row(a_message(of_incident=False))]
    told_log = [record.getMessage() for record in caplog.records if not record.name.startswith("aiohttp.access")]
    assert "hush" not in repr((said, told_log))


async def test_keys_in_files_are_read_at_each_send_and_may_be_templates(line: Line, tmp_path: Path) -> None:
    """A key for each team in one receiver; a file that is missing is waited for."""
    given = {"api_url": line.vendor.url, "api_key_file": "key"}
    one = line.told("opsgenie_configs", {**given, "http_config": {}}, tmp_path)
    missing = await one.send()
    await asyncio.to_thread((tmp_path / "key").write_text, "first\n")
    await one.send()
    await asyncio.to_thread((tmp_path / "key").write_text, "{{ .CommonLabels.service }}-key\n")
    await one.send()
    assert isinstance(missing, RetryLater)
    keys = [each.headers["Authorization"] for each in line.vendor.arrived]
    assert keys == ["GenieKey first", "GenieKey shop-api-key"]


async def test_long_texts_are_cut_at_the_vendors_limits(line: Line) -> None:
    """In characters, ending in an ellipsis."""
    long = "ä" * 30_000
    await opsgenie(line, message=long).send()
    await victorops(line, state_message=long).send()
    await pushover(line, title=long, message=long, url=long).send()
    first, second = (json.loads(each.body) for each in line.vendor.arrived[:2])
    form = dict(parse_qsl(line.vendor.last.body.decode()))
    cut = [first["message"], second["state_message"], form["title"], form["message"], form["url"]]
    assert [len(text) for text in cut] == [130, 20_480, 250, 1024, 512]
    assert all(text.endswith("ä…") for text in cut)


@pytest.mark.parametrize("name", list(ALL))
async def test_a_template_that_fails_leaves_the_plain_words(line: Line, name: str) -> None:
    """Never silence: whoever is on call reads what is ill, and that a template failed."""
    field = {"opsgenie": "description", "victorops": "state_message", "pagerduty v1": "description"}.get(
        name, "message"
    )
    given = {"metadata": {"a": "{{ .Nothing }}"}} if name == "incidentio" else {field: "{{ .Nothing }}"}
    outcome: DeliveryOutcome = await ALL[name](line, **given).send()
    assert isinstance(outcome, Delivered)
    assert b"shop-api" in line.vendor.last.body


def _group() -> GroupView:
    group = a_message(of_incident=False).group
    assert group is not None
    return group
