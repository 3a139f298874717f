"""A Teams channel, through a workflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import msteamsv2_body
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.posting import Posted, Wire
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class MsTeamsV2Options:
    """A Teams channel, through a workflow."""

    webhook_url: SecretSource
    """The address, which is a secret."""
    client: HttpClient = PLAIN


def _call(sending: Sending, options: MsTeamsV2Options, read: Callable[[SecretSource], str]) -> Call:
    return json_call(read(options.webhook_url), msteamsv2_body(sending.message, repeat=sending.uncertain))


_WIRE = Wire(name="msteamsv2", options=MsTeamsV2Options, build=_call, secrets=lambda options: (options.webhook_url,))


def msteamsv2(surroundings: Surroundings) -> Posted[MsTeamsV2Options]:
    """The integration."""
    return Posted(_WIRE, surroundings)
