"""Delivering: the loop that claims, sends and writes down, in virtual time and with a scripted kind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from monitor.model.errors import BugError
from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Destination,
    MessageKind,
    OutboxState,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.delivering import Delivery
from monitor.notify.kinds.sending import Sending
from monitor.notify.outbox import IncidentMark
from monitor.notify.throttling import Limit, Rate, Toll
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from tests.support.delivering import FakeAddressBook, FakeKind, FakeMeters, Tasks
from tests.support.messages import INCIDENT, T0, a_row
from tests.support.outbox_store import FakeOutboxStore

_ANA = Destination("user:ana", "webhook")
_OPS = Destination("fallback", "console")
_OPEN = IncidentMark(epoch=1, open=True)


@dataclass
class World:
    """A delivery with everything around it."""

    time: VirtualTime
    store: FakeOutboxStore
    book: FakeAddressBook
    meters: FakeMeters
    tasks: Tasks
    reports: list[Timestamp] = field(default_factory=list[Timestamp])
    """When the decider was told that there are reports."""

    def deliver(self, **kinds: FakeKind) -> Delivery:
        delivery = Delivery(
            store=self.store,
            book=self.book,
            kinds=kinds,
            clock=self.time.clock,
            fraction=lambda: 0.5,
            start=self.tasks.start,
            meters=self.meters,
            reported=lambda: self.reports.append(self.time.now()),
        )
        delivery.begin()
        return delivery

    async def until(self, at: Timestamp) -> None:
        await self.time.clock.sleep_until(at)


def story(tell: Callable[[World], Awaitable[None]]) -> None:
    """Run a story that starts at T0 with one open incident, two known destinations and a fallback."""
    loop = VirtualLoop()
    world = World(
        VirtualTime(loop, T0),
        FakeOutboxStore(),
        FakeAddressBook({_ANA: object(), _OPS: object()}, _OPS),
        FakeMeters(),
        Tasks(),
    )

    async def whole() -> None:
        await world.store.set_incident(INCIDENT, _OPEN)
        try:
            await tell(world)
        finally:
            await world.tasks.stop()

    run(whole(), loop)


def test_a_row_is_sent_as_soon_as_the_loop_is_woken() -> None:
    """No polling: the latency from wake to sent is nothing, and it is measured from the decision."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now)
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + 7 * SECOND)
        await world.store.add(a_row(at=T0 + 7 * SECOND))
        delivery.wake()
        await world.until(T0 + 8 * SECOND)
        assert [at for at, _ in kind.sent] == [T0 + 7 * SECOND]
        assert world.meters.latencies == [0]
        (row,) = await world.store.rows()
        assert (row.state, row.handle, row.attempts) == (OutboxState.SENT, "handle of r1", 1)

    story(tell)


