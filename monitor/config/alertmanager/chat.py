"""Integrations that post to a chat."""

from __future__ import annotations

from typing import Final

from monitor.config.alertmanager.kinds import (
    OptionalFlag,
    Template,
    WebUrl,
    exclusive,
    one_of,
    struct,
    template_of,
    texts,
)
from monitor.config.alertmanager.shapes import integration
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Text, Whole
from monitor.config.golang.spans import GoSpan
from monitor.config.golang.structs import ListOf, Struct, Values


def _field(what: str) -> Struct:
    def rule(values: Values, reading: Reading) -> None:
        for key in ("title", "value"):
            if not values.text(key):
                text = f"missing {key} in {what} field configuration"
                reading.refuse(values.path, text, f"set {key}")
                return

    keys = {"title": Template(), "value": Template(), "short": OptionalFlag(about="Beside another one.")}
    return struct(what.lower(), keys, rule)


def _action(values: Values, reading: Reading) -> None:
    if not values.text("type"):
        reading.refuse(values.path, "missing type in Slack action configuration", "set type: button")
    elif not values.text("text"):
        reading.refuse(values.path, "missing text in Slack action configuration", "set text")
    elif values.text("url"):
        pass
    elif not values.text("name"):
        reading.refuse(values.path, "missing name or url in Slack action configuration", "set url")


_CONFIRM: Final = struct(
    "config",
    {"text": Template(), "title": Template(), "ok_text": Template(), "dismiss_text": Template()},
    one_of("missing text in Slack confirmation configuration", "text"),
)
_SLACK_ACTION: Final = struct(
    "config",
    {
        "type": Template(),
        "text": Template(),
        "url": Template(),
        "style": Template(),
        "name": Template(),
        "value": Template(),
        "confirm": _CONFIRM,
    },
    _action,
)

SLACK: Final = integration(
    "Slack",
    "config",
    {
        "api_url": WebUrl(secret=True, about="An incoming webhook, or chat.postMessage with a token."),
        "api_url_file": File(about="A file that holds it; read at each send."),
        "app_token": Secret(about="A bot token."),
        "app_token_file": File(about="A file that holds it; read at each send."),
        "app_url": WebUrl(about="Where the token is used."),
        "bot_token": Secret(about="Watchkeeper's own: a bot token instead of a webhook."),
        "bot_token_file": File(about="A file that holds it."),
        "channel": Template(about="Where to post, with a token."),
        "username": template_of("slack.default.username"),
        "color": template_of("slack.default.color"),
        "title": template_of("slack.default.title"),
        "title_link": template_of("slack.default.titlelink"),
        "pretext": template_of("slack.default.pretext"),
        "text": template_of("slack.default.text"),
        "fields": ListOf(item=_field("Slack"), skips_null=True),
        "short_fields": Flag(),
        "footer": template_of("slack.default.footer"),
        "fallback": template_of("slack.default.fallback"),
        "callback_id": template_of("slack.default.callbackid"),
        "icon_emoji": template_of("slack.default.iconemoji"),
        "icon_url": template_of("slack.default.iconurl"),
        "image_url": Template(),
        "thumb_url": Template(),
        "link_names": Flag(),
        "mrkdwn_in": texts(),
        "actions": ListOf(item=_SLACK_ACTION, skips_null=True),
        "message_text": Template(),
        "update_message": Flag(about="Change the first message instead of posting another one."),
        "timeout": GoSpan(),
        "http_config": CLIENT,
    },
    exclusive("api_url", "api_url_file"),
    exclusive("app_token", "app_token_file"),
    resolved=False,
    about="A Slack message.",
)

_MATTERMOST_ATTACHMENT: Final = struct(
    "mattermost",
    {
        "fallback": Template(),
        "color": Template(),
        "pretext": Template(),
        "text": Template(),
        "author_name": Template(),
        "author_link": Template(),
        "author_icon": Template(),
        "title": Template(),
        "title_link": Template(),
        "fields": ListOf(item=_field("Mattermost"), skips_null=True),
        "thumb_url": Template(),
        "footer": Template(),
        "footer_icon": Template(),
        "image_url": Template(),
    },
)
MATTERMOST: Final = integration(
    "Mattermost",
    "mattermost",
    {
        "webhook_url": WebUrl(secret=True),
        "webhook_url_file": File(about="A file that holds it; read at each send."),
        "channel": Template(),
        "username": template_of("mattermost.default.username"),
        "text": template_of("mattermost.default.text"),
        "icon_url": Template(),
        "icon_emoji": Template(),
        "attachments": ListOf(item=_MATTERMOST_ATTACHMENT),
        "type": Template(),
        "props": struct("mattermost", {"card": Template()}, go="mattermost.Props"),
        "priority": struct(
            "mattermost",
            {"priority": Template(), "requested_ack": Flag(), "persistent_notifications": Flag()},
            go="mattermost.Priority",
        ),
        "http_config": CLIENT,
    },
    exclusive("webhook_url", "webhook_url_file"),
    about="A Mattermost message.",
)

