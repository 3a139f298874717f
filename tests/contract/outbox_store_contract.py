"""What every outbox store must do. A test class inherits `OutboxStoreContract` and overrides the fixture `bench`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from monitor.model.errors import BugError
from monitor.model.notifications import DeliveryReport, Destination, MessageKind, OutboxRow, OutboxState
from monitor.model.times import MINUTE, SECOND
from monitor.notify.outbox import Claimed, Finish, IncidentMark, OutboxStore
from monitor.notify.redirects import instead, passed_on
from tests.support.messages import INCIDENT, T0, a_row

_LEASE = MINUTE
_OPS = Destination("ops", "console")
_SENT = Finish(state=OutboxState.SENT, due_at=T0, handle="h1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A row as the store holds it."""

    key: str
    state: OutboxState
    attempts: int
    uncertain: bool
    error: str = ""


class SetIncident(Protocol):
    """Makes the incident stand so; None: it is gone from the store."""

    def __call__(self, incident: str, mark: IncidentMark | None) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxBench:
    """A fresh, empty store with doors that only tests use."""

    store: OutboxStore
    add: Callable[[OutboxRow], Awaitable[None]]
    """Inserts one row, as the transaction of a decision does; an existing dedupe_key is left alone."""
    set_incident: SetIncident
    kept: Callable[[], Awaitable[list[Kept]]]
    """All rows, in the order in which they were inserted."""
    reports: Callable[[], Awaitable[list[DeliveryReport]]]
    """What was handed back to oncall and alerts, in order."""

    async def fill(self, *rows: OutboxRow, open_: bool = True) -> None:
        """Insert rows and let their incident stand in epoch 1."""
        if open_:
            await self.set_incident(INCIDENT, IncidentMark(epoch=1, open=True))
        for row in rows:
            await self.add(row)

    async def claim(self, at: int = T0, limit: int = 10, integration: str = "webhook") -> list[Claimed]:
        return list(await self.store.claim(integration, at, limit, _LEASE))

    async def keys(self, at: int = T0, limit: int = 10, integration: str = "webhook") -> list[str]:
        return [one.row.dedupe_key for one in await self.claim(at, limit, integration)]

    async def settle(self, finish: Finish = _SENT, at: int = T0) -> None:
        """Claim exactly one row and end it so."""
        (one,) = await self.claim(at, 1)
        assert await self.store.finish(one.seq, one.fence, finish, at)

    async def states(self) -> dict[str, OutboxState]:
        return {row.key: row.state for row in await self.kept()}


def ended(state: OutboxState, *, uncertain: bool = False, counted: bool = True) -> Finish:
    return Finish(state=state, due_at=T0, uncertain=uncertain, counted=counted)


