"""What a kind is: something that makes many attempts at once and reports each exactly once.

`prepare` does all the thinking that a check needs (parsing, compiling, building the request), once; `start` only opens
sockets. A kind knows no slots, thresholds or series. It neither raises from `start` nor loses an attempt: whatever
happens, `done(slot, outcome)` comes once for each target, at the deadline at the latest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from monitor.clock import Clock
from monitor.model.checks import Check, FailureReason, HealthState, Outcome
from monitor.model.times import Timestamp
from monitor.net.poller import Poller
from monitor.net.resolve import Resolver
from monitor.net.tls import Contexts

Done = Callable[[int, Outcome], None]
"""Called with the slot that `start` was given for the target, and its outcome."""

Spawn = Callable[[str, Coroutine[object, object, None]], object]
"""Starts a background task under a name; the one place of the house that starts tasks provides it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What kinds work with; one set per loop."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    poller: Poller
    resolver: Resolver
    contexts: Contexts
    spawn: Spawn
    user_agent: str


class Kind(Protocol[T]):
    """One kind of attempt. `T` is what it prepares of a check."""

    def prepare(self, check: Check) -> T:
        """Compile a check. Raises ValueError, with a sentence for the user, for one that cannot work."""
        ...

    def start(self, batch: Sequence[tuple[int, T]], deadline: float, done: Done) -> None:
        """Attempt all targets, given as (slot, prepared). `deadline` is on the loop's time; `done` may be called before
        this returns."""
        ...

    def close(self) -> None:
        """Give up what is under way, without calling `done`."""
        ...


def failed(
    reason: FailureReason, text: str, *, started: Timestamp, took: float, resolve: float = 0.0, connect: float = 0.0
) -> Outcome:
    """The outcome of an attempt that got nowhere."""
    return Outcome(
        success=False,
        state=HealthState.UNHEALTHY,
        started=started,
        took=took,
        reason=reason,
        text=text,
        resolve=resolve,
        connect=connect,
    )
