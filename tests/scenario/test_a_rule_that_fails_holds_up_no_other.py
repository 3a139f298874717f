"""Whatever one rule does, the pages of the others of its group come when they come without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.simulate.stories import Story
from monitor.simulate.tellings import page, resolve
from tests.support.story_files import COMMON, story_configuration


@pytest.mark.parametrize(
    "expr",
    [
        "count_over_time(watchkeeper_check_status[5m]) > 100",
        "count_over_time(watchkeeper_check_status[5m:1ms / 2]) > 100",
        "count_over_time(watchkeeper_check_status[5m:0.0004]) > 100",
        "count_over_time(watchkeeper_check_status[1ms / 2]) > 100",
        "count_over_time(watchkeeper_check_status[5m:step()]) > 100",
    ],
)
def test_a_page_is_as_early_beside_a_rule_with_an_odd_duration(tmp_path: Path, expr: str) -> None:
    """At its group's slot, also where no result is looked at early."""
    rules = (
        f'{{alert: Odd, expr: "{expr}"}}',
        "{alert: ServiceDown, expr: watchkeeper_check_status == 0, labels: {severity: critical}}",
    )
    (tmp_path / "odd.yml").write_text(f"groups: [{{name: odd, interval: 30s, rules: [{', '.join(rules)}]}}]")
    common = COMMON.replace("rule_files: [rules.yml]", "rule_files: [odd.yml]").replace(
        "rules: {shipped: false}", "rules: {shipped: false, early_evaluation: false}"
    )
    story = Story(story_configuration(tmp_path, common=common))
    story.at("1m").down("api")
    story.at("1m28s964ms").expect(page("ana"))
    story.at("3m").up("api")
    story.at("3m28s964ms").expect(resolve("ana"))
    story.until("20m").expect_nothing()
