"""Alerts that come and go are held as firing where somebody asks for it: one message that they flap, one that they are calm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.alerts.flapping import ANNOTATION, Damping, Flap, FlapRule
from monitor.alerts.pushed import pushed_alert
from monitor.alerts.why import Standing, standings
from monitor.model.alerts import Alert
from monitor.model.errors import ConfigError
from monitor.model.labels import Labels
from monitor.model.notifications import MessageKind
from monitor.model.times import DAY, HOUR, MINUTE
from monitor.simulate.loop import run
from monitor.simulate.stories import Played, Story
from monitor.simulate.world import START, World
from tests.support.pushed_stories import pushed

RULE = "flapping: [{matchers: ['alertname=\"Down\"'], changes: 4, window: 30m}]\n"
SWINGS = ("1s", "6m", "12m", "18m", "24m")
"""Fires, over, fires, over, fires: the fifth change is one too many."""


def swinging(folder: Path, swings: tuple[str, ...] = SWINGS, more: str = RULE) -> Story:
    story = Story(pushed(folder, more=more))
    for number, at in enumerate(swings):
        moment = story.at(at)
        moment.alert("Down", instance="a") if number % 2 == 0 else moment.over("Down", instance="a")
    return story


def heard(played: Played) -> list[tuple[float, str, str, str]]:
    """Second, kind, reason, and what the alert says of its swings."""
    return [
        (
            one.at / 1000,
            one.kind.value,
            one.message.reason.value,
            one.message.alerts[0].annotations.get(ANNOTATION, ""),
        )
        for one in played.world.heard
    ]


BEFORE = [
    (31, "trigger", "first notification", ""),
    (631, "resolve", "all alerts resolved", ""),
    (750, "trigger", "first notification", ""),
    (1350, "resolve", "all alerts resolved", ""),
]
FLAPS = (1470, "trigger", "first notification", "5 changes in the last 30m")


def test_it_is_told_once_that_it_flaps_and_once_that_it_is_calm(tmp_path: Path) -> None:
    """The swings in between are not told; it is calm when half of what is borne is left of the window, and fires on."""
    story = swinging(tmp_path, (*SWINGS, "27m", "31m", "33m", "38m"))
    played = story.observe(80 * 60_000)
    assert heard(played) == [
        *BEFORE,
        FLAPS,
        (3870, "trigger", "alerts are calm again", ""),
    ]
    text = played.world.heard[4].message.text
    assert text.startswith("Flapping, 5 changes in the last 30m: it is held as firing until it is calm.")
    assert "is calm again" in played.world.heard[5].message.text


def test_one_that_is_over_when_it_is_calm_is_resolved(tmp_path: Path) -> None:
    """Its end is told then."""
    played = swinging(tmp_path, (*SWINGS, "27m")).observe(120 * 60_000)
    assert heard(played) == [*BEFORE, FLAPS, (2970, "resolve", "all alerts resolved", "")]


def test_one_that_flaps_while_it_is_told_to_fire_says_so(tmp_path: Path) -> None:
    """Although nothing else would be told."""
    played = swinging(tmp_path, ("1s", "1m", "2m", "3m", "4m", "6m")).observe(8 * 60_000)
    assert heard(played) == [
        (31, "trigger", "first notification", ""),
        (331, "trigger", "alerts began to flap", "5 changes in the last 30m"),
    ]


def test_without_the_section_each_swing_is_told(tmp_path: Path) -> None:
    """And for alerts that no entry concerns, or groups of other receivers."""
    plain = heard(swinging(tmp_path, (*SWINGS, "31m"), more="").observe(40 * 60_000))
    assert [kind for _, kind, _, _ in plain] == ["trigger", "resolve"] * 3
    for more in (RULE.replace("Down", "Other"), "flapping: [{receivers: [nobody], changes: 2, window: 30m}]\n"):
        assert heard(swinging(tmp_path, (*SWINGS, "31m"), more=more).observe(40 * 60_000)) == plain
    more = "flapping: [{receivers: [team], changes: 4, window: 30m}]\n"
    assert heard(swinging(tmp_path, (*SWINGS, "31m"), more=more).observe(40 * 60_000))[-1] == FLAPS


@pytest.mark.parametrize(
    ("minute", "killed"), [(3, True), (11, True), (16, False), (23, True), (26, True), (29, False), (45, True)]
)
def test_a_restart_changes_nothing(minute: int, killed: bool, tmp_path: Path) -> None:
    """Changes are remembered, also while no alert is left, and so is that it is held."""
    swings = (*SWINGS, "27m", "31m", "33m", "38m")
    before = heard(swinging(tmp_path, swings).observe(80 * 60_000))
    story = swinging(tmp_path, swings)
    moment = story.at(f"{minute}m45s")
    moment.crash() if killed else moment.restart()
    assert heard(story.observe(80 * 60_000)) == before


def test_an_end_that_comes_by_time_is_a_change(tmp_path: Path) -> None:
    """As one that is reported; and what would have been its end is held."""
    story = Story(pushed(tmp_path, more=RULE))
    for at in ("1s", "6m", "12m"):
        story.at(at).alert("Down", "2m", instance="a")
    played = story.observe(60 * 60_000)
    assert [(kind, swings) for _, kind, _, swings in heard(played)] == [
        ("trigger", ""),
        ("resolve", ""),
        ("trigger", ""),
        ("resolve", ""),
        ("trigger", "5 changes in the last 30m"),
        ("resolve", ""),
    ]
    assert heard(played)[-1][0] >= 38 * 60


def test_an_incident_is_not_opened_anew_with_each_swing(tmp_path: Path) -> None:
    """Who is on call is paged for the first ones only."""
    more = RULE + "escalate: {team: default}\n"
    played = swinging(tmp_path, (*SWINGS, "27m", "31m", "33m", "38m"), more=more).observe(60 * 60_000)
    ends = [one for one in played.world.heard if one.who == "ana" and one.kind is MessageKind.RESOLVE]
    assert max(one.at for one in ends) <= 24 * 60_000


@pytest.mark.parametrize("restarted", ["", "29m45s", "45m45s"])
def test_what_is_held_inhibits(restarted: str, tmp_path: Path) -> None:
    """Until it is calm, whatever its source says in between; a restart makes no difference."""
    inhibit = "  inhibit_rules: [{source_matchers: ['alertname=\"Down\"'], target_matchers: ['alertname=\"Slow\"']}]\n"
    story = swinging(tmp_path, (*SWINGS, "27m"), more=inhibit + RULE)
    story.at("25m").alert("Slow", instance="a")
    if restarted:
        story.at(restarted).crash()
    played = story.observe(60 * 60_000)
    told = [one for one in played.world.heard if one.message.alerts[0].labels["alertname"] == "Slow"]
    assert [(one.at / 1000, one.kind.value) for one in told] == [(3030, "trigger")]
    assert heard(played)[5][:2] == (2970, "resolve")


def test_a_reload_that_takes_the_section_away_lets_go(tmp_path: Path) -> None:
    """With the next look at the group its end is told."""
    story = swinging(tmp_path, (*SWINGS, "27m"))
    story.at("28m").reload(pushed(tmp_path, more=""))
    assert heard(story.observe(45 * 60_000))[5:] == [(1770, "resolve", "all alerts resolved", "")]


APART = """flapping:
  - {receivers: [team], matchers: ['alertname="Down"'], changes: 4, window: 30m}
  - {receivers: [quiet], matchers: ['alertname="Down"'], changes: 4, window: 1h}
