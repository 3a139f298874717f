"""What is known of the channels that rows go through: which are down, and when the next row may go.

Both are learned from what is sent anyway, live in memory and are void after a restart: `circuits` counts the answers and
`throttling` the calls. What a reload takes away or changes is forgotten, and so is what nobody has tried for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from monitor.model.notifications import DeliveryOutcome, Destination, MessageKind
from monitor.model.times import Millis, Timestamp
from monitor.notify.circuits import Circuit
from monitor.notify.kinds.sending import Kind, Sending
from monitor.notify.throttling import Throttle


class ChannelMeter(Protocol):
    """Where it is shown which channels are up."""

    def channel(self, destination: Destination, up: bool | None) -> None:
        """A channel was first used, went down or came back. None: nothing is known of it any more."""
        ...


class Channels:
    """Every channel that was tried and is not forgotten."""

    def __init__(self, meter: ChannelMeter) -> None:
        self._meter = meter
        self._throttle = Throttle()
        self._circuits: dict[Destination, Circuit] = {}
        self._tried: dict[Destination, object] = {}
        """Of each circuit, the options that the latest attempt was made with."""

    def __repr__(self) -> str:
        return f"Channels(down={[str(destination) for destination in self.down()]})"

    def down(self) -> Mapping[Destination, str]:
        """The channels that are down, each with its latest failure."""
        return {destination: circuit.why for destination, circuit in self._circuits.items() if not circuit.up}

    def turn(self, kind: Kind, sending: Sending, now: Timestamp) -> Timestamp:
        """When this row may go; ≤ now: at once."""
        wakes = sending.message.kind.wakes
        circuit = self._circuits.get(sending.row.destination, Circuit())
        opens_at = circuit.opens_at(urgent=wakes or sending.message.kind is MessageKind.RESOLVE, now=now)
        if opens_at > now:
            return opens_at
        self._throttle, slot = self._throttle.ask(sending.row.dedupe_key, kind.tolls(sending), urgent=wakes, now=now)
        return slot

    def count(self, sending: Sending, outcome: DeliveryOutcome, now: Timestamp) -> None:
        """An attempt ended so."""
        destination = sending.row.destination
        known = destination in self._circuits
        before = self._circuits.get(destination, Circuit())
        after = before.after(outcome, now)
        self._circuits[destination] = after
        self._tried[destination] = sending.options
        if before.up is not after.up or not known:
            self._meter.channel(destination, after.up)

    def lapse(self, integration: str, now: Timestamp) -> Timestamp | None:
        """Forget the channels that were down and that nobody has tried for long. Returns when the next one will be so."""
        ahead: list[Timestamp] = []
        for destination, circuit in list(self._circuits.items()):
            at = circuit.lapses_at(now)
            if at is None or destination.integration != integration:
                continue
            if at <= now:
                self._forget(destination)
            else:
                ahead.append(at)
        return min(ahead, default=None)

    def keep(self, options: Callable[[Destination], object]) -> None:
        """What is known of channels that have other options by now, or none, is void."""
        for destination, tried in list(self._tried.items()):
            if options(destination) != tried:
                self._forget(destination)

    def clock_moved(self, by: Millis) -> None:
        """The wall clock was set by so much."""
        self._throttle = self._throttle.moved(by)

    def _forget(self, destination: Destination) -> None:
        del self._circuits[destination], self._tried[destination]
        self._meter.channel(destination, None)
