"""A Telegram chat, as a bot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from monitor.model.notifications import Delivered, DeliveryOutcome, RetryLater, Unknown
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import telegram_body
from monitor.notify.kinds.answers import unexpected
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call, CallAnswer
from monitor.notify.kinds.posting import Posted, Wire, by_status_alone
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramOptions:
    """A Telegram chat, as a bot."""

    bot_token: SecretSource
    chat_id: SecretSource
    """A number; it may stand in a file."""
    message_thread_id: int = 0
    """A topic of a forum; 0 is none."""
    parse_mode: str = "HTML"
    """HTML, MarkdownV2, Markdown, or empty for plain text."""
    disable_notifications: bool = field(default=False)
    """Without a sound."""
    api_url: str = "https://api.telegram.org"
    """Where the Bot API is."""
    client: HttpClient = PLAIN


def _call(sending: Sending, options: TelegramOptions, read: Callable[[SecretSource], str]) -> Call:
    body = telegram_body(sending.message, options.parse_mode, repeat=sending.uncertain)
    body["chat_id"] = options.chat_id.read()
    if not body["chat_id"]:
        raise ValueError("the chat's id is empty")
    if options.message_thread_id:
        body["message_thread_id"] = str(options.message_thread_id)
    if options.disable_notifications:
        body["disable_notification"] = "true"
    token = read(options.bot_token)
    if not token:
        raise ValueError("the bot's token is empty")
    return json_call(f"{options.api_url.rstrip('/')}/bot{token}/sendMessage", body)


def _judge(answer: CallAnswer, now: Timestamp) -> DeliveryOutcome:
    """As in Alertmanager whatever Telegram refuses is tried again; it says itself how long to wait."""
    outcome = by_status_alone(answer, now)
    if isinstance(outcome, Delivered | Unknown):
        return outcome
    try:
        document: Any = json.loads(answer.body)
        why, after = str(document["description"]), document.get("parameters", {}).get("retry_after")
    except (ValueError, KeyError, TypeError, AttributeError):
        return RetryLater(unexpected(answer.status, answer.body), getattr(outcome, "after", None))
    wished: Millis | None = after * SECOND if isinstance(after, int) else None
    return RetryLater(f"Telegram refused it: {why[:200]} ({answer.status})", wished)


_WIRE = Wire(
    name="telegram",
    options=TelegramOptions,
    build=_call,
    secrets=lambda options: (options.bot_token,),
    judge=_judge,
)


def telegram(surroundings: Surroundings) -> Posted[TelegramOptions]:
    """The integration."""
    return Posted(_WIRE, surroundings)
