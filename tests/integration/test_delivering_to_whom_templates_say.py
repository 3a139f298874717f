"""A message that has no texts of the receiver's own templates still reaches those whom these templates name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import pytest

from monitor.model.labels import Labels
from monitor.model.notifications import Delivered, Destination, Message
from monitor.notify.redirects import instead
from tests.support.collector import Arrived, Collector, Reply, collecting
from tests.support.messages import T0, a_message, a_row
from tests.support.receivers import told
from tests.support.smtp_sink import running_sink
from tests.support.surroundings import around

_TEAM: Final = "{{ .CommonLabels.team }}"
_FAILS: Final = "{{ template `nobody wrote this` . }}"
_AGENT: Final = {"api_secret": "s", "corp_id": "c"}
_JIRA: Final = {"project": "OPS", "issue_type": "Bug"}

CASES: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "opsgenie": (
        {
            "api_key": "k",
            "api_url": "URL/",
            "message": _FAILS,
            "tags": f"a,{_TEAM}",
            "priority": "P2",
            "responders": [{"name": _TEAM, "type": "team"}],
        },
        {"responders": [{"name": "payments", "type": "team"}], "tags": ["a", "payments"], "priority": "P2"},
    ),
    "mattermost": ({"webhook_url": "URL/hook", "channel": _TEAM, "text": _FAILS}, {"channel": "payments"}),
    "rocketchat": (
        {"api_url": "URL/", "token": "t", "token_id": "u", "channel": f"#{_TEAM}", "text": _FAILS},
        {"channel": "#payments"},
    ),
    "webex": (
        {
            "api_url": "URL",
            "room_id": f"room-{_TEAM}",
            "message": _FAILS,
            "http_config": {"authorization": {"credentials": "c"}},
        },
        {"roomId": "room-payments"},
    ),
    "wechat": (
        {**_AGENT, "api_url": "URL/", "to_party": _TEAM, "agent_id": "7", "message": _FAILS},
        {"toparty": "payments", "agentid": "7"},
    ),
    "pushover": ({"user_key": "u", "token": "t", "device": _TEAM, "message": _FAILS}, {"device": "payments"}),
    "victorops": (
        {
            "api_key": "k",
            "api_url": "URL/",
            "routing_key": _TEAM,
            "state_message": _FAILS,
            "custom_fields": {"Site": _TEAM},
        },
        {"Site": "payments"},
    ),
    "jira": (
        {
            **_JIRA,
            "api_url": "URL/rest/api/2",
            "priority": "High",
            "summary": _FAILS,
            "fields": {"customfield_1": {"value": _TEAM}},
        },
        {"priority": {"name": "High"}, "customfield_1": {"value": "payments"}},
    ),
    "slack": ({"api_url": "URL/hook", "channel": f"#{_TEAM}", "title": _FAILS}, {"channel": "#payments"}),
}
"""Of each kind what is configured, and what must be in the message that arrives."""


def of_payments(*, of_incident: bool = False) -> Message:
    """About an alert of the team payments."""
    message = a_message(of_incident=of_incident)
    assert message.group is not None
    return replace(message, group=replace(message.group, common_labels=Labels({"team": "payments"})))


def _read(arrived: Arrived) -> Mapping[str, Any]:
    if arrived.headers["Content-Type"].startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(arrived.body.decode()))
    document = cast("dict[str, Any]", json.loads(arrived.body))
    return cast("dict[str, Any]", document.get("fields", document))


def _vendor(vendor: Collector) -> None:
    vendor.always("/gettoken", Reply(body={"errcode": 0, "access_token": "x", "expires_in": 7200}))
    vendor.always("/message/send", Reply(body={"errcode": 0}))
    vendor.always("/rest/api/2/search", Reply(body={"issues": []}))
    vendor.always("/rest/api/2/issue", Reply(body={"key": "OPS-1"}))
    vendor.always("/api/v1/chat.postMessage", Reply(body={"success": True}))
    vendor.always("/hook", Reply(body="ok"))


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("why", ["instead of another", "of an incident", "a template failed"])
async def test_the_receivers_templates_say_for_whom_it_is(kind: str, why: str) -> None:
    """A message that comes to a fallback, one of an incident, and one whose text could not be rendered."""
    given, wanted = CASES[kind]
    async with collecting() as vendor, around() as place:
        _vendor(vendor)
        given = json.loads(json.dumps(given).replace("URL", vendor.url))
        one = told(place, f"{kind}_configs", given)
        if kind == "pushover":
            one.options = replace(cast("Any", one.options), api_url=f"{vendor.url}/messages.json")
        match why:
            case "instead of another":
                elsewhere = replace(a_row(), message=of_payments())
                row = instead(elsewhere, one.destination, "no such channel", T0)
            case "of an incident":
                row = replace(a_row(), message=of_payments(of_incident=True), destination=one.destination)
            case _:
                row = await one.row(of_payments())
                assert row.message.trouble
        outcome = await one.carry(row)
        assert isinstance(outcome, Delivered), outcome
        said = _read(vendor.last)
    assert {name: said.get(name) for name in wanted} == wanted
    assert vendor.last.path.endswith("/payments") or kind != "victorops"
    if why == "a template failed":
        assert "shop-api is down" in vendor.last.body.decode().replace("+", " ")


async def test_an_address_whose_template_fails_is_left_out_and_the_others_stay() -> None:
    """The message is sent all the same."""
    async with collecting() as vendor, around() as place:
        given = {"webhook_url": f"{vendor.url}/hook", "channel": _FAILS, "priority": {"priority": "urgent"}}
        one = told(place, "mattermost_configs", given)
        assert isinstance(await one.send(of_payments()), Delivered)
    said = json.loads(vendor.last.body)
    assert "channel" not in said
    assert said["priority"] == {"priority": "urgent"}


@pytest.mark.parametrize("redirected", [False, True], ids=["decided for it", "instead of another"])
async def test_mail_goes_to_addresses_that_are_templates(redirected: bool) -> None:
    """Each of several, with its name, in the envelope and in the header; so does the sender's."""
    async with running_sink() as sink, around(sink.trust()) as place:
        given = {
            "to": f'"Pay, Inc" <{_TEAM}@example.com>, bo@example.com',
            "from": f"{_TEAM} <{_TEAM}@alerts.example.com>",
            "smarthost": f"127.0.0.1:{sink.port}",
        }
        one = told(place, "email_configs", given)
        row = replace(a_row(integration="email"), message=of_payments(), destination=Destination("r", "webhook"))
        row = instead(row, one.destination, "refused", T0) if redirected else await one.row(of_payments())
        outcome = await one.carry(row)
        assert isinstance(outcome, Delivered), outcome
    (mail,) = sink.mails
    assert mail.to == ("payments@example.com", "bo@example.com")
    assert mail.content["To"] == '"Pay, Inc" <payments@example.com>, bo@example.com'
    assert mail.sender == "payments@alerts.example.com"
