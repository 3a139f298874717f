"""A Rocket.Chat channel, as a user with a personal token."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from monitor.model.notifications import Delivered, DeliveryOutcome, Rejected
from monitor.model.times import Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import rocketchat_body
from monitor.notify.kinds.answers import unexpected
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call, CallAnswer
from monitor.notify.kinds.posting import Posted, Wire, by_status_alone
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class RocketChatOptions:
    """A Rocket.Chat channel, as a user with a personal token."""

    token: SecretSource
    token_id: SecretSource
    """The user's id, which goes with the token."""
    api_url: str = "https://open.rocket.chat/"
    """The server."""
    link_names: bool = field(default=False)
    """Turn @names into links."""
    client: HttpClient = PLAIN


def _call(sending: Sending, options: RocketChatOptions, read: Callable[[SecretSource], str]) -> Call:
    body = rocketchat_body(sending.message, repeat=sending.uncertain)
    if options.link_names:
        body["parseUrls"] = True
    headers = {"X-Auth-Token": read(options.token), "X-User-Id": read(options.token_id)}
    return json_call(f"{options.api_url.rstrip('/')}/api/v1/chat.postMessage", body, headers)


def _judge(answer: CallAnswer, now: Timestamp) -> DeliveryOutcome:
    """A refusal may come with status 200."""
    outcome = by_status_alone(answer, now)
    if not isinstance(outcome, Delivered):
        return outcome
    try:
        document: Any = json.loads(answer.body)
        accepted, why = document.get("success") is not False, str(document.get("error", ""))
    except (ValueError, AttributeError):
        return Rejected(f"the answer is not one of Rocket.Chat's: {unexpected(answer.status, answer.body)}")
    return outcome if accepted else Rejected(f"Rocket.Chat refused it: {why[:200]}")


_WIRE = Wire(
    name="rocketchat",
    options=RocketChatOptions,
    build=_call,
    secrets=lambda options: (options.token, options.token_id),
    judge=_judge,
)


def rocketchat(surroundings: Surroundings) -> Posted[RocketChatOptions]:
    """The integration."""
    return Posted(_WIRE, surroundings)
