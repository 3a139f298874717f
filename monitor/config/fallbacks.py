"""Who is told instead when somebody cannot be reached.

A receiver may name another one (`fallback`), whose integrations are then tried in their order until one of them takes the
message, and after them whom that receiver names. Whoever names nobody has the house's: the first integration of the receiver
`default`, or the console.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.model.notifications import Destination

if TYPE_CHECKING:
    from monitor.config.findings import Findings
    from monitor.config.receivers import ReceiverParts
    from monitor.config.yamltree import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallbacks:
    """Of all receivers."""

    house: Destination
    """Of those that name none."""
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    """Receiver to receiver; no way leads back to where it began."""
    integrations: Mapping[str, Sequence[Destination]] = field(default_factory=dict[str, Sequence[Destination]])
    """Of the receivers that are named and of the house's, in their order."""

    def of(self, destination: Destination, *, again: bool, last: bool = False) -> Destination | None:
        """Whom to tell instead of this one. `again`: it was told instead of somebody else. `last`: nobody comes after the
        answer, so it is the house's. None: there is nobody left."""
        receiver = destination.receiver
        if last:
            return None if destination == self.house else self.house
        if again:
            others = self.integrations.get(receiver, ())
            behind = others[others.index(destination) + 1 :] if destination in others else ()
            if behind:
                return behind[0]
        if receiver in self.named:
            return self.integrations[self.named[receiver]][0]
        # whoever is asked instead of the house's has nobody behind them
        return None if receiver in way(self.named, self.house.receiver) else self.house


def way(named: Mapping[str, str], receiver: str) -> tuple[str, ...]:
    """The receivers that are asked one after the other, this one first. One that comes again ends it."""
    found = [receiver]
    while (last := named.get(found[-1])) is not None:
        found.append(last)
        if last in found[:-1]:
            break
    return tuple(found)


def read_fallbacks(
    parts: Mapping[str, ReceiverParts], house: Destination, document: Document, findings: Findings
) -> Fallbacks:
    """What the receivers name; names of nobody and ways that lead back become findings."""
    named: dict[str, str] = {}
    for name, part in parts.items():
        other = parts.get(part.fallback)
        if not part.fallback:
            continue
        if other is None:
            have = ", ".join(sorted(other.name for other in parts.values() if other.integrations))
            problem = f'the fallback of {name} is "{part.fallback}", which is no receiver'
            findings.wrong(document, part.place, problem, f"use one of {have}")
        elif not other.integrations:
            problem = f"the fallback of {name} is {other.name}, which has no integrations"
            findings.wrong(document, part.place, problem, "give it one")
        else:
            named[name] = other.name
    told: set[str] = set()
    for name in list(named):
        walked = way(named, name)
        if walked[-1] == name and name not in told:
            told.update(walked)
            round_ = " → ".join(walked)
            findings.wrong(document, parts[name].place, f"fallbacks lead back: {round_}", "leave one of them out")
    if told:
        return Fallbacks(house=house)
    kept = {*named.values(), *way(named, house.receiver)}
    return Fallbacks(
        house=house,
        named=named,
        integrations={
            name: tuple(one.destination for one in parts[name].integrations) for name in kept if name in parts
        },
    )
