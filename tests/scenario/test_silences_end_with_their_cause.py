"""Silences that end when what they mute has resolved, and reminders of the ends of others, from pushed alerts to receivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.configuration import Configuration
from monitor.simulate.stories import Story
from monitor.simulate.tellings import page, update
from tests.support.story_files import story_configuration

ROUTING = """
rules: {shipped: false}
people: {ana: {console: true}, bo: {console: true}}
silences: {remind_to: news, remind_before: 10m}
alertmanager:
  global: {resolve_timeout: 5m}
  route: {receiver: team, group_by: [alertname, check], group_wait: 0s, group_interval: 1m, repeat_interval: 12h}
  receivers:
    - {name: team, webhook_configs: [{url: "http://team.test/", send_resolved: false}]}
    - {name: news, webhook_configs: [{url: "http://news.test/"}]}
"""


def told(folder: Path) -> Configuration:
    return story_configuration(folder, checks="", common=ROUTING)


def test_a_silence_ends_with_the_last_of_its_alerts(tmp_path: Path) -> None:
    """The next one that fires is heard, though the silence was meant for hours."""
    story = Story(told(tmp_path))
    story.at("1m").silence("ana", 'check="api"', "8h", until_resolved=True)
    story.at("5m").alert("Down", check="api").alert("Slow", check="api")
    story.at("10m").over("Down", check="api")
    story.at("15m").alert("Down", check="api")
    story.at("20m").over("Down", check="api").over("Slow", check="api")
    story.at("30m").alert("Slow", check="api").expect(page("team"))
    story.until("40m").expect_nothing()


@pytest.mark.parametrize("at", ["4m59s", "5m1s", "19m59s", "20m", "20m1s"])
def test_a_restart_ends_no_silence_early_and_none_late(tmp_path: Path, at: str) -> None:
    """What fired before is believed to fire until it is said to be over."""
    story = Story(told(tmp_path))
    story.at("1m").silence("ana", 'check="api"', "8h", until_resolved=True)
    story.at("5m").alert("Down", check="api")
    story.at(at).crash(back_after="0s")
    story.at("18m").alert("Slow", check="api")
    story.at("20m").over("Down", check="api").over("Slow", check="api")
    story.at("30m").alert("Slow", check="api").expect(page("team"))
    story.until("35m").expect_nothing()


def test_an_alert_that_nobody_reports_any_more_ends_it_too(tmp_path: Path) -> None:
    """At its own end."""
    story = Story(told(tmp_path))
    story.at("1m").silence("ana", 'check="api"', "8h", until_resolved=True)
    story.at("5m").alert("Down", end="4m", check="api")
    story.at("9m30s").alert("Slow", check="api").expect(page("team"))
    story.until("15m").expect_nothing()


def test_an_alert_that_is_over_within_a_second_ends_its_silence(tmp_path: Path) -> None:
    """Also while another silence has just been looked at, and though the group has flushed the alert away by then."""
    story = Story(told(tmp_path))
    story.at("1m").silence("ana", 'check="shop"', "8h", until_resolved=True)
    story.at("5m").alert("Down", check="shop").alert("Down", check="api").expect(page("team"))
    story.at("5m59s500ms").over("Slow", check="shop")
    story.at("5m59s900ms").silence("ana", 'check="api"', "8h", until_resolved=True)
    story.at("5m59s950ms").over("Down", check="api")
    story.at("10m").alert("Slow", check="api").expect(page("team"))
    story.until("15m").expect_nothing()


def test_somebody_hears_that_a_silence_is_about_to_end(tmp_path: Path) -> None:
    """If it still mutes something; a restart just after it repeats nothing."""
    story = Story(told(tmp_path))
    story.at("1m").alert("Down", check="api").expect(page("team"))
    story.at("2m").silence("ana", 'check="api"', "30m").silence("ana", 'check="shop"', "30m")
    story.at("22m").expect(update("news"))
    story.at("23m").crash(back_after="1s")
    story.until("40m").expect_nothing()


def test_a_reminder_that_was_missed_is_given_until_the_end(tmp_path: Path) -> None:
    """And not after it."""
    for back, heard in (("25m", ["25m"]), ("35m", [])):
        story = Story(told(tmp_path))
        story.at("2m").silence("ana", 'check="api"', "30m")
        story.at("3m").alert("Down", check="api")
        story.at("20m").crash(back_after=f"{int(back[:-1]) - 20}m")
        for at in heard:
            story.at(at).expect(update("news"))
        story.at("32m" if heard else back).expect(page("team"))
        story.until("40m").expect_nothing()


def test_what_fires_late_under_a_silence_is_reminded_of(tmp_path: Path) -> None:
    """Nothing fired when the notice was due."""
    story = Story(told(tmp_path))
    story.at("2m").silence("ana", 'check="api"', "30m", remind_before="20m")
    story.at("25m").alert("Down", check="api").expect(update("news"))
    story.at("32m").expect(page("team"))
    story.until("40m").expect_nothing()
