"""A Teams channel, through an Office 365 connector."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import DeliveryFailure, DeliveryOutcome, RetryLater
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import msteams_body
from monitor.notify.kinds.over_http import OverHttp, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import WEBHOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class MsTeamsOptions:
    """A Teams channel, through an Office 365 connector."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.webhook_url.address


class MsTeams(OverHttp[MsTeamsOptions]):
    """Posts to the channel."""

    name = "msteams"
    limit = WEBHOOK
    options = MsTeamsOptions

    async def tell(self, options: MsTeamsOptions, sending: Sending) -> DeliveryOutcome:
        url = self.secret(options.webhook_url, sending.message, "address")
        call = json_call(url, msteams_body(sending.message, repeat=sending.uncertain))
        answer = await self.call(options, call)
        # a connector that is called too often says so with status 200
        if answer.status == 200 and b"HTTP error 429" in answer.body:
            return RetryLater("Teams is asked too often", failure=DeliveryFailure.RATE_LIMITED)
        return self.judged(answer, sending)
