"""A Webex room, as a bot."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.notifications import DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import webex_body
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class WebexOptions:
    """A Webex room, as a bot."""

    room_id: str
    """The room, or a template of it."""
    api_url: str = field(default="https://webexapis.com/v1/messages", repr=False)
    """Where messages are made."""
    client: HttpClient = PLAIN
    """Whose `authorization` is the bot's token."""

    @property
    def address(self) -> str:
        return self.room_id


class Webex(OverHttp[WebexOptions]):
    """Posts to the room."""

    name = "webex"
    limit = WEBHOOK
    options = WebexOptions
    addressing = frozenset({"room_id"})

    async def tell(self, options: WebexOptions, sending: Sending) -> DeliveryOutcome:
        body = webex_body(sending.message, repeat=sending.uncertain)
        if not body["roomId"]:
            body["roomId"] = options.room_id
        return self.judged(await self.call(options, json_call(options.api_url, body)), sending)
