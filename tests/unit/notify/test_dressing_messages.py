"""How a message looks to each vendor."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.incidents import Severity
from monitor.model.notifications import Message, MessageKind
from monitor.notify.dressing.chats import telegram_body
from monitor.notify.dressing.email import Envelope, email_message, page
from monitor.notify.dressing.keys import dedup_key
from monitor.notify.dressing.pagerduty import LARGEST_EVENT, pagerduty_event
from monitor.notify.dressing.slack import escaped, group_post, reply, root
from monitor.notify.dressing.webhook import webhook_body
from monitor.notify.dressing.wording import plain_text
from tests.support.messages import T0, a_message
from tests.support.twin.pagerduty import PagerDutyTwin
from tests.support.twin.slack import content_error

_TEXTS = st.text(max_size=40) | st.sampled_from(["<!channel> & <https://x|y>", "&" * 3_000, "𝄞" * 4_000, " "])
_SHORT = _TEXTS.map(lambda text: text[:250])


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    """Messages of every kind, with hostile and huge words in them."""
    url = st.just("https://example.com/?a=1&b=<2>") | _SHORT | st.just("https://example.com/" + "x" * 500)
    return replace(
        a_message(draw(st.sampled_from(list(MessageKind))), of_incident=draw(st.booleans())),
        title=draw(_SHORT),
        text=draw(_TEXTS),
        facts=tuple(draw(st.lists(st.tuples(_SHORT, _TEXTS), max_size=8))),
        links=tuple(draw(st.lists(st.tuples(_SHORT, url), max_size=8))),
        severity=draw(st.sampled_from(list(Severity))),
        trouble=draw(_SHORT),
    )


_MESSAGES = _messages()


def _marked_up(body: object) -> list[str]:
    """Every text of a body in which Slack would obey mark-up: all but headers."""
    if isinstance(body, dict):
        pairs = cast("dict[str, object]", body)
        return [] if pairs.get("type") == "plain_text" else [text for one in pairs.values() for text in _marked_up(one)]
    if isinstance(body, list):
        return [text for one in cast("list[object]", body) for text in _marked_up(one)]
    return [body] if isinstance(body, str) else []


@settings(max_examples=40, deadline=None)
@given(message=_MESSAGES, repeat=st.booleans())
def test_slack_takes_every_message(message: Message, repeat: bool) -> None:
    """Whatever labels and annotations hold, no limit of Slack's is broken and nobody is called by an alert."""
    for dress in (root, reply, group_post):
        body = dress(message, row_key="k", repeat=repeat)
        assert content_error(body) == ""
        assert not any("<!channel>" in text for text in _marked_up(body))


@settings(max_examples=40, deadline=None)
@given(message=_MESSAGES)
def test_pagerduty_takes_every_message(message: Message) -> None:
    """Lengths, required fields and size are kept."""
    event = pagerduty_event(message, instance="shop", row_key="k")
    body: dict[str, object] = {
        "routing_key": "0" * 32,
        "event_action": event.action,
        "dedup_key": event.dedup_key,
        **event.properties,
    }
    assert PagerDutyTwin().errors(body, len(json.dumps(body).encode())) == []


@settings(max_examples=40, deadline=None)
@given(message=_MESSAGES, repeat=st.booleans())
def test_every_message_can_be_mailed(message: Message, repeat: bool) -> None:
    """The mail can be written out, and its subject is one line."""
    envelope = Envelope(sender="wk@example.com", to=("a@example.com",), headers={}, instance="shop", row_key="k")
    mail = email_message(message, envelope, repeat=repeat)
    assert mail.as_bytes()
    assert "\n" not in mail["Subject"]


@given(text=st.text(), limit=st.integers(1, 50))
def test_escaping_never_cuts_an_entity(text: str, limit: int) -> None:
    """What is left unescapes to a beginning of the text."""
    cut = escaped(text, limit)
    assert len(cut) <= limit
    plain = cut.removesuffix("…").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert text.startswith(plain)


def test_a_huge_event_keeps_everything_but_its_details() -> None:
    """PagerDuty refuses events over 512 KB; the page itself must arrive."""
    fields = tuple((f"details.d{n}", "ü" * 20_000) for n in range(30))
    message = replace(a_message(), fields=fields)
    event = pagerduty_event(message, instance="shop", row_key="k")
    payload = cast("dict[str, Any]", event.properties["payload"])
    assert payload["summary"] == "shop-api is down"
    assert list(payload["custom_details"]) == ["error"]
    assert len(json.dumps(event.properties).encode()) < LARGEST_EVENT


def test_long_instance_names_still_make_a_valid_key() -> None:
    """At most 255 characters, and the same at every attempt."""
    keys = {dedup_key(a_message(), instance="x" * 400, row_key="k") for _ in range(2)}
    assert len(keys) == 1
    assert all(len(key) <= 255 for key in keys)


