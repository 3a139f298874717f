"""A Discord channel, through a webhook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import discord_body
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.posting import Posted, Wire
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordOptions:
    """A Discord channel, through a webhook."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN


def _call(sending: Sending, options: DiscordOptions, read: Callable[[SecretSource], str]) -> Call:
    return json_call(read(options.webhook_url), discord_body(sending.message, repeat=sending.uncertain))


_WIRE = Wire(name="discord", options=DiscordOptions, build=_call, secrets=lambda options: (options.webhook_url,))


def discord(surroundings: Surroundings) -> Posted[DiscordOptions]:
    """The integration."""
    return Posted(_WIRE, surroundings)
