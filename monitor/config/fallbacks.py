"""Who is told instead when somebody cannot be reached.

A receiver may name another one (`fallback`), whose integrations are then tried in their order until one of them takes the
message, and after them whom that receiver names. Behind the last of them stands the house: the first integration of the
receiver `default`, or the console; and behind the house, whom that names. Each is asked once: the way is counted from whom the
message was meant for, and who stands on it already is not put there again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    def of(
        self, destination: Destination, *, first: Destination | None = None, last: bool = False
    ) -> Destination | None:
        """Whom to tell instead of this one. `first`: whom the message was meant for, if this one was told instead. `last`:
        nobody comes after the answer, so it is the house's. None: there is nobody left."""
        if last:
            return None if destination == self.house else self.house
        steps = self._behind(first if first is not None else destination)
        if first is not None and destination not in steps:
            steps = self._behind(destination)  # the configuration has changed since
        place = steps.index(destination) + 1 if destination in steps else 0
        return steps[place] if place < len(steps) else None

    def _behind(self, first: Destination) -> list[Destination]:
        """Who is asked one after the other when this one cannot be reached."""
        receivers = way(self.named, first.receiver)
        if self.house.receiver not in receivers:
            receivers = tuple(dict.fromkeys((*receivers, *way(self.named, self.house.receiver))))
        return [one for receiver in receivers[1:] for one in self._integrations(receiver)]

    def _integrations(self, receiver: str) -> Sequence[Destination]:
        found = self.integrations.get(receiver, ())
        return found if found or receiver != self.house.receiver else (self.house,)


def way(named: Mapping[str, str], receiver: str) -> tuple[str, ...]:
    """The receivers that are asked one after the other, this one first. One that comes again ends it."""
    found = [receiver]
    while (last := named.get(found[-1])) is not None:
        found.append(last)
        if last in found[:-1]:
            break
    return tuple(found)


def read_fallbacks(
    parts: Mapping[str, ReceiverParts],
    house: Destination,
    unsure: Callable[[str], bool],
    document: Document,
    findings: Findings,
) -> Fallbacks:
    """What the receivers name; names of nobody and ways that lead back become findings. `unsure`: whether a receiver can be
    told anything is not known."""
    named: dict[str, str] = {}
    for name, part in parts.items():
        other = parts.get(part.fallback)
        if not part.fallback or (unsure(part.fallback) and not (other and other.integrations)):
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
