"""Receivers: who is told by which integration, in Alertmanager's words.

`alertmanager` reads and completes them; here each integration becomes a `Destination` (a reference), the options that the
address book hands out at the moment of sending, and the templates of the texts that it says. Kinds that cannot be told yet
are known by name and warn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from monitor.alerts.receivers import Integration
from monitor.alerts.templating.options import FieldTemplate
from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.config.alertmanager.inheritance import plain
from monitor.config.alertmanager.making import made, written_texts
from monitor.config.alertmanager.receiver_list import NamedReceiver, read_receivers
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.own_kinds import OURS, own_escalation, own_integrations
from monitor.config.people import EscalateSection
from monitor.config.yamltree import Document, Path, Tree
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination
from monitor.notify.kinds.secret import SecretSource

Locate = Callable[[str], str]
"""Makes a path that the configuration names absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverParts:
    """A receiver as the alert side sees it, and what its destinations mean."""

    name: str
    integrations: tuple[Integration, ...]
    options: Mapping[Destination, object]
    templates: Mapping[Destination, Mapping[str, FieldTemplate]] = field(
        default_factory=dict[Destination, Mapping[str, FieldTemplate]]
    )
    texts: tuple[tuple[Path, FieldTemplate], ...] = ()
    """The same with where each stands, those of integrations with mistakes too: for whoever judges them."""
    escalate: EscalateSection | None = None
    fallback: str = ""
    """The receiver that is told instead."""
    labels: Labels = EMPTY
    """Of the receiver itself."""
    place: Path = ()
    """Where it stands in its document."""


def receiver_parts(
    tree: Tree, path: Path, shared: Values, reading: Reading, *, ours: bool, defaults: bool
) -> dict[str, tuple[NamedReceiver, ReceiverParts]]:
    """A list of receivers, by name. `ours`: it stands in our own file, so it may have keys of our own. `defaults`: texts that
    are not given are Alertmanager's named templates, and not Watchkeeper's own words."""
    found: dict[str, tuple[NamedReceiver, ReceiverParts]] = {}
    for values, receiver in read_receivers(tree, path, shared, reading, OURS, foreign=not ours):
        parts = _parts(values, receiver, reading, ours=ours, defaults=defaults)
        if receiver.name in found:  # a mistake, which hides none in the texts of the first
            parts = replace(parts, texts=(*found[receiver.name][1].texts, *parts.texts))
        found[receiver.name] = (receiver, parts)
    return found


def joined(
    given: Mapping[str, ReceiverParts], own: Mapping[str, ReceiverParts], document: Document, findings: Findings
) -> dict[str, ReceiverParts]:
    """The receivers of an Alertmanager configuration with those of our own file beside it. One of the same name adds what
    Alertmanager has no key for."""
    found = dict(given)
    for name, more in own.items():
        first = found.get(name)
        if first is None:
            found[name] = more
            continue
        for one in more.integrations:
            kind = one.destination.integration
            if f"{kind}_configs" not in OURS:
                remedy = f"move {kind}_configs there, or give the receiver another name"
                problem = f'"{name}" is a receiver of the Alertmanager configuration, which has a key for {kind}'
                findings.wrong(document, more.place, problem, remedy)
            elif one.destination in first.options:
                findings.wrong(document, more.place, f"{kind}_configs of {name} are given twice", "keep one of them")
        if more.escalate is not None and first.escalate is not None:
            findings.wrong(document, more.place, f"{name} escalates twice", "keep one of them")
        found[name] = replace(
            first,
            integrations=(*first.integrations, *more.integrations),
            options={**first.options, **more.options},
            templates={**first.templates, **more.templates},
            escalate=more.escalate or first.escalate,
            fallback=more.fallback or first.fallback,
        )
    return found


def _parts(values: Values, receiver: NamedReceiver, reading: Reading, *, ours: bool, defaults: bool) -> ReceiverParts:
    integrations: list[Integration] = []
    options: dict[Destination, object] = {}
    templates: dict[Destination, Mapping[str, FieldTemplate]] = {}
    placed: list[tuple[Path, FieldTemplate]] = []

    def look_at(place: Path, texts: Mapping[str, FieldTemplate]) -> None:
        placed.extend(((*place, *_parts_of(name)), template) for name, template in texts.items())

    def add(destination: Destination, own: object, texts: Mapping[str, FieldTemplate], told: bool) -> None:
        options[destination] = own
        if texts:
            templates[destination] = texts
        integrations.append(Integration(destination=destination, send_resolved=told))

    for key, entries in receiver.integrations.items():
        for place, entry in enumerate(entries):
            one = made(key, entry.values, entry.given, entry.path, reading)
            if one is not None:
                destination = Destination(receiver.name, key.removesuffix("_configs"), place)
                told = entry.values["send_resolved"] is True
                texts = one.wanted(defaults=defaults)
                add(destination, one.options, texts, told)
                look_at(entry.path, texts)
    for key, given in receiver.unfinished:
        look_at(given.path, written_texts(key, plain(INTEGRATIONS[key], given), given.given - given.unsure))
    for own in own_integrations(receiver.name, values, reading) if ours else ():
        add(own.destination, own.options, own.templates, own.send_resolved)
        look_at((*values.path, f"{own.destination.integration}_configs", own.destination.index), own.templates)
    return ReceiverParts(
        name=receiver.name,
        integrations=tuple(integrations),
        options=options,
        templates=templates,
        texts=tuple(placed),
        escalate=own_escalation(values, reading) if ours else None,
        fallback=values.text("fallback") if ours else "",
        labels=Labels(receiver.labels),
        place=values.path,
    )


def _parts_of(name: str) -> Path:
    """`fields.0.value` as keys and places."""
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


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
