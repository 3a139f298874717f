"""Integrations that are imported when they are first used.

A daemon uses two or three of the twenty, and they are imported when the configuration arrives, with their options. The others
would take a megabyte. `catalogue` is for those who need to know them all: configuration and its documentation.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from monitor.model.notifications import DeliveryOutcome, Message
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.sending import Kind, Sending, Surroundings
from monitor.notify.throttling import Toll

CLASSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pagerduty": "PagerDuty",
        "slack": "Slack",
        "email": "Email",
        "webhook": "Webhook",
        "discord": "Discord",
        "mattermost": "Mattermost",
        "msteams": "MsTeams",
        "msteamsv2": "MsTeamsV2",
        "rocketchat": "RocketChat",
        "telegram": "Telegram",
        "webex": "Webex",
        "wechat": "WeChat",
        "opsgenie": "Opsgenie",
        "victorops": "VictorOps",
        "pushover": "Pushover",
        "sns": "Sns",
        "jira": "Jira",
        "incidentio": "Incidentio",
        "apprise": "Apprise",
        "console": "Console",
    }
)
"""By the integration's name, which is its module's name too. A test holds it against the catalogue."""


def make_kinds(surroundings: Surroundings) -> dict[str, Kind]:
    """One of each, by name. None of them connects or imports anything before the first message."""
    return {name: _Late(name, surroundings) for name in CLASSES}


class _Late:
    """Stands for a kind until it is used."""

    __slots__ = ("_made", "_name", "_surroundings")

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self._name = name
        self._surroundings = surroundings
        self._made: Kind | None = None

    def __repr__(self) -> str:
        return f"_Late({self._made or self._name!r})"

    def takes(self, message: Message, options: object) -> str:
        return self._kind().takes(message, options)

    def repeats(self, options: object) -> Repeats:
        return self._kind().repeats(options)

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return self._kind().tolls(sending)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        return await self._kind().deliver(sending)

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    def _kind(self) -> Kind:
        if self._made is None:
            module = importlib.import_module(f"monitor.notify.kinds.{self._name}")
            make = cast("Callable[[Surroundings], Kind]", getattr(module, CLASSES[self._name]))
            self._made = make(self._surroundings)
        return self._made
