"""Silences, inhibition and hours, from a failing check to who hears of it and who does not."""

from __future__ import annotations

from pathlib import Path

from monitor.config.configuration import Configuration
from monitor.model.times import parse_rfc3339
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve
from tests.support.story_files import QUEUE, story_configuration

ROUTING = """
rules: {{shipped: false}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: queue, scrape_interval: 15s, static_configs: [{{targets: ["queue.test:80"]}}]}}]
people: {{ana: {{console: true}}, bo: {{webhook: "http://bo.test/"}}}}
alertmanager:
  route:
    receiver: team
    group_by: [alertname, check]
    group_wait: 0s
    group_interval: 1m
    repeat_interval: 1h
    routes: [{{receiver: {receiver}, matchers: ['alertname=~".+"']{route}}}]
  receivers:
    - {{name: team, webhook_configs: [{{url: "http://team.test/"}}]}}
    - {{name: page, escalation_configs: [{{policy: default}}]}}
{more}
"""
MIDNIGHT = parse_rfc3339("2026-01-05T00:00:00Z")
NIGHT = """
  time_intervals: [{name: night, time_intervals: [{times: [{start_time: "00:00", end_time: "00:10"}]}]}]
"""
WORSE = """
  inhibit_rules: [{source_matchers: ['alertname="QueueFull"'], target_matchers: ['alertname="ServiceDown"']}]
"""


def told(folder: Path, *, receiver: str = "team", route: str = "", more: str = "") -> Configuration:
    """Every alert goes to one receiver: `team` is told as by Alertmanager, `page` opens incidents."""
    return story_configuration(folder, common=ROUTING.format(receiver=receiver, route=route, more=more))


def test_a_silence_keeps_a_receiver_from_hearing_until_it_ends(tmp_path: Path) -> None:
    """As in Alertmanager, what still fires is told at the first flush after the end, if it was never told."""
    story = Story(told(tmp_path))
    story.at("0s").down("api")
    story.at("1s").silence("ana", 'check="api"', "10m")
    story.at("10m2s50ms").expect(page("team"))
    story.until("40m").expect_nothing()


def test_a_silence_may_be_ended_early(tmp_path: Path) -> None:
    """Then the next flush tells."""
    story = Story(told(tmp_path))
    story.at("0s").down("api")
    story.at("1s").silence("ana", 'check="api"', "2h")
    story.at("5m30s").end_silences("ana")
    story.at("6m2s50ms").expect(page("team"))
    story.until("40m").expect_nothing()


def test_a_silence_of_something_else_changes_nothing(tmp_path: Path) -> None:
    """Nor does one that has not begun."""
    story = Story(told(tmp_path))
    story.at("1s").silence("ana", 'check="shop"', "2h").silence("ana", 'check="api"', "2h", starts_after="30m")
    story.at("1m").down("api")
    story.at("1m22s50ms").expect(page("team"))
    story.until("20m").expect_nothing()


