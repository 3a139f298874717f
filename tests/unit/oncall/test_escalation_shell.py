"""The shell: inbox, timers and people in one transaction each; crashes, reloads, and the minute audit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from monitor.chance import Chance
from monitor.clock import Clock
from monitor.model.changes import Timer
from monitor.model.errors import BugError, ConflictError, NotFoundError, StoreError
from monitor.model.incidents import IncidentState
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.oncall.escalating import Escalating, Playbook
from monitor.oncall.incident import Incident, IncidentKey
from monitor.oncall.stores import Decide, Decision, Unreadable, raised
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from tests.support.incident_store import FakeIncidentStore
from tests.support.incidents import ANA, BO, PAYMENTS, ROSTER, START, alert, group, muted, over


class Desk:
    """A daemon with a clock that stands still until it is moved."""

    def __init__(self, store: FakeIncidentStore | None = None) -> None:
        self.now: Timestamp = START
        self.store = store if store is not None else FakeIncidentStore()
        self.decisions: list[Decision] = []
        self.decided = asyncio.Event()
        self.escalating = Escalating(
            store=self.store,
            queries=self.store,
            clock=Clock(lambda: self.now),
            chance=Chance(1),
            playbook=Playbook(policies={"payments": PAYMENTS}, directory=ROSTER),
            committed=self.note,
        )

    def note(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self.decided.set()

    def pages(self) -> list[str]:
        rows = self.store.outbox.values()
        return [row.destination.receiver.removeprefix("user:") for row in rows if row.message.kind.wakes]

    async def opened(self) -> Desk:
        self.store.hand_over(group(alert()))
        await self.escalating.advance()
        return self


async def test_inbox_rows_are_decided_in_order_and_deleted_with_their_decision() -> None:
    """Firing and over before anybody looked: a page that is never sent, and an incident in the books."""
    desk = Desk()
    desk.store.hand_over(group(alert()))
    desk.store.hand_over(group(over(alert())))
    desk.store.hand_over(group(alert()))
    await desk.escalating.advance()
    assert await desk.store.waiting(10) == ()
    incidents = await desk.escalating.incidents()
    assert [(one.number, one.generation, one.state) for one in incidents] == [
        (2, 2, IncidentState.TRIGGERED),
        (1, 1, IncidentState.RESOLVED),
    ]
    assert [row.incident for row in desk.store.outbox.values() if row.message.kind.wakes] == [incidents[0].id]


async def test_incidents_that_are_ready_together_share_a_transaction() -> None:
    """And each has its own number."""
    desk = Desk()
    for index in range(20):
        desk.store.hand_over(group(alert(), key=str(index)))
    await desk.escalating.advance()
    assert desk.store.commits == 1
    assert sorted(one.number for one in await desk.escalating.incidents()) == list(range(1, 21))


async def test_a_decision_that_did_not_commit_is_made_again() -> None:
    """Nothing was written, nobody was told, and the inbox still has its row."""
    desk = Desk()
    desk.store.hand_over(group(alert()))
    desk.store.fail_next = 1
    with pytest.raises(StoreError):
        await desk.escalating.advance()
    assert (desk.pages(), desk.decisions) == ([], [])
    await desk.escalating.advance()
    assert desk.pages() == ["ana"]


async def test_a_hand_over_that_repeats_itself_pages_once() -> None:
    """Alerts may send the same group again."""
    desk = await Desk().opened()
    desk.store.hand_over(group(alert()))
    await desk.escalating.advance()
    assert desk.pages() == ["ana"]


async def test_after_downtime_one_step_is_taken() -> None:
    """Catching up is no burst."""
    desk = await Desk().opened()
    desk.now += 5 * HOUR
    await desk.escalating.advance()
    assert desk.pages() == ["ana", "bo"]


async def test_running_it_sleeps_until_a_hand_over_or_a_timer() -> None:
    """Both end the sleep: the event at once, the clock when its time has come."""
    desk = Desk()
    async with asyncio.TaskGroup() as group_:
        running = group_.create_task(desk.escalating.run())
        desk.store.hand_over(group(alert()))
        desk.escalating.nudge()
        await desk.decided.wait()
        assert desk.pages() == ["ana"]
        desk.decided.clear()
        desk.now += 5 * MINUTE
        desk.escalating.nudge()
        await desk.decided.wait()
        assert desk.pages() == ["ana", "bo"]
        running.cancel()


async def test_people_act_by_number_or_id_and_are_told_what_happened() -> None:
    """What does not exist is not found, and what cannot be done is a conflict."""
    desk = await Desk().opened()
    answer = await desk.escalating.acknowledge("#1", ANA)
    assert (answer.text, answer.changed) == ("acknowledged by ana", True)
    incident = (await desk.escalating.show("1")).incident
    answer = await desk.escalating.acknowledge(incident.id, BO)
    assert (answer.text, answer.changed) == ("already acknowledged by ana 0ms ago", False)
    with pytest.raises(NotFoundError, match='"99"'):
        await desk.escalating.acknowledge("99", ANA)
    await desk.escalating.resolve("1", ANA)
    with pytest.raises(ConflictError, match="incident #1: already resolved by ana"):
        await desk.escalating.escalate("1", BO)


async def test_an_action_sees_what_still_waits_in_the_inbox() -> None:
    """Whoever acknowledges has the alert that was handed over just before."""
    desk = await Desk().opened()
    desk.store.hand_over(group(alert(), alert("Full")))
    await desk.escalating.acknowledge("1", ANA)
    await desk.escalating.advance()
    assert desk.pages() == []
    assert (await desk.escalating.show("1")).incident.state is IncidentState.ACKNOWLEDGED


async def test_an_action_on_a_generation_that_is_over_does_not_touch_its_successor() -> None:
    """A late click on an old message."""
    desk = await Desk().opened()
    desk.store.hand_over(group(over(alert())))
    desk.store.hand_over(group(alert()))
    await desk.escalating.advance()
    answer = await desk.escalating.acknowledge("1", ANA)
    assert not answer.changed
    assert (await desk.escalating.show("2")).incident.state is IncidentState.TRIGGERED
    with pytest.raises(ConflictError):
        await desk.escalating.snooze("1", ANA, desk.now + HOUR)


async def test_the_timeline_tells_the_whole_story() -> None:
    """In order, with the actor."""
    desk = await Desk().opened()
    desk.now += 5 * MINUTE
    await desk.escalating.advance()
    await desk.escalating.acknowledge("1", BO)
    shown = await desk.escalating.show("1")
    assert [(entry.kind, entry.actor) for entry in shown.timeline] == [
        ("opened", "watchkeeper"),
        ("paged", "watchkeeper"),
        ("paged", "watchkeeper"),
        ("acknowledged", "bo"),
    ]
    assert [entry.action for entry in desk.store.audit] == ["acknowledge"]


async def test_a_reload_without_a_policy_leaves_its_incidents_walking() -> None:
    """And writes so into their timeline, once."""
    desk = await Desk().opened()
    for _ in range(2):
        await desk.escalating.reload(Playbook(policies={}, directory=ROSTER))
    kinds = [entry.kind for entry in (await desk.escalating.show("1")).timeline]
    assert kinds.count("policy_removed") == 1
    desk.now += 5 * MINUTE
    await desk.escalating.advance()
    assert desk.pages() == ["ana", "bo"]


async def test_the_audit_is_content_with_what_is_in_order() -> None:
    """It writes nothing then, and tells who waits for what."""
    desk = await Desk().opened()
    desk.store.hand_over(group(muted(alert()), key="quiet"))
    await desk.escalating.advance()
    commits = desk.store.commits
    report = await desk.escalating.audit_open()
    assert (report.open, report.repaired, report.unattended, desk.store.commits) == (2, (), 0, commits)
    assert list(report.without_timer.values()) == ["held while all of its alerts are muted, until that ends"]


async def test_the_audit_puts_a_lost_timer_back() -> None:
    """An open critical is never left without."""
    desk = await Desk().opened()
    (id_,) = desk.store.timers
    desk.store.timers[id_] = ()
    report = await desk.escalating.audit_open()
    assert (report.repaired, report.unattended) == ((id_,), 0)
    assert await desk.store.next_due() == START + 5 * MINUTE


async def test_a_clock_that_was_put_back_delays_no_step_beyond_the_next_audit() -> None:
    """The step is counted from now then, and taken once."""
    desk = await Desk().opened()
    desk.now -= HOUR
    assert len((await desk.escalating.audit_open()).repaired) == 1
    assert await desk.store.next_due() == desk.now + 5 * MINUTE
    desk.now += HOUR
    await desk.escalating.advance()
    assert desk.pages() == ["ana", "bo"]


async def test_what_is_decided_while_the_audit_reads_needs_no_repair() -> None:
    """Its step lies a whole span ahead of an instant that the audit, begun before, must not judge it by."""

    class Busy(FakeIncidentStore):
        async def open_incidents(
            self, unreadable: Unreadable = raised
        ) -> tuple[tuple[Incident, tuple[Timer, ...]], ...]:
            desk.now += 5
            await desk.opened()
            return await super().open_incidents(unreadable)

    desk = Desk(Busy())
    report = await desk.escalating.audit_open()
    assert (report.open, report.repaired) == (1, ())


async def test_only_what_the_audit_changed_counts_as_repaired() -> None:
    """The clock that was behind when the incidents were looked at is right again when one is to be repaired."""

    class Corrected(FakeIncidentStore):
        async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
            desk.now = START
            return await super().transact(keys, decide)

    desk = Desk(Corrected())
    await desk.opened()
    desk.now -= HOUR
    assert (await desk.escalating.audit_open()).repaired == ()
    assert [entry.kind for entry in (await desk.escalating.show("1")).timeline] == ["opened", "paged"]


async def test_a_stored_timer_that_its_incident_does_not_know_is_dropped() -> None:
    """It would come due for ever."""
    desk = await Desk().opened()
    (id_,) = desk.store.timers
    await desk.escalating.acknowledge("1", ANA)
    desk.store.timers[id_] = (Timer(owner=f"incident:{id_}", kind="step", due_at=START, epoch=1),)
    await desk.escalating.advance()
    assert desk.store.timers[id_] == ()


async def test_one_broken_incident_is_set_aside_and_the_others_go_on() -> None:
    """A decision that breaks is reported and tried again after a minute; its neighbours in the batch are decided."""
    desk = Desk()
    broken: list[str] = []

    class Breaking(FakeIncidentStore):
        async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
            if any(key.group_key == "bad" for key in keys):
                raise BugError("cannot be decided")
            return await super().transact(keys, decide)

    desk.store = Breaking()
    desk.escalating = Escalating(
        store=desk.store,
        queries=desk.store,
        clock=Clock(lambda: desk.now),
        chance=Chance(1),
        playbook=Playbook(policies={"payments": PAYMENTS}, directory=ROSTER),
        broken=lambda key, error: broken.append(f"{key.group_key}: {error}"),
    )
    desk.store.hand_over(group(alert(), key="bad"))
    desk.store.hand_over(group(alert(), key="good"))
    await desk.escalating.advance()
    assert [incident.group_key for incident in await desk.escalating.incidents()] == ["good"]
    assert broken == ["bad: cannot be decided"]
    desk.now += MINUTE
    await desk.escalating.advance()
    assert len(broken) == 2


def test_an_incident_that_cannot_be_read_is_tried_again_each_minute_and_hides_no_other() -> None:
    """Its timer stays due, and the loop sleeps all the same; list and audit show the rest and tell of it."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)
    looks: list[Timestamp] = []
    broken: list[str] = []

    class Watched(FakeIncidentStore):
        async def waiting(self, limit: int) -> tuple[IncidentKey, ...]:
            looks.append(time.now())
            assert len(looks) < 1_000
            return await super().waiting(limit)

    store = Watched()
    escalating = Escalating(
        store=store,
        queries=store,
        clock=time.clock,
        chance=Chance(1),
        playbook=Playbook(policies={"payments": PAYMENTS}, directory=ROSTER),
        broken=lambda key, error: broken.append(key.group_key),
    )

    async def tell() -> None:
        store.hand_over(group(alert(), key="bad"))
        await escalating.advance()
        store.unreadable.update(store.timers)
        store.hand_over(group(alert(), key="good"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20 * 60):
                await escalating.run()
        assert 15 <= len(broken) <= 16
        assert len(looks) < 80
        assert [one.group_key for one in await escalating.incidents()] == ["good"]
        report = await escalating.audit_open()
        assert (report.open, report.unattended) == (2, 1)

    run(tell(), loop)
