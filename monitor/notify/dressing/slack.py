"""A message for Slack: one root message per incident, replies in its thread, and Alertmanager's shape for plain groups.

Everything that comes from labels, annotations or bodies is escaped, so no alert can call @channel or fake a link. Block
limits are kept by cutting: Slack refuses a whole message for one long field. Sources: docs.slack.dev (blocks, messages),
alertmanager notify/slack/slack.go; the undocumented total of about 13,200 characters is kept far off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.model.incidents import Severity
from monitor.model.notifications import IncidentView, Message, MessageKind
from monitor.model.times import SECOND, Timestamp, rfc3339
from monitor.notify.dressing.wording import (
    REPEAT_MARK,
    colour,
    cut,
    field,
    firing,
    headline,
    links_of,
    records,
    standing,
    title_of,
)

EVENT_TYPE = "watchkeeper_notification"
"""Marks our metadata."""
MARKED: Final = ("fallback", "pretext", "text")
"""The parts of an attachment that are markup where the configuration does not name others."""

_HEADER = 150
_SECTION = 2_800
_FIELD = 600
_FIELDS = 6
_TEXT = 3_500
_TITLE = 1_024
_FOOTER = 300
_LINKS = 1_500
_URL = 700

_SIGNS = {
    Severity.CRITICAL: "🔴",
    Severity.ERROR: "🟠",
    Severity.WARNING: "🟡",
    Severity.INFO: "🔵",
}


def escaped(text: str, limit: int) -> str:
    """`&`, `<` and `>` as entities; at most `limit` characters, never cut inside an entity."""
    whole = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(whole) <= limit:
        return whole
    parts: list[str] = []
    room = limit - 1
    for char in text:
        part = _ENTITIES.get(char, char)
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "".join(parts) + "…"


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def root(message: Message, *, row_key: str = "", repeat: bool = False) -> dict[str, object]:
    """The incident's one message in its present state: text, attachments, metadata and the unfurling switches.
    `row_key` names the row that posts it; an edit names none, or it would be taken for the one that posted it."""
    return {
        "text": escaped(headline(message, repeat=repeat), _TEXT),
        "attachments": [
            {
                "color": colour(message),
                "fallback": escaped(title_of(message), _TITLE),
                "blocks": _blocks(message, repeat),
            }
        ],
        "metadata": metadata(message, row_key=row_key, role="root"),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def reply(message: Message, *, row_key: str, repeat: bool = False) -> dict[str, object]:
    """One entry of the incident's thread."""
    lines = [f"*{escaped(headline(message, repeat=repeat), 400)}*"]
    if message.text:
        lines.append(escaped(message.text, _SECTION))
    if message.incident is not None:
        lines.append(f"_{escaped(standing(message.incident), 300)}_")
    return {
        "text": "\n".join(lines),
        "metadata": metadata(message, row_key=row_key, role="reply"),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def group_post(
    message: Message, *, row_key: str, repeat: bool = False, marked: Sequence[str] = MARKED
) -> dict[str, object]:
    """A plain group notification, as Alertmanager's slack_configs say it; the parts in `marked` are markup."""
    shown = firing(message)
    title = field(message, "title") or escaped(headline(message), _TITLE)
    attachment: dict[str, object] = {
        "title": cut(f"{REPEAT_MARK} {title}" if repeat else title, _TITLE),
        "text": field(message, "text") or escaped(message.text, _SECTION),
        "fallback": field(message, "fallback") or escaped(headline(message, repeat=repeat), _TEXT),
        "color": field(message, "color") or ("danger" if shown else "good"),
        "mrkdwn_in": list(marked),
    }
    title_link = field(message, "title_link") or message.external_url
    if title_link:
        attachment["title_link"] = title_link
    for name in ("pretext", "callback_id", "image_url", "thumb_url", "footer"):
        if value := field(message, name):
            attachment[name] = value
    if message.trouble:
        attachment["footer"] = escaped(f"a template failed, so this is the plain form: {message.trouble}", _FOOTER)
    short = field(message, "short_fields")
    rows = [_group_field(row, short) for row in records(message, "fields") if row.get("title") and row.get("value")]
    if rows:
        attachment["fields"] = rows
    actions = [_action(row) for row in records(message, "actions") if row.get("type") and row.get("text")]
    if actions:
        attachment["actions"] = actions
    post: dict[str, object] = {
        "attachments": [attachment],
        "metadata": metadata(message, row_key=row_key, role="group"),
    }
    for name in ("username", "icon_emoji", "icon_url", "text"):
        key = "message_text" if name == "text" else name
        if value := field(message, key):
            post[name] = value
    if field(message, "link_names") == "true":
        post["link_names"] = True
    return post


def metadata(message: Message, *, row_key: str, role: str) -> dict[str, object]:
    """By which a message of ours is found again after a lost answer. `role` is root, reply or group."""
    payload: dict[str, object] = {"role": role}
    if row_key:
        payload["outbox"] = row_key
    if message.incident is not None:
        payload["incident"] = message.incident.id
        payload["epoch"] = message.incident.epoch
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _blocks(message: Message, repeat: bool) -> list[dict[str, object]]:
    blocks: list[dict[str, object]] = [
        {"type": "header", "block_id": "title", "text": _plain(f"{_sign(message)} {title_of(message)}")}
    ]
    section: dict[str, object] = {
        "type": "section",
        "block_id": "text",
        "text": _mrkdwn(escaped(message.text.strip() or title_of(message), _SECTION)),
    }
    section["fields"] = [_mrkdwn(text) for text in _facts(message)]
    blocks.append(section)
    links = _links(message)
    if links:
        blocks.append({"type": "context", "block_id": "links", "elements": [_mrkdwn(links)]})
    foot: list[str] = []
    if message.incident is not None:
        foot.append(f"{standing(message.incident)}, generation {message.incident.generation}")
    if repeat:
        foot.append("an earlier attempt to send this may have arrived")
    if message.trouble:
        foot.append(f"a template failed: {message.trouble}")
    if foot:
        blocks.append(
            {"type": "context", "block_id": "standing", "elements": [_mrkdwn(escaped(" · ".join(foot), 900))]}
        )
    return blocks


def _facts(message: Message) -> list[str]:
    facts = [f"*Since*\n{_moment(message.since)}"]
    incident = message.incident
    if incident is not None:
        if incident.acknowledged_by:
            facts.append(f"*Acknowledged by*\n{escaped(incident.acknowledged_by, _FIELD)}")
        elif _waits(incident):
            facts.append(f"*Next step*\n{_moment(incident.next_step_at or 0)}")
    facts.extend(f"*{escaped(name, 100)}*\n{escaped(value, _FIELD - 120)}" for name, value in message.facts)
    return facts[:_FIELDS]


def _waits(incident: IncidentView) -> bool:
    return incident.next_step_at is not None and incident.state != "resolved"


def _sign(message: Message) -> str:
    match message.kind:
        case MessageKind.RESOLVE:
            return "✅ Resolved:"
        case MessageKind.ACKNOWLEDGE:
            return "👀"
        case _:
            state = message.incident.state if message.incident is not None else ""
            return "👀" if state == "acknowledged" else _SIGNS[message.severity]


def _moment(at: Timestamp) -> str:
    """Shown in each reader's own zone."""
    return f"<!date^{at // SECOND}^{{date_short_pretty}} {{time}}|{rfc3339(at)}>"


def _links(message: Message) -> str:
    """As many whole links as there is room for, the first ones first."""
    line = ""
    for text, url in links_of(message):
        longer = f"{line} · {_link(text, url)}" if line else _link(text, url)
        if len(longer) <= _LINKS:
            line = longer
    return line


def _link(text: str, url: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    name = escaped(text.strip() or "link", 75).replace("|", "/")
    return f"<{safe}|{name}>" if len(safe) <= _URL else name


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": cut(text, _HEADER), "emoji": True}


def _mrkdwn(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text}


def _action(row: dict[str, str]) -> dict[str, object]:
    """A button; what it asks before it acts is a structure of its own."""
    action: dict[str, object] = {key: value for key, value in row.items() if not key.startswith("confirm.")}
    confirm = {key.removeprefix("confirm."): value for key, value in row.items() if key.startswith("confirm.")}
    return action | ({"confirm": confirm} if confirm else {})


def _group_field(row: dict[str, str], short: str) -> dict[str, object]:
    """`short` is for those that do not say it themselves."""
    return {"title": row["title"], "value": row["value"], "short": row.get("short", short) == "true"}
