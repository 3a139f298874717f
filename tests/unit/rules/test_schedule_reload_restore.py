"""Groups over time: slots, early looks, reloads and restarts, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from monitor.model.alerts import AlertState
from monitor.model.labels import Labels
from monitor.model.samples import Vector
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.promql.nodes import Expr
from monitor.rules.early import EarlyIndex, next_allowed
from monitor.rules.groups import RuleGroup
from monitor.rules.scheduling import RuleScheduler
from monitor.rules.slots import Due, following, offset_of, slot_at
from monitor.rules.texts import World
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.supervise import Supervisor
from tests.support.rule_worlds import CountingQuerier, FakeRuleStateStore, RuleWorld, groups_of

_START = 1_700_000_000_000
_X = (Labels({"__name__": "x"}),)


class Stage:
    """A scheduler with its world in virtual time."""

    def __init__(self, loop: VirtualLoop, start: Timestamp, states: FakeRuleStateStore | None) -> None:
        self.time = VirtualTime(loop, start)
        self.world = RuleWorld(loop.time)
        if states is not None:
            self.world.around = replace(self.world.around, states=states)
        self.errors: list[BaseException] = []
        self.supervisor = Supervisor(self.time.clock, lambda name, error: self.errors.append(error))
        self.scheduler = RuleScheduler(self.time.clock, self.supervisor, self.world.around)

    async def sleep(self, seconds: float) -> None:
        await self.time.clock.sleep(int(seconds * 1000))

    def result(self, **values: float) -> None:
        """A result arrives now."""
        now = self.time.now()
        self.world.put(now, **values)
        self.scheduler.saw(now, _X)


def play(
    story: Callable[[Stage], Awaitable[None]], start: Timestamp = _START, states: FakeRuleStateStore | None = None
) -> Stage:
    loop = VirtualLoop()
    stage = Stage(loop, start, states)

    async def whole() -> None:
        await story(stage)
        await stage.scheduler.stop(1)
        await stage.supervisor.stop()

    run(whole(), loop)
    assert not stage.errors
    return stage


def first_slot(group: RuleGroup, start: Timestamp = _START) -> Timestamp:
    offset = offset_of(group.file, group.name, group.interval)
    return slot_at(start, group.interval, offset) + group.interval


def test_slots_lie_on_the_groups_own_grid() -> None:
    """Offset within the interval, the newest slot not after now, passed ones counted."""
    assert slot_at(125, 60, 5) == 125
    assert slot_at(124, 60, 5) == 65
    assert 0 <= offset_of("f", "g", 60_000) < 60_000
    assert following(100, 130, 60) == Due(160, 0)
    assert following(100, 170, 60) == Due(160, 0)
    assert following(100, 290, 60) == Due(280, 2)


@dataclass
class SlowQuerier(CountingQuerier):
    """Queries wait for what they are given."""

    wait: Callable[[str], Awaitable[None]] | None = None

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        if self.wait is not None:
            await self.wait(self.inner.compiled(query).text)
        return await super().instant(query, at)


def test_alerts_go_out_while_a_later_rule_of_the_group_hangs() -> None:
    """It had been fast before; within a tenth of a second nobody waits for it any more."""
    group = groups_of({"alert": "A", "expr": "x > 0"}, {"alert": "B", "expr": "x > 1"}, interval="15m")[0]

    async def story(stage: Stage) -> None:
        querier = SlowQuerier(stage.world.querier.inner)
        around = replace(stage.world.around, querier=querier)
        scheduler = RuleScheduler(stage.time.clock, stage.supervisor, around, early=False)
        await scheduler.start([group])
        await stage.time.clock.sleep_until(first_slot(group) + MINUTE)

        async def hang(text: str) -> None:
            if text == "x > 1":
                await stage.sleep(120)

        querier.wait = hang
        stage.world.put(first_slot(group) + 14 * MINUTE, x=5)
        await stage.time.clock.sleep_until(first_slot(group) + 15 * MINUTE + 150)
        assert [alert.labels["alertname"] for alert in stage.world.sink.reports] == ["A"]
        assert stage.world.states.saves == 1
        await stage.sleep(121)
        assert [alert.labels["alertname"] for alert in stage.world.sink.reports] == ["A", "B"]
        await scheduler.stop(1)

    play(story)


def test_a_stop_waits_for_rules_only_so_long() -> None:
    """One that hangs, on another engine say, is cut off; what was found before is handed over, and all states are stored."""
    hanging = groups_of({"alert": "A", "expr": "x > 0"}, {"alert": "B", "expr": "x > 1"}, interval="15m")[0]

    async def story(stage: Stage) -> None:
        async def hang(text: str) -> None:
            if text == "x > 1":
                await stage.sleep(120)

        querier = SlowQuerier(stage.world.querier.inner, wait=hang)
        around = replace(stage.world.around, querier=querier)
        scheduler = RuleScheduler(stage.time.clock, stage.supervisor, around, early=False)
        await scheduler.start([hanging])
        await stage.time.clock.sleep_until(first_slot(hanging) - MINUTE)
        stage.world.put(stage.time.now(), x=5)
        await stage.time.clock.sleep_until(first_slot(hanging) + 50)
        began = stage.time.now()
        await scheduler.stop(2)
        assert stage.time.now() - began == 2 * SECOND
        assert [alert.labels["alertname"] for alert in stage.world.sink.reports] == ["A"]
        assert [row.alert.labels["alertname"] for row in stage.world.states.load()] == ["A"]
        assert [alert.labels["alertname"] for alert in scheduler.status()[0].rules[0].alerts] == ["A"]

    play(story)


def test_group_is_evaluated_at_its_slots_only() -> None:
    """The recorded samples carry the slots' times."""
    group = groups_of({"record": "t", "expr": "time()"}, interval="15s")[0]

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(60)
        last = stage.scheduler.status()[0].last_evaluation
        assert last == first_slot(group) + 45_000
        assert await stage.world.read("timestamp(t)", stage.time.now()) == {"{}": (last or 0) / 1000}

    assert play(story).world.counters.evaluations == 4


