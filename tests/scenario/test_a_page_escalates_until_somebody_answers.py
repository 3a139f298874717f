"""The main road: a service falls ill, somebody is paged, and it goes on until somebody answers or all is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model.incidents import IncidentState
from monitor.simulate.stories import Story, StoryError
from monitor.simulate.tellings import acknowledged, page, reminder, resolve, update
from tests.support.story_files import QUEUE, story_configuration

ALERTMANAGER = """
alertmanager:
  route: {receiver: page, group_by: [], group_wait: 0s}
  receivers: [{name: page, escalation_configs: [{policy: default}]}]
"""


def common_without_receivers() -> str:
    return """
rules: {shipped: false}
rule_files: [rules.yml]
scrape_configs: [{job_name: queue, scrape_interval: 15s, static_configs: [{targets: ["queue.test:80"]}]}]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
"""


def test_an_acknowledgement_silences_the_walk(tmp_path: Path) -> None:
    """Refused three times a second apart, it pages 50 ms later; after five minutes the next person, and after the
    acknowledgement nobody for as long as it lasts."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("5m2s50ms").expect(page("bo"))
    story.at("7m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    played = story.until("2h").expect_nothing()
    assert [one.state for one in played.incidents] == [IncidentState.ACKNOWLEDGED]
    assert "api" in played.telling("ana").message.title


def test_a_page_does_not_wait_for_company_and_what_else_the_receiver_tells_does(tmp_path: Path) -> None:
    """`group_wait` is for chats and mail: what joins an incident later is an update of it."""
    beside = ALERTMANAGER.replace("group_wait: 0s", "group_wait: 2m").replace(
        "name: page,", 'name: page, webhook_configs: [{url: "http://team.test/"}],'
    )
    story = Story(story_configuration(tmp_path, common=common_without_receivers(), more=beside))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("30s").down("shop")
    story.at("52s50ms").expect(update("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("2m2s50ms").expect(page("page"))
    story.until("4m").expect_nothing()


def test_recovery_resolves_whoever_was_paged(tmp_path: Path) -> None:
    """Two good answers a second apart end it; only those who were paged hear so, and a later failure is a new incident."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    # api's slot lies 20 s after each half minute
    story.at("3m").up("api")
    story.at("3m21s50ms").expect(resolve("ana"))
    story.at("20m").down("api")
    story.at("20m22s50ms").expect(page("ana"))
    story.at("21m").ack("ana").expect(acknowledged("ana"))
    played = story.until("1h").expect_nothing()
    assert [(one.number, one.generation, one.state) for one in played.incidents] == [
        (2, 2, IncidentState.ACKNOWLEDGED),
        (1, 1, IncidentState.RESOLVED),
    ]


def test_a_hang_is_judged_at_its_timeouts(tmp_path: Path) -> None:
    """Three attempts of five seconds, a second between them: found after 17 s at most."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").hang("api")
    story.at("17s50ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.until("30m").expect_nothing()


def test_one_lost_packet_pages_nobody(tmp_path: Path) -> None:
    """Two failures in a row are not three."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("1s500ms").up("api")
    story.until("30m").expect_nothing()


def test_whoever_gives_it_back_is_asked_again(tmp_path: Path) -> None:
    """Un-acknowledged: those who were paged are woken again, and the walk goes on from there."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").unack("ana").expect(page("ana"))
    story.at("15m").expect(page("bo"))
    story.until("19m").expect_nothing()


def test_an_exhausted_policy_reminds_slowly_and_for_ever(tmp_path: Path) -> None:
    """After the last step and its pause the fallback is paged, and reminded every half hour: never silence."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("5m2s50ms").expect(page("bo"))
    story.at("10m2s50ms").expect(page("console:"))
    for when in ("40m2s50ms", "1h10m2s50ms", "1h40m2s50ms"):
        story.at(when).expect(reminder("console:"))
    story.until("2h").expect_nothing()


def test_a_new_alert_wakes_whoever_acknowledged_the_old_one(tmp_path: Path) -> None:
    """Another alert name in an acknowledged incident starts the walk anew."""
    configuration = story_configuration(tmp_path, common=common_without_receivers(), more=ALERTMANAGER)
    story = Story(configuration)
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    # the job's slot lies 8.726 s after each quarter of a minute
    story.at("10m").serve(QUEUE, "queue_length 500\n")
    story.at("10m8s50ms").expect(page("ana"))
    story.at("15m8s50ms").expect(page("bo"))
    story.at("16m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    played = story.until("2h").expect_nothing()
    assert len(played.incidents) == 1


def test_two_services_in_one_group_are_one_page(tmp_path: Path) -> None:
    """What fails together and is grouped together pages once, and both must recover."""
    configuration = story_configuration(tmp_path, common=common_without_receivers(), more=ALERTMANAGER)
    story = Story(configuration)
    story.at("0s").down("api", "shop")
    story.at("2s50ms").expect(page("ana"))
    story.at("3m").up("api")
    story.at("3m21s50ms").expect(update("ana"))
    story.at("4m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").up("shop")
    story.at("10m21s50ms").expect(resolve("ana"))
    played = story.until("1h").expect_nothing()
    assert {alert.labels["check"] for alert in played.telling("ana").message.alerts} == {"api", "shop"}


def test_two_services_in_two_groups_are_two_pages(tmp_path: Path) -> None:
    """The default tree groups by check."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api", "shop")
    story.at("2s50ms").expect(page("ana"), page("ana"))
    story.at("1m").ack("ana", 1).expect(acknowledged("ana"))
    story.at("5m2s50ms").expect(page("bo"))
    story.at("6m").ack("bo", 2).expect(acknowledged("ana"), acknowledged("bo"))
    story.until("1h").expect_nothing()


def test_a_warning_tells_the_default_receiver_and_wakes_nobody(tmp_path: Path) -> None:
    """It waits half a minute for company; its end is told at the group's next interval."""
    story = Story(story_configuration(tmp_path))
    story.at("5m").serve(QUEUE, "queue_length 50\n")
    story.at("5m38s50ms").expect(page("default"))
    story.at("19m").serve(QUEUE, "queue_length 5\n")
    story.at("20m38s50ms").expect(resolve("default"))
    played = story.until("1h").expect_nothing()
    assert played.incidents == ()


def test_a_story_that_goes_otherwise_says_how(tmp_path: Path) -> None:
    """A wrong time, a missing page and an unexpected one are all shown."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s51ms").expect(page("ana"))
    story.at("3m").expect(page("bo"))
    with pytest.raises(StoryError) as caught:
        story.until("4m").expect_nothing()
    lines = {" ".join(line.split()) for line in str(caught.value).splitlines()}
    assert lines >= {
        "- 2051 ms 2s51ms ana: trigger",
        "+ 2050 ms 2s50ms ana: trigger",
        "- 180000 ms 3m bo: trigger",
    }
