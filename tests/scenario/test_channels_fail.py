"""A page that cannot be delivered reaches somebody else, and whoever got it hears its end."""

from __future__ import annotations

from pathlib import Path

from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve
from monitor.simulate.world import Line
from tests.support.story_files import story_configuration

TWO_WAYS = """
policies: {default: {steps: [{notify: ["user:cy"]}, {after: 5m, notify: ["user:bo"]}]}}
"""


def test_a_refused_page_goes_to_the_persons_next_contact(tmp_path: Path) -> None:
    """cy's console is refused for good: the webhook gets the page at once."""
    story = Story(story_configuration(tmp_path, policy=TWO_WAYS))
    story.at("0s").line("cy/console", Line.DEAD).down("api")
    story.at("2s50ms").expect(page("cy", by="webhook"))
    story.at("1m").ack("cy").expect(acknowledged("cy", by="webhook"))
    story.until("30m").expect_nothing()


def test_a_dead_channel_tells_the_fallback_and_the_walk_goes_on(tmp_path: Path) -> None:
    """ana has no other contact: the default receiver hears it, and bo is paged in his time."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("ana", Line.DEAD).down("api")
    story.at("2s50ms").expect(page("default"))
    story.at("5m2s50ms").expect(page("bo"))
    story.at("6m").ack("bo").expect(acknowledged("bo"), acknowledged("default"))
    story.at("10m").up("api")
    story.at("10m21s50ms").expect(resolve("bo"), resolve("default"))
    story.until("30m").expect_nothing()


def test_a_busy_channel_delivers_once_it_can(tmp_path: Path) -> None:
    """Refused for now: the page is tried again and arrives once."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("ana", Line.BUSY).down("api")
    story.at("10s").line("ana", Line.GOOD)
    story.at("13s268ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.until("30m").expect_nothing()


def test_whoever_was_told_instead_hears_the_end(tmp_path: Path) -> None:
    """bo's channel never works: the default receiver gets his page, and its end as soon as bo's own is taken back."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("bo", Line.BUSY).down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("5m15s208ms").expect(page("default"))
    story.at("6m").ack("ana").expect(acknowledged("ana"), acknowledged("default"))
    story.at("8m").up("api")
    story.at("8m21s50ms").expect(resolve("ana"), resolve("default"))
    story.until("1h").expect_nothing()


def test_whoever_was_told_instead_hears_that_it_was_given_back(tmp_path: Path) -> None:
    """ana's channel works again by then: her new page is not held up by the old one, and nobody believes that bo has it."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("ana", Line.BUSY).down("api")
    story.at("26s545ms").expect(page("default"))
    story.at("5m").ack("bo").expect(acknowledged("default"))
    story.at("8m").line("ana", Line.GOOD)
    story.at("8m").unack("bo").expect(page("ana"), page("default"))
    story.at("9m").ack("ana").expect(acknowledged("ana"), acknowledged("default"))
    story.until("1h").expect_nothing()
