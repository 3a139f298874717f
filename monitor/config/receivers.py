"""Receivers: who is told by which integration, in Alertmanager's words.

`alertmanager` reads and completes them; here each integration becomes a `Destination` (a reference), the options that the
address book hands out at the moment of sending, and the templates of the texts that it says. Kinds that cannot be told yet
are known by name and warn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.alerts.receivers import Integration
from monitor.alerts.templating.fields import FieldTemplate
from monitor.config.alertmanager.making import made
from monitor.config.alertmanager.receiver_list import NamedReceiver, read_receivers
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Flag, Kind, Reading, Text
from monitor.config.golang.structs import ListOf, Struct, Values
from monitor.config.people import EscalateSection
from monitor.config.yamltree import Document, Tree
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.secret import SecretSource

Locate = Callable[[str], str]
"""Makes a path that the configuration names absolute."""

OURS: Final[Mapping[str, Kind]] = {
    "console_configs": ListOf(
        item=Struct(
            title="Console receiver",
            about="Watchkeeper's own: print on the daemon's output.",
            keys={"send_resolved": Flag(default=True, about="Tell also when it is over.")},
        ),
        about="Watchkeeper's own.",
    ),
    "escalation_configs": ListOf(
        item=Struct(
            title="Escalation",
            about="Watchkeeper's own: a receiver that opens incidents.",
            keys={
                "policy": Text(about="The policy that is walked."),
                "keep_pagerduty": Flag(about="Also notify the receiver's own pagerduty_configs, as Alertmanager does."),
            },
        ),
        about="Watchkeeper's own: the policy that this receiver opens incidents for.",
    ),
}
"""Keys of a receiver that Alertmanager does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverParts:
    """A receiver as the alert side sees it, and what its destinations mean."""

    name: str
    integrations: tuple[Integration, ...]
    options: Mapping[Destination, object]
    templates: Mapping[Destination, Mapping[str, FieldTemplate]] = field(
        default_factory=dict[Destination, Mapping[str, FieldTemplate]]
    )
    escalate: EscalateSection | None = None
    labels: Labels = EMPTY
    """Of the receiver itself."""


def receiver_parts(
    tree: Tree, path: tuple[str | int, ...], shared: Values, reading: Reading, *, named: bool
) -> dict[str, tuple[NamedReceiver, ReceiverParts]]:
    """A list of receivers, by name. `named`: there are template files."""
    return {
        receiver.name: (receiver, _parts(values, receiver, reading, named))
        for values, receiver in read_receivers(tree, path, shared, reading, OURS)
    }


def _parts(values: Values, receiver: NamedReceiver, reading: Reading, named: bool) -> ReceiverParts:
    integrations: list[Integration] = []
    options: dict[Destination, object] = {}
    templates: dict[Destination, Mapping[str, FieldTemplate]] = {}
    for key, entries in receiver.integrations.items():
        for place, entry in enumerate(entries):
            one = made(key, entry.values, entry.given, entry.path, reading)
            if one is None:
                continue
            destination = Destination(receiver.name, key.removesuffix("_configs"), place)
            options[destination] = one.options
            wanted = one.wanted(named=named)
            if wanted:
                templates[destination] = wanted
            told = entry.values["send_resolved"] is True
            integrations.append(Integration(destination=destination, send_resolved=told))
    for place, entry in enumerate(values.many("console_configs")):
        destination = Destination(receiver.name, "console", place)
        options[destination] = ConsoleOptions()
        integrations.append(Integration(destination=destination, send_resolved=entry.flag("send_resolved")))
    return ReceiverParts(
        name=receiver.name,
        integrations=tuple(integrations),
        options=options,
        templates=templates,
        escalate=_escalation(values, reading),
        labels=Labels(receiver.labels),
    )


def _escalation(values: Values, reading: Reading) -> EscalateSection | None:
    found: EscalateSection | None = None
    for given in values.many("escalation_configs"):
        if found is not None:
            reading.refuse(given.path, "a receiver escalates to one policy", "keep one of them")
        elif given.text("policy"):
            found = EscalateSection(policy=given.text("policy"), keep_pagerduty=given.flag("keep_pagerduty"))
        else:
            reading.refuse(given.path, "names no policy", "set policy")
    return found


def read_secret(
    inline: str,
    file: str,
    name: str,
    document: Document,
    path: tuple[str | int, ...],
    findings: Findings,
    locate: Locate,
) -> SecretSource | None:
    """A secret that is given inline or by file; None if both are. An empty source if neither is."""
    if inline and file:
        findings.wrong(document, path, f"at most one of {name} & {name}_file must be configured")
        return None
    return SecretSource.file(locate(file)) if file else SecretSource(inline)
