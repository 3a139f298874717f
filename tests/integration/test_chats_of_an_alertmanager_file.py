"""Chats as a team's own alertmanager.yml has them, by the whole daemon: pushed alerts in, posts of every vendor out, and no
secret anywhere else."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, cast

import aiohttp

from tests.support.alertmanagers import Ours
from tests.support.collector import Arrived, Collector, Reply, collecting
from tests.support.daemon_process import DaemonProcess, until
from tests.support.twin import running_twin

FILE = """\
global: {{telegram_bot_token_file: telegram.token}}
route: {{receiver: chats, group_by: [alertname], group_wait: 1s, group_interval: 1s}}
receivers:
- name: chats
  discord_configs:
  - webhook_url_file: discord.url
    content: "{status}"
    title: "{title}"
    message: '{{{{ range .Alerts }}}}{{{{ .Annotations.summary }}}}{{{{ end }}}}'
    username: wk
    avatar_url: http://pictures.example.com/wk.png
  msteams_configs:
  - {{webhook_url: "{url}/msteams/hush-msteams", title: "{title}", summary: "{status}", text: "{text}"}}
  msteamsv2_configs:
  - {{webhook_url: "{url}/msteamsv2/hush-msteamsv2", title: "{title}", text: "{text}"}}
  mattermost_configs:
  - webhook_url: "{url}/mattermost/hush-mattermost"
    channel: ops
    username: wk
    text: "{title}"
    icon_emoji: ":bell:"
    attachments:
    - {{title: "{title}", color: red, fields: [{{title: status, value: "{status}", short: true}}]}}
    props: {{card: "{text}"}}
    priority: {{priority: urgent, requested_ack: true}}
  rocketchat_configs:
  - api_url: "{url}/rocketchat/"
    token: hush-rocketchat
    token_id: hush-rocketchat-user
    channel: "#ops"
    emoji: ":bell:"
    title: "{title}"
    text: "{text}"
    title_link: http://look.example.com/
    fields: [{{title: status, value: "{status}"}}, {{title: team, value: core, short: false}}]
    short_fields: true
  webex_configs:
  - api_url: "{url}/webex"
    room_id: "room-{status}"
    message: "**{title}**"
    http_config: {{authorization: {{credentials: hush-webex}}}}
  wechat_configs:
  - {{api_url: "{url}/wechat/", corp_id: corp, api_secret: hush-wechat, to_user: "@all", agent_id: "7", message: "{text}"}}
  telegram_configs:
  - {{api_url: "{url}/telegram", chat_id_file: telegram.chat, message_thread_id: 7, disable_notifications: true,
      message: "<b>{title}</b> {text}"}}
  slack_configs:
  - api_url: "{url}/slack/hush-slack"
    channel: "#ops"
    username: wk
    title: "{title}"
    title_link: http://look.example.com/
    text: "{text}"
    fallback: "{status}"
    color: danger
    pretext: ""
    footer: ""
    fields: [{{title: status, value: "{status}"}}, {{title: team, value: core, short: false}}]
    short_fields: true
    mrkdwn_in: [text]
    actions: [{{type: button, text: look, url: http://look.example.com/, confirm: {{text: "sure?"}}}}]
"""
SUMMARY = "No answer & <none> expected"
ESCAPED = "No answer &amp; &lt;none&gt; expected"
VENDORS = ("discord", "mattermost", "msteams", "msteamsv2", "rocketchat", "slack", "telegram", "webex", "wechat")
QUIET = ("rocketchat", "slack", "wechat")
"""Who is not told that it is over unless the file says so."""
SECRET = re.compile("hush-|wechat-token")
PLACES = ("/metrics", "/api/v2/status", "/api/v2/receivers", "/api/v2/alerts", "/api/v2/alerts/groups")


def card(title: str, text: str, colour: str) -> dict[str, object]:
    """Teams' adaptive card."""
    words = {"type": "TextBlock", "wrap": True}
    return {
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
                            **words,
                            "text": title,
                            "weight": "Bolder",
                            "size": "Medium",
                            "style": "heading",
                            "color": colour,
                        },
                        {**words, "text": text},
                    ],
                    "msteams": {"width": "Full"},
                },
            }
        ],
    }


