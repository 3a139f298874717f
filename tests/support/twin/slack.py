"""The part of Slack's Web API that notifications use, and incoming webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from monitor.model.times import MINUTE, SECOND, Timestamp
from tests.support.twin.records import Window

_LARGEST_TOTAL = 13_200
_LARGEST_TEXT = 40_000
_PAGE = 100
_METHODS = (
    "chat.postMessage",
    "chat.update",
    "conversations.history",
    "conversations.replies",
    "conversations.open",
    "conversations.list",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """One message of a channel."""

    channel: str
    ts: str
    content: Mapping[str, Any]
    """text, blocks, attachments, metadata: as given."""
    thread_ts: str = ""
    broadcast: bool = False
    edits: int = 0
    former: tuple[str, ...] = field(default=())
    """The texts before each edit."""

    @property
    def text(self) -> str:
        return str(self.content.get("text", ""))


class SlackTwin:
    """Channels, their messages and their limits."""

    def __init__(self) -> None:
        self.messages: list[SlackMessage] = []
        self.bad_tokens: set[str] = set()
        self.missing_channels: set[str] = set()
        self.quiet_channels: set[str] = set()
        """Ids of channels in which nothing was said."""
        self.webhook_posts: list[Mapping[str, Any]] = []
        self._posts = Window(3, 3 * SECOND)
        """One a second on average, in short bursts."""
        self._edits = Window(50, MINUTE)
        self._last_ts: Timestamp = 0
        self._serial = 0

    def roots(self) -> list[SlackMessage]:
        return [message for message in self.messages if not message.thread_ts]

    def replies(self, ts: str) -> list[SlackMessage]:
        return [message for message in self.messages if message.thread_ts == ts]

    def as_json(self) -> dict[str, object]:
        return {"messages": [asdict(message) for message in self.messages], "webhook_posts": list(self.webhook_posts)}

    def limited(self, method: str, args: Mapping[str, Any], now: Timestamp) -> int:
        """Seconds to wait, or 0."""
        if method == "chat.postMessage":
            return self._posts.take(str(args.get("channel", "")), now)
        if method == "webhook":
            return self._posts.take(f"webhook {args.get('_path', '')}", now)
        if method == "chat.update":
            return self._edits.take("update", now)
        return 0

    def error(self, method: str, token: str, args: Mapping[str, Any]) -> str:
        """Slack's word for what is wrong with a call, or an empty text."""
        if not token:
            return "not_authed"
        if not token.startswith("xoxb-") or token in self.bad_tokens:
            return "invalid_auth"
        if method == "auth.test":
            return ""
        if method not in _METHODS:
            return "unknown_method"
        if method in ("conversations.open", "conversations.list"):
            return ""
        channel = str(args.get("channel", ""))
        if not channel or channel in self.missing_channels:
            return "channel_not_found"
        if method != "chat.postMessage" and channel.startswith("#"):
            return "channel_not_found"
        if method == "chat.update" and self._find(channel, str(args.get("ts", ""))) is None:
            return "message_not_found"
        if (
            method == "chat.postMessage"
            and args.get("thread_ts")
            and self._find(channel, str(args["thread_ts"])) is None
        ):
            return "thread_not_found"
        return content_error(args) if method.startswith("chat.") else ""

    def take(self, method: str, args: Mapping[str, Any], now: Timestamp) -> dict[str, object]:
        """Apply a valid call; its answer without `ok`."""
        match method:
            case "auth.test":
                return {"team": "Twin", "user": "watchkeeper", "team_id": "T1", "user_id": "U1", "bot_id": "B1"}
            case "chat.postMessage":
                return self._post(args, now)
            case "chat.update":
                return self._update(args)
            case "conversations.open":
                return {"channel": {"id": _channel_id(str(args.get("users", "")))}}
            case "conversations.list":
                channels = sorted({m.channel for m in self.messages} | self.quiet_channels)
                rows = [{"id": channel, "name": channel[1:].lower()} for channel in channels]
                return {"channels": rows, "response_metadata": {"next_cursor": ""}}
            case "conversations.replies":
                return self._thread(args)
            case _:
                return self._history(args)

    def delete(self, ts: str) -> None:
        """Somebody deletes a message."""
        self.messages = [message for message in self.messages if message.ts != ts]

    def _post(self, args: Mapping[str, Any], now: Timestamp) -> dict[str, object]:
        channel = _channel_id(str(args["channel"]))
        self._serial += 1
        ts = f"{now // SECOND}.{self._serial:06d}"
        thread = str(args.get("thread_ts", "") or "")
        broadcast = bool(thread) and args.get("reply_broadcast") in (True, "true", "1", 1)
        content = {name: args[name] for name in ("text", "blocks", "attachments", "metadata") if name in args}
        self.messages.append(
            SlackMessage(channel=channel, ts=ts, content=content, thread_ts=thread, broadcast=broadcast)
        )
        return {"channel": channel, "ts": ts, "message": {"text": str(args.get("text", "")), "ts": ts}}

    def _update(self, args: Mapping[str, Any]) -> dict[str, object]:
        channel, ts = _channel_id(str(args["channel"])), str(args["ts"])
        for place, message in enumerate(self.messages):
            if (message.channel, message.ts) == (channel, ts):
                content = {name: args[name] for name in ("text", "blocks", "attachments", "metadata") if name in args}
                # as at Slack: an edit without metadata keeps what was there
                content.setdefault("metadata", message.content.get("metadata"))
                self.messages[place] = replace(
                    message, content=content, edits=message.edits + 1, former=(*message.former, message.text)
                )
        return {"channel": channel, "ts": ts, "text": str(args.get("text", ""))}

    def _history(self, args: Mapping[str, Any]) -> dict[str, object]:
        channel = _channel_id(str(args["channel"]))
        shown = [m for m in self.messages if m.channel == channel and (not m.thread_ts or m.broadcast)]
        oldest = float(str(args.get("oldest", 0)))
        shown = [m for m in reversed(shown) if float(m.ts) > oldest]
        return _paged(shown, args)

    def _thread(self, args: Mapping[str, Any]) -> dict[str, object]:
        channel, ts = _channel_id(str(args["channel"])), str(args.get("ts", ""))
        return _paged([m for m in self.messages if m.channel == channel and ts in (m.ts, m.thread_ts)], args)

    def _find(self, channel: str, ts: str) -> SlackMessage | None:
        return next((m for m in self.messages if (m.channel, m.ts) == (_channel_id(channel), ts)), None)