class OutboxStoreContract:
    """Sentences about `OutboxStore`."""

    @pytest.fixture
    def bench(self) -> OutboxBench:
        raise BugError("override the fixture `bench`")

    async def test_a_row_comes_back_as_it_was_inserted(self, bench: OutboxBench) -> None:
        """Message, destination and incident survive the store letter for letter."""
        row = a_row()
        await bench.fill(row)
        (one,) = await bench.claim()
        assert one.row == row
        assert (one.attempts, one.uncertain, one.handle, one.followed) == (0, False, "", False)
        assert one.lease_until == T0 + _LEASE
        assert one.incident == IncidentMark(epoch=1, open=True)
        assert one.redirected_to is None

    async def test_a_dedupe_key_is_inserted_once(self, bench: OutboxBench) -> None:
        """The same decision made twice pages once, also after the row was delivered."""
        await bench.fill(a_row(), a_row())
        await bench.settle()
        await bench.add(a_row())
        assert [row.key for row in await bench.kept()] == ["r1"]
        assert await bench.keys() == []

    async def test_rows_are_claimed_when_due_for_their_integration_earliest_first(self, bench: OutboxBench) -> None:
        """Then in the order of insertion, and no more than asked for."""
        await bench.fill(
            a_row(key="late", order="1", at=T0 + 5),
            a_row(key="first", order="2"),
            a_row(key="second", order="3"),
            a_row(key="early", order="4", at=T0 - 5),
            a_row(key="other", order="5", integration="slack"),
        )
        assert await bench.keys(limit=2) == ["early", "first"]
        assert await bench.keys() == ["second"]
        assert await bench.keys(T0 + 5) == ["late"]
        assert await bench.keys(integration="slack") == ["other"]

    async def test_only_the_head_of_an_order_key_is_claimed(self, bench: OutboxBench) -> None:
        """A leased, waiting or uncertain head holds up what is behind it, however long that is due."""
        await bench.fill(a_row(key="a"), a_row(MessageKind.UPDATE, key="b", at=T0 - MINUTE))
        (head,) = await bench.claim()
        assert head.row.dedupe_key == "a"
        assert await bench.keys() == []
        later = Finish(state=OutboxState.UNKNOWN, due_at=T0 + 9, uncertain=True)
        assert await bench.store.finish(head.seq, head.fence, later, T0)
        assert await bench.keys(T0 + 8) == []
        assert await bench.keys(T0 + 9) == ["a"]

    @pytest.mark.parametrize("state", [OutboxState.SENT, OutboxState.FAILED, OutboxState.CANCELLED])
    async def test_an_ended_row_lets_the_next_one_through(self, bench: OutboxBench, state: OutboxState) -> None:
        """Whatever the end was."""
        await bench.fill(a_row(key="a"), a_row(MessageKind.UPDATE, key="b"))
        await bench.settle(ended(state))
        assert await bench.keys() == ["b"]

    async def test_a_row_that_was_put_back_waits_and_remembers(self, bench: OutboxBench) -> None:
        """Attempts are counted only where one was made; doubt and its reason stay."""
        await bench.fill(a_row())
        await bench.settle(Finish(state=OutboxState.UNKNOWN, due_at=T0 + 1, uncertain=True, error="lost"))
        again = Finish(state=OutboxState.UNKNOWN, due_at=T0 + 2, uncertain=True, counted=False)
        await bench.settle(again, T0 + 1)
        (one,) = await bench.claim(T0 + 2)
        assert (one.attempts, one.uncertain) == (1, True)
        assert [row.error for row in await bench.kept()] == ["lost"]
        assert await bench.store.finish(one.seq, one.fence, _SENT, T0 + 2)
        assert [row.error for row in await bench.kept()] == [""]

    async def test_a_row_remembers_that_others_were_told(self, bench: OutboxBench) -> None:
        """Whatever its later ends say, and through a lease that ends."""
        await bench.fill(a_row())
        (one,) = await bench.claim()
        assert not one.alarmed
        told = Finish(state=OutboxState.PENDING, due_at=T0, error="busy", alarmed=True)
        assert await bench.store.finish(one.seq, one.fence, told, T0)
        await bench.settle(Finish(state=OutboxState.PENDING, due_at=T0, error="busy"))
        await bench.claim()
        await bench.store.expire_leases(T0 + _LEASE)
        (one,) = await bench.claim(T0 + _LEASE)
        assert one.alarmed

    async def test_an_old_fence_writes_nothing(self, bench: OutboxBench) -> None:
        """A worker that lost its lease changes neither row nor reports."""
        await bench.fill(a_row())
        (old,) = await bench.claim()
        await bench.store.expire_leases(T0 + _LEASE)
        (new,) = await bench.claim(T0 + _LEASE)
        assert new.fence > old.fence
        report = report_of(old)
        stale = Finish(state=OutboxState.FAILED, due_at=T0, rows=(a_row(key="x"),), reports=(report,))
        assert not await bench.store.finish(old.seq, old.fence, stale, T0 + _LEASE)
        assert await bench.states() == {"r1": OutboxState.LEASED}
        assert await bench.reports() == []
        assert await bench.store.finish(new.seq, new.fence, _SENT, T0 + _LEASE)
        assert not await bench.store.finish(new.seq, new.fence, stale, T0 + _LEASE)
        assert await bench.states() == {"r1": OutboxState.SENT}

    async def test_a_finish_inserts_its_rows_and_hands_over_its_reports(self, bench: OutboxBench) -> None:
        """In the same transaction; a row that is there already is left alone."""
        row = a_row()
        await bench.fill(row)
        (one,) = await bench.claim()
        told = instead(row, _OPS, "broken", T0)
        finish = Finish(
            state=OutboxState.PENDING, due_at=T0, error="broken", rows=(told, told), reports=(report_of(one),)
        )
        assert await bench.store.finish(one.seq, one.fence, finish, T0)
        assert await bench.reports() == [report_of(one)]
        (other,) = await bench.claim(integration="console")
        assert other.row == told
        (again,) = await bench.claim()
        assert again.redirected_to == _OPS

    async def test_the_latest_handle_of_the_order_key_is_given(self, bench: OutboxBench) -> None:
        """An end without a handle does not hide the one before."""
        await bench.fill(a_row(key="a"), a_row(MessageKind.UPDATE, key="b"), a_row(MessageKind.UPDATE, key="c"))
        await bench.settle()
        await bench.settle(ended(OutboxState.SENT))
        (one,) = await bench.claim()
        assert one.handle == "h1"

    async def test_a_row_knows_whether_a_later_one_is_due(self, bench: OutboxBench) -> None:
        """Only one of its own order key, and only if it is due by now."""
        await bench.fill(
            a_row(key="a"),
            a_row(MessageKind.UPDATE, key="b", at=T0 + 5),
            a_row(key="c", order="other"),
        )
        assert [one.followed for one in await bench.claim()] == [False, False]
        await bench.store.expire_leases(T0 + _LEASE)
        assert [one.followed for one in await bench.claim(T0 + _LEASE)] == [True, False]

    @pytest.mark.parametrize(
        "mark",
        [IncidentMark(epoch=2, open=True), IncidentMark(epoch=1, open=False), None],
        ids=["overtaken", "resolved", "gone"],
    )
    async def test_a_stale_page_is_cancelled_when_it_would_be_claimed(
        self, bench: OutboxBench, mark: IncidentMark | None
    ) -> None:
        """And what is behind it is claimed at once; a note of the same incident is not stale."""
        await bench.fill(a_row(key="a"), a_row(MessageKind.UPDATE, key="b"))
        await bench.set_incident(INCIDENT, mark)
        assert await bench.keys() == ["b"]
        assert (await bench.states())["a"] is OutboxState.CANCELLED
        assert (await bench.kept())[0].attempts == 0

    async def test_a_page_without_an_incident_is_never_stale(self, bench: OutboxBench) -> None:
        """Plain notifications have no epoch."""
        await bench.fill(a_row(of_incident=False), open_=False)
        (one,) = await bench.claim()
        assert one.incident is None

    @pytest.mark.parametrize(
        ("trigger", "sent"),
        [
            (ended(OutboxState.SENT), True),
            (ended(OutboxState.FAILED), False),
            (ended(OutboxState.FAILED, uncertain=True), True),
            (ended(OutboxState.CANCELLED, counted=False), False),
            (ended(OutboxState.CANCELLED, uncertain=True), True),
        ],
        ids=["sent", "failed", "failed-uncertain", "cancelled", "cancelled-uncertain"],
    )
    async def test_a_resolve_goes_where_a_page_may_have_arrived(
        self, bench: OutboxBench, trigger: Finish, sent: bool
    ) -> None:
        """And is cancelled where none can have."""
        await bench.fill(a_row(key="page"), a_row(MessageKind.RESOLVE, key="resolve"))
        await bench.settle(trigger)
        assert await bench.keys() == (["resolve"] if sent else [])
        if not sent:
            assert (await bench.states())["resolve"] is OutboxState.CANCELLED

    async def test_a_resolve_without_any_page_in_the_store_is_sent(self, bench: OutboxBench) -> None:
        """The page may have been forgotten by retention."""
        await bench.fill(a_row(MessageKind.RESOLVE))
        assert await bench.keys() == ["r1"]

    async def test_pages_count_anew_after_a_resolve_that_was_sent(self, bench: OutboxBench) -> None:
        """An order key may live through several troubles; each is resolved for itself."""
        await bench.fill(
            a_row(key="page1"),
            a_row(MessageKind.RESOLVE, key="resolve1"),
            a_row(key="page2"),
            a_row(MessageKind.RESOLVE, key="resolve2"),
        )
        await bench.settle()
        await bench.settle()
        await bench.settle(ended(OutboxState.FAILED))
        assert await bench.keys() == []
        assert (await bench.states())["resolve2"] is OutboxState.CANCELLED

    async def test_a_cancelled_resolve_is_passed_on_to_whoever_was_told_instead(self, bench: OutboxBench) -> None:
        """The page went elsewhere, so its end must go there too."""
        page = a_row(key="page")
        await bench.fill(page, a_row(MessageKind.RESOLVE, key="resolve"))
        told = instead(page, _OPS, "broken", T0)
        await bench.settle(Finish(state=OutboxState.FAILED, due_at=T0, rows=(told,)))
        assert await bench.keys() == []
        (one,) = await bench.claim(integration="console")
        assert await bench.store.finish(one.seq, one.fence, _SENT, T0)
        (resolve,) = await bench.claim(integration="console")
        assert (resolve.row.message.kind, resolve.row.destination) == (MessageKind.RESOLVE, _OPS)

    async def test_a_page_knows_that_whoever_was_told_instead_believes_somebody_has_it(
        self, bench: OutboxBench
    ) -> None:
        """Only while an acknowledgement is the latest there that was not cancelled."""
        page, ack = a_row(key="page"), a_row(MessageKind.ACKNOWLEDGE, key="ack")
        await bench.fill(page)
        await bench.settle(Finish(state=OutboxState.PENDING, due_at=T0, rows=(instead(page, _OPS, "busy", T0),)))
        (one,) = await bench.claim()
        assert not one.settled_there
        passed = Finish(state=OutboxState.PENDING, due_at=T0, rows=passed_on(ack, _OPS, T0))
        assert await bench.store.finish(one.seq, one.fence, passed, T0)
        (one,) = await bench.claim()
        assert (one.redirected_to, one.settled_there) == (_OPS, True)
        (first,) = await bench.claim(integration="console")
        assert await bench.store.finish(first.seq, first.fence, _SENT, T0)
        await bench.set_incident(INCIDENT, IncidentMark(epoch=2, open=True))
        assert await bench.claim(integration="console") == []
        assert (await bench.states())["ack>instead"] is OutboxState.CANCELLED
        await bench.store.expire_leases(T0, orphaned=True)
        await bench.add(a_row(key="again", epoch=2))
        (again,) = await bench.claim()
        assert (again.row.dedupe_key, again.redirected_to, again.settled_there) == ("again", _OPS, False)

    async def test_a_lease_that_ends_leaves_an_uncertain_row(self, bench: OutboxBench) -> None:
        """Whoever had it is dead or late; the attempt counts and may have arrived."""
        await bench.fill(a_row())
        await bench.claim()
        assert await bench.store.expire_leases(T0 + _LEASE - 1) == 0
        assert await bench.store.expire_leases(T0 + _LEASE) == 1
        assert await bench.kept() == [Kept(key="r1", state=OutboxState.UNKNOWN, attempts=1, uncertain=True)]
        (one,) = await bench.claim(T0 + _LEASE)
        assert (one.attempts, one.uncertain) == (1, True)

    async def test_what_would_wait_too_long_can_be_made_due(self, bench: OutboxBench) -> None:
        """Of all integrations; what waits as long as that, is under way or has ended stays as it is."""
        await bench.fill(
            a_row(key="leased", order="1"),
            a_row(key="far", order="2", at=T0 + 9 * MINUTE),
            a_row(key="chat", order="3", at=T0 + 9 * MINUTE, integration="slack"),
            a_row(key="near", order="4", at=T0 + 50 * SECOND),
        )
        await bench.claim()
        assert await bench.store.hasten(T0 + 1, MINUTE) == 2
        assert await bench.keys(T0 + 1) == ["far"]
        assert await bench.keys(T0 + 1, integration="slack") == ["chat"]
        assert await bench.keys(T0 + 50 * SECOND) == ["near"]

    async def test_what_is_said_after_a_doubtful_end_knows_of_it(self, bench: OutboxBench) -> None:
        """Only if it is of the same kind, and until something of this kind arrives for certain."""
        await bench.fill(
            a_row(key="r1"), a_row(key="r2"), a_row(MessageKind.RESOLVE, key="r3"), a_row(key="other", order="o")
        )
        (first, other) = await bench.claim()
        assert not first.after_doubt
        await bench.store.finish(other.seq, other.fence, _SENT, T0)
        await bench.store.finish(first.seq, first.fence, ended(OutboxState.FAILED, uncertain=True), T0)
        (second,) = await bench.claim()
        assert (second.row.dedupe_key, second.after_doubt) == ("r2", True)
        await bench.store.finish(second.seq, second.fence, _SENT, T0)
        (end,) = await bench.claim()
        assert (end.row.dedupe_key, end.after_doubt) == ("r3", False)
        await bench.store.finish(end.seq, end.fence, ended(OutboxState.FAILED, uncertain=True), T0)
        await bench.add(a_row(key="r4"))
        (again,) = await bench.claim()
        assert not again.after_doubt

    async def test_at_a_start_every_lease_is_that_of_the_dead(self, bench: OutboxBench) -> None:
        """So nothing waits for it to end: the rows are due at once."""
        await bench.fill(a_row())
        await bench.claim()
        assert await bench.store.expire_leases(T0 + 1, orphaned=True) == 1
        assert await bench.store.next_due() == {"webhook": T0 + 1}
        (one,) = await bench.claim(T0 + 1)
        assert one.uncertain

    async def test_the_next_due_instant_looks_at_heads_and_leases(self, bench: OutboxBench) -> None:
        """What is behind a head, or of another integration, does not count."""
        assert await bench.store.next_due() == {}
        await bench.fill(
            a_row(key="a", at=T0 + 30 * SECOND),
            a_row(MessageKind.UPDATE, key="b"),
            a_row(key="c", order="other", integration="slack"),
        )
        assert await bench.store.next_due() == {"webhook": T0 + 30 * SECOND, "slack": T0}
        (one,) = await bench.claim(T0 + 30 * SECOND)
        assert await bench.store.next_due() == {"webhook": one.lease_until, "slack": T0}
        await bench.store.finish(one.seq, one.fence, _SENT, T0 + 30 * SECOND)
        assert await bench.store.next_due() == {"webhook": T0, "slack": T0}
        await bench.settle()
        assert await bench.store.next_due() == {"slack": T0}


def report_of(claimed: Claimed) -> DeliveryReport:
    row = claimed.row
    return DeliveryReport(
        dedupe_key=row.dedupe_key,
        destination=row.destination,
        kind=row.message.kind,
        at=T0,
        arrived=False,
        incident=row.incident,
        epoch=row.epoch,
        order_key=row.order_key,
        why="broken",
    )
