"""A store that refuses new samples because the wall clock was set back shows in the daemon's health."""

from __future__ import annotations

from monitor.app.health import Health
from monitor.model.checks import HealthState
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, SECOND
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.database import Database, Inline
from monitor.supervise import Supervisor
from monitor.tsdb.store import SampleStore

NAME = Labels({"__name__": "up"})


def test_refusing_samples_for_more_than_a_minute_is_degraded_and_says_for_how_long() -> None:
    """Single late samples are ordinary; a store that is ahead of the clock is not, until the clock has caught up."""
    loop = VirtualLoop()
    time = VirtualTime(loop, DAY)

    async def story() -> None:
        store = SampleStore.in_memory(DAY)
        supervisor = Supervisor(time.clock, lambda name, error: None)
        health = Health(version="1", supervisor=supervisor, database=Database.open(None, Inline()), store=store)
        health.ready = True
        store.append(DAY, [(NAME, 1.0)])
        store.append(DAY - HOUR, [(NAME, 1.0)])
        assert (await health.report(DAY + SECOND)).status is HealthState.HEALTHY
        report = await health.report(DAY - HOUR)
        assert report.status is HealthState.DEGRADED
        assert "take no new ones for another 1h" in report.parts["samples"]
        assert (await health.report(DAY - MINUTE)).status is HealthState.HEALTHY
        store.append(DAY + 1, [(NAME, 1.0)])
        assert (await health.report(DAY - HOUR)).status is HealthState.HEALTHY

    run(story(), loop)
