"""Chats: what each is posted, what their answers mean, and that no secret is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    MessageKind,
    OutboxRow,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import SECOND
from monitor.net.http_config import Authorization, HttpClient
from monitor.notify.kinds.catalogue import CATALOGUE
from monitor.notify.kinds.discord import DiscordOptions
from monitor.notify.kinds.mattermost import MattermostOptions
from monitor.notify.kinds.msteams import MsTeamsOptions
from monitor.notify.kinds.msteamsv2 import MsTeamsV2Options
from monitor.notify.kinds.rocketchat import RocketChatOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import SlackOptions
from monitor.notify.kinds.telegram import TelegramOptions
from monitor.notify.kinds.webex import WebexOptions
from monitor.notify.kinds.wechat import WeChatOptions
from tests.support.collector import Collector, Reply, collecting
from tests.support.messages import a_row
from tests.support.surroundings import around, sending

HUSH = "s3cret-word"
OK = {
    "rocketchat": Reply(body={"success": True}),
    "telegram": Reply(body={"ok": True, "result": {}}),
    "slack": Reply(body="ok"),
}
TITLE = "FIRING critical: shop-api is down"
TEXT = (
    "No answer from <https://shop.example.com/healthz> & its twin.\n"
    "Runbook: https://runbooks.example.com/down\nGraph: https://graphs.example.com/g"
)


def options_of(name: str, url: str) -> object:
    """Options with a secret wherever there may be one."""
    address = SecretSource(f"{url}/{HUSH}")
    match name:
        case "discord":
            return DiscordOptions(webhook_url=address)
        case "mattermost":
            return MattermostOptions(webhook_url=address)
        case "msteams":
            return MsTeamsOptions(webhook_url=address)
        case "msteamsv2":
            return MsTeamsV2Options(webhook_url=address)
        case "slack":
            return SlackOptions(webhook_url=address)
        case "telegram":
            return TelegramOptions(bot_token=SecretSource(HUSH), chat_id=SecretSource("-42"), api_url=url)
        case "rocketchat":
            return RocketChatOptions(token=SecretSource(HUSH), token_id=SecretSource("me"), api_url=url)
        case "webex":
            bot = HttpClient(authorization=Authorization(type="Bearer", secret=HUSH))
            return WebexOptions(room_id="room-1", api_url=f"{url}/v1/messages", client=bot)
        case _:
            return WeChatOptions(api_secret=SecretSource(HUSH), corp_id="corp", api_url=f"{url}/cgi-bin/")


async def deliver(
    name: str, hook: Collector, *, row: OutboxRow | None = None, options: object = None, uncertain: bool = False
) -> DeliveryOutcome:
    """What became of a plain group notification."""
    row = row or a_row(of_incident=False, integration=name)
    async with around() as place:
        kind = CATALOGUE[name].make(place.surroundings)
        return await kind.deliver(sending(row, options or options_of(name, hook.url), uncertain=uncertain))


def templated(fields: Mapping[str, str], kind: MessageKind = MessageKind.TRIGGER) -> OutboxRow:
    row = a_row(kind, of_incident=False)
    return replace(row, message=replace(row.message, fields=tuple(fields.items())))


def body(hook: Collector) -> dict[str, Any]:
    return cast("dict[str, Any]", hook.last.json())


PLAIN: dict[str, dict[str, object]] = {
    "discord": {"content": "", "embeds": [{"title": TITLE, "description": TEXT, "color": 0x992D22}]},
    "msteams": {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": TITLE,
        "summary": TITLE,
        "text": TEXT,
        "themeColor": "8C1A1A",
    },
    "msteamsv2": {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": [
                        {
                            "type": "TextBlock",
                            "text": TITLE,
                            "weight": "Bolder",
                            "size": "Medium",
                            "wrap": True,
                            "style": "heading",
                            "color": "Attention",
                        },
                        {"type": "TextBlock", "text": TEXT, "wrap": True},
                    ],
                    "msteams": {"width": "Full"},
                },
            }
        ],
    },
    "mattermost": {"text": f"{TITLE}\n{TEXT}"},
    "rocketchat": {"attachments": [{"title": TITLE, "text": TEXT, "color": "red"}]},
    "telegram": {"text": f"{TITLE}\n{TEXT}", "disable_web_page_preview": "true", "chat_id": "-42"},
    "webex": {"markdown": f"{TITLE}\n{TEXT}", "roomId": "room-1"},
}
PATHS = {
    "rocketchat": "/api/v1/chat.postMessage",
    "telegram": f"/bot{HUSH}/sendMessage",
    "webex": "/v1/messages",
}


@pytest.mark.parametrize("name", list(PLAIN))
async def test_without_templates_a_chat_gets_our_own_words(name: str) -> None:
    """The whole body, and where it goes."""
    async with collecting() as hook:
        hook.answer(OK.get(name, Reply()))
        assert await deliver(name, hook) == Delivered()
        assert hook.lines() == [f"POST {PATHS.get(name, f'/{HUSH}')}"]
        assert hook.last.headers["Content-Type"] == "application/json"
        assert body(hook) == PLAIN[name]


@pytest.mark.parametrize("name", list(PLAIN))
async def test_what_may_have_arrived_is_marked_when_it_is_said_again(name: str) -> None:
    """In the first words that people see."""
    async with collecting() as hook:
        hook.answer(OK.get(name, Reply()))
        await deliver(name, hook, uncertain=True)
        assert f"[possible repeat] {TITLE}" in hook.last.body.decode()


@pytest.mark.parametrize("name", [*PLAIN, "slack", "wechat"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=400, body=f"no such /{HUSH}/"), Rejected),
        (Reply(status=429, headers={"Retry-After": "7"}), RetryLater),
        (Reply(status=500), RetryLater),
        (Reply(status=504), Unknown),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else value.__name__,
)
async def test_refusals_are_final_and_troubles_are_not(name: str, reply: Reply, kind: type, caplog: Any) -> None:
    """And no secret shows, even if the vendor repeats it. Telegram's refusals are tried again, as in Alertmanager."""
    caplog.set_level(logging.DEBUG)
    async with collecting() as hook:
        hook.always("/cgi-bin/gettoken", Reply(body={"errcode": 0, "access_token": "t1", "expires_in": 7200}))
        hook.answer(reply)
        outcome = await deliver(name, hook)
    expected = RetryLater if name == "telegram" and kind is Rejected else kind
    if name == "slack" and reply.status == 500:
        expected = Unknown
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Delivered)
    assert HUSH not in outcome.why
    assert HUSH not in caplog.text
    if reply.status == 429:
        assert outcome == RetryLater("unexpected status code 429", 7 * SECOND)


