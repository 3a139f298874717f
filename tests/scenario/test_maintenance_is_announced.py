"""Maintenance windows of the file and of run time: what they mute and who hears of them, through restarts and reloads.

The stories begin at 00:45 UTC, and the window at 01:00: its notice is due after 5 minutes, its begin after 15, its end
after 35.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.config.configuration import Configuration
from monitor.model.times import parse_duration, parse_rfc3339
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve, update
from tests.support.story_files import story_configuration
from tests.support.windows import nightly, once

ROUTING = """
rules: {{shipped: false}}
people: {{ana: {{console: true}}, bo: {{console: true}}}}
alertmanager:
  route: {{receiver: team, group_by: [alertname, check], group_wait: 0s, group_interval: 1m, repeat_interval: 12h}}
  receivers:
    - {{name: team, webhook_configs: [{{url: "http://team.test/"}}]}}
    - {{name: news, webhook_configs: [{{url: "http://news.test/"}}]}}
{more}
"""
START = parse_rfc3339("2026-01-05T00:45:00Z")
WINDOW = """
maintenance:
  - name: move
    matchers: ['check=~"api|shop"']
    cron: "{cron}"
    duration: 20m
    location: Europe/Berlin
    announce_to: news
    announce_before: 10m
"""
AT_ONE = WINDOW.format(cron="0 2 * * *")
"""02:00 in Berlin is 01:00 UTC in winter."""
EVERY_HOUR = WINDOW.format(cron="0 * * * *")


def told(folder: Path, more: str = "") -> Configuration:
    return story_configuration(folder, checks="", common=ROUTING.format(more=more))


def move(starts: str = "01:00", ends: str = "01:20", name: str = "move") -> MaintenanceWindow:
    instants = [f"2026-01-05T{clock}:00Z" for clock in (starts, ends)]
    return once(*instants, name=name, announce_to="news", announce_before=(600_000,))


def said(story: Story, until: str) -> list[str]:
    """What was announced, without the name."""
    played = story.until(until).expect_nothing()
    return [one.message.title.split('" ')[1] for one in played.world.heard if one.who == "news"]


def test_a_window_of_the_file_is_announced_and_mutes(tmp_path: Path) -> None:
    """Ten minutes before, at its begin and its end; what fires meanwhile is told at the first flush after it."""
    story = Story(told(tmp_path, AT_ONE), start=START)
    for at in ("5m", "15m", "35m"):
        story.at(at).expect(update("news"))
    story.at("20m10s").alert("Down", check="api")
    story.at("35m10s").expect(page("team"))
    assert said(story, "1h") == ["begins in 10m", "has begun", "is over"]


@pytest.mark.parametrize("at", ["4m59s", "5m", "5m1s", "15m", "15m1s", "35m", "36m"])
@pytest.mark.parametrize("how", ["crash", "restart"])
def test_a_restart_at_any_instant_repeats_and_loses_nothing(tmp_path: Path, at: str, how: str) -> None:
    """Nor does a reload of the same file just after it."""
    configuration = told(tmp_path, AT_ONE)
    story = Story(configuration, start=START)
    moment = story.at(at)
    (moment.crash if how == "crash" else moment.restart)(back_after="0s")
    moment.reload(configuration)
    for due in ("5m", "15m", "35m"):
        story.at(due).expect(update("news"))
    story.until("40m").expect_nothing()


@pytest.mark.parametrize(
    ("down", "back", "heard"),
    [
        ("2m", "20m", ["20m", "35m"]),
        ("2m", "10m", ["10m", "15m", "35m"]),
        ("2m", "40m", []),
        ("10m", "40m", ["5m", "40m"]),
        ("20m", "50m", ["5m", "15m", "50m"]),
    ],
)
def test_after_an_outage_only_what_still_matters_is_said(
    tmp_path: Path, down: str, back: str, heard: list[str]
) -> None:
    """A late beginning only while it runs, an end to whoever heard of the beginning."""
    story = Story(told(tmp_path, AT_ONE), start=START)
    story.at(down).crash(back_after=f"{(parse_duration(back) - parse_duration(down)) // 60_000}m")
    for at in heard:
        story.at(at).expect(update("news"))
    story.until("1h").expect_nothing()


def test_a_window_is_added_edited_and_ended_while_we_run(tmp_path: Path) -> None:
    """Made longer while it mutes, it mutes longer, also after a crash; ended, it mutes no more. Each is told."""
    story = Story(told(tmp_path), start=START)
    story.at("10m").maintain("ana", move()).expect(update("news"))
    story.at("15m").expect(update("news"))
    story.at("20m10s").alert("Down", check="api")
    story.at("25m").maintain("bo", move(ends="02:00")).expect(update("news"))
    story.at("45m").crash(back_after="1s")
    story.at("55m").end_maintenance("ana", "move").expect(update("news"))
    story.at("55m10s").expect(page("team"))
    assert said(story, "1h20m") == ["begins in 5m", "has begun", "now ends at another time", "is over"]


def test_an_occurrence_of_the_file_can_be_ended_and_the_next_one_skipped(tmp_path: Path) -> None:
    """Through a restart and a reload; the one after next comes."""
    configuration = told(tmp_path, EVERY_HOUR)
    story = Story(configuration, start=START)
    story.at("5m").expect(update("news"))
    story.at("15m").expect(update("news"))
    story.at("20m10s").alert("Down", check="api")
    story.at("25m").end_maintenance("ana", "move").expect(update("news"))
    story.at("25m10s").expect(page("team"))
    story.at("26m").end_maintenance("ana", "move", skip_next=True)
    story.at("27m").restart(back_after="1s")
    story.at("28m").reload(configuration)
    story.at("1h20m").alert("Down", check="shop").expect(page("team"))
    for at in ("2h5m", "2h15m", "2h35m"):
        story.at(at).expect(update("news"))
    story.until("3h").expect_nothing()


def test_what_was_announced_and_goes_away_is_told_of(tmp_path: Path) -> None:
    """One of the file by a reload, one that was added by its removal, before and after the begin."""
    story = Story(told(tmp_path, AT_ONE), start=START)
    story.at("5m").expect(update("news"))
    story.at("7m").reload(told(tmp_path)).expect(update("news"))
    story.at("10m").maintain("ana", move(starts="01:01", name="other")).expect(update("news"))
    story.at("11m").remove_maintenance("ana", "other").expect(update("news"))
    story.at("12m").maintain("ana", move(starts="01:01", ends="01:20")).expect(update("news"))
    story.at("16m").expect(update("news"))
    story.at("20m").remove_maintenance("ana", "move").expect(update("news"))
    assert said(story, "1h") == [
        *("begins in 10m", "does not take place", "begins in 6m", "does not take place"),
        *("begins in 4m", "has begun", "is over"),
    ]


def test_a_reload_that_moves_a_window_that_runs_ends_it(tmp_path: Path) -> None:
    """And what fires under it is told."""
    story = Story(told(tmp_path, AT_ONE), start=START)
    story.at("5m").expect(update("news"))
    story.at("15m").expect(update("news"))
    story.at("20m10s").alert("Down", check="api")
    story.at("25m").reload(told(tmp_path, WINDOW.format(cron="0 22 * * *"))).expect(update("news"))
    story.at("25m10s").expect(page("team"))
    story.until("40m").expect_nothing()


def test_a_window_holds_the_incidents_that_open_under_it(tmp_path: Path) -> None:
    """One that is added while an incident is open lets that go on; one that is ended early lets the held ones go."""
    page_all = """