_ROCKETCHAT_FIELD: Final = struct(
    "config", {"short": OptionalFlag(), "title": Template(), "value": Template()}, go="config.RocketchatAttachmentField"
)
_ROCKETCHAT_ACTION: Final = struct(
    "config",
    {"type": Template(), "text": Template(), "url": Template(), "msg": Template()},
    go="config.RocketchatAttachmentAction",
)
ROCKETCHAT: Final = integration(
    "RocketChat",
    "config",
    {
        "api_url": WebUrl(),
        "channel": Template(),
        "token": Secret(),
        "token_file": File(),
        "token_id": Secret(),
        "token_id_file": File(),
        "color": Template(default='{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'),
        "title": template_of("rocketchat.default.title"),
        "title_link": template_of("rocketchat.default.titlelink"),
        "text": template_of("rocketchat.default.text"),
        "fields": ListOf(item=_ROCKETCHAT_FIELD, skips_null=True),
        "short_fields": Flag(),
        "emoji": template_of("rocketchat.default.emoji"),
        "icon_url": template_of("rocketchat.default.iconurl"),
        "image_url": Template(),
        "thumb_url": Template(),
        "link_names": Flag(),
        "actions": ListOf(item=_ROCKETCHAT_ACTION, skips_null=True),
        "http_config": CLIENT,
    },
    exclusive("token", "token_file"),
    exclusive("token_id", "token_id_file"),
    resolved=False,
    about="A Rocket.Chat message.",
)

DISCORD: Final = integration(
    "Discord",
    "config",
    {
        "webhook_url": WebUrl(secret=True),
        "webhook_url_file": File(),
        "content": template_of("discord.default.content"),
        "title": template_of("discord.default.title"),
        "message": template_of("discord.default.message"),
        "username": Template(),
        "avatar_url": Template(),
        "http_config": CLIENT,
    },
    one_of("one of webhook_url or webhook_url_file must be configured", "webhook_url", "webhook_url_file"),
    exclusive("webhook_url", "webhook_url_file"),
    about="A Discord message.",
)

MSTEAMS: Final = integration(
    "Teams card",
    "config",
    {
        "webhook_url": WebUrl(secret=True),
        "webhook_url_file": File(),
        "title": template_of("msteams.default.title"),
        "summary": template_of("msteams.default.summary"),
        "text": template_of("msteams.default.text"),
        "http_config": CLIENT,
    },
    one_of("one of webhook_url or webhook_url_file must be configured", "webhook_url", "webhook_url_file"),
    exclusive("webhook_url", "webhook_url_file"),
    about="A Microsoft Teams message card.",
)
MSTEAMSV2: Final = integration(
    "Teams workflow",
    "config",
    {
        "webhook_url": WebUrl(secret=True),
        "webhook_url_file": File(),
        "title": template_of("msteamsv2.default.title"),
        "text": template_of("msteamsv2.default.text"),
        "http_config": CLIENT,
    },
    one_of("one of webhook_url or webhook_url_file must be configured", "webhook_url", "webhook_url_file"),
    exclusive("webhook_url", "webhook_url_file"),
    about="A Microsoft Teams adaptive card, through a workflow.",
)

_WEBEX_AUTHORIZATION: Final = "missing webex_configs.http_config.authorization"


def _webex(values: Values, reading: Reading) -> None:
    if not values.text("room_id"):
        reading.refuse(values.path, "missing room_id on webex_config", "set room_id")
        return
    client = values.one("http_config")
    if client is None or client.one("authorization") is None:
        reading.refuse(values.path, _WEBEX_AUTHORIZATION, "set http_config.authorization.credentials_file")


WEBEX: Final = integration(
    "Webex",
    "config",
    {
        "api_url": WebUrl(),
        "room_id": Template(),
        "message": template_of("webex.default.message"),
        "http_config": CLIENT,
    },
    _webex,
    about="A Webex message.",
)


def _telegram(values: Values, reading: Reading) -> None:
    chats = values.set("chat_id", "chat_id_file")
    if not chats:
        reading.refuse(values.path, "missing chat_id or chat_id_file on telegram_config", "set chat_id")
    elif len(chats) > 1:
        reading.refuse(
            values.at("chat_id_file"), "at most one of chat_id & chat_id_file must be configured", "keep one of the two"
        )
    elif len(values.set("bot_token", "bot_token_file")) > 1:
        text = "at most one of bot_token & bot_token_file must be configured"
        reading.refuse(values.at("bot_token_file"), text, "keep one of the two")
    elif values.text("parse_mode") not in ("", "Markdown", "MarkdownV2", "HTML"):
        text = "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"
        reading.refuse(values.at("parse_mode"), text, "write one of them")


TELEGRAM: Final = integration(
    "Telegram",
    "telegram",
    {
        "api_url": WebUrl(),
        "bot_token": Secret(),
        "bot_token_file": File(),
        "chat_id": Whole(go="int64"),
        "chat_id_file": File(),
        "message_thread_id": Whole(),
        "message": template_of("telegram.default.message"),
        "disable_notifications": Flag(),
        "parse_mode": Text(default="HTML", allowed=("", "Markdown", "MarkdownV2", "HTML")),
        "http_config": CLIENT,
    },
    _telegram,
    about="A Telegram message.",
)


def _wechat(values: Values, reading: Reading) -> None:
    if values.text("message_type") not in ("", "text", "markdown"):
        text = f'weChat message type "{values.text("message_type")}" does not match valid options text|markdown'
        reading.refuse(values.at("message_type"), text, "write text or markdown")


WECHAT: Final = integration(
    "WeChat",
    "config",
    {
        "api_secret": Secret(),
        "api_secret_file": File(),
        "corp_id": Text(),
        "message": template_of("wechat.default.message"),
        "api_url": WebUrl(),
        "to_user": template_of("wechat.default.to_user"),
        "to_party": template_of("wechat.default.to_party"),
        "to_tag": template_of("wechat.default.to_tag"),
        "agent_id": template_of("wechat.default.agent_id"),
        "message_type": Text(default="text", allowed=("text", "markdown")),
        "http_config": CLIENT,
    },
    _wechat,
    exclusive("api_secret", "api_secret_file"),
    resolved=False,
    about="A WeChat message.",
)
