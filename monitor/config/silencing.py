"""Silences: when whoever makes one is asked first, and who hears that one is about to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from monitor.alerts.breadth import Bounds
from monitor.alerts.silence_care import Reminders
from monitor.config.configuration import AddressBook, SilencingSettings
from monitor.config.fields import Flag, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.maintenance import check_listener
from monitor.config.yamltree import Document


class SilencesSection(Section):
    """A silence or maintenance window that mutes more than somebody may mean is refused by our command line and our own API
    until it is confirmed. One that names no alerts in particular always is."""

    ask_above: Annotated[Whole, Field(ge=0)] = 50
    """So many alerts that fire now may be muted without a question; 0 is any number."""
    ask_above_percent: Annotated[Whole, Field(ge=0, le=100)] = 50
    """Such a part of all alerts that fire now may be, where it is more than ten; 0 is any part."""
    ask_in_api: Flag = False
    """Refuse them in Alertmanager's API, too, where nobody can confirm: amtool, Grafana, karma."""
    remind_to: Text = ""
    """A receiver, a person (`user:ana`) or a channel (`slack:#shop`) that hears when a silence is about to end that still
    mutes alerts."""
    remind_before: Span = 0
    """How long before the end, as `15m`, whichever way the silence was made; 0: only where a silence asks for it."""


def read_silencing(
    section: SilencesSection, book: AddressBook, unsure: Callable[[str], bool], document: Document, findings: Findings
) -> SilencingSettings:
    """The settings; what is wrong in them becomes findings."""
    if section.remind_to:
        check_listener(section.remind_to, book, unsure, document, ("silences", "remind_to"), findings)
    elif section.remind_before:
        findings.wrong(document, ("silences", "remind_before"), "is heard by nobody", "name a receiver: remind_to")
    return SilencingSettings(
        bounds=Bounds(alerts=section.ask_above, percent=section.ask_above_percent),
        asks_in_api=section.ask_in_api,
        reminders=Reminders(to=section.remind_to, before=section.remind_before),
    )
