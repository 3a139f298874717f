"""Replaying rules over stored samples: the same as if the daemon had run them then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from monitor.model.alerts import AlertState
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.promql.engine import Options
from monitor.rules.backtest import RuleHistory, backtest
from monitor.rules.evaluating import GroupRun
from monitor.rules.groups import RuleGroup
from monitor.rules.history import Overlaid, PastQuerier, needed_before, recorded_before, written_names
from monitor.rules.inline import InlineQuerier
from monitor.rules.slots import offset_of
from monitor.rules.texts import World
from monitor.tsdb.store import SampleStore
from tests.support.rule_worlds import CountingQuerier, RuleWorld, groups_of

_END = 2 * HOUR
_HOT = {"alert": "Hot", "expr": "temp > 80"}


def readings() -> Iterator[tuple[Timestamp, list[tuple[Labels, float]]]]:
    """Two rooms whose temperatures swing, every half minute; one goes away after an hour."""
    for at in range(0, _END + 1, 30 * SECOND):
        swing = 70 + 20 * math.sin(at / (10 * MINUTE))
        rooms = {"a": swing, "b": STALE if at == HOUR else swing - 5}
        yield (
            at,
            [
                (Labels({"__name__": "temp", "room": room}), value)
                for room, value in rooms.items()
                if room == "a" or at <= HOUR
            ],
        )


def stored() -> SampleStore:
    store = SampleStore.in_memory(24 * HOUR)
    for at, samples in readings():
        store.append(at, samples)
    return store


async def replayed(
    groups: Sequence[RuleGroup], store: SampleStore, *, since: Timestamp = 0, begin: Timestamp = 0
) -> tuple[RuleHistory, ...]:
    own, seen, names = SampleStore.in_memory(24 * HOUR), store.view(), written_names(groups)
    past = InlineQuerier(lambda: seen, Options())
    present = InlineQuerier(lambda: Overlaid(seen, own.view, names), Options())
    querier = PastQuerier(groups, past, present, _END)
    return await backtest(groups, querier, own, begin=begin, since=since, until=_END, world=World())


async def lived(groups: Sequence[RuleGroup]) -> list[tuple[str, str, Timestamp]]:
    """What a daemon saw begin (+) and end (-) firing, its slots between the samples."""
    world = RuleWorld()
    run = GroupRun(groups[0], world.around)
    slot = offset_of(groups[0].file, groups[0].name, groups[0].interval)
    for at, samples in readings():
        while slot < at:
            await run.slot(slot)
            slot += groups[0].interval
        world.store.append(at, samples)
    return sorted(
        (step.rule + str(step.labels), "+" if step.after is AlertState.FIRING else "-", step.at)
        for step in world.transitions
        if AlertState.FIRING in (step.before, step.after)
    )


@pytest.mark.parametrize(
    "rules",
    [
        [_HOT],
        [{**_HOT, "for": "3m", "keep_firing_for": "4m"}],
        [{"record": "avg", "expr": "avg_over_time(temp[5m])"}, {"alert": "Hot", "expr": "avg > 80", "for": "1m"}],
        [{"record": "past", "expr": "temp"}, {"alert": "Hot", "expr": "max_over_time(past[10m]) > 85"}],
        [{"alert": "Hot", "expr": "temp > 80 and temp @ end() > 81"}],
        [_HOT, {"alert": "Again", "expr": 'ALERTS{alertname="Hot"} == 1', "for": "2m"}],
        [{**_HOT, "labels": {"rooms": "{{ with query `count(temp)` }}{{ . | first | value }}{{ end }}"}}],
    ],
    ids=["plain", "for and keep", "recorded", "a range of recorded", "bounds", "its own ALERTS", "asking template"],
)
async def test_a_backtest_tells_what_the_daemon_did(rules: Sequence[Mapping[str, Any]]) -> None:
    """The same groups at the same slots, with the samples as they came: every beginning and every end is the same."""
    groups = groups_of(*rules)
    found: list[tuple[str, str, Timestamp]] = []
    for history in await replayed(groups, stored()):
        assert history.failures == 0, history.last_error
        for episode in history.episodes:
            name = history.rule.name + str(episode.labels)
            found.append((name, "+", episode.fired_at))
            if episode.ended_at is not None:
                found.append((name, "-", episode.ended_at))
    assert sorted(found) == await lived(groups)
    assert found


async def test_what_fired_before_begins_with_the_time_that_is_asked_about() -> None:
    """And what ended before is not told; what still fires has no end."""
    groups = groups_of({"alert": "Always", "expr": "temp > 0", "for": "5m"}, _HOT)
    always, hot = await replayed(groups, stored(), since=90 * MINUTE)
    (episode,) = always.episodes
    assert episode.labels["room"] == "a"
    assert (episode.fired_at, episode.ended_at, episode.lasted(_END)) == (90 * MINUTE, None, 30 * MINUTE)
    assert episode.active_at < 2 * MINUTE
    assert all(one.fired_at >= 90 * MINUTE for one in hot.episodes)


async def test_what_came_to_nothing_and_what_failed_are_counted() -> None:
    """Pending that ended, and evaluations that failed, with the last reason."""
    groups = groups_of({**_HOT, "for": "1h"}, {"alert": "Bad", "expr": "temp * on () temp"})
    hot, bad = await replayed(groups, stored())
    assert (hot.episodes, hot.only_pending > 2) == ((), True)
    assert bad.failures > 0
    assert "many-to-many" in bad.last_error


async def test_the_past_is_asked_for_many_slots_at_once() -> None:
    """Two hours of a rule are one question; one that reads what is being recorded is asked slot by slot."""
    groups = groups_of({"record": "avg", "expr": "temp"}, {"alert": "Hot", "expr": "avg > 80"})
    store = stored()
    past, present = (CountingQuerier(InlineQuerier(store.view, Options())) for _ in range(2))
    querier = PastQuerier(groups, past, present, _END)
    await backtest(groups, querier, SampleStore.in_memory(HOUR), begin=0, since=0, until=_END, world=World())
    assert past.asked == []
    assert {text for text, _ in present.asked} == {"avg > 80"}
    assert recorded_before(groups) == ("Hot",)


async def test_what_a_replay_records_hides_what_was_recorded() -> None:
    """Of its own metrics only the replay's series are seen, of all others only the stored ones."""
    then, own = SampleStore.in_memory(HOUR), SampleStore.in_memory(HOUR)
    then.append(0, [(Labels({"__name__": name}), 1.0) for name in ("avg", "temp")])
    own.append(0, [(Labels({"__name__": "avg"}), 2.0)])
    querier = InlineQuerier(lambda: Overlaid(then.view(), own.view, ["avg"]), Options())
    answer = await querier.instant('{__name__=~".+"}', 0)
    assert {str(sample.labels): sample.value for sample in answer} == {"avg": 2.0, "temp": 1.0}


@pytest.mark.parametrize(
    ("rule", "minutes"),
    [
        ({"alert": "A", "expr": "x"}, 2),
        ({"alert": "A", "expr": "x", "for": "10m", "keep_firing_for": "5m"}, 17),
        ({"alert": "A", "expr": "rate(x[1h] offset 1d) > 1"}, 60 + 24 * 60 + 2),
        ({"record": "a", "expr": "max_over_time(rate(x[5m])[1h:])"}, 67),
    ],
)
def test_a_replay_begins_early_enough(rule: Mapping[str, Any], minutes: int) -> None:
    """So long as a state can depend on the past."""
    assert needed_before(groups_of(rule)) == minutes * MINUTE