FIELDS = [
    {"title": "status", "value": "firing", "short": True},
    {"title": "team", "value": "core", "short": False},
]
FIRING: dict[str, dict[str, object]] = {
    "discord": {
        "content": "firing",
        "embeds": [{"title": "Down firing", "description": SUMMARY, "color": 0x992D22}],
        "username": "wk",
        "avatar_url": "http://pictures.example.com/wk.png",
    },
    "msteams": {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": "Down firing",
        "summary": "firing",
        "text": SUMMARY,
        "themeColor": "8C1A1A",
    },
    "msteamsv2": card("Down firing", SUMMARY, "Attention"),
    "mattermost": {
        "text": "Down firing",
        "channel": "ops",
        "username": "wk",
        "icon_emoji": ":bell:",
        "attachments": [
            {
                "title": "Down firing",
                "color": "red",
                "fields": [{"title": "status", "value": "firing", "short": True}],
            }
        ],
        "props": {"card": SUMMARY},
        "priority": {"priority": "urgent", "requested_ack": True},
    },
    "rocketchat": {
        "channel": "#ops",
        "emoji": ":bell:",
        "attachments": [
            {
                "title": "Down firing",
                "title_link": "http://look.example.com/",
                "text": SUMMARY,
                "color": "red",
                "fields": FIELDS,
            }
        ],
    },
    "slack": {
        "channel": "#ops",
        "username": "wk",
        "attachments": [
            {
                "title": "Down firing",
                "title_link": "http://look.example.com/",
                "text": SUMMARY,
                "fallback": "firing",
                "color": "danger",
                "fields": FIELDS,
                "actions": [
                    {"type": "button", "text": "look", "url": "http://look.example.com/", "confirm": {"text": "sure?"}}
                ],
                "mrkdwn_in": ["text"],
            }
        ],
    },
    "telegram": {
        "chat_id": "-42",
        "text": f"<b>Down firing</b> {ESCAPED}",
        "parse_mode": "HTML",
        "message_thread_id": "7",
        "disable_notification": "true",
        "disable_web_page_preview": "true",
    },
    "webex": {"markdown": "**Down firing**", "roomId": "room-firing"},
    "wechat": {
        "text": {"content": SUMMARY},
        "msgtype": "text",
        "touser": "@all",
        "agentid": "7",
        "safe": "0",
    },
}


def vendor(request: Arrived) -> str:
    """Whom it was for: the first part of the path."""
    return request.path.split("/")[1]


def document(request: Arrived) -> dict[str, Any]:
    return cast("dict[str, Any]", request.json())


def asked_twice(hook: Collector) -> set[str]:
    asked = Counter(map(vendor, hook.arrived))
    return {name for name, times in asked.items() if times > 1}


def answers(hook: Collector) -> None:
    """What each vendor says when it has posted."""
    hook.always("/wechat/gettoken", Reply(body={"errcode": 0, "access_token": "wechat-token", "expires_in": 7200}))
    hook.always("/wechat/message/send", Reply(body={"errcode": 0}))
    hook.always("/slack/hush-slack", Reply(body="ok"))
    hook.always("/rocketchat/api/v1/chat.postMessage", Reply(body={"success": True}))
    hook.always("/telegram/bothush-telegram/sendMessage", Reply(body={"ok": True, "result": {"message_id": 1}}))