"""


def test_what_one_group_holds_for_longer_inhibits_for_longer(tmp_path: Path) -> None:
    """Rules may differ between the groups of an alert: the first to be calm does not speak for the others."""
    inhibit = "  inhibit_rules: [{source_matchers: ['alertname=\"Down\"'], target_matchers: ['alertname=\"Slow\"']}]\n"
    story = Story(pushed(tmp_path, quiet=True, more=inhibit + APART))
    for number, at in enumerate((*SWINGS, "27m")):
        moment = story.at(at)
        moment.alert("Down") if number % 2 == 0 else moment.over("Down")
    story.at("25m").alert("Slow")
    played = story.observe(120 * 60_000)
    told = [one for one in played.world.heard if one.message.alerts[0].labels["alertname"] == "Slow"]
    ends = {one.who: one.at for one in played.world.heard if one.kind is MessageKind.RESOLVE and one not in told}
    assert min(one.at for one in told) > 72 * 60_000
    assert ends["team"] < 50 * 60_000


@pytest.mark.parametrize("how", ["restart", "reload"])
def test_what_is_held_comes_to_no_group_that_does_not_damp_it(how: str, tmp_path: Path) -> None:
    """Its source says that it is over: a restart or another grouping tells nobody anew, and it stays held where it was."""
    only = "flapping: [{receivers: [team], matchers: ['alertname=\"Down\"'], changes: 4, window: 30m}]\n"
    story = Story(pushed(tmp_path, quiet=True, more=only))
    for number, at in enumerate((*SWINGS, "27m")):
        moment = story.at(at)
        moment.alert("Down", instance="a") if number % 2 == 0 else moment.over("Down", instance="a")
    if how == "restart":
        story.at("33m").crash(back_after="2s")
    else:
        (tmp_path / "after").mkdir()
        route = ", group_by: [alertname, instance]"
        story.at("33m").reload(pushed(tmp_path / "after", quiet=True, route=route, more=only))
    played = story.observe(70 * 60_000)
    late = [one for one in played.world.heard if one.at > 32 * 60_000]
    assert [one.who for one in late if one.who == "quiet"] == []
    ends = [one.at for one in late if one.who == "team" and one.kind is MessageKind.RESOLVE]
    assert max(ends) >= 48 * 60_000


def test_an_annotation_of_somebodys_own_stays() -> None:
    """Ours has a name of its own."""
    labels, notes = Labels({"alertname": "Down"}), Labels({"flapping": "see the wiki"})
    alert = Alert(labels=labels, annotations=notes, starts_at=0, ends_at=HOUR, updated_at=0)
    flap = Flap(fingerprint=labels.fingerprint, changes=(1, 2, 3), fires=True, held_since=3)
    damping = Damping((FlapRule(changes=2, window=MINUTE),), "team", (flap,))
    held = damping.taken(alert, None, 4)
    assert dict(held.annotations) == {"flapping": "see the wiki", ANNOTATION: "3 changes in the last 1m"}
    calm, _ = damping.settled((held,), HOUR - 1)
    assert dict(calm[labels.fingerprint].annotations) == {"flapping": "see the wiki"}


async def _why(world: World) -> list[Standing]:
    await world.start()
    labels = Labels({"alertname": "Down"})
    for number in range(6):
        now = world.clock.now()
        one = pushed_alert(
            labels,
            {},
            starts_at=now if number % 2 == 0 else None,
            ends_at=now + DAY * (number % 2 == 0),
            generator_url="",
            resolve_timeout=0,
            now=now,
        )
        await world.running.dispatcher.accept([one])
        await world.clock.sleep(MINUTE)
    found = await world.running.dispatcher.view(
        lambda groups, routing, now: standings(groups, [labels.fingerprint], routing, now)
    )
    await world.crash()
    return [standing for standing in found if standing.group.receiver == "team"]


def test_why_tells_that_it_is_held(tmp_path: Path) -> None:
    """Since when, how often it changed, what its source says, and when it will be calm."""
    world = World(pushed(tmp_path, more=RULE))
    (standing,) = run(_why(world), world.loop)
    assert not standing.alert.resolved(START + 6 * MINUTE)
    assert standing.flap is not None
    assert standing.flap.over
    assert standing.flap.held_since == START + 4 * MINUTE
    assert standing.flap.changes == tuple(START + minute * MINUTE for minute in range(1, 6))
    assert standing.calm_at == START + 33 * MINUTE


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{changes: 4}", "concerns every alert"),
        ("{receivers: [lost]}", '"lost" is no receiver'),
        ("{receivers: [team], changes: 1}", "1 is not between 2 and 1000"),
        ("{receivers: [team], window: 10s}", "is shorter than a minute"),
        ("{receivers: [team], matchers: ['x=~\"(\"']}", "missing closing )"),
        ("{receivers: [team], swings: 4}", '"swings" is not a known key'),
    ],
)
def test_a_bad_section_is_refused(section: str, problem: str, tmp_path: Path) -> None:
    """With its place."""
    with pytest.raises(ConfigError, match=re.escape(problem)) as refused:
        pushed(tmp_path, more=f"flapping: [{section}]\n")
    assert next(one.path for one in refused.value.findings if not one.warning).startswith("flapping[0]")