def test_wall_clock_set_back_does_not_stop_a_group() -> None:
    """After a step of a day backwards the group goes on within two intervals."""
    group = groups_of({"record": "t", "expr": "1"}, interval="15s")[0]

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(30)
        before = stage.world.counters.evaluations
        stage.time.jump(-24 * HOUR)
        await stage.sleep(60)
        assert stage.world.counters.evaluations > before

    play(story)


def test_clock_set_forward_skips_slots_and_counts_them() -> None:
    """Passed slots are not made up for: each slot is evaluated in its time or counted."""
    group = groups_of({"record": "t", "expr": "1"}, interval="15s")[0]

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(20)
        stage.time.jump(10 * MINUTE)
        await stage.sleep(35)

    stage = play(story)
    counters = stage.world.counters
    assert counters.evaluations <= 5
    assert counters.evaluations + counters.missed_slots == 44


def test_result_fires_an_alert_before_the_slot() -> None:
    """Within the gathering time, in one evaluation for all results of that time."""
    group = groups_of({"alert": "A", "expr": "x == 0"}, interval="5m")[0]

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(1)
        for _ in range(5):
            stage.result(x=0)
            await stage.sleep(0.005)
        await stage.sleep(0.1)
        assert len(stage.world.sink.reports) == 1
        assert len(stage.world.querier.asked) == 1

    play(story)


def test_index_finds_only_rules_that_select_directly() -> None:
    """By name and labels; recorded series, shifted selectors and offset groups do not count."""
    groups = groups_of(
        {"alert": "Plain", "expr": "x == 0"},
        {"alert": "Job", "expr": 'x{job="api", code!~"2.."} > 1'},
        {"alert": "Range", "expr": "rate(x[5m]) > 1"},
        {"alert": "Past", "expr": "x offset 5m == 0"},
        {"record": "r", "expr": "x"},
        {"alert": "Recorded", "expr": "r == 0"},
        {"alert": "Any", "expr": '{job="api"} == 0'},
    )
    moved = groups_of({"alert": "Moved", "expr": "x"}, name="m", query_offset="1m")
    index = EarlyIndex([*groups, *moved])

    def names(*series: Labels) -> list[str]:
        return [groups[0].rules[place].name for _, place in index.concerned(series)]

    assert names(Labels({"__name__": "x"})) == ["Plain", "Range"]
    assert names(Labels({"__name__": "x", "job": "api", "code": "500"})) == ["Plain", "Job", "Range", "Any"]
    assert names(Labels({"__name__": "x", "job": "api", "code": "200"})) == ["Plain", "Range", "Any"]
    assert names(Labels({"__name__": "r"})) == []
    assert names(Labels({"__name__": "other"})) == []


