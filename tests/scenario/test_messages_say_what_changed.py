"""What a page says beside the failure: which version went live before it, and which heartbeat is missing."""

from __future__ import annotations

from pathlib import Path

from monitor.probe.heartbeat import PingKind
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve
from tests.support.story_files import story_configuration


def test_a_page_names_the_version_that_went_live_before_it(tmp_path: Path) -> None:
    """The health body showed another version; ten minutes later the service dies."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").up("api", version="1.4.0")
    story.at("5m").up("api", version="1.5.0")
    story.at("15m").down("api")
    story.at("15m22s50ms").expect(page("ana"))
    story.at("16m").ack("ana").expect(acknowledged("ana"))
    message = story.until("1h").expect_nothing().telling("ana").message
    assert "api 1.5.0 went live 10m 2s before it began" in message.text


def test_a_missing_heartbeat_pages_and_the_next_one_resolves(tmp_path: Path) -> None:
    """Silence counts from the last report: after the period it is late, which only warns; after the grace it pages."""
    checks = "checks: [{name: backup, heartbeat: {period: 5m, grace: 1m}}]\n"
    story = Story(story_configuration(tmp_path, checks=checks))
    story.at("1m").ping("backup")
    story.at("4m").ping("backup")
    story.at("9m30s50ms").expect(page("default"))
    story.at("10m50ms").expect(page("ana"))
    story.at("11m").ack("ana").expect(acknowledged("ana"))
    story.at("12m").ping("backup")
    story.at("12m50ms").expect(resolve("ana"))
    story.at("14m30s50ms").expect(resolve("default"))
    story.until("17m").expect_nothing()


def test_a_job_that_reports_a_failure_pages_at_once(tmp_path: Path) -> None:
    """No threshold: the job knows."""
    checks = "checks: [{name: backup, heartbeat: {period: 5m, grace: 1m}}]\n"
    story = Story(story_configuration(tmp_path, checks=checks))
    story.at("1m").ping("backup", PingKind.FAIL)
    story.at("1m50ms").expect(page("ana"))
    story.at("2m").ping("backup")
    story.at("2m50ms").expect(resolve("ana"))
    story.until("7m").expect_nothing()
