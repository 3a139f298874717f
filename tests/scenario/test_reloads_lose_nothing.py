"""The configuration changes while people are being paged."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.configuration import Configuration
from monitor.model.notifications import MessageKind
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve, update
from tests.support.story_files import COMMON, POLICY, story_configuration

WITHOUT_ANA = COMMON.replace("ana: {console: true}, ", "")
BO_ONLY = """
policies: {default: {steps: [{notify: ["user:bo"]}]}}
"""


def test_a_reload_that_changes_nothing_disturbs_nothing(tmp_path: Path) -> None:
    """The second step comes when it would have come."""
    story = Story(story_configuration(tmp_path))
    story.at("1m").down("api")
    story.at("1m22s50ms").expect(page("ana"))
    story.at("4m").reload(story_configuration(tmp_path))
    story.at("6m22s50ms").expect(page("bo"))
    story.at("10m").up("api")
    story.at("10m21s50ms").expect(resolve("ana"), resolve("bo"))
    story.until("20m").expect_nothing()


def test_whoever_left_the_configuration_is_not_left_with_an_open_page(tmp_path: Path) -> None:
    """The end of the incident goes to the fallback, which is told whom it was meant for."""
    other = tmp_path / "after"
    other.mkdir()
    story = Story(story_configuration(tmp_path))
    story.at("1m").down("api")
    story.at("1m22s50ms").expect(page("ana"))
    story.at("4m").reload(story_configuration(other, common=WITHOUT_ANA, policy=BO_ONLY))
    story.at("6m22s50ms").expect(page("bo"))
    story.at("10m").up("api")
    story.at("10m21s50ms").expect(resolve("bo"), resolve("default"))
    played = story.until("20m").expect_nothing()
    text = played.telling("default", MessageKind.RESOLVE).message.text
    assert "Meant for user:ana/console[0], which could not be reached: it is no longer in the configuration" in text


REGROUPED = """
rules: {shipped: false}
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
escalate: {page: default}
alertmanager:
  route: {receiver: page, group_by: GROUP_BY, group_wait: 0s, group_interval: 1m, repeat_interval: 1d}
  receivers: [{name: page}]
