"""The list of receivers: names, labels, and the integrations below them, complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

from monitor.config.alertmanager.catalogue import INTEGRATIONS, OURS, TAKES_DEFAULTS
from monitor.config.alertmanager.inheritance import Plain, inherited
from monitor.config.golang.kinds import Kind, Reading, Text
from monitor.config.golang.structs import ListOf, MapOf, Struct, Values
from monitor.config.yamltree import Path, Tree
from monitor.model.labels import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedReceiver:
    """One receiver."""

    name: str
    labels: Mapping[str, str]
    """Of the receiver itself, `name` among them."""
    integrations: Mapping[str, tuple[Integration, ...]]
    """By the key that lists them."""
    unfinished: tuple[tuple[str, Values], ...] = ()
    """Those that have a mistake, or lack what is wrong in `global`, each with its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One entry of a receiver's list."""

    values: Plain
    """With all that it inherits."""
    given: frozenset[str]
    """The keys that it was given itself."""
    path: Path


def receiver_struct(ours: Mapping[str, Kind], *, foreign: bool = False) -> Struct:
    """A receiver's keys: Alertmanager's, and those that are Watchkeeper's own. In a `foreign` file the latter are refused,
    with where they belong."""
    lists = {
        key: ListOf(
            item=_as_alertmanager_has_it(key, struct) if foreign else struct,
            nothing="" if key in TAKES_DEFAULTS else _MISSING[key],
            only_null=True,
            about=struct.about,
        )
        for key, struct in INTEGRATIONS.items()
    }
    keys: dict[str, Kind] = {"name": Text(about="Unique."), "labels": MapOf(item=Text()), **lists}
    about = "A named receiver with its integrations."
    if foreign:
        return Struct(title="Receiver", about=about, keys=keys, rules=(_named,), elsewhere=dict.fromkeys(ours, _BESIDE))
    return Struct(title="Receiver", about=about, keys={**keys, **ours}, rules=(_named,))


def _as_alertmanager_has_it(key: str, struct: Struct) -> Struct:
    """An integration without the keys that are Watchkeeper's own: Alertmanager and amtool would refuse the whole file."""
    remedies = {
        name: _ELSEWHERE.format(f"{instead}; or " if instead else "") for name, instead in OURS.get(key, {}).items()
    }
    return replace(struct, elsewhere=remedies) if remedies else struct


def _named(values: Values, reading: Reading) -> None:
    if not values.text("name"):
        reading.refuse(values.path, "missing name in receiver", "give it a name")
        return
    name, own = values.text("name"), values.pairs("labels").get("name")
    if own is not None and own != name:
        text = f'receiver label "name" must match receiver name {quote(name)}, got {quote(own)}'
        reading.refuse(values.at("labels", "name"), text, "leave the label out: it is the receiver's name")


_BESIDE: Final = (
    "it is Watchkeeper's own, and Alertmanager would refuse the file: give it to a receiver of this name under "
    "`receivers:` in watchkeeper.yml"
)
_ELSEWHERE: Final = (
    "it is Watchkeeper's own, and Alertmanager would refuse the file: {}list the receiver under `receivers:` in "
    "watchkeeper.yml instead"
)
_MISSING: Final = {key: f"missing {key.removesuffix('_configs')} config" for key in INTEGRATIONS}


def complete(values: Values, shared: Values, reading: Reading) -> NamedReceiver:
    """A receiver with what its integrations inherit; what is missing is told."""
    found: dict[str, tuple[Integration, ...]] = {}
    unfinished: list[tuple[str, Values]] = []
    for key in INTEGRATIONS:
        entries: list[Integration] = []
        for own in values.many(key):
            whole = inherited(key, own, shared, reading)
            if whole is None:
                unfinished.append((key, own))
            else:
                entries.append(Integration(values=whole, given=own.given, path=own.path))
        if entries:
            found[key] = tuple(entries)
    name = values.text("name")
    labels = {**values.pairs("labels"), "name": name}
    return NamedReceiver(name=name, labels=labels, integrations=found, unfinished=tuple(unfinished))


def read_receivers(
    tree: Tree, path: Path, shared: Values, reading: Reading, ours: Mapping[str, Kind], *, foreign: bool
) -> list[tuple[Values, NamedReceiver]]:
    """All receivers of a list, as written and complete."""
    read = ListOf(item=receiver_struct(ours, foreign=foreign)).read(tree, path, reading)
    found: list[tuple[Values, NamedReceiver]] = []
    names: set[str] = set()
    for values in cast("list[object]", read):
        if not isinstance(values, Values):
            continue
        name, whole = values.text("name"), complete(values, shared, reading)
        if not name:
            continue
        if name in names:
            reading.refuse(values.at("name"), f"notification config name {quote(name)} is not unique", "rename it")
        names.add(name)
        found.append((values, whole))
    return found
