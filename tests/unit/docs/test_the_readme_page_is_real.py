"""The page that README and quick start show is the one that the README's configuration makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.model.times import MINUTE, SECOND, parse_rfc3339
from monitor.notify.dressing.wording import plain_text
from monitor.simulate.stories import Story
from monitor.simulate.tellings import page
from tests.unit.docs.pages import ROOT, blocks_of

START = parse_rfc3339("2026-03-02T03:04:00Z")
NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("name", ["README.md", "docs/quick-start.md"])
def test_the_shop_dies_and_ana_reads_what_is_written(name: str, tmp_path: Path) -> None:
    """Word by word, within the 32 seconds that are promised, by the README's configuration."""
    shown = {block.title: block.text for block in blocks_of(ROOT / "README.md")}
    (expected,) = [block.text.splitlines() for block in blocks_of(ROOT / name) if block.title == "page"]
    (tmp_path / "watchkeeper.yml").write_text(shown["watchkeeper.yml"], encoding="utf-8")
    configuration = load(Overrides(config=str(tmp_path / "watchkeeper.yml")), NOTHING_SET, {})
    story = Story(configuration, start=START)
    story.at("5s").down("shop")
    story.at("22s50ms").expect(page("ana"))
    told = story.play(MINUTE).telling("ana")
    assert plain_text(told.message).splitlines()[: len(expected)] == expected
    assert told.at - 5 * SECOND <= 32 * SECOND