@pytest.mark.parametrize("name", [*PLAIN, "slack", "wechat"])
@pytest.mark.parametrize("room", range(150, 215, 5))
async def test_no_part_of_a_secret_is_left_where_words_are_cut(name: str, room: int) -> None:
    """Whatever stands before it; in a vendor's document too."""
    async with collecting() as hook:
        said = f"{'x' * room} {HUSH}"
        hook.always("/cgi-bin/gettoken", Reply(body={"errcode": 1, "errmsg": said}))
        document = {"success": False, "ok": False, "error": said, "description": said}
        hook.answer(Reply(status=400, body=said), Reply(status=200 if name == "rocketchat" else 400, body=document))
        for _ in range(2):
            outcome = await deliver(name, hook)
            assert not isinstance(outcome, Delivered)
            assert HUSH[:4] not in outcome.why


@pytest.mark.parametrize("name", [*PLAIN, "slack", "wechat"])
async def test_no_secret_shows_in_what_is_printed(name: str) -> None:
    """Options, rows and errors of connections that never stood."""
    options = options_of(name, "http://127.0.0.1:1")
    assert HUSH not in repr(options)
    async with collecting() as hook:
        outcome = await deliver(name, hook, options=options)
    assert isinstance(outcome, RetryLater)
    assert HUSH not in outcome.why


