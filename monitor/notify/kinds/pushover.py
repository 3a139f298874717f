"""Pushover. Token and user go in the body, never in the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from monitor.model.notifications import DeliveryOutcome
from monitor.model.times import HOUR, MINUTE, Millis
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.pushover import pushover_form
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.over_http import OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushoverOptions:
    """An application's token and whom it tells."""

    user_key: SecretSource
    token: SecretSource
    retry: Millis = MINUTE
    """Between two alarms of priority 2."""
    expire: Millis = HOUR
    """When they end."""
    ttl: Millis = 0
    """When the message goes away by itself; 0: it stays."""
    html: bool = False
    monospace: bool = False
    api_url: str = field(default="https://api.pushover.net/1/messages.json", repr=False)
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return f"{self.token.address} {self.user_key.address}"


class Pushover(OverHttp[PushoverOptions]):
    """Sends messages."""

    name = "pushover"
    options = PushoverOptions
    addressing = frozenset({"device", "sound"})

    async def tell(self, options: PushoverOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        form = pushover_form(
            message,
            retry=options.retry,
            expire=options.expire,
            ttl=options.ttl,
            html=options.html,
            monospace=options.monospace,
            repeat=sending.uncertain,
        )
        whole = {
            "token": self.secret(options.token, message, "token"),
            "user": self.secret(options.user_key, message, "user key"),
            **form,
        }
        call = Call(url=options.api_url, headers=_FORM, body=urlencode(whole).encode())
        return self.judged(await self.call(options, call), sending)
