"""The reference and the tables of the pages are what the generator makes of the sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.alertmanager_file import RouteSection
from monitor.config.checks import CheckSection, ExpectSection
from monitor.config.document import ConfigurationSection, QueriesSection, RulesSection
from monitor.config.environment import Environment
from monitor.config.reference import filled, options, pages, reference, sections, table
from monitor.notify.kinds.catalogue import CATALOGUE as NOTIFIERS
from monitor.probe.kinds import CATALOGUE as CHECKS
from tests.unit.docs.pages import ROOT


def test_the_committed_pages_are_the_generated_ones() -> None:
    """Run `python -m monitor.config.reference` after a change of a section."""
    for path, text in pages(ROOT / "docs").items():
        assert path.read_text(encoding="utf-8") == text, f"{path.relative_to(ROOT)} is out of date"


def test_every_kind_has_its_page() -> None:
    """Of check and of notifier; vendors that differ little share one."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/how-to").glob("*-*.md")}
    assert [kind for kind in CHECKS if f"check-{kind}.md" not in pages] == []
    told = "".join(text for name, text in pages.items() if name.startswith("notify-"))
    missing = [kind for kind in NOTIFIERS if f"notify-{kind}.md" not in pages and f"{kind}_configs" not in told]
    assert missing == []


def test_every_section_that_can_be_written_is_in_the_reference() -> None:
    """Those within lists, mappings and shorthands too, and the inner node of a tree once."""
    known = list(sections())
    assert {ConfigurationSection, CheckSection, ExpectSection, RouteSection} <= set(known)
    assert len(known) == len(set(known))
    text = reference()
    for section in known:
        for option in options(section):
            assert f"| `{option.name}` |" in text


def test_values_and_defaults_are_said_as_they_are_written() -> None:
    """Durations as 30s, flags as true, nothing as nothing, what must be there as required."""
    found = {option.name: (option.kind, option.default) for option in options(CheckSection)}
    assert found["name"] == ("text", "required")
    assert found["interval"] == ("duration", "30s")
    assert found["failure_threshold"] == ("whole number", "3")
    assert found["understand"] == ("true or false", "true")
    assert found["labels"] == ("mapping of names to texts", "")
    assert found["expect"] == ("[Expect](#expect)", "")


def test_values_with_bounds_are_said_like_others() -> None:
    """And what another program's format holds is a link to it."""
    found = {option.name: (option.kind, option.default) for option in options(QueriesSection)}
    assert (found["timeout"], found["max_concurrency"]) == (("duration", "2m"), ("whole number", "20"))
    found = {option.name: (option.kind, option.default) for option in options(RulesSection)}
    assert found["query_http_config"] == ("[HTTP client](#http-client)", "")


def test_every_environment_variable_is_there() -> None:
    """With the names that platforms use."""
    text = reference()
    for name in Environment.model_fields:
        assert f"`WATCHKEEPER_{name.upper()}`" in text
    assert "(also `DATABASE_URL`)" in text


def test_a_page_gets_the_keys_that_it_asks_for_in_its_order() -> None:
    """Filling twice changes nothing; links lead to the reference."""
    page = "# A page\n\n<!-- options: CheckSection timeout expect -->\nold\n<!-- end of options -->\n\nrest\n"
    made = filled(page, page="reference.md")
    rows = [line.split(" | ")[0] for line in made.splitlines() if line.startswith("| `")]
    assert rows == ["| `timeout`", "| `expect`"]
    assert "[Expect](reference.md#expect)" in made
    assert made.endswith("\nrest\n")
    assert filled(made, page="reference.md") == made


def test_a_key_that_does_not_exist_is_an_error() -> None:
    """Of the generator, not a hole in the page."""
    with pytest.raises(KeyError):
        table(CheckSection, ["interwal"])
    with pytest.raises(KeyError):
        filled("<!-- options: NoSection -->\n<!-- end of options -->", page="")


def test_nothing_beside_the_docs_is_generated(tmp_path: Path) -> None:
    """A folder without pages gets the reference alone."""
    assert set(pages(tmp_path)) == {tmp_path / "reference/configuration.md"}