escalate: {team: default}
"""
    story = Story(told(tmp_path, page_all), start=START)
    story.at("1m").alert("Down", check="api").expect(page("ana"), page("team"))
    story.at("2m").maintain("ana", once("2026-01-05T00:46:00Z", "2026-01-05T01:20:00Z"))
    story.at("6m").expect(page("bo"))
    story.at("7m").ack("bo", incident=1).expect(acknowledged("ana"), acknowledged("bo"))
    story.at("8m").alert("Down", check="shop")
    story.at("20m").end_maintenance("ana", "move").expect(page("ana"), page("team"))
    story.at("23m30s").over("Down", check="shop").expect(resolve("ana"))
    story.at("24m").expect(resolve("team"))
    story.until("24m30s").expect_nothing()


def test_a_skipped_hour_begins_a_window_at_the_change(tmp_path: Path) -> None:
    """On 29 March 02:00 does not exist in Berlin: from the change at 01:00 UTC on the window lasts its twenty minutes."""
    story = Story(told(tmp_path), start=parse_rfc3339("2026-03-29T00:45:00Z"))
    story.at("1s").maintain("ana", nightly("0 2 * * *", "20m", "Europe/Berlin", announce_to="news"))
    story.at("15m").expect(update("news"))
    story.at("20m10s").alert("Down", check="api")
    story.at("35m").expect(update("news"))
    story.at("35m10s").expect(page("team"))
    story.until("2h").expect_nothing()


def test_an_hour_that_comes_twice_begins_a_window_once(tmp_path: Path) -> None:
    """On 25 October with the first 02:00 in Berlin, at 00:00 UTC, and not with the second."""
    story = Story(told(tmp_path), start=parse_rfc3339("2026-10-24T23:45:00Z"))
    story.at("1s").maintain("ana", nightly("0 2 * * *", "20m", "Europe/Berlin", announce_to="news"))
    story.at("15m").expect(update("news"))
    story.at("35m").expect(update("news"))
    story.at("1h20m").alert("Down", check="api").expect(page("team"))
    story.until("2h").expect_nothing()


@pytest.mark.parametrize(("after", "heard"), [(AT_ONE, ["team"]), (EVERY_HOUR, [])], ids=["same times", "moved"])
def test_a_reload_that_moves_a_window_of_the_file_undoes_what_was_cut(
    after: str, heard: list[str], tmp_path: Path
) -> None:
    """As an edit of one that was added does; a reload that leaves its times keeps the cut."""
    (tmp_path / "after").mkdir()
    story = Story(told(tmp_path, AT_ONE), start=START)
    story.at("20m").end_maintenance("ana", "move")
    story.at("25m").reload(told(tmp_path / "after", after))
    story.at("26m").alert("Down", check="api")
    played = story.observe(30 * 60_000)
    assert [one.who for one in played.world.heard if one.who == "team"] == heard
