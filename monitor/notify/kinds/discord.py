"""A Discord channel, through a webhook."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import discord_body
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordOptions:
    """A Discord channel, through a webhook."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.webhook_url.address


class Discord(OverHttp[DiscordOptions]):
    """Posts to the channel."""

    name = "discord"
    limit = WEBHOOK
    options = DiscordOptions

    async def tell(self, options: DiscordOptions, sending: Sending) -> DeliveryOutcome:
        url = self.secret(options.webhook_url, sending.message, "address")
        call = json_call(url, discord_body(sending.message, repeat=sending.uncertain))
        return self.judged(await self.call(options, call), sending)
