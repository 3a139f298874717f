"""A Rocket.Chat channel, as a user with a personal token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitor.model.notifications import Delivered, DeliveryFailure, DeliveryOutcome, Rejected
from monitor.model.surrogates import json_of
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import rocketchat_body
from monitor.notify.kinds.answers import unexpected
from monitor.notify.kinds.calling import CallAnswer
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class RocketChatOptions:
    """A Rocket.Chat channel, as a user with a personal token."""

    token: SecretSource
    token_id: SecretSource
    """The user's id, which goes with the token."""
    api_url: str = field(default="https://open.rocket.chat/", repr=False)
    """The server."""
    link_names: bool = field(default=False)
    """Turn @names into links."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.token.address


class RocketChat(OverHttp[RocketChatOptions]):
    """Posts to the channel."""

    name = "rocketchat"
    limit = WEBHOOK
    options = RocketChatOptions
    addressing = frozenset({"channel"})

    async def tell(self, options: RocketChatOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        body = rocketchat_body(message, repeat=sending.uncertain)
        if options.link_names:
            body["parseUrls"] = True
        headers = {
            "X-Auth-Token": self.secret(options.token, message, "token"),
            "X-User-Id": self.secret(options.token_id, message, "token's id"),
        }
        call = json_call(f"{options.api_url.rstrip('/')}/api/v1/chat.postMessage", body, headers)
        answer = await self.call(options, call)
        outcome = self.judged(answer, sending)
        return self._accepted(answer) if isinstance(outcome, Delivered) else outcome

    def _accepted(self, answer: CallAnswer) -> DeliveryOutcome:
        """A refusal may come with status 200."""
        try:
            document: Any = json_of(answer.body)
            accepted, why = document.get("success") is not False, str(document.get("error", ""))
        except (ValueError, AttributeError):
            return Rejected(f"the answer is not one of Rocket.Chat's: {unexpected(answer.status)}")
        return (
            Delivered()
            if accepted
            else Rejected(f"Rocket.Chat refused it: {self.quoted(answer, why)}", DeliveryFailure.CLIENT)
        )
