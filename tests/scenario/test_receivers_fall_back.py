"""A receiver that cannot be reached hands what it was to be told to the one that its `fallback` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.configuration import Configuration
from monitor.model.notifications import MessageKind
from monitor.simulate.stories import Story
from monitor.simulate.tellings import page, resolve
from monitor.simulate.world import Line
from tests.support.story_files import story_configuration

ROUTING = """
rules: {shipped: false}
rule_files: [rules.yml]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
alertmanager:
  route: {receiver: team, group_by: [alertname, check], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}
  receivers:
    - {name: team, webhook_configs: [{url: "http://team.test/"}], fallback: mail}
    - {name: mail, webhook_configs: [{url: "http://mail.test/"}], fallback: phone}
    - {name: phone, webhook_configs: [{url: "http://phone.test/"}]}
"""

WIDE = """
rules: {shipped: false}
rule_files: [rules.yml]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
alertmanager:
  route: {receiver: team, group_by: [alertname, check], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}
  receivers:
    - {name: team, webhook_configs: [{url: "http://team.test/"}], fallback: wide}
    - {name: wide, webhook_configs: [WEBHOOKS]}
    - {name: default, webhook_configs: [{url: "http://house.test/"}]}
"""


def told(folder: Path) -> Configuration:
    """Every alert goes to `team`, which falls back to `mail`, and that to `phone`."""
    return story_configuration(folder, common=ROUTING)


def test_a_refused_notification_goes_to_the_fallback_with_what_failed_for_whom_and_why(tmp_path: Path) -> None:
    """At once; and its end goes where it was told."""
    story = Story(told(tmp_path))
    story.at("0s").line("team", Line.DEAD).down("api")
    story.at("2s50ms").expect(page("mail"))
    story.at("10m").up("api")
    story.at("11m2s50ms").expect(resolve("mail"))
    played = story.until("30m").expect_nothing()
    first = played.world.heard[0].message
    assert (
        first.text.splitlines()[0] == "Meant for team/webhook[0], which could not be reached: scripted: no such address"
    )


def test_the_fallback_of_the_fallback_is_told_when_both_are_out_of_reach(tmp_path: Path) -> None:
    """And hears the end, though neither of the two before it ever heard a beginning."""
    story = Story(told(tmp_path))
    story.at("0s").line("team", Line.DEAD).line("mail", Line.DEAD).down("api")
    story.at("2s50ms").expect(page("phone"))
    story.at("10m").up("api")
    story.at("11m2s50ms").expect(resolve("phone"))
    story.until("30m").expect_nothing()


SHARED = """
rules: {shipped: false}
rule_files: [rules.yml]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
alertmanager:
  route: {receiver: RECEIVER, group_by: [alertname, check], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}
  receivers:
    - {name: team, webhook_configs: [{url: "http://team.test/"}], fallback: phone}
    - {name: default, webhook_configs: [{url: "http://house.test/"}], fallback: phone}
    - {name: phone, webhook_configs: [{url: "http://phone.test/"}]}
"""


def test_a_fallback_that_the_house_has_too_goes_on_to_the_house(tmp_path: Path) -> None:
    """And there it ends: the house's own fallback was asked already. The end of it goes the same way."""
    story = Story(story_configuration(tmp_path, common=SHARED.replace("RECEIVER", "team")))
    story.at("0s").line("team", Line.DEAD).line("phone", Line.DEAD).down("api")
    story.at("10m").up("api")
    played = story.observe(1_200_000)
    assert [(one.who, one.message.kind) for one in played.world.heard] == [
        ("default", MessageKind.TRIGGER),
        ("default", MessageKind.RESOLVE),
    ]


def test_the_houses_own_fallback_does_not_lead_back_to_it(tmp_path: Path) -> None:
    """Whoever was asked first is not asked again on the same message's way; the next flush begins anew."""
    story = Story(story_configuration(tmp_path, common=SHARED.replace("RECEIVER", "default")))
    story.at("0s").line("default", Line.DEAD).line("phone", Line.DEAD).down("api")
    story.at("30s").line("default", Line.GOOD).line("phone", Line.GOOD)
    played = story.observe(90_000)
    assert [one.who for one in played.world.heard] == ["default"]
    assert not played.world.crashes


@pytest.mark.parametrize("integrations", [1, 6, 7, 30])
def test_the_house_is_told_when_every_integration_of_the_fallback_is_out_of_reach(
    tmp_path: Path, integrations: int
) -> None:
    """However many they are; those of one receiver are no circle. And the house hears the end."""
    wide = ", ".join(f'{{url: "http://w{number}.test/"}}' for number in range(integrations))
    routing = WIDE.replace("WEBHOOKS", wide)
    story = Story(story_configuration(tmp_path, common=routing))
    story.at("0s").line("team", Line.DEAD).line("wide", Line.DEAD).down("api")
    story.at("10m").up("api")
    played = story.observe(1_200_000)
    assert [one.who for one in played.world.heard] == ["default", "default"]


def test_a_channel_that_refuses_for_now_is_not_given_up_when_the_fallback_was_told(tmp_path: Path) -> None:
    """The fallback hears of it after five failures; whoever it was meant for hears it as well, once they can."""
    story = Story(told(tmp_path))
    story.at("0s").line("team", Line.BUSY).down("api")
    played = story.observe(60_000)
    assert [one.who for one in played.world.heard] == ["mail"]


def test_a_crash_between_failure_and_fallback_loses_nothing(tmp_path: Path) -> None:
    """The failure and the fallback's row are one transaction, so whatever happens to the daemon then, it is told once."""
    story = Story(told(tmp_path))
    story.at("0s").line("team", Line.DEAD).line("mail", Line.BUSY).down("api")
    story.at("3s").crash(back_after="1s")
    story.at("3s").line("mail", Line.GOOD)
    played = story.observe(600_000)
    assert [(one.who, one.repeated) for one in played.world.heard] == [("mail", False)]
