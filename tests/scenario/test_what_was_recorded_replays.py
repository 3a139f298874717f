"""The history that a daemon records, replayed through the configuration that it had, tells what was told."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerts.history import from_lines, to_line
from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.maintenance_book import Entry, Told, own_key
from monitor.alerts.pushed import pushed_alert
from monitor.alerts.silences import Silence, SilenceDraft
from monitor.alerts.spans import Once
from monitor.config.configuration import Configuration
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.incidents import Actor, Door
from monitor.model.times import DAY, MINUTE, SECOND, Millis, Timestamp
from monitor.simulate.comparing import compare
from monitor.simulate.loop import run
from monitor.simulate.replay import Telling, replay, telling
from monitor.simulate.world import START, World
from tests.support.pushed_stories import pushed

ANA = Actor(name="ana", door=Door.CLI)
END: Millis = 75 * MINUTE
_MUTING = """
  inhibit_rules: [{source_matchers: ['alertname="Off"'], target_matchers: ['alertname="Down"'], equal: [instance]}]
escalate: {pager: default}
flapping: [{receivers: [team, pager], changes: 2, window: 20m}]
"""
_ROUTE = ", routes: [{receiver: pager, matchers: ['instance=\"b\"'], continue: true}]"

deeds = st.one_of(
    st.tuples(
        st.sampled_from(["alert", "briefly", "over"]), st.sampled_from(["Down", "Off"]), st.sampled_from(["a", "b"])
    ),
    st.tuples(st.just("silence"), st.sampled_from(["Down", "Off"]), st.sampled_from(["2m", "12m", "40m"])),
    st.tuples(st.just("unsilence"), st.just("Down"), st.just("a")),
)
scripts = st.lists(st.tuples(st.integers(1, 40 * 60), deeds), min_size=1, max_size=9)


@cache
def configuration() -> Configuration:
    receiver = 'webhook_configs: [{url: "http://team.test/"}]}\n    - {name: pager'
    return pushed(Path(tempfile.mkdtemp()), quiet=True, route=_ROUTE, receiver=receiver, more=_MUTING)


async def lived(
    world: World, script: list[tuple[int, tuple[str, str, str]]]
) -> tuple[tuple[Alert, ...], tuple[Silence, ...]]:
    """Let it happen; what was recorded of it."""
    await world.start()
    for at, (deed, name, what) in sorted(script):
        # silences in the middle of a second: flushes come at whole ones
        quiet = deed in ("silence", "unsilence")
        await world.clock.sleep(at * SECOND + (500 if quiet else 0) - world.elapsed)
        now, silencing = world.clock.now(), world.running.silencing
        if deed == "silence":
            draft = SilenceDraft(
                matcher_sets=(parse_matchers(f'alertname="{name}"'),),
                starts_at=now,
                ends_at=now + int(what[:-1]) * MINUTE,
                created_by="ana",
            )
            await silencing.place(draft, ANA)
        elif deed == "unsilence":
            for silence in await silencing.silences():
                await silencing.expire(silence.id, ANA)
        else:
            span = {"alert": DAY, "briefly": 7 * MINUTE, "over": 0}[deed]
            reported = pushed_alert(
                {"alertname": name, "instance": what},
                {"summary": "x"},
                starts_at=now if span else None,
                ends_at=now + span,
                generator_url="",
                resolve_timeout=0,
                now=now,
            )
            await world.running.dispatcher.accept([reported])
    await world.clock.sleep(END - world.elapsed)
    recorded = await world.running.stores.history.reports()
    silences = tuple(await world.running.silencing.silences())
    await world.crash()
    return recorded, silences


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(scripts)
def test_what_was_recorded_replays(script: list[tuple[int, tuple[str, str, str]]]) -> None:
    """To everybody, at the same instants, for the same reasons, of the same alerts; on paper as well."""
    world = World(configuration(), upkeep=False)
    recorded, silences = run(lived(world, script), world.loop)
    told = [telling(heard, START) for heard in world.heard]
    on_paper = tuple(from_lines(to_line(one) for one in recorded))
    assert [(one.labels, one.updated_at, one.ends_at) for one in on_paper] == [
        (one.labels, one.updated_at, one.ends_at) for one in recorded
    ]
    replayed = replay(configuration(), on_paper, silences, START, START + END)
    assert replayed.trouble == ()
    assert _sorted(replayed.told) == _sorted(told)
    difference = compare(told, replayed.told)
    assert difference.is_none
    assert difference.same == len(told)


def _sorted(told: tuple[Telling, ...] | list[Telling]) -> list[Telling]:
    return sorted(told, key=lambda one: (one.at, one.to, one.by, one.group, one.kind.value))


def _alert(at: Timestamp, ends_at: Timestamp, **labels: str) -> Alert:
    line = {"alertname": "Down", **labels}
    return pushed_alert(
        line, {}, starts_at=min(at, ends_at), ends_at=ends_at, generator_url="", resolve_timeout=0, now=at
    )


def test_what_fired_before_was_told_before() -> None:
    """The first message is not the beginning's; what is silent or has nobody to hear it is said."""
    history = (_alert(START - 3 * DAY, START + 60 * MINUTE, instance="a"), _alert(START, START + DAY, other="x"))
    silence = Silence(
        id="night",
        matcher_sets=(parse_matchers('other="x"'),),
        starts_at=START - DAY,
        ends_at=START + DAY,
        updated_at=START,
        expires_at=START + DAY,
    )
    found = replay(configuration(), history, [silence], START, START + END)
    assert {one.reason.value for one in found.told} == {"repeat interval elapsed", "all alerts resolved"}
    assert next((one.by, one.labels["other"]) for one in found.quiet if "other" in one.labels) == (("night",), "x")
    assert [labels["other"] for labels in found.unheard] == ["x"]


def test_what_was_announced_since_is_announced_again() -> None:
    """What is stored of a window is how it stands now, after all that is replayed."""
    history = (_alert(START - 3 * DAY, START + 60 * MINUTE, instance="a"),)
    move = Once(starts_at=START + 20 * MINUTE, ends_at=START + 40 * MINUTE)
    window = MaintenanceWindow(
        name="move", matchers=(), once=(move,), announce_to="team", announce_before=(60 * MINUTE, 10 * MINUTE)
    )
    now = Told(to="team", starts_at=move.starts_at, ends_at=move.ends_at, before=10 * MINUTE)
    found = replay(
        configuration(), history, [], START, START + END, [Entry(key=own_key("move"), window=window, told=now)]
    )
    announced = [
        one.at - START
        for one in found.told
        if {labels["alertname"] for labels in one.firing | one.resolved} == {"Maintenance"}
    ]
    assert announced == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE]