def test_pauses_double_and_the_vendors_own_wish_wins() -> None:
    """With the dice at one half: 1 s, 2 s, then the 20 s that the vendor asked for, then 8 s."""

    async def tell(world: World) -> None:
        later = RetryLater("busy")
        kind = FakeKind(world.time.now, later, later, RetryLater("busy", 20 * SECOND), later)
        await world.store.add(a_row())
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert [(at - T0) // SECOND for at, _ in kind.sent] == [0, 1, 3, 23, 31]

    story(tell)


def test_a_page_that_cannot_be_delivered_is_told_to_the_fallback_and_goes_on_being_tried() -> None:
    """The fifth failure tells somebody else once; hours later the first channel is still tried."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *[RetryLater("down")] * 500)
        console = FakeKind(world.time.now)
        await world.store.add(a_row())
        world.deliver(webhook=kind, console=console)
        await world.until(T0 + 5 * HOUR)
        assert [sending.row.destination for _, sending in console.sent] == [_OPS]
        assert console.sent[0][0] == T0 + (1 + 2 + 4 + 8) * SECOND
        assert "user:ana/webhook[0]" in console.sent[0][1].message.text
        assert [report.redirected_to for report in world.store.reports if not report.arrived] == [_OPS]
        assert kind.sent[-1][0] > T0 + 4 * HOUR + 50 * MINUTE
        assert (str(_ANA), False) in world.meters.channels

    story(tell)


def test_an_acknowledgement_ends_the_retries_of_a_page() -> None:
    """After the epoch has moved on, no attempt is started any more."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *[RetryLater("down")] * 500)
        await world.store.add(a_row())
        world.deliver(webhook=kind)
        await world.until(T0 + 10 * SECOND)
        await world.store.set_incident(INCIDENT, IncidentMark(epoch=2, open=True))
        before = len(kind.sent)
        await world.until(T0 + HOUR)
        assert len(kind.sent) == before
        assert (await world.store.rows())[0].state is OutboxState.CANCELLED

    story(tell)


def test_a_rejected_page_is_given_up_at_once_with_its_resolve_passed_on_to_the_fallback() -> None:
    """Whoever was told instead also hears of the end; the one who rejected it hears nothing more."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, Rejected("no such key"))
        console = FakeKind(world.time.now)
        await world.store.add(a_row(), a_row(MessageKind.RESOLVE, key="r2"))
        world.deliver(webhook=kind, console=console)
        await world.until(T0 + MINUTE)
        assert kind.keys == ["r1"]
        assert [sending.message.kind for _, sending in console.sent] == [MessageKind.TRIGGER, MessageKind.RESOLVE]

    story(tell)


def test_what_is_given_up_is_counted_by_the_reason_of_the_last_attempt() -> None:
    """A refusal, a vendor that hangs until the deadline, a bug of ours, and a receiver that is gone."""

    async def break_(_: object) -> DeliveryOutcome:
        raise LookupError("a bug")

    async def tell(world: World) -> None:
        async def hang(_: object) -> DeliveryOutcome:
            await world.time.clock.sleep(HOUR)
            return Delivered()

        refused = Rejected("unexpected status code 401", DeliveryFailure.AUTH)
        kind = FakeKind(world.time.now, refused, hang, break_)
        update = MessageKind.UPDATE
        rows = [a_row(update, key=key, order=key) for key in ("r2", "r3")]
        await world.store.add(a_row(), *rows, a_row(key="r4", receiver="user:gone"))
        world.deliver(webhook=kind, console=FakeKind(world.time.now))
        await world.until(T0 + MINUTE)
        assert sorted(one.value for one in world.meters.reasons) == [
            "authError",
            "contextDeadlineExceeded",
            "other",
            "other",
        ]
        assert world.tasks.errors

    story(tell)


def test_what_others_are_told_of_while_the_attempts_go_on_is_counted_apart() -> None:
    """Once, at the fifth failure: it is given up only if it never arrives."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *(RetryLater("busy") for _ in range(7)))
        console = FakeKind(world.time.now)
        await world.store.add(a_row())
        world.deliver(webhook=kind, console=console)
        await world.until(T0 + HOUR)
        assert (len(kind.sent), len(console.sent)) == (8, 1)
        assert (world.meters.handed, world.meters.given_up) == ([_ANA], [])

    story(tell)


def test_what_is_given_up_after_it_was_handed_over_says_so() -> None:
    """So that whoever adds both counts it once."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *(RetryLater("busy") for _ in range(6)), Rejected("gone"))
        await world.store.add(a_row())
        world.deliver(webhook=kind, console=FakeKind(world.time.now))
        await world.until(T0 + HOUR)
        assert (world.meters.handed, world.meters.given_up, world.meters.given_up_late) == ([_ANA], [_ANA], 1)

    story(tell)


def test_a_lost_answer_makes_the_next_attempt_uncertain() -> None:
    """The kind is told, so that it can ask the vendor or mark a possible repeat."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, Unknown("lost"))
        await world.store.add(a_row())
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert [(sending.attempt, sending.uncertain) for _, sending in kind.sent] == [(1, False), (2, True)]

    story(tell)


@pytest.mark.parametrize("repeats", list(Repeats))
def test_what_is_told_anew_after_it_was_given_up_in_doubt_is_marked(repeats: Repeats) -> None:
    """A channel was down for an hour, but one answer was lost only on its way back: people may see it twice."""

    async def tell(world: World) -> None:
        async def down_for_long(_: Sending) -> DeliveryOutcome:
            return RetryLater("down") if world.time.now() < T0 + 2 * HOUR else Delivered()

        kind = FakeKind(world.time.now, Unknown("lost"), *[down_for_long] * 100, repeats=repeats)
        await world.store.add(a_row(of_incident=False))
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + 2 * HOUR)
        assert (await world.store.rows())[0].state is OutboxState.FAILED
        tried = len(kind.sent)
        await world.store.add(a_row(key="r2", at=T0 + 2 * HOUR, of_incident=False))
        delivery.wake()
        await world.until(T0 + 3 * HOUR)
        assert [sending.uncertain for _, sending in kind.sent[tried:]] == [repeats is Repeats.VISIBLE]

    story(tell)


