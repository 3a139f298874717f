"""The configuration changes while people are being paged."""

from __future__ import annotations

from pathlib import Path

from monitor.model.notifications import MessageKind
from monitor.simulate.stories import Story, page, resolve
from tests.support.story_files import COMMON, story_configuration

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
