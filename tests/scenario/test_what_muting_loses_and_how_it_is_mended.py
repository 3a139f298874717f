"""Alertmanager's losses around silences and intervals, message by message; and each repair that can be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.configuration import Configuration
from monitor.model.notifications import NotifyReason
from monitor.model.times import parse_rfc3339
from monitor.simulate.stories import Played, Story
from monitor.simulate.tellings import page, resolve
from tests.support.pushed_stories import pushed

MIDNIGHT = parse_rfc3339("2026-01-05T00:00:00Z")
NIGHT = """
  time_intervals: [{name: night, time_intervals: [{times: [{start_time: "00:20", end_time: "00:40"}]}]}]
"""
WORSE = """
  inhibit_rules: [{source_matchers: ['alertname="Off"'], target_matchers: ['alertname="Down"']}]
"""


def mended(folder: Path, *keys: str, route: str = "", more: str = "") -> Configuration:
    switches = ", ".join(f"{key}: true" for key in keys)
    return pushed(folder, route=route, more=f"{more}\nmuting: {{{switches}}}\n" if keys else more)


def reasons(played: Played) -> list[NotifyReason]:
    return [heard.message.reason for heard in played.world.heard if heard.who == "team"]


@pytest.mark.parametrize("repaired", [False, True], ids=["as Alertmanager", "mended"])
def test_what_fires_again_after_it_resolved_in_silence(tmp_path: Path, repaired: bool) -> None:
    """Told, silenced, resolved, silence over, firing again: lost until the repeat, unless it is new then."""
    story = Story(mended(tmp_path, *(["notify_on_refire"] if repaired else [])))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'alertname="Down"', "10m")
    story.at("3m").over("Down", instance="a")
    story.at("20m").alert("Down", instance="a")
    if repaired:
        story.at("20m30s").expect(page("team"))
        story.at("1h25m30s").expect(page("team"))
    else:
        story.at("1h5m30s").expect(page("team"))
    story.until("1h30m").expect_nothing()


@pytest.mark.parametrize("repaired", [False, True], ids=["as Alertmanager", "mended"])
def test_what_fires_again_in_a_group_that_lives_on(tmp_path: Path, repaired: bool) -> None:
    """The same where another alert kept the group: it was told as firing, so it is not new, unless that is mended."""
    story = Story(mended(tmp_path, *(["notify_on_refire"] if repaired else [])))
    story.at("1s").alert("Down", instance="a").alert("Down", instance="b")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'instance="a"', "10m")
    story.at("3m").over("Down", instance="a")
    story.at("20m").alert("Down", instance="a")
    if repaired:
        story.at("20m31s").expect(page("team"))
        story.at("1h25m31s").expect(page("team"))
    else:
        story.at("1h5m31s").expect(page("team"))
    played = story.until("1h30m").expect_nothing()
    assert reasons(played)[1] is (NotifyReason.NEW_ALERTS if repaired else NotifyReason.REPEAT)


@pytest.mark.parametrize("repaired", [False, True], ids=["as Alertmanager", "mended"])
def test_what_still_fires_when_its_silence_ends(tmp_path: Path, repaired: bool) -> None:
    """It was told before: silence until the repeat, or a message at the next flush."""
    story = Story(mended(tmp_path, *(["notify_on_unmute"] if repaired else [])))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'alertname="Down"', "10m")
    if repaired:
        story.at("15m31s").expect(page("team"))
        story.at("1h20m31s").expect(page("team"))
    else:
        story.at("1h5m31s").expect(page("team"))
    played = story.until("1h30m").expect_nothing()
    assert reasons(played)[1] is (NotifyReason.UNMUTED if repaired else NotifyReason.REPEAT)


@pytest.mark.parametrize("repaired", [False, True], ids=["as Alertmanager", "mended"])
def test_what_still_fires_when_the_muted_hours_end(tmp_path: Path, repaired: bool) -> None:
    """The same with an interval."""
    keys = ["notify_on_unmute"] if repaired else []
    story = Story(mended(tmp_path, *keys, route=", mute_time_intervals: [night]", more=NIGHT), start=MIDNIGHT)
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    if repaired:
        story.at("40m31s").expect(page("team"))
    else:
        story.at("1h5m31s").expect(page("team"))
    story.until("1h10m").expect_nothing()


def test_end_of_an_inhibition_is_told_where_that_is_mended(tmp_path: Path) -> None:
    """What was explained by something worse, and is not any more. A restart in between forgets nothing."""
    story = Story(mended(tmp_path, "notify_on_unmute", more=WORSE))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").alert("Off")
    story.at("2m30s").expect(page("team"))
    story.at("8m").crash(back_after="1s")
    story.at("11m").over("Off")
    story.at("12m30s").expect(resolve("team"))
    story.at("15m31s").expect(page("team"))
    story.until("1h").expect_nothing()


def test_silence_between_two_flushes_is_no_muting(tmp_path: Path) -> None:
    """Nobody could have heard less because of it, so nothing is told again."""
    story = Story(mended(tmp_path, "notify_on_unmute"))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("1m").silence("ana", 'alertname="Down"', "2m")
    story.until("1h").expect_nothing()


@pytest.mark.parametrize("repaired", [False, True], ids=["as Alertmanager", "mended"])
def test_what_resolves_while_it_is_silenced(tmp_path: Path, repaired: bool) -> None:
    """Whoever was told that it fires never hears of the end, unless that is mended."""
    story = Story(mended(tmp_path, *(["resolve_when_muted"] if repaired else [])))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'alertname="Down"', "2h")
    story.at("6m").over("Down", instance="a")
    if repaired:
        story.at("10m31s").expect(resolve("team"))
    story.until("3h").expect_nothing()


def test_end_under_silence_is_held_back_while_others_of_the_group_fire_silenced(tmp_path: Path) -> None:
    """A message of ends only would read as the end of all; the last one tells of both."""
    story = Story(mended(tmp_path, "resolve_when_muted"))
    story.at("1s").alert("Down", instance="a").alert("Down", instance="b")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'alertname="Down"', "2h")
    story.at("6m").over("Down", instance="a")
    story.at("16m").over("Down", instance="b")
    story.at("20m31s").expect(resolve("team"))
    played = story.until("3h").expect_nothing()
    assert [alert.labels["instance"] for alert in played.world.heard[1].message.alerts] == ["a", "b"]


def test_end_under_silence_is_told_beside_what_fires_aloud(tmp_path: Path) -> None:
    """As the end of some."""
    story = Story(mended(tmp_path, "resolve_when_muted"))
    story.at("1s").alert("Down", instance="a").alert("Down", instance="b")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'instance="a"', "2h")
    story.at("6m").over("Down", instance="a")
    story.at("10m31s").expect(page("team"))
    played = story.until("1h").expect_nothing()
    assert reasons(played)[1] is NotifyReason.SOME_RESOLVED
    assert [(alert.labels["instance"], alert.firing) for alert in played.world.heard[1].message.alerts] == [
        ("a", False),
        ("b", True),
    ]


def test_what_was_never_told_is_not_ended_either(tmp_path: Path) -> None:
    """Silenced from the beginning: no repair makes a message of it."""
    story = Story(mended(tmp_path, "resolve_when_muted", "notify_on_unmute", "notify_on_refire"))
    story.at("1s").alert("Down", instance="a")
    story.at("2s").silence("ana", 'alertname="Down"', "2h")
    story.at("16m").over("Down", instance="a")
    story.until("3h").expect_nothing()


def test_all_repairs_together_tell_each_thing_once(tmp_path: Path) -> None:
    """Its end under the silence, and that it fires again."""
    story = Story(mended(tmp_path, "resolve_when_muted", "notify_on_unmute", "notify_on_refire"))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").silence("ana", 'alertname="Down"', "20m")
    story.at("6m").over("Down", instance="a")
    story.at("10m31s").expect(resolve("team"))
    story.at("15m").alert("Down", instance="a")
    story.at("25m30s").expect(page("team"))
    story.until("1h").expect_nothing()
