"""What every incident store must do. A test class inherits `IncidentStoreContract` and overrides the fixture `bench`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import pytest

from monitor.model.changes import AuditEntry, Timer
from monitor.model.errors import BugError, CorruptionError
from monitor.model.incidents import IncidentEvent, IncidentState, TimelineEntry
from monitor.model.notifications import DeliveryReport, MessageKind, OutboxRow
from monitor.model.times import MINUTE
from monitor.oncall.effects import Answer, Cancel
from monitor.oncall.events import GroupChanged, Resolve
from monitor.oncall.incident import Incident, IncidentKey
from monitor.oncall.stores import Decision, IncidentQueries, IncidentStore, Snapshot
from tests.support.incidents import ANA, START, Story, alert, group, over, to


class HandOver(Protocol):
    """Puts one row into the inbox, as the transactions of alerts (events) and notify (reports) do."""

    def __call__(self, content: IncidentEvent | DeliveryReport) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A fresh, empty store with doors that only tests use."""

    store: IncidentStore
    queries: IncidentQueries
    hand_over: HandOver
    outbox: Callable[[], Awaitable[list[OutboxRow]]]
    """Rows that are still wanted, in the order in which they were inserted."""
    attempt: Callable[[OutboxRow], Awaitable[None]]
    """Marks that this row may have arrived."""
    refuse: Callable[[OutboxRow], Awaitable[None]]
    """An attempt of this row was refused for now: it did not arrive."""
    audit: Callable[[], Awaitable[list[AuditEntry]]]
    spoil: Callable[[Incident], Awaitable[None]]
    """Makes the row of this incident unreadable."""


def nothing(snapshot: Snapshot) -> Decision:
    return Decision()


def writes(decision: Decision) -> Callable[[Snapshot], Decision]:
    return lambda snapshot: decision


def an_incident(number: int = 1, *, key: str = "k", generation: int = 1, offset: int = 0) -> Incident:
    """Open, paged, its next step due five minutes after it opened."""
    story = Story().at(offset)
    story.feed(GroupChanged(group(alert(summary="it is down"), over(alert("Old")), key=key)))
    return replace(story.state, id=f"INCIDENT{number}", number=number, generation=generation)