def test_the_webhook_speaks_alertmanagers_version_4() -> None:
    """Names, order, escaping and the quoted receiver as Alertmanager writes them."""
    message = a_message(of_incident=False)
    body = webhook_body(message)
    document = json.loads(body)
    assert list(document) == [
        "receiver",
        "status",
        "alerts",
        "notification_reason",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "routeLabels",
        "externalURL",
        "version",
        "groupKey",
        "truncatedAlerts",
    ]
    assert document["receiver"] == "page\\.shop"
    assert document["alerts"][0] == {
        "status": "firing",
        "labels": {"alertname": "ServiceDown", "service": "shop-api", "severity": "critical"},
        "annotations": {"summary": "shop-api is down"},
        "startsAt": "2026-03-02T08:58:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://graphs.example.com/g",
        "fingerprint": message.alerts[0].fingerprint,
    }
    assert b"<" not in webhook_body(replace(message, external_url="https://x/<a>&b"))


@pytest.mark.parametrize(("millis", "text"), [(0, "00Z"), (5, "00.005Z"), (120, "00.12Z"), (300, "00.3Z")])
def test_instants_in_the_webhook_are_written_as_go_writes_them(millis: int, text: str) -> None:
    """Some receivers compare texts."""
    alert = replace(a_message().alerts[0], starts_at=T0 + millis)
    document = json.loads(webhook_body(replace(a_message(), alerts=(alert,))))
    assert document["alerts"][0]["startsAt"] == f"2026-03-02T09:00:{text}"


def test_max_alerts_cuts_and_counts() -> None:
    """The receiver learns how many are missing."""
    message = replace(a_message(), alerts=a_message().alerts * 5)
    document = json.loads(webhook_body(message, max_alerts=2))
    assert (len(document["alerts"]), document["truncatedAlerts"]) == (2, 3)


def test_when_a_template_failed_the_plain_form_is_used_and_says_so() -> None:
    """Everywhere; of the options there are none then, for one that is half rendered is worse."""
    message = replace(a_message(of_incident=False), trouble="no such function")
    payload = cast("dict[str, Any]", pagerduty_event(message, instance="i", row_key="k").properties["payload"])
    assert payload["summary"] == "shop-api is down"
    post = cast("list[dict[str, Any]]", group_post(message, row_key="k")["attachments"])
    assert post[0]["title"] == "FIRING critical: shop-api is down"
    assert "no such function" in post[0]["footer"]
    assert json.loads(webhook_body(message))["templateError"] == "no such function"
    envelope = Envelope(sender="a@b.test", to=("c@d.test",), headers={}, instance="i", row_key="k")
    assert "no such function" in str(email_message(message, envelope))
    assert "no such function" in plain_text(message)


def test_who_has_no_buttons_reads_the_runbook_and_how_to_acknowledge() -> None:
    """In the webhook's text and in the mail; nobody is told so of what somebody has already."""
    helps = ["Runbook: https://runbooks.example.com/down", "Acknowledge: watchkeeper incidents ack 12"]
    message = a_message()
    assert json.loads(webhook_body(message))["incident"]["text"].splitlines()[1:] == helps
    assert all(f"<p>{line}</p>" in page(message) for line in helps)
    assert message.incident is not None
    taken = replace(message, incident=replace(message.incident, state="acknowledged"))
    assert "Acknowledge:" not in webhook_body(taken).decode() + page(taken) + plain_text(taken)


def test_the_plain_text_stands_on_its_own() -> None:
    """Who is ill and how, since when, which step, what to do."""
    assert plain_text(a_message()).splitlines() == [
        "shop-api is down",
        "No answer from <https://shop.example.com/healthz> & its twin.",
        "Incident #12, triggered, policy payments, step 1 of 3",
        "Acknowledge: watchkeeper incidents ack 12",
        "Runbook: https://runbooks.example.com/down",
        "Graph: https://graphs.example.com/g",
    ]


@pytest.mark.parametrize(
    ("kind", "sign"),
    [(MessageKind.TRIGGER, "🔴"), (MessageKind.ACKNOWLEDGE, "👀"), (MessageKind.RESOLVE, "✅")],
)
def test_the_root_message_shows_the_state_at_a_glance(kind: MessageKind, sign: str) -> None:
    """The first character of its header."""
    (attachment,) = cast("list[dict[str, Any]]", root(a_message(kind, at=T0))["attachments"])
    assert attachment["blocks"][0]["text"]["text"].startswith(sign)


@pytest.mark.parametrize(
    ("mode", "mark"),
    [
        ("HTML", "[possible repeat]"),
        ("MarkdownV2", r"\[possible repeat\]"),
        ("Markdown", r"\[possible repeat\]"),
        ("", "[possible repeat]"),
    ],
)
def test_the_mark_of_a_repeat_is_no_markup_for_telegram(mode: str, mark: str) -> None:
    """MarkdownV2 refuses brackets that are not escaped, and every attempt after it."""
    message = replace(a_message(of_incident=False), fields=(("message", "down"),))
    body = telegram_body(message, mode, repeat=True)
    assert body["text"] == f"{mark} down"
    assert body.get("parse_mode", "") == mode