def test_an_alert_that_resolved_unheard_is_not_new_while_it_is_remembered(tmp_path: Path) -> None:
    """Alertmanager's behaviour, and so ours where its configuration is used: told, silenced, resolved, firing again, it is
    told when the repeat interval is over. A restart in between forgets nothing."""
    story = Story(told(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("team"))
    story.at("2m").silence("ana", 'check="api"', "20m")
    story.at("5m").up("api")
    story.at("15m").restart(back_after="1s")
    story.at("30m").down("api")
    story.at("1h23s50ms").expect(page("team"))
    story.until("1h30m").expect_nothing()


def test_without_an_alertmanager_configuration_the_same_alert_is_told_at_once(tmp_path: Path) -> None:
    """Nobody who was not told of the end is left to believe that all is as it was."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").serve(QUEUE, "queue_length 50\n")
    story.at("38s50ms").expect(page("default"))
    story.at("5m").silence("ana", 'alertname="QueueLong"', "20m")
    story.at("6m").serve(QUEUE, "queue_length 5\n")
    story.at("30m").serve(QUEUE, "queue_length 50\n")
    story.at("30m38s50ms").expect(page("default"))
    story.until("50m").expect_nothing()


def test_an_alert_that_explains_another_keeps_it_quiet(tmp_path: Path) -> None:
    """While it fires, also through a crash; and the other is told at the first flush after that."""
    story = Story(told(tmp_path, more=WORSE))
    story.at("0s").serve(QUEUE, "queue_length 500\n")
    story.at("8s50ms").expect(page("team"))
    story.at("1m").down("api")
    story.at("5m10s").crash(back_after="0s")
    story.at("10m").serve(QUEUE, "queue_length 5\n")
    story.at("10m8s50ms").expect(resolve("team"))
    story.at("10m22s50ms").expect(page("team"))
    story.until("15m").expect_nothing()


def test_hours_in_which_a_route_is_muted_pass_in_silence(tmp_path: Path) -> None:
    """And are told of afterwards."""
    story = Story(told(tmp_path, route=", mute_time_intervals: [night]", more=NIGHT), start=MIDNIGHT)
    story.at("0s").down("api")
    story.at("10m2s50ms").expect(page("team"))
    story.until("40m").expect_nothing()


def test_outside_its_hours_a_route_is_silent(tmp_path: Path) -> None:
    """What fires within them is told, what fires later is not."""
    story = Story(told(tmp_path, route=", active_time_intervals: [night]", more=NIGHT), start=MIDNIGHT)
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("team"))
    story.at("11m").down("shop")
    story.until("40m").expect_nothing()


def test_a_silenced_incident_waits_for_the_end_of_the_silence(tmp_path: Path) -> None:
    """It is open and pages nobody; then its first step is taken, and the next one after the usual time."""
    story = Story(told(tmp_path, receiver="page"))
    story.at("0s").down("api")
    story.at("1s").silence("ana", 'check="api"', "10m")
    story.at("10m1s").expect(page("ana"))
    story.at("15m1s").expect(page("bo"))
    story.until("16m").expect_nothing()


def test_a_silence_that_is_made_longer_holds_its_incident_longer(tmp_path: Path) -> None:
    """The end that counts is the present one, also after a crash."""
    story = Story(told(tmp_path, receiver="page"))
    story.at("0s").down("api")
    story.at("1s").silence("ana", 'check="api"', "10m")
    story.at("5m").silence("ana", 'check="api"', "20m")
    story.at("6m").crash(back_after="2s")
    story.at("25m").expect(page("ana"))
    story.until("29m").expect_nothing()


def test_an_incident_whose_alert_is_explained_is_held_until_the_explanation_is_over(tmp_path: Path) -> None:
    """At once, not at some next flush."""
    story = Story(told(tmp_path, receiver="page", more=WORSE))
    story.at("0s").serve(QUEUE, "queue_length 500\n")
    story.at("8s50ms").expect(page("ana"))
    story.at("31s").ack("ana").expect(acknowledged("ana"))
    story.at("1m").down("api")
    story.at("10m").serve(QUEUE, "queue_length 5\n")
    story.at("10m8s50ms").expect(resolve("ana"), page("ana"))
    story.until("13m").expect_nothing()


def test_maintenance_holds_what_opens_under_it_and_nothing_that_is_open(tmp_path: Path) -> None:
    """The shop's incident waits for the end of the window; that of the api, open when it began, walks on."""
    window = """
maintenance: [{name: move, matchers: ['check=~"api|shop"'], starts_at: 2026-01-05T00:01:00Z, ends_at: 2026-01-05T00:20:00Z}]
"""
    story = Story(told(tmp_path, receiver="page", more=window), start=MIDNIGHT)
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("5m").down("shop")
    story.at("5m2s50ms").expect(page("bo"))
    story.at("6m").ack("bo", incident=1).expect(acknowledged("ana"), acknowledged("bo"))
    story.at("20m").expect(page("ana"))
    story.until("24m").expect_nothing()