def test_costly_rule_is_looked_at_seldom() -> None:
    """A look that took a second is due again after twenty."""
    assert next_allowed(100.0, 1.0) == 120.0


def test_reload_keeps_what_did_not_change() -> None:
    """An equal group keeps its task, a changed one its alerts; series of removed rules end."""
    old = groups_of({"alert": "A", "expr": "x == 0", "for": "1m"}, {"record": "y", "expr": "x"}, interval="15s")
    new = groups_of({"alert": "A", "expr": "x == 0", "for": "2m"}, interval="15s")

    async def story(stage: Stage) -> None:
        await stage.scheduler.start(old)
        stage.world.put(_START, x=0)
        await stage.sleep(40)
        await stage.scheduler.apply(
            groups_of({"alert": "A", "expr": "x == 0", "for": "1m"}, {"record": "y", "expr": "x"}, interval="15s"),
            World(),
        )
        began = stage.scheduler.status()[0].rules[0].alerts[0].active_at
        await stage.scheduler.apply(new, World())
        assert stage.scheduler.status()[0].rules[0].alerts[0].active_at == began
        assert list(await stage.world.read("y", stage.time.now())) == ["y"]
        await stage.sleep(15)
        assert await stage.world.read("y", stage.time.now()) == {}
        await stage.sleep(20)
        assert stage.scheduler.status()[0].rules[0].state is AlertState.PENDING
        await stage.scheduler.apply((), World())
        assert stage.scheduler.status() == ()
        assert stage.world.states.rows == {}

    play(story)


def test_series_of_a_removed_group_end_as_of_then_two_intervals_later() -> None:
    """Marked when nobody can still be about to write them; no marker comes when the daemon stops before that."""
    group = groups_of({"alert": "A", "expr": "x == 0"}, {"record": "y", "expr": "x"}, interval="15s", query_offset="5s")

    async def story(stage: Stage) -> None:
        await stage.scheduler.start(group)
        stage.world.put(_START, x=0)
        await stage.sleep(40)
        removed = stage.time.now()
        await stage.scheduler.apply((), World())
        await stage.sleep(29)
        assert list(await stage.world.read("y", stage.time.now())) == ["y"]
        await stage.sleep(2)
        for query in ("y", "ALERTS", "ALERTS_FOR_STATE"):
            assert await stage.world.read(query, stage.time.now()) == {}
        assert list(await stage.world.read("y", removed - 5 * SECOND - 1)) == ["y"]
        assert await stage.world.read("y", removed - 5 * SECOND) == {}

    play(story)


def test_a_renamed_group_goes_on_with_its_series_without_a_gap() -> None:
    """What it has written by then is not ended; what it does not write any more is."""
    old = groups_of({"record": "y", "expr": "x"}, {"record": "z", "expr": "x"}, interval="15s", name="old")
    new = groups_of({"record": "y", "expr": "x"}, interval="15s", name="new")

    async def story(stage: Stage) -> None:
        await stage.scheduler.start(old)
        stage.world.put(_START, x=0)
        await stage.sleep(40)
        removed = stage.time.now()
        await stage.scheduler.apply(new, World())
        for _ in range(6):
            await stage.sleep(10)
            assert list(await stage.world.read("y", stage.time.now())) == ["y"]
        assert await stage.world.read("z", stage.time.now()) == {}
        written = await stage.world.querier.range("y", removed - 15 * SECOND, stage.time.now(), SECOND)
        assert len(written[0].points) == 15 + 60 + 1

    play(story)


def test_series_that_another_rule_of_the_group_takes_over_do_not_end() -> None:
    """A rule may come to write what another one wrote: there is no slot without it."""
    old = groups_of({"record": "y", "expr": "x", "labels": {"a": "b"}}, {"record": "z", "expr": "x"}, interval="15s")
    new = groups_of({"record": "y", "expr": 'label_replace(x, "a", "b", "", "")'}, interval="15s")

    async def story(stage: Stage) -> None:
        await stage.scheduler.start(old)
        stage.world.put(_START, x=0)
        await stage.sleep(40)
        await stage.scheduler.apply(new, World())
        await stage.sleep(15)
        assert await stage.world.read("y", stage.time.now()) == {'y{a="b"}': 0.0}
        assert await stage.world.read("z", stage.time.now()) == {}

    play(story)


