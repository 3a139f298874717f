"""What chats are posted: each vendor's body for a message.

A templated text of the configuration is used where there is one; otherwise the message speaks in Watchkeeper's own words.
`repeat` says first that an earlier attempt may have arrived. Limits are the vendors', cut as Alertmanager cuts.
Sources: Alertmanager notify/{discord,msteams,msteamsv2,mattermost,rocketchat,webex,telegram,wechat}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.model.notifications import Message, MessageKind
from monitor.notify.dressing.wording import REPEAT_MARK, cut_bytes, cut_runes, field, headline, plain_text, records

Body = dict[str, object]

DISCORD_TITLE: Final = 256
DISCORD_TEXT: Final = 4_096
DISCORD_CONTENT: Final = 2_000
MATTERMOST_TEXT: Final = 16_383
ROCKETCHAT_TITLE: Final = 1_024
TELEGRAM_TEXT: Final = 4_096
WEBEX_BYTES: Final = 7_439


def discord_body(message: Message, *, repeat: bool = False) -> Body:
    """An embed, red while something fires."""
    embed = {
        "title": cut_runes(_title(message, "title", repeat), DISCORD_TITLE),
        "description": cut_runes(_text(message, "message"), DISCORD_TEXT),
        "color": _by_state(message, 0x992D22, 0x2ECC71),
    }
    body: Body = {"content": cut_runes(field(message, "content"), DISCORD_CONTENT), "embeds": [embed]}
    return body | _set(message, "username", "avatar_url")


def msteams_body(message: Message, *, repeat: bool = False) -> Body:
    """A message card, for the old connectors."""
    title = _title(message, "title", repeat)
    return {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": title,
        "summary": field(message, "summary") or title,
        "text": _text(message, "text"),
        "themeColor": _by_state(message, "8C1A1A", "2DC72D"),
    }


def msteamsv2_body(message: Message, *, repeat: bool = False) -> Body:
    """An adaptive card, for workflows."""
    title = {
        "type": "TextBlock",
        "text": _title(message, "title", repeat),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
        "style": "heading",
        "color": _by_state(message, "Attention", "Good"),
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [title, {"type": "TextBlock", "text": _text(message, "text"), "wrap": True}],
        "msteams": {"width": "Full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def mattermost_body(message: Message, *, repeat: bool = False) -> Body:
    """A text, with the attachments, properties and priority that the configuration gives."""
    text = _marked(field(message, "text") or plain_text(message), repeat)
    body: Body = {"text": cut_runes(text, MATTERMOST_TEXT)}
    body |= _set(message, "channel", "username", "icon_url", "icon_emoji", "type")
    attachments = [_attachment(row) for row in records(message, "attachments")]
    if attachments:
        body["attachments"] = attachments
    if card := field(message, "props.card"):
        body["props"] = {"card": card}
    if priority := field(message, "priority.priority"):
        flags = ("requested_ack", "persistent_notifications")
        set_ = {name: True for name in flags if field(message, f"priority.{name}") == "true"}
        body["priority"] = {"priority": priority, **set_}
    return body


def rocketchat_body(message: Message, *, repeat: bool = False) -> Body:
    """One attachment."""
    attachment: Body = {
        "title": cut_runes(_title(message, "title", repeat), ROCKETCHAT_TITLE),
        "text": _text(message, "text"),
    }
    attachment["color"] = field(message, "color") or _by_state(message, "red", "green")
    attachment |= _set(message, "title_link", "image_url", "thumb_url")
    short = field(message, "short_fields") == "true"
    fields = [
        {"title": row.get("title", ""), "value": row.get("value", ""), "short": _short(row, default=short)}
        for row in records(message, "fields")
    ]
    if fields:
        attachment["fields"] = fields
    actions = [dict(row) for row in records(message, "actions")]
    if actions:
        attachment["actions"] = actions
    body: Body = {"attachments": [{name: value for name, value in attachment.items() if value != ""}]}
    for name, key in (("channel", "channel"), ("emoji", "emoji"), ("icon_url", "avatar")):
        if value := field(message, name):
            body[key] = value
    return body


def webex_body(message: Message, *, repeat: bool = False) -> Body:
    """Markdown to a room, whose id may be a template."""
    text = _marked(field(message, "message") or plain_text(message), repeat)
    return {"markdown": cut_bytes(text, WEBEX_BYTES), "roomId": field(message, "room_id")}


def telegram_body(message: Message, parse_mode: str, *, repeat: bool = False) -> Body:
    """Text and parse mode. A text that is too long is cut; markup that was cut would be refused, so it goes out plain
    then."""
    text = field(message, "message")
    mode = parse_mode if text else ""
    # brackets begin a link in both of Telegram's Markdowns, and one that does not end is refused
    mark = re.sub(r"[\[\]]", r"\\\g<0>", REPEAT_MARK) if mode.startswith("Markdown") else REPEAT_MARK
    text = _marked(text or plain_text(message), repeat, mark)
    if len(text) > TELEGRAM_TEXT and mode:
        mode, text = "", _marked(plain_text(message), repeat)
    body: Body = {"text": cut_runes(text, TELEGRAM_TEXT), "disable_web_page_preview": "true"}
    if mode:
        body["parse_mode"] = mode
    return body


def wechat_body(message: Message, message_type: str, *, repeat: bool = False) -> Body:
    """A text or markdown message of an application."""
    text = _marked(field(message, "message") or plain_text(message), repeat)
    body: Body = {message_type: {"content": text}, "msgtype": message_type, "safe": "0"}
    for name, key in (("to_user", "touser"), ("to_party", "toparty"), ("to_tag", "totag"), ("agent_id", "agentid")):
        if value := field(message, name):
            body[key] = value
    return body


def _title(message: Message, name: str, repeat: bool) -> str:
    return _marked(field(message, name) or headline(message), repeat)


def _text(message: Message, name: str) -> str:
    """Without the first line of the plain form, which stands in the title."""
    return field(message, name) or plain_text(message).partition("\n")[2]


def _marked(text: str, repeat: bool, mark: str = REPEAT_MARK) -> str:
    return f"{mark} {text}" if repeat else text


def _by_state(message: Message, firing: object, resolved: object) -> object:
    return resolved if message.kind is MessageKind.RESOLVE else firing


def _set(message: Message, *names: str) -> dict[str, object]:
    """Those options that are not empty."""
    return {name: value for name in names if (value := field(message, name))}


def _short(row: Mapping[str, str], *, default: bool) -> bool:
    return row["short"] == "true" if "short" in row else default


def _attachment(row: Mapping[str, str]) -> Body:
    """Fields of an attachment are rows of their own: `fields.0.title`."""
    attachment: Body = {}
    fields: dict[str, dict[str, object]] = {}
    for key, value in row.items():
        first, _, rest = key.partition(".")
        if first != "fields":
            attachment[key] = value
            continue
        place, _, name = rest.partition(".")
        fields.setdefault(place, {})[name] = value == "true" if name == "short" else value
    if fields:
        attachment["fields"] = [fields[place] for place in sorted(fields, key=int)]
    return attachment
