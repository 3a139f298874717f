"""What the rules of a group made of their alerts is handed over together, and never kept back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from monitor.model.alerts import Alert
from monitor.model.errors import BugError, StoreError
from monitor.model.labels import Labels
from monitor.model.samples import Vector
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.promql.nodes import Expr
from monitor.rules.evaluating import GroupRun
from monitor.rules.groups import RuleGroup
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.status import Health
from monitor.tsdb.store import SampleStore
from tests.support.rule_worlds import CountingQuerier, FakeAlertSink, FakeRuleStateStore, RuleWorld, groups_of


def _three() -> RuleGroup:
    return groups_of(*({"alert": name, "expr": f"x > {number}"} for number, name in enumerate("ABC")))[0]


async def _known(world: RuleWorld) -> GroupRun:
    """The group, whose rules were evaluated before and found nothing, and a sample for which all of them hold."""
    run = GroupRun(_three(), world.around)
    await run.slot(-MINUTE)
    world.put(0, x=5)
    return run


def _told(world: RuleWorld) -> list[str]:
    return [alert.labels["alertname"] for alert in world.sink.reports]


async def test_the_rules_of_a_slot_share_one_save_and_one_report() -> None:
    """Three rules whose alerts began make two commits."""
    world = RuleWorld()
    run = await _known(world)
    await run.slot(0)
    assert _told(world) == ["A", "B", "C"]
    assert (world.states.saves, world.sink.calls) == (1, 1)
    assert len(world.states.rows) == 3


async def test_a_slot_that_changes_nothing_saves_nothing_and_tells_nothing() -> None:
    """Another value of the same alerts is no change; a minute later all is stored and told anew."""
    world = RuleWorld()
    run = await _known(world)
    await run.slot(0)
    world.put(15 * SECOND, x=6)
    await run.slot(15 * SECOND)
    assert (world.states.saves, world.sink.calls) == (1, 1)
    await run.slot(MINUTE + 15 * SECOND)
    assert (world.states.saves, world.sink.calls) == (2, 2)


async def test_a_store_that_fails_is_tried_again_with_all_rules() -> None:
    """Neither the states nor the reports of any rule are forgotten."""
    world = RuleWorld()
    world.put(0, x=5)
    run = GroupRun(_three(), world.around)
    world.states.failing = world.sink.failing = True
    await run.slot(0)
    assert (world.states.rows, world.sink.reports) == ({}, [])
    world.states.failing = world.sink.failing = False
    await run.slot(SECOND)
    assert len(world.states.rows) == 3
    assert _told(world) == ["A", "B", "C"]


async def test_a_slow_rule_does_not_hold_up_what_others_found() -> None:
    """What has waited for a tenth of a second goes before the next rule is evaluated."""
    now = 0.0
    world = RuleWorld(lambda: now)
    run = await _known(world)
    told_before: list[list[str]] = []

    def pass_time(_: str) -> None:
        nonlocal now
        told_before.append(_told(world))
        now += 0.06

    world.querier.meanwhile = pass_time
    await run.slot(0)
    assert told_before == [[], [], ["A", "B"]]
    assert _told(world) == ["A", "B", "C"]


async def test_nobody_waits_for_a_rule_that_was_slow_or_is_new() -> None:
    """At the first slot nothing is known of any rule's cost; later what was slow the last time is not waited for."""
    now = 0.0
    world = RuleWorld(lambda: now)
    run = GroupRun(_three(), world.around)
    told_before: list[int] = []

    def pass_time(text: str) -> None:
        nonlocal now
        told_before.append(len(_told(world)))
        now += 1.0 if text == "x > 1" else 0.0

    world.querier.meanwhile = pass_time
    world.put(0, x=5)
    await run.slot(0)
    assert told_before == [0, 1, 2]
    await run.slot(2 * MINUTE)
    assert told_before[3:] == [3, 4, 5]


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("error", [BugError("no"), ZeroDivisionError("no"), KeyError("no")], ids=repr)
async def test_a_rule_that_crashes_does_not_keep_back_the_others(error: Exception, parallel: int) -> None:
    """A fault of ours in one rule is noted at the rule and told once; those before it and after it are evaluated."""
    world = RuleWorld()
    crashes = world.note_crashes()
    world.put(0, x=5)
    run = GroupRun(replace(_three(), parallel=parallel), world.around)
    crashing = True

    def crash(text: str) -> None:
        if crashing and text == "x > 1":
            raise error

    world.querier.meanwhile = crash
    await run.slot(0)
    assert _told(world) == ["A", "C"]
    assert len(world.states.rows) == 2
    await run.look(1, SECOND)
    await run.slot(15 * SECOND)
    assert crashes == [f"r.yml;g;B: {error!r}"]
    assert world.counters.failures == 2
    rule = run.rules[1]
    assert rule.health is Health.BAD
    assert "a fault of Watchkeeper" in rule.last_error
    assert repr(error).partition("(")[0] in rule.last_error
    crashing = False
    await run.slot(30 * SECOND)
    assert _told(world) == ["A", "C", "B"]
    assert (rule.health, rule.last_error) == (Health.OK, "")
    crashing = True
    await run.slot(45 * SECOND)
    assert len(crashes) == 2


