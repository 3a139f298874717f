"""For kinds that are written as coroutines: batches and callbacks on one side, one task for each attempt on the other.

A task costs several times what an attempt on our own wire does, so only kinds that need a foreign library use this.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from monitor.model.checks import Check, FailureReason, Outcome
from monitor.model.times import Timestamp
from monitor.probe.kinds.kind import Done, Instruments, failed

T = TypeVar("T")


class AwaitedKind(ABC, Generic[T]):
    """A kind whose attempt is a coroutine. See `kind.Kind`."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._closed = False

    @abstractmethod
    def prepare(self, check: Check) -> T:
        """As in `kind.Kind`."""

    @abstractmethod
    async def attempt(self, target: T, started: Timestamp) -> Outcome:
        """One attempt; it is cancelled at the deadline."""

    def start(self, batch: Sequence[tuple[int, T]], deadline: float, done: Done) -> None:
        for slot, target in batch:
            self.instruments.spawn("attempt", self._run(slot, target, deadline, done))

    def close(self) -> None:
        self._closed = True

    async def _run(self, slot: int, target: T, deadline: float, done: Done) -> None:
        started = self.instruments.clock.now()
        began = self.instruments.loop.time()
        reason, text = FailureReason.CONNECTION_FAILED, "the attempt broke off"
        outcome: Outcome | None = None
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await self.attempt(target, started)
        except TimeoutError:
            reason, text = FailureReason.TIMEOUT, f"no answer within {deadline - began:.3g}s"
        finally:  # also when the attempt raised what it should not: the check must not wait for it for ever
            if outcome is None:
                outcome = failed(reason, text, started=started, took=self.instruments.loop.time() - began)
            if not self._closed:
                done(slot, outcome)