def configured(folder: Path, url: str) -> Ours:
    """The daemon, not started yet, with secrets in its file and beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "discord.url").write_text(f"{url}/discord/hush-discord\n")
    (folder / "telegram.token").write_text("hush-telegram\n")
    (folder / "telegram.chat").write_text("-42\n")
    text = FILE.format(
        url=url,
        title="{{ .CommonLabels.alertname }} {{ .Status }}",
        status="{{ .Status }}",
        text="{{ .CommonAnnotations.summary }}",
    )
    return Ours(folder, text)


async def push(running: Ours | DaemonProcess, **more: str) -> None:
    alert = {"labels": {"alertname": "Down"}, "annotations": {"summary": SUMMARY}, **more}
    async with aiohttp.ClientSession(running.url) as client, client.post("/api/v2/alerts", json=[alert]) as answer:
        assert answer.status == 200, await answer.text()


async def secrets_told(running: Ours) -> list[str]:
    """Where a secret can be read: the log, what is answered, what is stored."""
    places = {"the log": running.log()}
    async with aiohttp.ClientSession(running.url) as client:
        for path in PLACES:
            async with client.get(path) as answer:
                assert answer.status == 200, path
                places[path] = await answer.text()
    for file in (running.folder / "data").rglob("*"):
        if file.is_file():
            places[str(file)] = file.read_bytes().decode("utf-8", "replace")
    return [
        f"{place}: {text[max(found.start() - 80, 0) : found.end() + 20]!r}"
        for place, text in places.items()
        for found in SECRET.finditer(text)
    ]


async def test_every_chat_is_posted_what_the_file_says_and_told_the_end_where_it_wants_it(tmp_path: Path) -> None:
    """Whole bodies; secrets only on the wire; an address in a file is read at each send."""
    async with collecting() as hook:
        answers(hook)
        running = configured(tmp_path / "am", hook.url)
        await running.start()
        try:

            def posts() -> dict[str, Arrived]:
                return {vendor(one): one for one in hook.arrived if one.method == "POST"}

            await push(running)
            await until(lambda: len(posts()) == len(VENDORS), "every chat is told")
            told = posts()
            assert {name: document(one) for name, one in told.items()} == FIRING
            assert told["webex"].headers["Authorization"] == "Bearer hush-webex"
            assert told["rocketchat"].headers["X-Auth-Token"] == "hush-rocketchat"
            assert told["rocketchat"].headers["X-User-Id"] == "hush-rocketchat-user"
            assert told["wechat"].path == "/wechat/message/send?access_token=wechat-token"
            assert await secrets_told(running) == []

            hook.arrived.clear()
            (running.folder / "discord.url").write_text(f"{hook.url}/discord/hush-rotated\n")
            await push(running, endsAt="2020-01-01T00:00:00Z", startsAt="2019-12-31T00:00:00Z")
            loud = set(VENDORS) - set(QUIET)
            await until(lambda: set(posts()) >= loud, "those who want it are told the end")
            told = posts()
            assert set(told) == loud
            assert told["discord"].path == "/discord/hush-rotated"
            assert document(told["discord"])["embeds"][0]["color"] == 0x2ECC71
            assert document(told["msteams"])["themeColor"] == "2DC72D"
            assert document(told["msteamsv2"]) == card("Down resolved", SUMMARY, "Good")
            assert document(told["webex"]) == {"markdown": "**Down resolved**", "roomId": "room-resolved"}
            assert await secrets_told(running) == []
        finally:
            await running.stop()


async def test_no_secret_is_told_when_vendors_refuse_and_repeat_what_they_were_asked(tmp_path: Path) -> None:
    """Neither where a refusal is final nor where it is tried again."""
    async with collecting() as hook:
        running = configured(tmp_path / "am", hook.url)
        paths = {
            "discord": "/discord/hush-discord",
            "mattermost": "/mattermost/hush-mattermost",
            "msteams": "/msteams/hush-msteams",
            "msteamsv2": "/msteamsv2/hush-msteamsv2",
            "rocketchat": "/rocketchat/api/v1/chat.postMessage",
            "slack": "/slack/hush-slack",
            "telegram": "/telegram/bothush-telegram/sendMessage",
            "webex": "/webex",
            "wechat": "/wechat/gettoken",
        }
        for place, (name, path) in enumerate(paths.items()):
            said = f"no such thing: {hook.url}{path} hush-{name}"
            hook.always(path, Reply(status=(400, 500)[place % 2], body=said))
        await running.start()
        try:
            await push(running)
            # whoever is asked a second time has been written down as failed once
            await until(lambda: asked_twice(hook) == set(paths), "every chat is asked again")
            assert "no such thing" in running.log()
            assert await secrets_told(running) == []
        finally:
            await running.stop()
        assert not SECRET.search(running.log())


APP = """\
web: {{listen: "127.0.0.1:0"}}
host: {{enabled: false}}
rules: {{shipped: false}}
alertmanager:
  route: {{receiver: app, group_by: [alertname], group_wait: 1s, group_interval: 1s}}
  receivers:
  - name: app
    slack_configs:
    - {{bot_token_file: slack.token, api_url: "{url}chat.postMessage", channel: "#ops", title: "{{{{ .Status }}}}", message_text: "{{{{ .GroupLabels.alertname }}}}", update_message: true,
        send_resolved: true}}
"""


async def test_slacks_message_is_changed_when_the_group_changes(tmp_path: Path) -> None:
    """As an application with a token from a file, in an Alertmanager configuration within our own; the next time that the
    group fires is a message of its own."""
    async with running_twin() as twin:
        (tmp_path / "slack.token").write_text("xoxb-hush-app\n")
        (tmp_path / "watchkeeper.yml").write_text(APP.format(url=twin.slack_url))
        running = DaemonProcess(tmp_path, tmp_path / "watchkeeper.yml")
        await running.start()
        try:

            def titles() -> list[tuple[str, str, int]]:
                return [(one.text, one.content["attachments"][0]["title"], one.edits) for one in twin.slack.roots()]

            await push(running)
            await until(lambda: titles() == [("Down", "firing", 0)], "it is posted")
            await push(running, endsAt="2020-01-01T00:00:00Z", startsAt="2019-12-31T00:00:00Z")
            await until(lambda: titles() == [("Down", "resolved", 1)], "it is changed")
            await push(running)
            await until(lambda: titles() == [("Down", "resolved", 1), ("Down", "firing", 0)], "there is another")
            assert "xoxb-hush" not in running.log() + json.dumps(await running.get("/api/v2/status"))
        finally:
            await running.end()
