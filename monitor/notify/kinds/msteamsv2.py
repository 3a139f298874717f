"""A Teams channel, through a workflow."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import msteamsv2_body
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class MsTeamsV2Options:
    """A Teams channel, through a workflow."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.webhook_url.address


class MsTeamsV2(OverHttp[MsTeamsV2Options]):
    """Posts to the channel."""

    name = "msteamsv2"
    limit = WEBHOOK
    options = MsTeamsV2Options

    async def tell(self, options: MsTeamsV2Options, sending: Sending) -> DeliveryOutcome:
        url = self.secret(options.webhook_url, sending.message, "address")
        call = json_call(url, msteamsv2_body(sending.message, repeat=sending.uncertain))
        return self.judged(await self.call(options, call), sending)