"""


def grouped_by(folder: Path, labels: str) -> Configuration:
    """Everything escalates; only the grouping differs."""
    folder.mkdir(exist_ok=True)
    return story_configuration(folder, checks="", common=REGROUPED.replace("GROUP_BY", labels))


@pytest.mark.parametrize("after", ["[alertname, host]", "[]", "['...']"])
def test_who_acknowledged_keeps_the_incident_when_a_reload_regroups_its_alerts(tmp_path: Path, after: str) -> None:
    """Finer, coarser or not at all: nobody is paged again, and the end is the incident's own."""
    story = Story(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("1s").alert("Down", "1h", host="a").alert("Down", "1h", host="b").expect(page("ana"), update("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").reload(grouped_by(tmp_path / "after", after))
    story.at("20m").restart(back_after="2s")
    story.at("30m").over("Down", host="a")
    story.at("40m").over("Down", host="b").expect(resolve("ana"))
    played = story.until("3h").expect_nothing()
    assert [one.number for one in played.incidents] == [1]


def test_a_walk_goes_on_and_does_not_begin_anew_when_a_reload_regroups_its_alerts(tmp_path: Path) -> None:
    """The second step is paged when it would have been, and nobody is paged twice."""
    story = Story(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("1s").alert("Down", "1h", host="a").expect(page("ana"))
    story.at("2m").reload(grouped_by(tmp_path / "after", "[alertname, host]"))
    story.at("5m1s").expect(page("bo"))
    story.at("6m").over("Down", host="a").expect(resolve("ana"), resolve("bo"))
    story.until("1h").expect_nothing()


def test_what_is_new_after_a_regrouping_pages_and_what_comes_again_does_too(tmp_path: Path) -> None:
    """The acknowledged incident holds what it was told of, while that fires, and nothing else."""
    story = Story(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("1s").alert("Down", "3h", host="a").alert("Down", "3h", host="b").expect(page("ana"), update("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").reload(grouped_by(tmp_path / "after", "[host]"))
    story.at("20m").alert("Slow", "3h", host="a").expect(page("ana"))
    story.at("21m").ack("ana", 2).expect(acknowledged("ana"))
    story.at("30m").over("Down", host="b")
    story.at("40m").alert("Down", "3h", host="b").expect(page("ana"))
    story.at("41m").ack("ana", 3).expect(acknowledged("ana"))
    story.at("50m").over("Down", host="a").expect(resolve("ana"))
    story.at("60m").over("Slow", host="a").over("Down", host="b").expect(resolve("ana"), resolve("ana"))
    story.until("2h").expect_nothing()


def test_a_regrouping_back_and_forth_leaves_one_incident(tmp_path: Path) -> None:
    """Its first group is there again, and both tell of it."""
    story = Story(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("1s").alert("Down", "3h", host="a").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").reload(grouped_by(tmp_path / "after", "[host]"))
    story.at("20m").reload(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("30m").alert("Down", "3h", host="b")
    story.at("40m").over("Down", host="a")
    story.at("50m").over("Down", host="b").expect(resolve("ana"))
    story.until("2h").expect_nothing()


def test_another_policy_is_told_of_what_a_reload_gives_to_it(tmp_path: Path) -> None:
    """Other people answer to it; who acknowledged the first still hears of the end."""
    moved = REGROUPED.replace("page: default", "page: second").replace("GROUP_BY", "[host]")
    (tmp_path / "after").mkdir()
    two = POLICY.rstrip().removesuffix("}") + ', second: {steps: [{notify: ["user:bo"]}]}}\n'
    story = Story(grouped_by(tmp_path / "before", "[alertname]"))
    story.at("1s").alert("Down", "3h", host="a").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").reload(story_configuration(tmp_path / "after", checks="", common=moved, policy=two))
    story.at("10m").expect(page("bo"))
    story.at("12m").over("Down", host="a").expect(resolve("ana"), resolve("bo"))
    story.until("1h").expect_nothing()


MUTING = REGROUPED.replace("group_by: GROUP_BY, ", "").replace(
    "  receivers:",
    "  time_intervals: [{name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]\n  receivers:",
)
MUTED = ", mute_time_intervals: [always]"


def with_routes(folder: Path, *routes: str) -> Configuration:
    """Everything escalates; these routes group and mute."""
    folder.mkdir(exist_ok=True)
    common = MUTING.replace("receiver: page,", f"receiver: page, routes: [{', '.join(routes)}],")
    return story_configuration(folder, checks="", common=common)


@pytest.mark.parametrize(
    "after",
    [
        ["{matchers: ['host=~\"a|b\"'], group_by: [alertname]" + MUTED + "}"],
        ["{matchers: ['host=\"b\"']}", "{matchers: ['host=\"a\"'], group_by: [host]" + MUTED + "}"],
    ],
)
def test_what_its_route_mutes_is_muted_by_the_route_that_a_reload_gives_it(tmp_path: Path, after: list[str]) -> None:
    """Whatever the group was, and whether or not anything is reported again: nobody hears."""
    story = Story(with_routes(tmp_path / "before", "{matchers: ['host=\"a\"'], group_by: [alertname]" + MUTED + "}"))
    story.at("1s").alert("Down", "3h", host="a")
    story.at("2m").reload(with_routes(tmp_path / "after", *after))
    story.at("3m").alert("Down", "3h", host="a")
    story.at("20m").restart(back_after="2s")
    story.at("1h").over("Down", host="a")
    story.until("2h").expect_nothing()


def test_what_a_reload_gives_to_a_route_that_does_not_mute_is_told_at_once(tmp_path: Path) -> None:
    """Nobody reports it again."""
    story = Story(with_routes(tmp_path / "before", "{matchers: ['host=\"a\"'], group_by: [alertname]" + MUTED + "}"))
    story.at("1s").alert("Down", "3h", host="a")
    story.at("2m").reload(with_routes(tmp_path / "after", "{matchers: ['host=\"a\"'], group_by: [host]}"))
    story.at("2m").expect(page("ana"))
    story.at("3m").ack("ana").expect(acknowledged("ana"))
    story.at("1h").over("Down", host="a").expect(resolve("ana"))
    story.until("2h").expect_nothing()


def test_what_a_reload_gives_to_a_route_that_mutes_escalates_no_further(tmp_path: Path) -> None:
    """Who was paged already hears of the end."""
    story = Story(with_routes(tmp_path / "before", "{matchers: ['host=\"a\"'], group_by: [alertname]}"))
    story.at("1s").alert("Down", "3h", host="a").expect(page("ana"))
    story.at("2m").reload(with_routes(tmp_path / "after", "{matchers: ['host=\"a\"'], group_by: [host]" + MUTED + "}"))
    story.at("1h").over("Down", host="a").expect(resolve("ana"))
    story.until("2h").expect_nothing()