def test_only_time_passes_between_a_resolved_alert_and_its_being_forgotten() -> None:
    """Its end is told every minute for a quarter of an hour, at each slot that is due, and then it is gone."""
    group = groups_of({"alert": "A", "expr": "x == 0"}, interval="15s")

    async def story(stage: Stage) -> None:
        await stage.scheduler.start(group)
        stage.world.put(_START, x=0)
        await stage.sleep(20)
        stage.world.put(stage.time.now(), x=1)
        await stage.sleep(15)
        (alert,) = stage.world.states.rows.values()
        ended = alert.alert.resolved_at
        assert ended is not None
        await stage.sleep(14 * 60)
        assert stage.world.states.rows
        await stage.sleep(2 * 60)
        assert not stage.world.states.rows
        ends = {report.ends_at for report in stage.world.sink.reports if report.resolved(stage.time.now())}
        told = [report.updated_at - ended for report in stage.world.sink.reports if report.ends_at == ended]
        assert ended in ends
        assert told == [place * 75 * SECOND for place in range(13)]

    play(story)


def _until_firing(states: FakeRuleStateStore, group: RuleGroup) -> Timestamp:
    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        for _ in range(10):
            stage.result(x=0)
            await stage.sleep(10)

    return play(story, states=states).time.now()


def test_firing_alert_survives_a_restart() -> None:
    """It keeps its beginning, is told again at once, and does not resolve while its data are not back."""
    states = FakeRuleStateStore()
    group = groups_of({"alert": "A", "expr": "x == 0", "for": "1m"}, interval="15s")[0]
    stopped = _until_firing(states, group)
    fired = next(iter(states.rows.values())).alert.fired_at

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(16)
        report = stage.world.sink.reports[0]
        assert report.starts_at == fired
        assert not report.resolved(stage.time.now())
        await stage.sleep(60)
        assert stage.world.path() == [f"firing=>inactive@{stage.world.transitions[0].at}"]

    play(story, start=stopped + 10 * MINUTE, states=states)


def test_pending_time_that_was_not_observed_does_not_count() -> None:
    """After an outage of ten minutes `for` goes on where it was; after a short one it just goes on."""
    group = groups_of({"alert": "A", "expr": "x == 0", "for": "5m"}, interval="15s")[0]
    for outage, moved in ((10 * MINUTE, 10 * MINUTE), (30 * SECOND, 0)):
        states = FakeRuleStateStore()
        stopped = _until_firing(states, group)
        row = next(iter(states.rows.values()))
        assert row.seen_at == stopped

        async def story(stage: Stage, wanted: Timestamp = row.alert.active_at + moved) -> None:
            await stage.scheduler.start([group])
            assert stage.scheduler.status()[0].rules[0].alerts[0].active_at == wanted
            await stage.sleep(0)

        play(story, start=stopped + outage, states=states)


def test_a_restored_pending_alert_waits_for_its_data() -> None:
    """It is not begun anew because the first evaluation found nothing; what stays away is dropped after two intervals."""
    rule = {"alert": "A", "expr": "x == 0", "for": "5m"}
    group = groups_of(rule, interval="15s")[0]
    states = FakeRuleStateStore()
    stopped = _until_firing(states, group)

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        await stage.sleep(29)
        assert [alert.state for alert in stage.scheduler.status()[0].rules[0].alerts] == [AlertState.PENDING]
        await stage.sleep(16)
        assert stage.scheduler.status()[0].rules[0].alerts == ()

    play(story, start=stopped + 10 * MINUTE, states=states)


def test_states_older_than_an_hour_are_dropped() -> None:
    """And deleted from the store."""
    states = FakeRuleStateStore()
    group = groups_of({"alert": "A", "expr": "x == 0"}, interval="15s")[0]
    stopped = _until_firing(states, group)

    async def story(stage: Stage) -> None:
        await stage.scheduler.start([group])
        assert stage.scheduler.status()[0].rules[0].alerts == ()
        assert states.rows == {}

    play(story, start=stopped + HOUR + 1, states=states)