def test_a_lost_answer_to_chatter_is_not_repeated() -> None:
    """Informational messages are rather lost than doubled where people would see both."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, Unknown("lost"))
        await world.store.add(a_row(MessageKind.UPDATE))
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert kind.keys == ["r1"]
        assert (await world.store.rows())[0].state is OutboxState.FAILED

    story(tell)


def test_an_attempt_that_hangs_is_cut_off_and_holds_up_no_other_kind() -> None:
    """A hanging webhook costs its own row fifteen seconds and the console nothing."""

    async def tell(world: World) -> None:
        async def hang(_: Sending) -> DeliveryOutcome:
            await asyncio.Event().wait()
            return Delivered()

        kind = FakeKind(world.time.now, hang)
        console = FakeKind(world.time.now)
        await world.store.add(
            a_row(), a_row(key="r2", integration="console", receiver="fallback", order="other"), a_row(key="r3")
        )
        world.deliver(webhook=kind, console=console)
        await world.until(T0 + MINUTE)
        assert [at - T0 for at, _ in console.sent] == [0]
        assert [(at - T0, sending.row.dedupe_key) for at, sending in kind.sent] == [
            (0, "r1"),
            (16 * SECOND, "r1"),
            (16 * SECOND, "r3"),
        ]

    story(tell)


def test_a_row_whose_receiver_a_reload_removed_goes_to_the_fallback_with_the_reason() -> None:
    """Nothing decided is lost because a file changed."""

    async def tell(world: World) -> None:
        console = FakeKind(world.time.now)
        await world.store.add(a_row(receiver="gone"))
        world.deliver(webhook=FakeKind(world.time.now), console=console)
        await world.until(T0 + SECOND)
        ((_, sending),) = console.sent
        assert "gone/webhook[0]" in sending.message.text
        assert "no longer in the configuration" in sending.message.text

    story(tell)


def test_rows_over_the_limit_each_wait_for_their_own_slot() -> None:
    """One message in 1.5 s: four rows of different incidents leave at 0, 1.5, 3 and 4.5 s."""

    async def tell(world: World) -> None:
        toll = Toll("channel", Limit(shared=Rate(every=1_500)))
        kind = FakeKind(world.time.now, tolls=[toll])
        await world.store.add(*(a_row(key=f"r{n}", order=f"o{n}") for n in range(4)))
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert [at - T0 for at, _ in kind.sent] == [0, 1_500, 3_000, 4_500]
        assert [row.attempts for row in await world.store.rows()] == [1, 1, 1, 1]

    story(tell)


def test_a_page_waits_behind_no_end_however_many_there_are() -> None:
    """Twenty incidents are over at once, and a second later another begins: its page finds its own share untouched."""

    async def tell(world: World) -> None:
        toll = Toll("account", Limit(shared=Rate(every=SECOND, burst=5), reserved=Rate(every=2 * SECOND, burst=2)))
        kind = FakeKind(world.time.now, tolls=[toll])
        await world.store.add(*(a_row(MessageKind.RESOLVE, key=f"r{n}", order=f"o{n}") for n in range(20)))
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + SECOND)
        await world.store.add(a_row(key="page", order="other", at=T0 + SECOND))
        delivery.wake()
        await world.until(T0 + MINUTE)
        assert [at - T0 for at, sending in kind.sent if sending.message.kind.wakes] == [SECOND]
        assert [at - T0 for at, _ in kind.sent if at > T0 + SECOND] == [n * SECOND for n in range(2, 16)]

    story(tell)


def test_an_error_of_our_own_neither_stops_the_loop_nor_loses_the_row() -> None:
    """The attempt counts as uncertain, the error is raised to whoever owns the tasks, the next row is sent."""

    async def tell(world: World) -> None:
        async def break_down(_: Sending) -> DeliveryOutcome:
            raise KeyError("the secret")

        kind = FakeKind(world.time.now, break_down)
        await world.store.add(a_row(), a_row(key="r2", order="other"))
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert kind.keys == ["r1", "r2", "r1"]
        (error,) = world.tasks.errors
        assert isinstance(error, BugError)
        assert re.fullmatch(r"sending to user:ana/webhook\[0\] broke: KeyError at [a-z_]+\.py:\d+", str(error))
        assert (error.__cause__, error.__suppress_context__) == (None, True)
        assert all(row.state is OutboxState.SENT for row in await world.store.rows())

    story(tell)


def test_draining_lets_what_is_under_way_end_and_starts_nothing() -> None:
    """What is not begun stays in the outbox for the next start."""

    async def tell(world: World) -> None:
        async def slow(_: Sending) -> DeliveryOutcome:
            await world.time.clock.sleep(5 * SECOND)
            return Delivered()

        kind = FakeKind(world.time.now, slow)
        await world.store.add(a_row(), a_row(MessageKind.UPDATE, key="r2"))
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + SECOND)
        await delivery.drain()
        assert world.time.now() == T0 + 5 * SECOND
        await world.until(T0 + MINUTE)
        assert [row.state for row in await world.store.rows()] == [OutboxState.SENT, OutboxState.PENDING]

    story(tell)


def test_a_store_that_fails_for_a_while_stops_nothing() -> None:
    """Rows wait for it, an end that could not be written is written when it is back, and nothing is sent twice."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now)
        await world.store.add(a_row())
        world.store.broken = True
        world.deliver(webhook=kind)
        await world.until(T0 + 5 * SECOND)
        assert kind.keys == []
        world.store.broken = False
        await world.until(T0 + 10 * SECOND)
        assert kind.keys == ["r1"]
        assert world.tasks.errors == []

    story(tell)


