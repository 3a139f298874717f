"""The prober in virtual time: exact starts, confirming attempts, samples, reload and restart."""

from __future__ import annotations

from itertools import pairwise

import pytest

from monitor.model.checks import HealthState, Outcome, StatusChanged, VersionChanged
from monitor.model.errors import ConfigError, NotFoundError
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import HOUR, MINUTE, SECOND
from monitor.net.wheel import place
from monitor.probe.heartbeat import Ping, PingKind
from monitor.probe.kinds.heartbeat import HeartbeatOptions
from tests.support.probe_worlds import START, World, fake_check, good, hung, refused

WHOLE_DAY = 24 * HOUR


def test_starts_are_exactly_an_interval_apart() -> None:
    """A slot never moves, whatever the attempts do."""
    world = World(lambda target, now: good(took=(now % 7) / 10), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(10 * MINUTE)

    world.play(story())
    times = [at for at, _ in world.starts]
    assert len(times) == 20
    assert {after - before for before, after in pairwise(times)} == {30 * SECOND}
    assert times[0] == place("api", 30_000) // 1000 * 1000


def test_new_checks_are_tried_at_once() -> None:
    """Nobody waits half a minute for the first result; ten start together."""
    world = World(lambda target, now: good())

    async def story() -> None:
        world.probing.configure([fake_check(f"c{n}") for n in range(25)])
        await world.until(100)

    world.play(story())
    assert len({target for _, target in world.starts}) == 25
    assert {at for at, _ in world.starts} == {0, 20, 40}


@pytest.mark.parametrize(
    ("failing", "limit"), [(refused(), 32 * SECOND), (hung(), 47 * SECOND)], ids=["refusal", "hang"]
)
def test_an_outage_is_judged_within_the_promised_time(failing: Outcome, limit: int) -> None:
    """The worst case: it breaks just after an attempt. Three failures, re-probed a second after each end."""
    broken_at = 0

    def behave(target: str, now: int) -> Outcome:
        return failing if broken_at and now >= broken_at else good()

    world = World(behave)

    async def story() -> None:
        nonlocal broken_at
        world.probing.configure([fake_check()])
        await world.until(5 * MINUTE)
        broken_at = world.starts[-1][0] + 1
        await world.until(broken_at + 2 * MINUTE)

    world.play(story())
    down = [at for at, event in world.events if isinstance(event, StatusChanged) and event.verdict.state.rank == 2]
    assert len(down) == 1
    assert down[0] - broken_at <= limit
    slots = {at % 30_000 for at, _ in world.starts if at < broken_at and at}
    assert all(any(at % 30_000 == slot for at, _ in world.starts if at > down[0]) for slot in slots)


def test_recovery_is_confirmed_a_second_later() -> None:
    """Two successes, the second one second after the end of the first."""
    world = World(lambda target, now: refused() if now < 60_000 else good(took=0.5), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(5 * MINUTE)

    world.play(story())
    states = [(at, event.verdict.state) for at, event in world.events if isinstance(event, StatusChanged)]
    assert [state for _, state in states] == [HealthState.UNHEALTHY, HealthState.HEALTHY]
    first = next(at for at, _ in world.starts if at >= 60_000)
    assert states[1][0] == first + 500 + 1000 + 500


def test_one_attempt_of_a_check_is_under_way_at_most() -> None:
    """A slot that finds the last attempt unfinished is skipped and counted."""
    world = World(lambda target, now: good(took=4.0), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check(interval=2 * SECOND)])
        await world.until(MINUTE)

    world.play(story())
    gaps = {after - before for (before, _), (after, _) in pairwise(world.starts)}
    assert min(gaps) >= 4 * SECOND
    assert world.probing.skipped > 10


def test_samples_carry_check_instance_labels_and_the_time_of_the_start() -> None:
    """Raw success and judged status are two series; unknown has no status sample."""
    world = World(lambda target, now: good() if now < 60_000 else refused(), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check(labels=Labels({"team": "pay"}))])
        await world.until(10 * MINUTE)

    world.play(story())
    base = {"check": "api", "instance": "fake://api", "team": "pay"}
    success = world.sink.samples[Labels({"__name__": "probe_success", **base})]
    assert success[0] == (START + world.starts[0][0], 1.0)
    assert [value for _, value in success[2:5]] == [0.0, 0.0, 0.0]
    status = world.sink.samples[Labels({"__name__": "watchkeeper_check_status", **base})]
    assert [value for _, value in status[:6]] == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    reason = Labels({"__name__": "watchkeeper_check_failure_reason", "reason": "connection_refused", **base})
    assert reason in world.sink.samples