def rows_of(incident: Incident) -> tuple[OutboxRow, ...]:
    """A page and the note that it was resolved, both of epoch 1."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    story.feed(Resolve(ANA))
    return tuple(
        replace(row, incident=incident.id, dedupe_key=f"{incident.id}:{key}", epoch=1)
        for key, row in story.rows.items()
    )


def key_of(name: str) -> IncidentKey:
    return IncidentKey(policy="payments", group_key=name)


class IncidentStoreContract:
    """Sentences about `IncidentStore` and `IncidentQueries`."""

    @pytest.fixture
    def bench(self) -> Bench:
        raise BugError("override the fixture `bench`")

    async def read(self, bench: Bench, *keys: str) -> Snapshot:
        seen: list[Snapshot] = []

        def look(snapshot: Snapshot) -> Decision:
            seen.append(snapshot)
            return Decision()

        await bench.store.transact([key_of(key) for key in keys], look)
        return seen[-1]

    async def test_an_empty_store_knows_nothing(self, bench: Bench) -> None:
        """The first number is 1."""
        snapshot = await self.read(bench, "k")
        assert (dict(snapshot.incidents), snapshot.inbox, snapshot.next_number) == ({}, (), 1)
        assert await bench.store.next_due() is None
        assert await bench.store.waiting(10) == ()
        assert await bench.store.due(START + 10**12, 10) == ()
        assert await bench.store.open_incidents() == ()

    async def test_an_incident_is_read_back_exactly_as_it_was_written(self, bench: Bench) -> None:
        """Every field, label sets and enums included."""
        incident = an_incident()
        await bench.store.transact([incident.key], writes(Decision(incidents=(incident,))))
        snapshot = await self.read(bench, "k")
        assert snapshot.incidents == {incident.key: incident}
        assert snapshot.next_number == 2
        assert await bench.queries.find(incident.id) == incident

    async def test_only_the_keys_that_were_asked_for_are_read(self, bench: Bench) -> None:
        """A key without an incident is absent."""
        one, two = an_incident(1, key="one"), an_incident(2, key="two")
        await bench.store.transact([one.key, two.key], writes(Decision(incidents=(one, two))))
        assert (await self.read(bench, "two", "three")).incidents == {two.key: two}

    async def test_the_latest_generation_of_a_key_is_read(self, bench: Bench) -> None:
        """Older ones stay to be looked up, and numbers are never given again."""
        old = replace(an_incident(1), state=IncidentState.RESOLVED, due_at=None)
        new = an_incident(2, generation=2)
        await bench.store.transact([old.key], writes(Decision(incidents=(old,))))
        await bench.store.transact([old.key], writes(Decision(incidents=(old, new))))
        snapshot = await self.read(bench, "k")
        assert snapshot.incidents == {new.key: new}
        assert snapshot.next_number == 3
        assert await bench.queries.find("1") == old
        assert await bench.queries.find("#2") == new

    async def test_the_decision_is_given_back(self, bench: Bench) -> None:
        """With the answer, which is stored nowhere."""
        decision = Decision(answer=Answer(text="done"))
        assert await bench.store.transact([key_of("k")], writes(decision)) == decision

    async def test_a_decision_that_raises_writes_nothing(self, bench: Bench) -> None:
        """Its error passes through."""

        def fail(snapshot: Snapshot) -> Decision:
            raise BugError("no")

        await bench.hand_over(group(alert(), key="k"))
        with pytest.raises(BugError, match="no"):
            await bench.store.transact([key_of("k")], fail)
        assert len((await self.read(bench, "k")).inbox) == 1

    async def test_timers_are_replaced_with_their_incident(self, bench: Bench) -> None:
        """What the latest decision does not want is not due any more."""
        incident = an_incident()
        await bench.store.transact([incident.key], writes(Decision(incidents=(incident,))))
        assert await bench.store.next_due() == START + 5 * MINUTE
        later = replace(incident, due_at=START + 9 * MINUTE)
        await bench.store.transact([incident.key], writes(Decision(incidents=(later,))))
        assert await bench.store.next_due() == START + 9 * MINUTE
        await bench.store.transact([incident.key], writes(Decision(incidents=(replace(later, due_at=None),))))
        assert await bench.store.next_due() is None

    async def test_due_keys_come_most_overdue_first_and_limited(self, bench: Bench) -> None:
        """A timer is due at its very instant."""
        incidents = tuple(an_incident(n, key=f"k{n}", offset=-n * MINUTE) for n in (1, 2, 3))
        await bench.store.transact([], writes(Decision(incidents=incidents)))
        assert await bench.store.due(START + 2 * MINUTE - 1, 10) == ()
        assert await bench.store.due(START + 2 * MINUTE, 10) == (key_of("k3"),)
        assert await bench.store.due(START + 4 * MINUTE, 10) == (key_of("k3"), key_of("k2"), key_of("k1"))
        assert await bench.store.due(START + 4 * MINUTE, 2) == (key_of("k3"), key_of("k2"))

    async def test_the_inbox_is_read_in_order_and_deleted_only_when_consumed(self, bench: Bench) -> None:
        """Rows of other keys stay."""
        first, second, other = group(alert(), key="k"), group(over(alert()), key="k"), group(alert(), key="other")
        for event in (first, second, other):
            await bench.hand_over(event)
        assert await bench.store.waiting(10) == (key_of("k"), key_of("other"))
        assert await bench.store.waiting(1) == (key_of("k"),)
        snapshot = await self.read(bench, "k")
        assert [row.content for row in snapshot.inbox] == [first, second]
        consumed = tuple(row.id for row in snapshot.inbox[:1])
        await bench.store.transact([key_of("k")], writes(Decision(consumed=consumed)))
        assert [row.content for row in (await self.read(bench, "k")).inbox] == [second]
        assert await bench.store.waiting(10) == (key_of("k"), key_of("other"))

    async def test_a_delivery_report_comes_under_the_key_of_its_incident(self, bench: Bench) -> None:
        """It is read back as it was; one about an incident that is not there is dropped."""
        incident = an_incident()
        await bench.store.transact([incident.key], writes(Decision(incidents=(incident,))))
        report = DeliveryReport(
            dedupe_key="d", destination=to("ana"), kind=MessageKind.TRIGGER, at=START, arrived=False, why="no",
            incident=incident.id, epoch=1,
        )  # fmt: skip
        await bench.hand_over(report)
        await bench.hand_over(replace(report, incident="GONE"))
        assert await bench.store.waiting(10) == (incident.key,)
        assert [row.content for row in (await self.read(bench, "k")).inbox] == [report]

    async def test_a_row_is_inserted_once_whatever_is_decided_again(self, bench: Bench) -> None:
        """The dedupe key decides; the first one stays."""
        incident = an_incident()
        rows = rows_of(incident)
        await bench.store.transact([incident.key], writes(Decision(incidents=(incident,), rows=rows)))
        again = tuple(replace(row, due_at=row.due_at + 1) for row in rows)
        await bench.store.transact([incident.key], writes(Decision(rows=again)))
        assert await bench.outbox() == list(rows)

    async def test_a_cancel_takes_back_unsent_pages_of_older_epochs_only(self, bench: Bench) -> None:
        """However often they were refused; not what informs, not what may have arrived, not the rows of the same decision,
        not another incident's."""
        mine, other = an_incident(1, key="one"), an_incident(2, key="two")
        page, note = rows_of(mine)
        begun = replace(page, dedupe_key="begun", destination=to("bo"), order_key="begun")
        theirs = rows_of(other)
        refused = replace(page, dedupe_key="refused", destination=to("cy"), order_key="refused")
        decision = Decision(incidents=(mine, other), rows=(page, note, begun, refused, *theirs))
        await bench.store.transact([mine.key, other.key], writes(decision))
        await bench.attempt(begun)
        await bench.refuse(refused)
        newer = replace(page, dedupe_key="newer", epoch=2)
        cancel = Cancel(incident=mine.id, below_epoch=2, at=START)
        await bench.store.transact([mine.key], writes(Decision(cancels=(cancel,), rows=(newer,))))
        assert {row.dedupe_key for row in await bench.outbox()} == {
            note.dedupe_key, "begun", "newer", *(row.dedupe_key for row in theirs),
        }  # fmt: skip

    async def test_a_cancelled_row_is_not_inserted_anew(self, bench: Bench) -> None:
        """Its dedupe key is taken for ever."""
        incident = an_incident()
        page, _ = rows_of(incident)
        await bench.store.transact([incident.key], writes(Decision(incidents=(incident,), rows=(page,))))
        cancel = Cancel(incident=incident.id, below_epoch=2, at=START)
        await bench.store.transact([incident.key], writes(Decision(cancels=(cancel,))))
        await bench.store.transact([incident.key], writes(Decision(rows=(page,))))
        assert await bench.outbox() == []

    async def test_timeline_and_audit_are_kept_in_the_order_of_writing(self, bench: Bench) -> None:
        """Also within one instant."""
        incident = an_incident()
        entries = tuple(
            TimelineEntry(incident=id_, at=START, kind=kind, text=kind, actor="ana")
            for id_, kind in ((incident.id, "b"), ("ELSE", "x"), (incident.id, "a"))
        )
        audit = AuditEntry(at=START, actor=ANA, action="acknowledge", subject=f"incident:{incident.id}", detail="d")
        other = replace(an_incident(2, key="else"), id="ELSE")
        decision = Decision(incidents=(incident, other), timeline=entries, audit=(audit,))
        await bench.store.transact([incident.key], writes(decision))
        assert await bench.queries.timeline(incident.id) == (entries[0], entries[2])
        assert await bench.audit() == [audit]

    async def test_open_incidents_are_listed_with_their_stored_timers(self, bench: Bench) -> None:
        """By number; resolved ones are not among them."""
        one, three = an_incident(1, key="one"), an_incident(3, key="three")
        two = replace(an_incident(2, key="two"), state=IncidentState.RESOLVED)
        await bench.store.transact([], writes(Decision(incidents=(three, two, one))))
        expected: tuple[tuple[Incident, tuple[Timer, ...]], ...] = ((one, one.timers), (three, three.timers))
        assert await bench.store.open_incidents() == expected

    async def test_recent_incidents_are_the_newest_first(self, bench: Bench) -> None:
        """All of them, or the open ones."""
        one, two = an_incident(1, key="one"), replace(an_incident(2, key="two"), state=IncidentState.RESOLVED)
        await bench.store.transact([], writes(Decision(incidents=(one, two))))
        assert await bench.queries.recent(10) == (two, one)
        assert await bench.queries.recent(1) == (two,)
        assert await bench.queries.recent(10, open_only=True) == (one,)

    async def test_an_incident_is_found_by_number_or_id_only(self, bench: Bench) -> None:
        """Ids may be written in lower case."""
        incident = an_incident(17)
        await bench.store.transact([], writes(Decision(incidents=(incident,))))
        for reference in ("17", "#17", incident.id, incident.id.lower()):
            assert await bench.queries.find(reference) == incident
        for reference in ("", "1", "#", "INCIDENT", "-17", "17 or 1=1", "9" * 19, "9" * 5_000):
            assert await bench.queries.find(reference) is None

    async def test_the_next_timer_can_be_asked_for_without_some_keys(self, bench: Bench) -> None:
        """Whoever cannot decide on them just now waits for the others only."""
        early, late = an_incident(1, key="early"), an_incident(2, key="late", offset=MINUTE)
        await bench.store.transact([], writes(Decision(incidents=(early, late))))
        assert await bench.store.next_due([key_of("else")]) == START + 5 * MINUTE
        assert await bench.store.next_due([early.key]) == START + 6 * MINUTE
        assert await bench.store.next_due([early.key, late.key]) is None

    async def test_an_unreadable_incident_hides_no_other(self, bench: Bench) -> None:
        """It is reported with its key and left out; a decision about it, or a call that leaves nothing out, fails."""
        good, bad = an_incident(1, key="good"), an_incident(2, key="bad")
        await bench.store.transact([], writes(Decision(incidents=(good, bad))))
        await bench.spoil(bad)
        told: list[IncidentKey] = []

        def hear(key: IncidentKey, error: CorruptionError) -> None:
            told.append(key)

        assert await bench.store.open_incidents(hear) == ((good, good.timers),)
        assert await bench.queries.recent(10, unreadable=hear) == (good,)
        assert told == [bad.key, bad.key]
        with pytest.raises(CorruptionError):
            await bench.store.open_incidents()
        with pytest.raises(CorruptionError):
            await bench.queries.recent(10)
        with pytest.raises(CorruptionError):
            await self.read(bench, "bad")
        assert (await self.read(bench, "good")).incidents == {good.key: good}