def test_an_end_that_cannot_be_written_is_written_once_the_store_is_back() -> None:
    """Within the lease; the vendor is not asked again."""

    async def tell(world: World) -> None:
        async def break_store(_: Sending) -> DeliveryOutcome:
            world.store.broken = True
            return Delivered("h")

        kind = FakeKind(world.time.now, break_store)
        await world.store.add(a_row())
        world.deliver(webhook=kind)
        await world.until(T0 + 20 * SECOND)
        world.store.broken = False
        await world.until(T0 + 30 * SECOND)
        assert kind.keys == ["r1"]
        assert (await world.store.rows())[0].state is OutboxState.SENT

    story(tell)


def test_the_decider_hears_at_once_that_a_page_arrived_or_failed() -> None:
    """A policy moves on because of a failure, so its report does not wait for the next timer."""

    async def tell(world: World) -> None:
        delivery = world.deliver(webhook=FakeKind(world.time.now, Delivered("h"), Rejected("gone")))
        await world.store.add(a_row(key="r1", order="o1"))
        delivery.wake()
        await world.until(T0 + 5 * SECOND)
        await world.store.add(a_row(key="r2", order="o2"))
        delivery.wake()
        await world.until(T0 + 10 * SECOND)
        assert world.reports == [T0, T0 + 5 * SECOND]

    story(tell)