def test_a_reason_that_passes_ends_its_series() -> None:
    """The failure's series gets a stale marker just before the good row."""
    world = World(lambda target, now: refused() if now < MINUTE else good(), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(2 * MINUTE)

    world.play(story())
    (points,) = [p for labels, p in world.sink.samples.items() if labels["__name__"].endswith("failure_reason")]
    assert is_stale(points[-1][1])
    assert points[-1][0] == START + next(at for at, _ in world.starts if at >= MINUTE) - 1
    assert world.sink.last("probe_success", check="api") == 1.0


def test_a_new_version_is_an_event_and_a_new_info_series() -> None:
    """watchkeeper_check_info moves to the new version."""
    world = World(lambda target, now: good(version="1.0" if now < MINUTE else "1.1"), eager=False)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(3 * MINUTE)

    world.play(story())
    assert [event.version for _, event in world.events if isinstance(event, VersionChanged)] == ["1.1"]
    assert world.sink.last("watchkeeper_check_info", version="1.0") is None
    assert world.sink.last("watchkeeper_check_info", version="1.1") == 1.0


def test_a_reload_keeps_what_did_not_change() -> None:
    """Unchanged checks keep slot, verdict and series; removed ones end; changed thresholds keep the verdict."""
    world = World(lambda target, now: good(), eager=True)

    async def story() -> None:
        world.probing.configure([fake_check("a"), fake_check("b"), fake_check("c")])
        await world.until(MINUTE)
        before = world.probing.verdict("a")
        world.probing.configure([fake_check("a"), fake_check("c", failure_threshold=5), fake_check("d")])
        assert world.probing.verdict("a") is before
        assert world.probing.verdict("c").state is HealthState.HEALTHY
        with pytest.raises(NotFoundError):
            world.probing.verdict("b")
        assert world.sink.closed == [START + MINUTE]
        await world.until(3 * MINUTE)

    world.play(story())
    slots = [at for at, target in world.starts if target == "fake://a"]
    assert {later - earlier for earlier, later in pairwise(slots[1:])} == {30 * SECOND}
    assert not any(target == "fake://b" for at, target in world.starts if at > MINUTE)
    assert any(target == "fake://d" for _, target in world.starts)


def test_times_ascend_over_a_reload_while_the_clock_is_behind() -> None:
    """A changed check has a new writer, which may write the same series: its first row follows the last one's end."""
    world = World(lambda target, now: good(), eager=True)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(MINUTE)
        world.time.jump(-HOUR)
        world.probing.configure([fake_check(labels=Labels({"team": "pay"}))])
        await world.time.clock.sleep(MINUTE)

    world.play(story())
    before, after = (
        [at for at, _ in points]
        for team in ("", "pay")
        for labels, points in world.sink.samples.items()
        if (labels["__name__"], labels.get("team", "")) == ("probe_success", team)
    )
    assert before == sorted(set(before))
    assert after == sorted(set(after))
    assert after
    assert after[0] > before[-1] > START


def test_a_result_of_a_removed_check_is_dropped() -> None:
    """An attempt that ends after its check was removed writes and tells nothing."""
    world = World(lambda target, now: good(took=3.0))

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(SECOND)
        world.probing.configure([])
        await world.until(10 * SECOND)

    world.play(story())
    assert world.starts
    assert not world.results
    assert not world.sink.samples


def test_wrong_checks_are_refused_together_and_change_nothing() -> None:
    """All findings at once; what ran goes on."""
    world = World(lambda target, now: good())

    async def story() -> None:
        world.probing.configure([fake_check("a")])
        with pytest.raises(ConfigError) as caught:
            world.probing.configure(
                [fake_check("x", target=""), fake_check("y", kind="telepathy"), fake_check("z"), fake_check("z")]
            )
        assert [finding.path for finding in caught.value.findings] == ["x", "y", "z"]
        assert [check.name for check in world.probing.checks] == ["a"]
        await world.until(SECOND)

    world.play(story())


def test_a_restart_goes_on_with_the_saved_verdict() -> None:
    """Unhealthy before, unhealthy after: no second StatusChanged."""
    first = World(lambda target, now: refused())

    async def outage() -> None:
        first.probing.configure([fake_check()])
        await first.until(MINUTE)

    first.play(outage())
    second = World(lambda target, now: refused())
    second.store.kept = first.store.kept

    async def again() -> None:
        await second.probing.restore(None)
        second.probing.configure([fake_check()])
        await second.until(2 * MINUTE)

    second.play(again())
    assert len(first.events) == 1
    assert not second.events


def heartbeat(grace: int = 10 * MINUTE) -> HeartbeatOptions:
    return HeartbeatOptions(period=HOUR, grace=grace)


def test_a_missed_heartbeat_is_told_at_its_deadline() -> None:
    """Late at the hour, down ten minutes later, each to the millisecond though slots are 30 s apart."""
    world = World(lambda target, now: good())

    async def story() -> None:
        world.probing.configure([fake_check("backup", kind="heartbeat", options=heartbeat())])
        await world.until(1_234)
        await world.probing.ping("backup", Ping(kind=PingKind.SUCCESS))
        await world.until(2 * HOUR)
        await world.probing.ping("backup", Ping(kind=PingKind.SUCCESS))

    world.play(story())
    told = [(at, e.verdict.state, e.verdict.since - START) for at, e in world.events if isinstance(e, StatusChanged)]
    assert told == [
        (1_234, HealthState.HEALTHY, 1_234),
        (HOUR + 1_234, HealthState.DEGRADED, HOUR + 1_234),
        (HOUR + 10 * MINUTE + 1_234, HealthState.UNHEALTHY, HOUR + 10 * MINUTE + 1_234),
        (2 * HOUR, HealthState.HEALTHY, 2 * HOUR),
    ]


def test_a_heartbeat_that_fell_due_while_we_were_away_gets_one_more_grace() -> None:
    """The restart neither fakes a miss at once nor forgets it for good."""
    world = World(lambda target, now: good())

    async def before() -> None:
        world.probing.configure([fake_check("backup", kind="heartbeat", options=heartbeat())])
        await world.probing.ping("backup", Ping(kind=PingKind.SUCCESS))

    world.play(before())
    later = World(lambda target, now: good())
    later.store.kept = world.store.kept

    async def after() -> None:
        await later.until(WHOLE_DAY)
        await later.probing.restore(START + MINUTE)
        later.probing.configure([fake_check("backup", kind="heartbeat", options=heartbeat())])
        await later.until(WHOLE_DAY + 9 * MINUTE)
        assert later.probing.verdict("backup").state is HealthState.DEGRADED
        await later.until(WHOLE_DAY + 11 * MINUTE)
        assert later.probing.verdict("backup").state is HealthState.UNHEALTHY

    later.play(after())


def test_the_extra_grace_outlives_a_second_restart() -> None:
    """Restarted twice within the grace, the job still has until the end of it."""
    first = World(lambda target, now: good())
    check = fake_check("backup", kind="heartbeat", options=heartbeat())

    async def before() -> None:
        first.probing.configure([check])
        await first.probing.ping("backup", Ping(kind=PingKind.SUCCESS))

    first.play(before())
    second = World(lambda target, now: good())
    second.store.kept = first.store.kept

    async def restarted() -> None:
        await second.until(WHOLE_DAY)
        await second.probing.restore(START + MINUTE)
        second.probing.configure([check])
        await second.until(WHOLE_DAY + MINUTE)

    second.play(restarted())
    third = World(lambda target, now: good())
    third.store.kept = second.store.kept

    async def again() -> None:
        await third.until(WHOLE_DAY + 2 * MINUTE)
        await third.probing.restore(START + WHOLE_DAY + MINUTE)
        third.probing.configure([check])
        await third.until(WHOLE_DAY + 9 * MINUTE)
        assert third.probing.verdict("backup").state is HealthState.DEGRADED
        await third.until(WHOLE_DAY + 11 * MINUTE)
        assert third.probing.verdict("backup").state is HealthState.UNHEALTHY

    third.play(again())


def test_a_verdict_that_could_not_be_saved_is_saved_later() -> None:
    """A full disk loses nothing that a restart needs, once there is room again."""
    world = World(lambda target, now: good())
    world.store.failures = 3

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(2 * SECOND)
        assert not world.store.kept
        await world.until(4 * SECOND)

    world.play(story())
    assert world.store.kept["api"].verdict.state is HealthState.HEALTHY
