"""A daemon that starts when the wall clock is behind what it stored before sees and pages as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model.times import HOUR
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve
from tests.support.story_files import COMMON, QUEUE, story_configuration

PATIENT = """
groups:
  - name: patient
    interval: 30s
    rules: [{alert: QueueStuck, expr: queue_length > 5, for: 10m, labels: {severity: critical}}]
"""


def test_a_failure_after_the_start_pages_at_once(tmp_path: Path) -> None:
    """The clock was set back while the daemon was down."""
    story = Story(story_configuration(tmp_path))
    story.at("5m").crash(back_after="5s")
    story.at("5m2s").jump(-HOUR)
    story.at("7m").down("api")
    story.at("7m27s50ms").expect(page("ana"))
    story.at("8m").ack("ana").expect(acknowledged("ana"))
    story.until("3h").expect_nothing()


def test_a_failure_pages_at_once_when_the_clock_was_set_back_before_the_kill(tmp_path: Path) -> None:
    """Samples written ahead of the clock by the daemon before do not blind the one after."""
    story = Story(story_configuration(tmp_path))
    story.at("5m").jump(-HOUR)
    story.at("6m").crash(back_after="5s")
    story.at("7m").down("api")
    story.at("7m27s50ms").expect(page("ana"))
    story.at("8m").ack("ana").expect(acknowledged("ana"))
    story.until("3h").expect_nothing()


def test_a_recovery_after_the_start_is_noticed_at_once(tmp_path: Path) -> None:
    """What failed before and is well now resolves with the first good answers."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.at("2m").crash(back_after="5s")
    story.at("2m2s").jump(-HOUR)
    story.at("4m").up("api")
    story.at("4m26s50ms").expect(resolve("ana"))
    story.until("3h").expect_nothing()


@pytest.mark.parametrize(
    ("name", "paged"),
    [("patient", "12m8s50ms"), ("five", "12m5s663ms"), ("six", "12m5s831ms"), ("seven", "12m7s360ms")],
)
def test_a_pending_alert_fires_a_minute_later_at_most(tmp_path: Path, name: str, paged: str) -> None:
    """What was observed of `for` before the kill counts after it, up to the last time it was stored: 11m8s50ms would be
    the time without a jump. All groups but the first are due between the start and the first scrape."""
    (tmp_path / "patient.yml").write_text(PATIENT.replace("name: patient", f"name: {name}"))
    common = COMMON.replace("rule_files: [rules.yml]", "rule_files: [patient.yml]")
    story = Story(story_configuration(tmp_path, common=common))
    story.at("1m").serve(QUEUE, "queue_length 50\n")
    story.at("6m").crash(back_after="5s")
    story.at("6m2s").jump(-HOUR)
    story.at(paged).expect(page("ana"))
    story.at("13m").ack("ana").expect(acknowledged("ana"))
    story.until("3h").expect_nothing()