def test_a_loop_that_crashes_is_begun_again_by_whoever_keeps_it() -> None:
    """One loop for each integration, given as a factory."""

    async def tell(world: World) -> None:
        kept: dict[str, Callable[[], Awaitable[None]]] = {}

        def keep(name: str, factory: Callable[[], Awaitable[None]]) -> None:
            kept[name] = factory

        kind = FakeKind(world.time.now)
        delivery = Delivery(
            store=world.store,
            book=world.book,
            kinds={"webhook": kind},
            clock=world.time.clock,
            fraction=lambda: 0.5,
            start=world.tasks.start,
            meters=world.meters,
        )
        delivery.begin(keep)
        assert list(kept) == ["deliver webhook"]
        await world.store.add(a_row())
        world.tasks.start("again", _once(kept["deliver webhook"]))
        await world.until(T0 + SECOND)
        assert kind.keys == ["r1"]

    story(tell)


def test_a_pause_is_no_longer_because_the_clock_was_set_back() -> None:
    """The second attempt, due after one second, comes within a nap of the clock, and a promised slot moves along."""

    async def tell(world: World) -> None:
        toll = Toll("channel", Limit(shared=Rate(every=20 * MINUTE)))
        kind = FakeKind(world.time.now, RetryLater("busy", 10 * MINUTE))
        chat = FakeKind(world.time.now, tolls=[toll])
        await world.store.add(a_row(), *(a_row(key=f"c{n}", order=f"o{n}", integration="slack") for n in range(2)))
        world.book.known[Destination("user:ana", "slack")] = object()
        world.deliver(webhook=kind, slack=chat)
        await world.time.clock.sleep(5 * SECOND)
        world.time.jump(-30 * MINUTE)
        await world.time.clock.sleep(31 * SECOND)
        assert kind.keys == ["r1", "r1"]
        await world.time.clock.sleep(20 * MINUTE)
        assert chat.keys == ["c0", "c1"]

    story(tell)


def test_a_channel_is_not_down_for_ever_when_nobody_uses_it() -> None:
    """An hour after the last failure nothing is known of it."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *[RetryLater("busy")] * 3, Rejected("gone"))
        await world.store.add(a_row())
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + 55 * MINUTE)
        assert list(delivery.down()) == [_ANA]
        await world.until(T0 + HOUR + MINUTE)
        assert dict(delivery.down()) == {}
        assert world.meters.channels == [(str(_ANA), True), (str(_ANA), False), (str(_ANA), None)]

    story(tell)


def test_a_reload_that_removes_or_changes_a_channel_makes_what_was_known_of_it_void() -> None:
    """One that stays as it is stays down."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now, *[RetryLater("busy")] * 500)
        where = [Destination(name, "webhook") for name in ("removed", "changed", "same")]
        world.book.known.update((one, "options") for one in where)
        await world.store.add(*(a_row(key=one.receiver, order=one.receiver, receiver=one.receiver) for one in where))
        delivery = world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert set(delivery.down()) == set(where)
        del world.book.known[where[0]]
        world.book.known[where[1]] = "other options"
        delivery.reconfigured()
        assert list(delivery.down()) == where[2:]
        gone = {str(one) for one in where[:2]}
        assert {name for name, up in world.meters.channels if up is None} == gone

    story(tell)


def test_a_row_that_waits_far_too_long_at_the_start_is_tried_at_once() -> None:
    """The clock was set back while nobody was there to see it."""

    async def tell(world: World) -> None:
        kind = FakeKind(world.time.now)
        await world.store.add(
            a_row(key="far", order="1", at=T0 + 20 * MINUTE), a_row(key="near", order="2", at=T0 + 4 * MINUTE)
        )
        world.deliver(webhook=kind)
        await world.until(T0 + MINUTE)
        assert kind.keys == ["far"]

    story(tell)


async def _once(factory: Callable[[], Awaitable[None]]) -> None:
    await factory()
