"""A Telegram chat, as a bot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitor.model.notifications import Delivered, DeliveryOutcome, Rejected, RetryLater, Unknown
from monitor.model.surrogates import json_of
from monitor.model.times import SECOND, Millis
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import telegram_body
from monitor.notify.kinds.calling import CallAnswer
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


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
    api_url: str = field(default="https://api.telegram.org", repr=False)
    """Where the Bot API is."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.bot_token.address


class Telegram(OverHttp[TelegramOptions]):
    """Posts to the chat."""

    name = "telegram"
    limit = WEBHOOK
    options = TelegramOptions

    async def tell(self, options: TelegramOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        body = telegram_body(message, options.parse_mode, repeat=sending.uncertain)
        body["chat_id"] = self.secret(options.chat_id, message, "chat's id")
        if options.message_thread_id:
            body["message_thread_id"] = str(options.message_thread_id)
        if options.disable_notifications:
            body["disable_notification"] = "true"
        token = self.secret(options.bot_token, message, "bot's token")
        call = json_call(f"{options.api_url.rstrip('/')}/bot{token}/sendMessage", body)
        answer = await self.call(options, call)
        outcome = self.judged(answer, sending)
        return outcome if isinstance(outcome, Delivered | Unknown) else self._again(answer, outcome)

    def _again(self, answer: CallAnswer, outcome: RetryLater | Rejected) -> DeliveryOutcome:
        """As in Alertmanager whatever Telegram refuses is tried again; it says itself how long to wait."""
        try:
            document: Any = json_of(answer.body)
            why, after = str(document["description"]), document.get("parameters", {}).get("retry_after")
        except (ValueError, KeyError, TypeError, AttributeError):
            return RetryLater(outcome.why, outcome.after if isinstance(outcome, RetryLater) else None, outcome.failure)
        wished: Millis | None = after * SECOND if isinstance(after, int) else None
        return RetryLater(f"Telegram refused it: {self.quoted(answer, why)} ({answer.status})", wished, outcome.failure)