def content_error(args: Mapping[str, Any]) -> str:
    """What is wrong with a message's content, in Slack's word."""
    text = str(args.get("text", "") or "")
    attachments = _dicts(args.get("attachments"))
    blocks = _dicts(args.get("blocks"))
    if len(text) > _LARGEST_TEXT:
        return "msg_too_long"
    if not text and not blocks and not attachments:
        return "no_text"
    groups = [blocks, *(_dicts(attachment.get("blocks")) for attachment in attachments)]
    if any(len(group) > 50 for group in groups) or len(attachments) > 100:
        return "invalid_blocks"
    every = [block for group in groups for block in group]
    if any(not _block_is_valid(block) for block in every):
        return "invalid_blocks"
    ids = [str(block["block_id"]) for block in every if "block_id" in block]
    if len(ids) != len(set(ids)) or any(len(name) > 255 for name in ids):
        return "invalid_blocks"
    if sum(len(str(found)) for block in every for found in _texts(block)) > _LARGEST_TOTAL:
        return "msg_blocks_too_long"
    metadata = args.get("metadata")
    if metadata is not None and not (
        isinstance(metadata, dict) and "event_type" in metadata and "event_payload" in metadata
    ):
        return "invalid_metadata_format"
    return ""


def _block_is_valid(block: Mapping[str, Any]) -> bool:
    match block.get("type"):
        case "header":
            return _text_fits(block.get("text"), 150, ("plain_text",))
        case "section":
            fields = _dicts(block.get("fields"))
            if "text" not in block and not fields:
                return False
            fits = "text" not in block or _text_fits(block["text"], 3000, ("plain_text", "mrkdwn"))
            return fits and len(fields) <= 10 and all(_text_fits(f, 2000, ("plain_text", "mrkdwn")) for f in fields)
        case "context":
            elements = _dicts(block.get("elements"))
            return 0 < len(elements) <= 10 and all(_text_fits(e, 3000, ("plain_text", "mrkdwn")) for e in elements)
        case "divider":
            return True
        case _:
            return False


def _text_fits(found: object, most: int, kinds: tuple[str, ...]) -> bool:
    if not isinstance(found, dict):
        return False
    text = cast("dict[str, object]", found)
    words = text.get("text")
    return text.get("type") in kinds and isinstance(words, str) and 0 < len(words) <= most


def _texts(found: object) -> list[str]:
    if isinstance(found, dict):
        pairs = cast("dict[str, object]", found)
        own = [str(pairs["text"])] if isinstance(pairs.get("text"), str) else []
        return own + [text for value in pairs.values() for text in _texts(value)]
    if isinstance(found, list):
        return [text for value in cast("list[object]", found) for text in _texts(value)]
    return []


def _dicts(found: object) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        return []
    return [cast("dict[str, Any]", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def _paged(messages: Sequence[SlackMessage], args: Mapping[str, Any]) -> dict[str, object]:
    start = int(str(args.get("cursor", "") or "0"))
    size = min(int(str(args.get("limit", _PAGE))), _PAGE)
    with_metadata = args.get("include_all_metadata") in (True, "1", "true", 1)
    shown: list[dict[str, object]] = []
    for message in messages[start : start + size]:
        row: dict[str, object] = {"type": "message", "text": message.text, "ts": message.ts}
        if message.thread_ts:
            row["thread_ts"] = message.thread_ts
        if with_metadata and message.content.get("metadata"):
            row["metadata"] = message.content["metadata"]
        shown.append(row)
    more = start + size < len(messages)
    cursor = str(start + size) if more else ""
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": cursor}}


def _channel_id(name: str) -> str:
    """Slack answers with the channel's id, also when it was given a name."""
    if name.startswith("#"):
        return "C" + name[1:].upper()
    return "D" + name[1:] if name.startswith(("U", "W")) else name
