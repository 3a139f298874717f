"""A webhook: POSTs Alertmanager's version 4 body, signed when a secret is set.

The signature covers time and body, so that a receiver can refuse old ones: `X-Watchkeeper-Signature: t=<seconds>,v1=<hex>`
with HMAC-SHA256 over `<seconds>.<body>`. `X-Watchkeeper-Delivery` is the same for every attempt of one message: a receiver
that remembers it never acts twice.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.model.errors import StoreError, TemplateError
from monitor.model.notifications import DeliveryOutcome, Message, Rejected, RetryLater
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.webhook import webhook_body
from monitor.notify.kinds.answers import by_status
from monitor.notify.kinds.calling import Call, NoAnswerError, answer_of
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import WEBHOOK, Toll


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """Where a webhook goes."""

    url: SecretSource
    """The address, or a template of it that is rendered for each attempt. Many hold a token, so it is treated as a secret."""
    max_alerts: int = 0
    """At most so many alerts in one body; 0: all."""
    timeout: Millis = 0
    """For one attempt; 0: as for all."""
    secret: SecretSource = field(default_factory=SecretSource)
    """Signs each body; without it there is no signature."""
    client: HttpClient = PLAIN


class Webhook:
    """Posts to an address."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._asking = surroundings.asking
        self._rendered = surroundings.rendered

    def takes(self, message: Message, options: object) -> str:
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return (Toll(f"webhook {own_options(sending.options, WebhookOptions).url.address}", WEBHOOK),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, WebhookOptions)
        body = webhook_body(sending.message, max_alerts=options.max_alerts, repeat=sending.uncertain)
        try:
            url = options.url.read()
            headers = _headers(options, sending, body)
            if "{{" in url:
                url = self._rendered(url, sending.message)
        except StoreError as error:
            return RetryLater(str(error))
        except TemplateError:
            # its text may show the address
            return Rejected("the template of the address failed")
        if not url:
            return Rejected("the address is empty")
        call = Call(url=url, headers=headers, body=body)
        try:
            answer = await answer_of(self._asking(), options.client, call, within=options.timeout)
        except NoAnswerError as error:
            return error.outcome
        return by_status(answer.status, answer.retry_after, sending.now, body=answer.words())

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""


def signature(secret: str, body: bytes, now: Timestamp) -> str:
    """The signature header of a body sent at this instant."""
    seconds = str(now // SECOND)
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def _headers(options: WebhookOptions, sending: Sending, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Watchkeeper",
        "X-Watchkeeper-Delivery": hashlib.sha256(sending.row.dedupe_key.encode()).hexdigest()[:32],
    }
    if options.secret:
        headers["X-Watchkeeper-Signature"] = signature(options.secret.read(), body, sending.now)
    return headers
