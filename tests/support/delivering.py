"""What delivering needs around it in tests: an address book, meters that remember, and a task starter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.model.notifications import Delivered, DeliveryFailure, DeliveryOutcome, Destination, Message, MessageKind
from monitor.model.times import Millis, Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import Toll


@dataclass
class FakeAddressBook:
    """Destinations and their options; one fallback for all, and some behind it."""

    known: dict[Destination, object] = field(default_factory=dict[Destination, object])
    instead: Destination | None = None
    beyond: dict[Destination, Destination] = field(default_factory=dict[Destination, Destination])
    """Who is told when one who was told instead cannot be reached either."""

    def options(self, destination: Destination) -> object | None:
        return self.known.get(destination)

    def fallback(
        self, destination: Destination, *, first: Destination | None = None, last: bool = False
    ) -> Destination | None:
        if first is not None:
            return self.beyond.get(destination)
        return None if self.instead == destination else self.instead


@dataclass
class FakeMeters:
    """Remembers what was counted."""

    latencies: list[Millis] = field(default_factory=list[Millis])
    failures: list[str] = field(default_factory=list[str])
    given_up: list[Destination] = field(default_factory=list[Destination])
    given_up_late: int = 0
    """Of those, how many had been handed over before."""
    handed: list[Destination] = field(default_factory=list[Destination])
    """Of which others were told while the attempts went on."""
    reasons: list[DeliveryFailure] = field(default_factory=list[DeliveryFailure])
    """Of those that were given up."""
    channels: list[tuple[str, bool | None]] = field(default_factory=list[tuple[str, bool | None]])

    def accepted(self, destination: Destination, kind: MessageKind, latency: Millis) -> None:
        self.latencies.append(latency)

    def failed(self, destination: Destination, outcome: str) -> None:
        self.failures.append(outcome)

    def gave_up(
        self, destination: Destination, kind: MessageKind, failure: DeliveryFailure, *, handed_over: bool
    ) -> None:
        self.given_up.append(destination)
        self.given_up_late += handed_over
        self.reasons.append(failure)

    def handed_over(self, destination: Destination, kind: MessageKind, failure: DeliveryFailure) -> None:
        self.handed.append(destination)

    def channel(self, destination: Destination, up: bool | None) -> None:
        self.channels.append((str(destination), up))


class Tasks:
    """Starts tasks and keeps their errors."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self.errors: list[BaseException] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def stop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                self.errors.append(error)


Answer = Callable[[Sending], Awaitable[DeliveryOutcome]]


class FakeKind:
    """A kind that answers from a script and remembers what it was given, and when."""

    def __init__(
        self,
        now: Callable[[], Timestamp],
        *answers: DeliveryOutcome | Answer,
        repeats: Repeats = Repeats.VISIBLE,
        refuses: Mapping[MessageKind, str] | None = None,
        tolls: Sequence[Toll] = (),
    ) -> None:
        self._now = now
        self._answers = list(answers)
        self._repeats = repeats
        self._refuses: Mapping[MessageKind, str] = refuses if refuses is not None else {}
        self._tolls = tolls
        self.sent: list[tuple[Timestamp, Sending]] = []

    @property
    def keys(self) -> list[str]:
        return [sending.row.dedupe_key for _, sending in self.sent]

    def takes(self, message: Message, options: object) -> str:
        return self._refuses.get(message.kind, "")

    def repeats(self, options: object) -> Repeats:
        return self._repeats

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return self._tolls

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        self.sent.append((self._now(), sending))
        answer = self._answers.pop(0) if self._answers else Delivered(f"handle of {sending.row.dedupe_key}")
        return await answer(sending) if callable(answer) else answer

    async def close(self) -> None:
        """It holds nothing."""
