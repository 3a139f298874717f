"""A Mattermost channel, through an incoming webhook."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import mattermost_body
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class MattermostOptions:
    """A Mattermost channel, through an incoming webhook."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.webhook_url.address


class Mattermost(OverHttp[MattermostOptions]):
    """Posts to the channel."""

    name = "mattermost"
    limit = WEBHOOK
    options = MattermostOptions
    addressing = frozenset({"channel", "priority"})

    async def tell(self, options: MattermostOptions, sending: Sending) -> DeliveryOutcome:
        url = self.secret(options.webhook_url, sending.message, "address")
        call = json_call(url, mattermost_body(sending.message, repeat=sending.uncertain))
        return self.judged(await self.call(options, call), sending)