async def test_an_address_in_a_file_is_read_at_each_send(tmp_path: Path) -> None:
    """A rotated webhook needs no reload; one that is missing is waited for."""
    file = tmp_path / "url"
    async with collecting() as hook:
        options = DiscordOptions(webhook_url=SecretSource.file(str(file)))
        assert isinstance(await deliver("discord", hook, options=options), RetryLater)
        for name in ("one", "two"):
            file.write_text(f"{hook.url}/{name}\n")
            assert await deliver("discord", hook, options=options) == Delivered()
        assert hook.lines() == ["POST /one", "POST /two"]


async def test_discord_texts_are_cut_where_discord_refuses() -> None:
    """256 characters of title, 4096 of text, 2000 of content; a name and a picture where they are given."""
    fields = {"title": "t" * 300, "message": "m" * 5_000, "content": "c" * 3_000, "username": "wk", "avatar_url": "u"}
    async with collecting() as hook:
        await deliver("discord", hook, row=templated(fields, MessageKind.RESOLVE))
        found = body(hook)
    embed = found["embeds"][0]
    assert (embed["title"], len(embed["description"]), len(found["content"])) == ("t" * 255 + "…", 4_096, 2_000)
    assert (embed["color"], found["username"], found["avatar_url"]) == (0x2ECC71, "wk", "u")


async def test_a_teams_connector_that_is_busy_says_so_with_status_200() -> None:
    """Which must not count as delivered."""
    async with collecting() as hook:
        words = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
        hook.answer(Reply(body=words))
        assert await deliver("msteams", hook) == RetryLater("Teams is asked too often")


async def test_mattermost_gets_what_the_configuration_says() -> None:
    """Attachments with fields, properties, priority; 16,383 characters."""
    fields = {
        "text": "x" * 20_000,
        "channel": "ops",
        "attachments.0.title": "one",
        "attachments.0.fields.0.title": "a",
        "attachments.0.fields.0.value": "1",
        "attachments.0.fields.0.short": "true",
        "props.card": "more",
        "priority.priority": "urgent",
        "priority.requested_ack": "true",
    }
    async with collecting() as hook:
        await deliver("mattermost", hook, row=templated(fields))
        found = body(hook)
    assert len(found.pop("text")) == 16_383
    assert found == {
        "channel": "ops",
        "attachments": [{"title": "one", "fields": [{"title": "a", "value": "1", "short": True}]}],
        "props": {"card": "more"},
        "priority": {"priority": "urgent", "requested_ack": True},
    }


async def test_rocketchat_is_told_as_a_user_and_may_refuse_with_status_200() -> None:
    """Token and id go in headers."""
    fields = {
        "channel": "#ops",
        "emoji": ":bell:",
        "icon_url": "http://icon",
        "title_link": "http://link",
        "short_fields": "true",
        "fields.0.title": "a",
        "fields.0.value": "1",
        "actions.0.type": "button",
        "actions.0.text": "look",
        "actions.0.url": "http://look",
    }
    async with collecting() as hook:
        hook.answer(Reply(body={"success": False, "error": "error-invalid-channel"}), Reply(body="<html>"))
        assert await deliver("rocketchat", hook, row=templated(fields)) == Rejected(
            "Rocket.Chat refused it: error-invalid-channel"
        )
        assert (hook.last.headers["X-Auth-Token"], hook.last.headers["X-User-Id"]) == (HUSH, "me")
        found = body(hook)
        assert (found["channel"], found["emoji"], found["avatar"]) == ("#ops", ":bell:", "http://icon")
        attachment = found["attachments"][0]
        assert attachment["fields"] == [{"title": "a", "value": "1", "short": True}]
        assert attachment["actions"] == [{"type": "button", "text": "look", "url": "http://look"}]
        assert isinstance(await deliver("rocketchat", hook), Rejected)


