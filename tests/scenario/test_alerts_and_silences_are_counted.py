"""The gauges that Alertmanager's dashboards look at."""

from __future__ import annotations

from pathlib import Path

from monitor.alerts.pushed import pushed_alert
from monitor.alerts.silences import SilenceDraft
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.incidents import Actor, Door
from monitor.model.times import HOUR, MINUTE, SECOND, Millis
from monitor.simulate.loop import run
from monitor.simulate.world import World
from tests.support.story_files import story_configuration

ANA = Actor(name="ana", door=Door.API)
ROUTED = """
alertmanager:
  route: {receiver: all, routes: [{receiver: one, matchers: [a=~".+"], continue: true}, {receiver: two}]}
  receivers: [{name: all}, {name: one}, {name: two}]
  inhibit_rules: [{source_matchers: [a=source], target_matchers: [a=target]}]
"""


def test_each_alert_counts_once_by_what_keeps_it_quiet(tmp_path: Path) -> None:
    """In however many groups it is; what has ended counts no more, and silences change their state by time alone."""
    world = World(story_configuration(tmp_path, checks="", common=ROUTED, policy=""))

    def reported(name: str, lasts: Millis = HOUR) -> Alert:
        now = world.clock.now()
        return pushed_alert(
            {"a": name},
            {},
            starts_at=now,
            ends_at=now + lasts,
            generator_url="",
            resolve_timeout=5 * MINUTE,
            now=now,
        )

    async def silence(name: str, starts_in: Millis, lasts: Millis) -> None:
        now = world.clock.now()
        draft = SilenceDraft(
            matcher_sets=(parse_matchers(f"a={name}"),), starts_at=now + starts_in, ends_at=now + starts_in + lasts
        )
        await world.running.silencing.place(draft, ANA)

    def counts(metric: str) -> dict[str, float]:
        registry = world.running.drivers.telemetry.registry
        return {
            sample.labels["state"]: sample.value
            for family in registry.collect()
            if family.name == metric
            for sample in family.samples
        }

    async def story() -> None:
        await world.start()
        names = ("source", "target", "silenced", "free")
        await world.running.dispatcher.accept([*map(reported, names), reported("short", SECOND)])
        await silence("silenced", 0, 5 * MINUTE)
        await silence("free", 20 * MINUTE, HOUR)
        await world.clock.sleep(MINUTE)
        assert counts("alertmanager_alerts") == {"active": 2, "suppressed": 2, "unprocessed": 0}
        assert counts("alertmanager_silences") == {"active": 1, "pending": 1, "expired": 0}
        await world.clock.sleep(10 * MINUTE)
        assert counts("alertmanager_alerts") == {"active": 3, "suppressed": 1, "unprocessed": 0}
        assert counts("alertmanager_silences") == {"active": 0, "pending": 1, "expired": 1}
        await world.stop()

    run(story(), world.loop)
