"""Every integration: its name in the configuration, its options and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.notify.kinds.console import Console, ConsoleOptions
from monitor.notify.kinds.email import Email, EmailOptions
from monitor.notify.kinds.pagerduty import PagerDuty, PagerDutyOptions
from monitor.notify.kinds.sending import Kind, Surroundings
from monitor.notify.kinds.slack import Slack, SlackOptions
from monitor.notify.kinds.webhook import Webhook, WebhookOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One integration."""

    options: type[object]
    """Its options: a frozen dataclass with a sentence under each field."""
    make: Callable[[Surroundings], Kind]


CATALOGUE: Mapping[str, Entry] = MappingProxyType(
    {
        "pagerduty": Entry(options=PagerDutyOptions, make=PagerDuty),
        "slack": Entry(options=SlackOptions, make=Slack),
        "email": Entry(options=EmailOptions, make=Email),
        "webhook": Entry(options=WebhookOptions, make=Webhook),
        "console": Entry(options=ConsoleOptions, make=Console),
    }
)


def make_kinds(surroundings: Surroundings) -> dict[str, Kind]:
    """One of each, by name. None of them connects or imports its package before the first message."""
    return {name: entry.make(surroundings) for name, entry in CATALOGUE.items()}
