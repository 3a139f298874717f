"""Laws over random pushes and silences: a restart at any instant changes nothing that anybody hears."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitor.config.configuration import Configuration
from monitor.model.times import MINUTE, SECOND, Millis
from monitor.simulate.stories import Story
from tests.support.pushed_stories import pushed

END: Millis = 75 * MINUTE
_WORSE = """
  inhibit_rules: [{source_matchers: ['alertname="Off"'], target_matchers: ['alertname="Down"'], equal: [instance]}]
"""
_REPAIRS = "muting: {notify_on_unmute: true, resolve_when_muted: true, notify_on_refire: true}\n"

instances = st.sampled_from(["a", "b"])
names = st.sampled_from(["Down", "Off"])
deeds = st.one_of(
    st.tuples(st.just("alert"), names, instances),
    st.tuples(st.just("over"), names, instances),
    st.tuples(st.just("silence"), names, st.sampled_from(["2m", "12m", "40m"])),
    st.tuples(st.just("unsilence"), names, instances),
)
seconds = st.integers(1, 40 * 60)
scripts = st.lists(st.tuples(seconds, deeds), min_size=1, max_size=9)


@cache
def configuration(repaired: bool) -> Configuration:
    more = _WORSE + (_REPAIRS if repaired else "")
    return pushed(Path(tempfile.mkdtemp()), quiet=True, more=more)


def heard(
    script: list[tuple[int, tuple[str, str, str]]], restarts: list[tuple[int, bool]], *, repaired: bool
) -> list[tuple[object, ...]]:
    """What everybody hears, when, why, and of which alerts. A restart comes in the middle of its second."""
    story = Story(configuration(repaired))
    for at, (deed, name, what) in script:
        moment = story.at(f"{at}s")
        match deed:
            case "alert":
                moment.alert(name, instance=what)
            case "over":
                moment.over(name, instance=what)
            case "silence":
                moment.silence("ana", f'alertname="{name}"', what)
            case _:
                moment.end_silences("ana")
    for at, killed in restarts:
        moment = story.at(f"{at * SECOND + 500}ms")
        if killed:
            moment.crash()
        else:
            moment.restart()
    world = story.observe(END).world
    assert world.crashes == []
    return [
        (
            one.at,
            one.who,
            one.kind,
            one.repeated,
            one.message.reason,
            tuple((alert.fingerprint, alert.starts_at, alert.ends_at) for alert in one.message.alerts),
        )
        for one in world.heard
    ]


@settings(
    max_examples=settings().max_examples // 5,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(scripts, st.lists(st.tuples(st.integers(0, 70 * 60), st.booleans()), min_size=1, max_size=3), st.booleans())
def test_restart_at_any_instant_changes_no_message(
    script: list[tuple[int, tuple[str, str, str]]], restarts: list[tuple[int, bool]], repaired: bool
) -> None:
    """Neither what is said, nor when, nor why, with or without the repairs."""
    assert heard(script, restarts, repaired=repaired) == heard(script, [], repaired=repaired)