async def test_telegram_markup_that_would_have_to_be_cut_goes_out_plain() -> None:
    """A topic, no sound, and Telegram's own words about waiting."""
    options = TelegramOptions(
        bot_token=SecretSource(HUSH),
        chat_id=SecretSource("-42"),
        message_thread_id=7,
        disable_notifications=True,
    )
    async with collecting() as hook:
        options = replace(options, api_url=hook.url)
        busy = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 9}}
        hook.answer(Reply(body={"ok": True}), Reply(body={"ok": True}), Reply(status=429, body=busy))
        await deliver("telegram", hook, row=templated({"message": "<b>ill</b>"}), options=options)
        found = body(hook)
        assert (found["text"], found["parse_mode"]) == ("<b>ill</b>", "HTML")
        assert (found["message_thread_id"], found["disable_notification"]) == ("7", "true")
        await deliver("telegram", hook, row=templated({"message": f"<b>{'x' * 5_000}</b>"}), options=options)
        assert "parse_mode" not in body(hook)
        assert body(hook)["text"].startswith(TITLE)
        outcome = await deliver("telegram", hook, options=options)
        assert outcome == RetryLater("Telegram refused it: Too Many Requests (429)", 9 * SECOND)


async def test_webex_is_cut_by_bytes_and_told_as_a_bot() -> None:
    """7,439 of them; the room may be a template."""
    async with collecting() as hook:
        await deliver("webex", hook, row=templated({"message": "é" * 5_000, "room_id": "room-2"}))
        assert hook.last.headers["Authorization"] == f"Bearer {HUSH}"
        assert body(hook)["roomId"] == "room-2"
        assert len(body(hook)["markdown"].encode()) <= 7_439


async def test_wechat_changes_its_secret_for_a_token_and_keeps_it() -> None:
    """Until WeChat says that it is over."""
    async with collecting() as hook, around() as place:
        hook.always("/cgi-bin/gettoken", Reply(body={"errcode": 0, "access_token": "t1", "expires_in": 7200}))
        kind = CATALOGUE["wechat"].make(place.surroundings)
        row = templated({"message": "ill", "to_user": "@all", "agent_id": "7"})
        options = options_of("wechat", hook.url)
        over, no_user = (
            Reply(body={"errcode": 42001, "errmsg": "over"}),
            Reply(body={"errcode": 81013, "errmsg": "no user"}),
        )
        hook.answer(Reply(body={"errcode": 0}), Reply(body={"errcode": 0}), over, no_user)
        outcomes = [await kind.deliver(sending(row, options)) for _ in range(4)]
        paths = [one.path.partition("?")[0].removeprefix("/cgi-bin/") for one in hook.arrived]
    assert outcomes == [
        Delivered(),
        Delivered(),
        RetryLater("WeChat refused it: over (42001)", 0),
        Rejected("WeChat refused it: no user (81013)"),
    ]
    assert paths == ["gettoken", "message/send", "message/send", "message/send", "gettoken", "message/send"]
    assert hook.arrived[0].path == f"/cgi-bin/gettoken?corpid=corp&corpsecret={HUSH}"
    assert body(hook) == {
        "text": {"content": "ill"},
        "msgtype": "text",
        "touser": "@all",
        "agentid": "7",
        "safe": "0",
    }


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(body="ok"), Delivered()),
        (Reply(body="invalid_token"), Rejected("Slack refused it: invalid_token")),
        (Reply(body=""), Rejected("Slack answered '' instead of ok")),
        (Reply(body={"ok": False, "error": "no_channel"}), Rejected("Slack refused it: no_channel")),
        (Reply(body={"ok": True}), Delivered()),
    ],
)
async def test_a_slack_webhook_that_answers_otherwise_has_not_posted(reply: Reply, outcome: DeliveryOutcome) -> None:
    """Its status is 200 all the same."""
    async with collecting() as hook:
        hook.answer(reply)
        assert await deliver("slack", hook) == outcome
