"""Laws over many stories: services come and go, channels fail, the daemon is killed, the clock jumps."""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitor.config.loading import Configuration
from monitor.model.incidents import IncidentState
from monitor.model.notifications import MessageKind
from monitor.model.times import HOUR, MINUTE, SECOND, Millis
from monitor.simulate.stories import Moment, Played, Story
from monitor.simulate.world import Line
from tests.support.story_files import story_configuration

CALM: Millis = 30 * MINUTE
"""From here on all is well: services answer, channels deliver, and nothing happens any more."""
LAST: Millis = 60 * MINUTE
"""Whatever happened before, a service that dies now is paged as if nothing had."""
END: Millis = 62 * MINUTE

checks = st.sampled_from(["api", "shop"])
people = st.sampled_from(["ana", "bo", "default", "console:"])
deeds = st.one_of(
    st.tuples(st.just("down"), checks),
    st.tuples(st.just("up"), checks),
    st.tuples(st.just("crash"), st.sampled_from(["0s", "1s", "40s", "5m"])),
    st.tuples(st.just("line"), st.tuples(people, st.sampled_from(Line))),
    st.tuples(st.just("jump"), st.sampled_from([-HOUR, -MINUTE, MINUTE, HOUR])),
    st.tuples(st.just("ack"), st.sampled_from(["ana", "bo"])),
)
whens = st.integers(0, CALM - 6 * MINUTE).map(lambda at: at - at % 7)
stories = st.lists(st.tuples(whens, deeds), max_size=10)


@cache
def configuration() -> Configuration:
    return story_configuration(Path(tempfile.mkdtemp()))


def told(acts: list[tuple[Millis, tuple[str, object]]]) -> Played:
    """Play these deeds, then half an hour of calm, then an outage. A daemon that is down is neither killed nor started
    again."""
    story = Story(configuration())
    down_until = -1
    for at, (deed, what) in sorted(acts, key=lambda act: act[0]):
        moment = story.at(f"{at}ms")
        if deed == "crash":
            span = str(what)
            if at <= max(down_until, 0):
                continue
            down_until = at + {"0s": 0, "1s": SECOND, "40s": 40 * SECOND, "5m": 5 * MINUTE}[span]
            moment.crash(back_after=span)
        else:
            do(moment, deed, what)
    calm = story.at(f"{CALM}ms").up("api", "shop")
    for who in ("ana", "bo", "default", "console:"):
        calm.line(who, Line.GOOD)
    story.at(f"{LAST}ms").down("shop")
    return story.observe(END)


def do(moment: Moment, deed: str, what: object) -> None:
    match deed, what:
        case "down", str(check):
            moment.down(check)
        case "up", str(check):
            moment.up(check)
        case "line", (str(who), Line() as line):
            moment.line(who, line)
        case "jump", int(span):
            moment.jump(span)
        case "ack", str(who):
            moment.ack_if_open(who)
        case _:
            raise AssertionError(deed)


@settings(
    max_examples=settings().max_examples * 2 // 5,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(stories)
def test_no_page_is_doubled_unmarked_and_every_page_is_resolved(acts: list[tuple[Millis, tuple[str, object]]]) -> None:
    """Of one page at most one copy is unmarked; whoever was paged hears the end; when all is well nothing is open; the
    next outage is paged in time; and no task crashes."""
    played = told(acts)
    assert played.world.crashes == []
    pages = Counter(
        (
            one.who,
            one.integration,
            one.message.incident.id,
            one.message.incident.epoch,
            one.message.title,
            one.message.at,
        )
        for one in played.world.heard
        if one.kind is MessageKind.TRIGGER and one.message.incident is not None and not one.repeated
    )
    assert [page for page, count in pages.items() if count > 1] == []
    (last,) = [one for one in played.incidents if one.state is not IncidentState.RESOLVED]
    first = next(
        one
        for one in played.world.heard
        if one.kind is MessageKind.TRIGGER and one.message.incident is not None and one.message.incident.id == last.id
    )
    assert (first.who, first.at > LAST, first.at <= LAST + 32 * SECOND) == ("ana", True, True)
    paged, ended = (
        {
            (one.who, one.integration, one.message.incident.id)
            for one in played.world.heard
            if one.kind is kind and one.message.incident is not None and one.message.incident.id != last.id
        }
        for kind in (MessageKind.TRIGGER, MessageKind.RESOLVE)
    )
    assert paged - ended == set()
