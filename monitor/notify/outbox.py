"""The outbox: rows that were decided, in the order in which each destination must hear them.

Everything a delivery needs to go on after a crash is in the row: how often it was tried, whether an attempt may have
arrived, until when somebody has it. A lease (`lease_until`) says who sends now; the fence, raised by each claim, keeps a
worker that lost its lease from writing an old result over a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from monitor.model.notifications import DeliveryReport, Destination, OutboxRow, OutboxState
from monitor.model.times import Millis, Timestamp


class Began(Enum):
    """What became of the waking rows (`MessageKind.wakes`) before a row in its order key, counted since the last resolve
    that was sent there."""

    NONE = "none"
    """There are none in the store."""
    CANCELLED = "cancelled"
    """All ended without a chance that one arrived."""
    ARRIVED = "arrived"
    """One was sent, or may have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentMark:
    """The incident of a row as it stands now."""

    epoch: int
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first undelivered row of an order key, with what the store knows around it: what `attempts.admit` decides on."""

    row: OutboxRow
    attempts: int = 0
    """Attempts that were counted so far."""
    uncertain: bool = False
    """A former attempt may have arrived."""
    incident: IncidentMark | None = None
    """None if the row belongs to no incident, or to one that is gone (then it is as good as resolved)."""
    began: Began = Began.NONE
    redirected_to: Destination | None = None
    """Where rows of this order key were redirected (`redirects.redirected_key`), if ever: the latest such row's that was
    not cancelled, or else the latest one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that is ours to send until `lease_until`."""

    seq: int
    """The row's number in the store; rising in the order of insertion."""
    row: OutboxRow
    fence: int
    lease_until: Timestamp
    attempts: int = 0
    uncertain: bool = False
    alarmed: bool = False
    """Others were told already that it does not arrive."""
    handle: str = ""
    """The handle of the latest sent row with the same order key that has one."""
    followed: bool = False
    """A later row of the same order key is due already, so this one need not draw the state that the later one draws."""
    after_doubt: bool = False
    """What was said last in this order key, in a row of the same kind, was given up although it may have arrived."""
    incident: IncidentMark | None = None
    redirected_to: Destination | None = None
    settled_there: bool = False
    """The row that `redirected_to` is taken from is an acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What an attempt leaves behind. All of it is written in one transaction."""

    state: OutboxState
    due_at: Timestamp
    """When it may be claimed again, for PENDING and UNKNOWN; otherwise when it ended."""
    error: str = ""
    """Why it did not arrive, for people. Never holds a secret. A row that waits with nothing new to say keeps what was
    said before."""
    handle: str = ""
    uncertain: bool = False
    """The attempt, or a former one, may have arrived."""
    counted: bool = True
    """An attempt was made. False: the row was only put back, or settled without trying."""
    alarmed: bool = False
    """Others are told with this that it does not arrive; the row remembers it from now on."""
    rows: tuple[OutboxRow, ...] = ()
    """To insert: redirections. An existing `dedupe_key` is left alone."""
    reports: tuple[DeliveryReport, ...] = ()
    """To hand to whoever decided the row (the inbox of oncall, the notification log of alerts)."""


class OutboxStore(Protocol):
    """Keeps the rows. Each method is one transaction; a row is inserted by whoever decides it, in that decision's own.

    Only the *head* of an order key may be claimed: the row with the lowest `seq` among those that are not SENT, FAILED or
    CANCELLED. A leased head blocks its order key. Errors: StoreError.
    """

    async def claim(self, integration: str, now: Timestamp, limit: int, lease: Millis) -> Sequence[Claimed]:
        """First expire leases. Then take up to `limit` due heads (PENDING or UNKNOWN with `due_at` ≤ now) whose destination is
        of this integration, earliest due first, then lowest `seq`. For each, build its `Head` and ask `attempts.admit`: a head
        that is not admitted is written with the `Finish` that `admit` gives instead, and the next row of its order key becomes
        head. An admitted one becomes LEASED until now + lease, with its fence raised by one."""
        ...

    async def finish(self, seq: int, fence: int, finish: Finish, now: Timestamp) -> bool:
        """Write the end of an attempt, with its rows and reports. False, and nothing written, if the fence has moved on or
        the row is not leased any more. `attempts` grows by one if `finish.counted`; an empty handle keeps the old one, and
        a row that was `alarmed` once stays so."""
        ...

    async def next_due(self) -> Mapping[str, Timestamp]:
        """When to look again, for each integration with live rows: the earliest `due_at` of an unleased head, or
        `lease_until` of a leased one."""
        ...

    async def hasten(self, now: Timestamp, most: Millis) -> int:
        """Rows of any integration that wait (PENDING or UNKNOWN) and would do so beyond now + `most` become due at `now`:
        nobody gave them such a pause, so the clock was set back meanwhile. Returns how many."""
        ...

    async def expire_leases(self, now: Timestamp, *, orphaned: bool = False) -> int:
        """Rows leased until `now` or earlier become UNKNOWN, uncertain, with one more attempt and due at `now`. Returns how
        many. `orphaned`: all leased rows, whenever their lease ends; for the start of the only process, when whoever held
        them is dead."""
        ...


class AddressBook(Protocol):
    """What a destination means in the configuration of this moment."""

    def options(self, destination: Destination) -> object | None:
        """The options of its kind (see `kinds.catalogue`), or None if no configuration knows it any more."""
        ...

    def fallback(
        self, destination: Destination, *, first: Destination | None = None, last: bool = False
    ) -> Destination | None:
        """Who is told instead when this one cannot be reached; `first`: whom the message was meant for, when this one was
        told instead itself; `last`: nobody can be told instead of the one that is answered. None: nobody; never the
        destination itself."""
        ...
