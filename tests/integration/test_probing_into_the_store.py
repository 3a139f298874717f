"""Rows of the prober in the real sample store: series that come and go, and what remains of them."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.checks import BodyReading, Component, HealthState, Outcome
from monitor.model.samples import STALE
from monitor.model.times import HOUR, MINUTE
from monitor.tsdb.store import SampleStore
from tests.support.probe_worlds import START, World, fake_check, good, refused
from tests.support.samples import bits, equal, history


def answer(target: str, now: int) -> Outcome:
    """Healthy, then a component appears, then an outage of one minute, then healthy again."""
    if 5 * MINUTE <= now < 6 * MINUTE:
        return refused()
    parts = [Component("database", HealthState.HEALTHY)]
    if now >= 2 * MINUTE:
        parts.append(Component("cache", HealthState.HEALTHY))
    return replace(good(), reading=BodyReading(dialect="shape", components=tuple(parts)), version="1.2.3")


def test_series_that_stay_have_one_sample_an_attempt_and_those_that_go_end() -> None:
    """No gap is taken for a value: a missing value keeps its bits on the way into the store."""
    store = SampleStore.in_memory(HOUR)
    world = World(answer, sink=store)

    async def story() -> None:
        world.probing.configure([fake_check()])
        await world.until(10 * MINUTE)

    world.play(story())
    found = history(store.view().select([equal("check", "api")], START - HOUR, START + HOUR))
    by_name = {(labels["__name__"], labels.get("component", "")): points for labels, points in found.items()}
    starts = [START + at for at, _ in world.starts]
    success = by_name["probe_success", ""]
    assert [at for at, _ in success] == starts
    assert {value for _, value in success} == {bits(0.0), bits(1.0)}
    cache = by_name["watchkeeper_component_status", "cache"]
    assert cache[0][0] == next(at for at in starts if at >= START + 2 * MINUTE)
    reason = by_name["watchkeeper_check_failure_reason", ""]
    assert reason[-1] == (next(at for at in starts if at >= START + 6 * MINUTE) - 1, bits(STALE))
