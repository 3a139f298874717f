"""The laws of the outbox, over any order of decisions, crashes, lost answers and acknowledgements."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    Destination,
    MessageKind,
    OutboxState,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import MINUTE, SECOND
from monitor.notify.attempts import Patience, Repeats, conclude, unrepeatable
from monitor.notify.outbox import Claimed, IncidentMark
from tests.support.messages import INCIDENT, T0, a_row
from tests.support.outbox_store import FakeOutboxStore

T = TypeVar("T")
_ANA = Destination("user:ana", "webhook")
_OPS = Destination("ops", "webhook")
_KINDS = st.sampled_from([MessageKind.TRIGGER, MessageKind.REMINDER, MessageKind.UPDATE])
_REFUSALS = st.sampled_from(
    [RetryLater("no"), RetryLater("limit", 9 * SECOND), Rejected("never"), Unknown("lost"), Unknown("lost, but there")]
)
_ANSWERS: dict[str, DeliveryOutcome] = {
    "accept": Delivered("h"),
    "reject": Rejected("never"),
    "lose": Unknown("lost"),
    "later": RetryLater("no"),
}
_LEASE = MINUTE


class OutboxMachine(RuleBasedStateMachine):
    """One incident and one destination, with a fallback; the vendor remembers what really arrived."""

    repeats = Repeats.VISIBLE

    def __init__(self) -> None:
        super().__init__()
        self.store = FakeOutboxStore()
        self.now = T0
        self.epoch = 1
        self.open = True
        self.serial = 0
        self.flying: list[Claimed] = []
        self.order: list[str] = []
        self.started: list[tuple[Claimed, int, bool]] = []
        """(claim, epoch then, open then) of each attempt."""
        self.arrived: list[tuple[str, bool]] = []
        """(dedupe key, marked as a possible repeat) as the vendor saw it."""
        self._mark()
        self._add(MessageKind.TRIGGER)

    @rule(kind=_KINDS)
    @precondition(lambda self: self.open)
    def decide(self, kind: MessageKind) -> None:
        self._add(kind)

    @rule()
    @precondition(lambda self: self.open)
    def acknowledge(self) -> None:
        self.epoch += 1
        self._mark()
        self._add(MessageKind.ACKNOWLEDGE)

    @rule()
    @precondition(lambda self: self.open)
    def resolve(self) -> None:
        self.epoch += 1
        self.open = False
        self._mark()
        self._add(MessageKind.RESOLVE)

    @rule(span=st.integers(0, 400 * SECOND))
    def wait(self, span: int) -> None:
        """An attempt has a deadline well before its lease ends: one that is overtaken by it was cut off, unwritten."""
        self.now += span
        self.flying = [one for one in self.flying if one.lease_until > self.now]

    @rule()
    def claim(self) -> None:
        run(self.store.expire_leases(self.now))
        for one in run(self.store.claim("webhook", self.now, 4, _LEASE)):
            dropped = unrepeatable(one, self.repeats, self.now)
            if dropped is not None:
                run(self.store.finish(one.seq, one.fence, dropped, self.now))
                continue
            self.started.append((one, self.epoch, self.open))
            self.flying.append(one)

    @rule(refusal=_REFUSALS)
    @precondition(lambda self: bool(self.flying))
    def refuse(self, refusal: DeliveryOutcome) -> None:
        one = self.flying.pop(0)
        if refusal == Unknown("lost, but there"):
            self._arrive(one)
        self._conclude(one, refusal)

    @rule()
    @precondition(lambda self: bool(self.flying))
    def accept(self) -> None:
        one = self.flying.pop(0)
        self._arrive(one)
        self._conclude(one, Delivered("h"))

    @rule(answer=st.sampled_from(["accept", "reject", "lose", "later", "later", "crash"]), arrives=st.booleans())
    def send(self, answer: str, arrives: bool) -> None:
        """Claim what is due and let all that is under way meet the same fate: the usual course of things."""
        self.wait(400 * SECOND)
        self.claim()
        if answer == "crash":
            self.crash(arrives)
        while self.flying:
            one = self.flying.pop(0)
            if answer == "accept" or (answer == "lose" and arrives):
                self._arrive(one)
            self._conclude(one, _ANSWERS[answer])

    @rule(arrives=st.booleans())
    @precondition(lambda self: bool(self.flying))
    def crash(self, arrives: bool) -> None:
        """The process dies; what was under way may have arrived. The next one starts with all leases ended."""
        for one in self.flying:
            if arrives:
                self._arrive(one)
        self.flying.clear()
        run(self.store.expire_leases(self.now, orphaned=True))

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every decided row is still there, and has ended only for a reason."""
        rows = run(self.store.rows())
        assert {one.row.dedupe_key for one in rows} >= set(self.order)
        assert all(one.error for one in rows if one.state in (OutboxState.FAILED, OutboxState.CANCELLED))

    @invariant()
    def no_page_is_started_once_it_is_stale(self) -> None:
        """I4 and I5: after an acknowledgement or a resolve has committed, no attempt of an older page starts."""
        for one, epoch, open_ in self.started:
            if one.row.message.kind.wakes:
                assert open_
                assert one.row.epoch == epoch

    @invariant()
    def one_at_a_time_in_order(self) -> None:
        """I8: at most one row of an order key is under way, and rows start in the order of their decisions."""
        keys = [one.row.order_key for one in self.flying]
        assert len(keys) == len(set(keys))
        started = [one.seq for one, _, _ in self.started if one.row.destination == _ANA]
        assert started == sorted(started)

    @invariant()
    def repeats_are_marked(self) -> None:
        """I6: a message that people may see twice says so from the second time on."""
        seen: set[str] = set()
        for key, marked in self.arrived:
            assert marked or key not in seen
            seen.add(key)

    def teardown(self) -> None:
        """I7: once the vendor works again, every destination that a page reached hears of the end."""
        self.flying.clear()
        run(self.store.expire_leases(self.now, orphaned=True))
        if self.open:
            self.resolve()
        for _ in range(200):
            claimed = run(self.store.claim("webhook", self.now, 4, _LEASE))
            if not claimed:
                due = run(self.store.next_due()).get("webhook")
                if due is None:
                    break
                self.now = max(self.now, due)
            for one in claimed:
                dropped = unrepeatable(one, self.repeats, self.now)
                if dropped is None:
                    self._arrive(one)
                    self._conclude(one, Delivered("h"))
                else:
                    run(self.store.finish(one.seq, one.fence, dropped, self.now))
        rows = run(self.store.rows())
        assert all(one.ended for one in rows)
        reached = {key for key, _ in self.arrived}
        for destination in (_ANA, _OPS):
            mine = [one for one in rows if one.row.destination == destination]
            paged = any(one.row.message.kind.wakes and one.row.dedupe_key in reached for one in mine)
            told = [one for one in mine if one.row.message.kind is MessageKind.RESOLVE]
            given_up = any(one.state is OutboxState.FAILED for one in told)
            assert not paged or given_up or any(one.row.dedupe_key in reached for one in told)

    def _add(self, kind: MessageKind) -> None:
        self.serial += 1
        key = f"r{self.serial}"
        self.order.append(key)
        run(self.store.add(a_row(kind, key=key, epoch=self.epoch, at=self.now)))

    def _mark(self) -> None:
        run(self.store.set_incident(INCIDENT, IncidentMark(epoch=self.epoch, open=self.open)))

    def _arrive(self, one: Claimed) -> None:
        self.arrived.append((one.row.dedupe_key, one.uncertain))

    def _conclude(self, one: Claimed, outcome: DeliveryOutcome) -> None:
        finish = conclude(
            one,
            outcome,
            repeats=self.repeats,
            fallback=_OPS,
            patience=Patience(alarm_after=1),
            fraction=0.9,
            now=self.now,
        )
        run(self.store.finish(one.seq, one.fence, finish, self.now))


def run(work: Coroutine[object, object, T]) -> T:
    """The store in memory never waits, so one step ends it."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the store waited")


OutboxMachine.TestCase.settings = settings(max_examples=settings().max_examples * 12 // 5, stateful_step_count=20)
TestOutboxLaws = OutboxMachine.TestCase
