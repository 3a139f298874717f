"""A Webex room, as a bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import webex_body
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.posting import Posted, Wire
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class WebexOptions:
    """A Webex room, as a bot."""

    room_id: str
    """The room, or a template of it."""
    api_url: str = "https://webexapis.com/v1/messages"
    """Where messages are made."""
    client: HttpClient = PLAIN
    """Whose `authorization` is the bot's token."""


def _call(sending: Sending, options: WebexOptions, read: Callable[[SecretSource], str]) -> Call:
    body = webex_body(sending.message, repeat=sending.uncertain)
    if not body["roomId"]:
        body["roomId"] = options.room_id
    return json_call(options.api_url, body)


_WIRE = Wire(name="webex", options=WebexOptions, build=_call, secrets=lambda options: (SecretSource(options.api_url),))


def webex(surroundings: Surroundings) -> Posted[WebexOptions]:
    """The integration."""
    return Posted(_WIRE, surroundings)
