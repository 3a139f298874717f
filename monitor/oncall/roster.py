"""The directory as configuration gives it: people, receivers, channels, and a rule for each schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from monitor.model.notifications import Destination
from monitor.model.times import Timestamp
from monitor.oncall.policies import Person, Reached, Target, TargetKind


def nobody_on_call(schedule: str, at: Timestamp) -> tuple[str, ...]:
    """The rule of a house without schedules."""
    return ()


class Roster:
    """A `Directory`. `on_call(schedule, at)` names the people on call and must be pure; it answers nobody for a schedule
    that it does not know."""

    __slots__ = ("_on_call", "_people", "_receivers")

    def __init__(
        self,
        people: Sequence[Person] = (),
        receivers: Mapping[str, tuple[Destination, ...]] | None = None,
        on_call: Callable[[str, Timestamp], tuple[str, ...]] = nobody_on_call,
    ) -> None:
        self._people = {person.name: person for person in people}
        self._receivers = dict(receivers or {})
        self._on_call = on_call

    def resolve(self, target: Target, at: Timestamp) -> tuple[Reached, ...]:
        match target.kind:
            case TargetKind.USER:
                return self._person(target.name)
            case TargetKind.SCHEDULE:
                return tuple(one for name in self._on_call(target.name, at) for one in self._person(name))
            case TargetKind.RECEIVER:
                return tuple(Reached(destination) for destination in self._receivers.get(target.name, ()))
            case TargetKind.SLACK | TargetKind.EMAIL | TargetKind.CONSOLE:
                return (Reached(Destination(str(target), target.kind.value)),)
            case _:
                assert_never(target.kind)

    def contacts(self, person: str) -> tuple[Destination, ...]:
        known = self._people.get(person)
        return known.contacts if known is not None else ()

    def _person(self, name: str) -> tuple[Reached, ...]:
        return tuple(Reached(destination, name) for destination in self.contacts(name)[:1])

    def __repr__(self) -> str:
        return f"Roster({len(self._people)} people, {len(self._receivers)} receivers)"
