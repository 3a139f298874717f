"""The shell: claims rows, lets the kinds send them, and writes down what came of it.

Each integration has its own loop and its own number of places, so a vendor that hangs holds up nobody but itself. A loop
sleeps until its next row is due or `wake` is called; it never polls. A send that is cut off by the process's death leaves
a lease behind, and the row comes back as uncertain when that ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any, Protocol

from monitor.clock import Clock, Jumps, Wakeup
from monitor.model.errors import BugError, StoreError
from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Destination,
    MessageKind,
    OutboxRow,
    OutboxState,
    Unknown,
)
from monitor.model.times import MINUTE, SECOND, Millis, Timestamp
from monitor.notify.attempts import (
    LONGEST_PAUSE,
    LONGEST_WISH,
    Patience,
    Repeats,
    conclude,
    homeless,
    put_back,
    unneeded,
    unrepeatable,
)
from monitor.notify.channels import ChannelMeter, Channels
from monitor.notify.kinds.sending import Kind, Sending
from monitor.notify.outbox import AddressBook, Claimed, Finish, OutboxStore
from monitor.notify.redirects import at_the_last_step

Start = Callable[[str, Coroutine[Any, Any, None]], object]
"""Starts a task under a name (see `monitor.supervise`)."""

Keep = Callable[[str, Callable[[], Awaitable[None]]], object]
"""Runs what a factory makes, again after a crash (see `monitor.supervise`)."""

_STORE_PAUSE: Millis = SECOND
_DEFAULT_PLACES = 4
_JUMP: Millis = 10 * SECOND
"""Smaller corrections of the clock only make a pause that much longer."""


class Meters(ChannelMeter, Protocol):
    """Where deliveries are counted."""

    def accepted(self, destination: Destination, kind: MessageKind, latency: Millis) -> None:
        """The vendor has it, so long after it was decided."""
        ...

    def failed(self, destination: Destination, outcome: str) -> None:
        """An attempt ended as `retrylater`, `rejected` or `unknown`."""
        ...

    def gave_up(
        self, destination: Destination, kind: MessageKind, failure: DeliveryFailure, *, handed_over: bool
    ) -> None:
        """A row ended without being delivered. `failure`: of the latest attempt; `handed_over`: it was counted so before."""
        ...

    def handed_over(self, destination: Destination, kind: MessageKind, failure: DeliveryFailure) -> None:
        """A row failed so often that it was told to somebody else, or to whoever decided it; the attempts go on. Once for a
        row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times and widths of delivering."""

    deadline: Millis = 15 * SECOND
    """For one attempt, all of its calls together."""
    lease: Millis = MINUTE
    """How long a row is ours; must be well above the deadline. After a crash a row waits at most so long."""
    places: Mapping[str, int] = field(default_factory=lambda: {"pagerduty": 4, "slack": 4, "email": 4, "webhook": 8})
    """Attempts under way at once, by integration."""


def _nobody() -> None:
    return None


class Delivery:
    """Everything that is being delivered."""

    def __init__(
        self,
        *,
        store: OutboxStore,
        book: AddressBook,
        kinds: Mapping[str, Kind],
        clock: Clock,
        fraction: Callable[[], float],
        start: Start,
        meters: Meters,
        patience: Patience | None = None,
        pace: Pace | None = None,
        reported: Callable[[], None] = _nobody,
    ) -> None:
        """`reported` is called on the loop after a commit that left a report for the decider."""
        self._store = store
        self._book = book
        self._kinds = kinds
        self._clock = clock
        self._fraction = fraction
        self._start = start
        self._meters = meters
        self._patience = patience if patience is not None else Patience()
        self._pace = pace if pace is not None else Pace()
        self._reported = reported
        self._channels = Channels(meters)
        self._jumps = Jumps(clock)
        self._jumped: Millis = 0
        self._most: Millis = LONGEST_PAUSE
        """How long a row may wait from now on. At the start nobody knows what the clock did meanwhile, so then no row waits
        longer than our own pauses are."""
        self._news = {name: Wakeup() for name in kinds}
        self._busy = dict.fromkeys(kinds, 0)
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    def __repr__(self) -> str:
        return f"Delivery(busy={self._busy}, {self._channels})"

    def begin(self, keep: Keep | None = None) -> None:
        """Start one loop for each integration; through `keep` if it is given, so that a crash does not end it."""
        for name in self._kinds:
            if keep is None:
                self._start(f"deliver {name}", self.serve(name))
            else:
                keep(f"deliver {name}", partial(self.serve, name))

    def wake(self, integrations: Iterable[str] | None = None) -> None:
        """Rows were added, for these integrations or for any."""
        for name in self._news if integrations is None else self._news.keys() & set(integrations):
            self._news[name].set()

    def reconfigured(self) -> None:
        """The address book has changed: what is known of channels that it has no more, or has otherwise, is void."""
        self._channels.keep(self._book.options)
        self.wake()

    def down(self) -> Mapping[Destination, str]:
        """The channels that are down, each with its latest failure."""
        return self._channels.down()

    async def drain(self) -> None:
        """Claim nothing more and return when no attempt is under way. Bound it with a timeout; what is cut off comes back
        as uncertain."""
        self._draining = True
        self.wake()
        await self._idle.wait()

    async def close(self) -> None:
        """Give back what the kinds hold."""
        for kind in self._kinds.values():
            await kind.close()

    async def serve(self, name: str) -> None:
        """The loop of one integration; ends when draining."""
        news = self._news[name]
        while not self._draining:
            try:
                due = await self._take(name)
            except StoreError:
                # whoever cannot decide cannot deliver; /health tells of it, and the rows are still there
                due = self._clock.now() + _STORE_PAUSE
            if not self._draining:
                lapse = self._channels.lapse(name, self._clock.now())
                await self._clock.wait(news, min((at for at in (due, lapse) if at is not None), default=None))

    async def _take(self, name: str) -> Timestamp | None:
        """Fill the free places. Returns when to look again; None: when there is news."""
        free = self._pace.places.get(name, _DEFAULT_PLACES) - self._busy[name]
        if free <= 0:
            return None
        await self._heed_clock()
        due = (await self._store.next_due()).get(name)
        now = self._clock.now()
        if due is not None and due > now + self._most:
            await self._store.hasten(now, self._most)
            due = now
        if due is None or due > now:
            return due  # most news is for another integration: a look is cheaper than a transaction
        claimed = await self._store.claim(name, now, free, self._pace.lease)
        for one in claimed:
            if self._draining:
                await self._write(one, put_back(one, now))
                continue
            self._busy[name] += 1
            self._idle.clear()
            self._start(f"send {one.row.destination} #{one.seq}", self._settle(name, one))
        ahead = await self._store.next_due()
        # Rows that were settled while claiming may have left rows for other integrations: a resolve that goes to whoever
        # was told instead.
        self.wake(other for other, at in ahead.items() if other != name and at <= now)
        return None if len(claimed) == free else ahead.get(name)

    async def _heed_clock(self) -> None:
        """Pauses are stored as instants: when the clock was set back, what waits would wait for as much longer. It is tried
        at once instead."""
        self._jumped += self._jumps.since_last()
        jumped, most = self._jumped, self._most
        if jumped < -_JUMP:
            self._channels.clock_moved(jumped)
            self._jumped = 0
            self._most = most = 0
        if most < LONGEST_WISH:
            await self._store.hasten(self._clock.now(), most)
            # Only now: what could not be written is hastened with the next look.
            self._most = LONGEST_WISH
            self.wake()
        if jumped > _JUMP:
            self._jumped = 0

    async def _settle(self, name: str, claimed: Claimed) -> None:
        try:
            try:
                finish = await self._attempt(self._kinds[name], claimed)
            except Exception as error:  # noqa: BLE001 - raised again, without its text
                await self._write(claimed, self._broken(claimed, error))
                what = f"{type(error).__name__} at {_place(error)}"
                # Without the error itself: its text may hold an address or a secret, and this is logged.
                raise BugError(f"sending to {claimed.row.destination} broke: {what}") from None
            if finish is not None:
                await self._write(claimed, finish)
        finally:
            self._busy[name] -= 1
            if not any(self._busy.values()):
                self._idle.set()
            self._news[name].set()

    async def _write(self, claimed: Claimed, finish: Finish) -> None:
        """Write the end; while the store fails, again until the lease is over. Then the row comes back as uncertain."""
        while True:
            try:
                written = await self._store.finish(claimed.seq, claimed.fence, finish, self._clock.now())
            except StoreError:
                if self._clock.now() + _STORE_PAUSE >= claimed.lease_until:
                    raise
                await self._clock.sleep(_STORE_PAUSE)
                continue
            if written and finish.rows:
                self.wake()
            if written and finish.reports:
                self._reported()
            return

    async def _attempt(self, kind: Kind, claimed: Claimed) -> Finish | None:
        """Everything between claim and finish. None: the lease is over, the row is not ours to write."""
        now = self._clock.now()
        row = claimed.row
        if now + self._pace.deadline > claimed.lease_until:
            return put_back(claimed, now) if now < claimed.lease_until else None
        destination = row.destination
        fallback = self._fallback(row)
        options = self._book.options(destination)
        if options is None:
            self._meters.gave_up(destination, row.message.kind, DeliveryFailure.OTHER, handed_over=claimed.alarmed)
            return homeless(claimed, fallback, now)
        useless = kind.takes(row.message, options)
        if useless:
            return unneeded(claimed, useless, now)
        repeats = kind.repeats(options)
        dropped = unrepeatable(claimed, repeats, now)
        if dropped is not None:
            return dropped
        sending = Sending(
            row=row,
            options=options,
            now=now,
            attempt=claimed.attempts + 1,
            uncertain=claimed.uncertain or (claimed.after_doubt and repeats is Repeats.VISIBLE),
            handle=claimed.handle,
            followed=claimed.followed,
        )
        wait = self._channels.turn(kind, sending, now)
        if wait > now:
            return put_back(claimed, wait)
        outcome = await self._send(kind, sending)
        now = self._clock.now()
        self._count(sending, outcome, now)
        finish = conclude(
            claimed,
            outcome,
            repeats=repeats,
            fallback=fallback,
            patience=self._patience,
            fraction=self._fraction(),
            now=now,
        )
        if not isinstance(outcome, Delivered):
            self._count_end(claimed, finish, outcome.failure)
        return finish

    def _fallback(self, row: OutboxRow) -> Destination | None:
        meant_for = row.message.meant_for
        first = meant_for.destination if meant_for is not None else None
        return self._book.fallback(row.destination, first=first, last=at_the_last_step(row))

    def _broken(self, claimed: Claimed, error: Exception) -> Finish:
        """The end of an attempt that a bug of ours cut off. The error's own text may hold anything, so only its name is
        kept."""
        finish = conclude(
            claimed,
            Unknown(f"an error of our own: {type(error).__name__}"),
            repeats=Repeats.VISIBLE,
            fallback=self._fallback(claimed.row),
            patience=self._patience,
            fraction=self._fraction(),
            now=self._clock.now(),
        )
        self._count_end(claimed, finish, DeliveryFailure.OTHER)
        return finish

    def _count_end(self, claimed: Claimed, finish: Finish, failure: DeliveryFailure) -> None:
        row = claimed.row
        if finish.state is OutboxState.FAILED:
            self._meters.gave_up(row.destination, row.message.kind, failure, handed_over=claimed.alarmed)
        elif finish.alarmed:
            self._meters.handed_over(row.destination, row.message.kind, failure)

    async def _send(self, kind: Kind, sending: Sending) -> DeliveryOutcome:
        try:
            async with asyncio.timeout(self._pace.deadline / 1000):
                return await kind.deliver(sending)
        except TimeoutError:
            return Unknown(f"no answer within {self._pace.deadline / 1000:g} s", DeliveryFailure.DEADLINE)

    def _count(self, sending: Sending, outcome: DeliveryOutcome, now: Timestamp) -> None:
        destination = sending.row.destination
        self._channels.count(sending, outcome, now)
        if isinstance(outcome, Delivered):
            self._meters.accepted(destination, sending.message.kind, max(now - sending.message.at, 0))
        else:
            self._meters.failed(destination, type(outcome).__name__.lower())


def _place(error: Exception) -> str:
    """File and line where it was raised."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{PurePath(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else "?"
