"""A Teams channel, through an Office 365 connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.model.notifications import DeliveryOutcome, RetryLater
from monitor.model.times import Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import msteams_body
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call, CallAnswer
from monitor.notify.kinds.posting import Posted, Wire, by_status_alone
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class MsTeamsOptions:
    """A Teams channel, through an Office 365 connector."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN


def _call(sending: Sending, options: MsTeamsOptions, read: Callable[[SecretSource], str]) -> Call:
    return json_call(read(options.webhook_url), msteams_body(sending.message, repeat=sending.uncertain))


def _judge(answer: CallAnswer, now: Timestamp) -> DeliveryOutcome:
    """A connector that is called too often says so with status 200."""
    if answer.status == 200 and b"HTTP error 429" in answer.body:
        return RetryLater("Teams is asked too often")
    return by_status_alone(answer, now)


_WIRE = Wire(
    name="msteams", options=MsTeamsOptions, build=_call, secrets=lambda options: (options.webhook_url,), judge=_judge
)


def msteams(surroundings: Surroundings) -> Posted[MsTeamsOptions]:
    """The integration."""
    return Posted(_WIRE, surroundings)