async def test_what_an_early_look_crashes_on_is_told() -> None:
    """Whoever looks early goes on, and the slot does what it can."""
    world = RuleWorld()
    crashes = world.note_crashes()
    run = await _known(world)
    world.querier.failing = ZeroDivisionError("no")
    await run.look(0, 0)
    assert crashes == ["r.yml;g;A: ZeroDivisionError('no')"]
    world.querier.failing = None
    await run.slot(0)
    assert _told(world) == ["A", "B", "C"]


class FullStore(SampleStore):
    """No sample can be written."""

    error: Exception = StoreError("full")

    def appending(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        raise self.error

    def appending_again(
        self, at: Timestamp, labels: tuple[Labels, ...], values: Sequence[float]
    ) -> Generator[None, None, None]:
        raise self.error


@pytest.mark.parametrize("error", [StoreError("full"), BugError("no")], ids=repr)
async def test_alerts_go_out_though_their_samples_cannot_be_written(error: Exception) -> None:
    """The page is what the rule is for."""
    world = RuleWorld()
    world.note_crashes()
    run = await _known(world)
    full = FullStore(HOUR)
    full.error = error
    run.around = replace(world.around, samples=full)
    await run.slot(0)
    assert _told(world) == ["A", "B", "C"]
    assert {rule.health for rule in run.rules} == {Health.BAD}


async def test_simulations_and_tests_of_rules_end_with_a_crash() -> None:
    """There nobody's pages hang on the other rules; those before it have gone out."""
    world = RuleWorld()
    run = await _known(world)

    def crash(text: str) -> None:
        if text == "x > 2":
            raise BugError("no")

    world.querier.meanwhile = crash
    with pytest.raises(BugError):
        await run.slot(0)
    assert _told(world) == ["A", "B"]


@dataclass
class HangingQuerier(CountingQuerier):
    """One query takes so long that what was to be done later is done meanwhile."""

    hangs: str = ""
    due: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    meanwhile_done: Callable[[], None] = lambda: None

    def later(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Callable[[], object]:
        assert 0 < seconds <= 0.1
        self.due.append(work)
        return self.due.clear

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        if self.inner.compiled(query).text == self.hangs:
            due, self.due = self.due, []
            for work in due:
                await work()
            self.meanwhile_done()
        return await super().instant(query, at)


async def test_a_rule_that_hangs_for_the_first_time_holds_up_nobody() -> None:
    """It was fast until now; the alerts of those before it go while it is still being evaluated, and once only."""
    world = RuleWorld()
    querier = HangingQuerier(world.querier.inner)
    world.around = replace(world.around, querier=querier, later=querier.later)
    run = await _known(world)
    seen: list[list[str]] = []
    querier.meanwhile_done = lambda: seen.append(_told(world))
    querier.hangs = "x > 2"
    await run.slot(0)
    assert seen == [["A", "B"]]
    assert _told(world) == ["A", "B", "C"]
    assert (world.states.saves, len(world.states.rows), querier.due) == (2, 3, [])


@dataclass
class BusyStateStore(FakeRuleStateStore):
    """While it saves, something else happens."""

    meanwhile: Callable[[], None] = lambda: None

    async def _save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> None:
        await super()._save(group, changed, removed)
        self.meanwhile()


async def test_what_changes_while_it_is_stored_is_stored_the_next_time() -> None:
    """What the store has is what was given to it, and not what became of it meanwhile."""
    world = RuleWorld()
    store = BusyStateStore()
    world.around = replace(world.around, states=store)
    run = await _known(world)

    def change() -> None:
        run.rules[0].active = {}

    store.meanwhile = change
    await run.slot(0)
    assert len(store.rows) == 3
    store.meanwhile = lambda: None
    await run.save_all(SECOND)
    assert sorted(key[1] for key in store.rows) == sorted(one.identity for one in run.rules[1:])


async def test_a_clock_set_back_while_states_are_stored_has_them_stored_anew() -> None:
    """What is being written has the times of the clock as it was."""
    world = RuleWorld()
    store = BusyStateStore()
    world.around = replace(world.around, states=store)
    run = await _known(world)
    await run.slot(0)
    world.put(2 * MINUTE, x=5)
    store.meanwhile = lambda: run.set_back(-SECOND, 2 * MINUTE)
    await run.slot(2 * MINUTE)
    store.meanwhile = lambda: None
    assert all(row.seen_at == 2 * MINUTE for row in store.rows.values())
    await run.slot(2 * MINUTE + SECOND)
    assert all(row.seen_at == 2 * MINUTE + SECOND for row in store.rows.values())


async def test_a_store_that_fails_to_write_all_anew_is_asked_again_at_once() -> None:
    """It is not said to know what it does not."""
    world = RuleWorld()
    run = await _known(world)
    await run.slot(0)
    world.put(2 * MINUTE, x=5)
    world.states.failing = True
    await run.slot(2 * MINUTE)
    world.states.failing = False
    await run.slot(2 * MINUTE + SECOND)
    assert len(world.states.rows) == 3
    assert all(row.seen_at == 2 * MINUTE + SECOND for row in world.states.rows.values())


@dataclass
class SlowStateStore(FakeRuleStateStore):
    """Answers when it is let go; meanwhile it is known what was asked for."""

    asked: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> Awaitable[None]:
        self.asked += 1
        return self._save(group, changed, removed)

    async def _save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> None:
        await self.let_go.wait()
        await super()._save(group, changed, removed)


async def test_telling_does_not_wait_until_the_states_are_stored_nor_storing_until_it_is_told() -> None:
    """Both are asked for in one moment, so that they can share a commit."""
    world = RuleWorld()
    store = SlowStateStore()
    world.around = replace(world.around, states=store)
    run = await _known(world)

    class Sink(FakeAlertSink):
        async def accept(self, alerts: Sequence[Alert]) -> None:
            assert store.asked == 1
            await super().accept(alerts)
            store.let_go.set()

    sink = Sink()
    world.around = replace(world.around, alerts=sink)
    run.around = world.around
    await run.slot(0)
    assert (sink.calls, store.saves, len(store.rows)) == (1, 1, 3)


async def test_what_is_told_again_is_not_compared_again_with_what_is_stored() -> None:
    """After a report the alerts are other ones to the rules, but for the store they are as it has them."""
    world = RuleWorld()
    run = await _known(world)
    await run.slot(0)
    await run.slot(15 * SECOND)
    assert [one.saved is one.active for one in run.rules] == [True] * 3
    world.put(MINUTE + 15 * SECOND, x=5)
    await run.slot(MINUTE + 15 * SECOND)
    assert world.sink.calls == 2
    assert [one.saved is one.active for one in run.rules] == [True] * 3


@dataclass
class BusyAlertSink(FakeAlertSink):
    """While it takes a report, something else happens."""

    meanwhile: Callable[[], None] = lambda: None

    async def accept(self, alerts: Sequence[Alert]) -> None:
        await super().accept(alerts)
        self.meanwhile()


async def test_a_clock_set_back_while_alerts_are_told_has_them_told_again() -> None:
    """What was told has the times of the clock as it was; by the clock as it is nobody has heard yet."""
    world = RuleWorld()
    sink = BusyAlertSink()
    world.around = replace(world.around, alerts=sink)
    run = await _known(world)
    world.put(2 * HOUR, x=5)
    sink.meanwhile = lambda: run.set_back(-HOUR, HOUR)
    await run.slot(2 * HOUR)
    sink.meanwhile = lambda: None
    run.ahead = HOUR
    for alert in run.rules[0].active.values():
        for instant in (alert.last_sent_at, alert.valid_until):
            assert instant is None or instant <= HOUR
    await run.slot(HOUR + SECOND)
    assert [alert.updated_at for alert in sink.reports] == [2 * HOUR] * 3 + [HOUR + SECOND] * 3
