"""Patterns of files are read as Go's filepath.Glob reads them, whatever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.globbing import files_matching, is_pattern
from monitor.model.errors import ConfigError

OWN = "alertmanager: {{route: {{receiver: x}}, receivers: [{{name: x}}], templates: [{}]}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files, one hidden, one deeper, and a link to nowhere."""
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in ("a.yml", "b.yml", "]c.yml", ".d.yml", "*.txt", "x-y", "sub/e.yml", "sub/deep/f.yml"):
        (tmp_path / name).write_text("")
    (tmp_path / "gone").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.yml", "a.yml"),
        ("*.yml", ".d.yml ]c.yml a.yml b.yml"),
        ("**.yml", ".d.yml ]c.yml a.yml b.yml"),
        ("**/*.yml", "sub/e.yml"),
        ("s*/d*", "sub/deep"),
        ("a/**b", ""),
        ("[ab].yml", "a.yml b.yml"),
        ("[^a-b]?yml", ""),
        ("[^a-b]c.yml", "]c.yml"),
        ("[\\]]c.yml", "]c.yml"),
        ("[z-a].yml", ""),
        ("[^z-a].yml", "a.yml b.yml"),
        ("[!a].yml", "a.yml"),
        ("x[\\-]y", "x-y"),
        ("\\*.txt", "*.txt"),
        ("go??", "gone"),
        ("gone", "gone"),
        ("sub//e.yml", "sub/e.yml"),
        ("a.yml/*", ""),
        ("a\0b", ""),
        ("[a", ""),
        (".", "."),
    ],
)
def test_what_a_pattern_names(folder: Path, pattern: str, found: str) -> None:
    """In order; nothing for what no file may match."""
    assert [str(path.relative_to(folder)) for path in files_matching(f"{folder}/{pattern}")] == found.split()


def test_the_root_and_nothing_are_names_too() -> None:
    """The root is a folder; an empty pattern matches nothing."""
    assert files_matching("/") == [Path("/")]
    assert files_matching("") == []


@pytest.mark.parametrize("pattern", ["[", "[]", "[^]", "[a", "[a-", "[a-]", "[-a]", "a\\", "[]a]"])
def test_what_is_no_pattern(pattern: str) -> None:
    """Go's ErrBadPattern."""
    assert not is_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("~", 'no file matches ""'),
        ('""', 'no file matches ""'),
        ("a/**b", "no file matches {}/a/**b"),
        ('"a\\0b"', "no file matches {}/a\0b"),
        ("/", "/ cannot be read: Is a directory"),
        (".", "{} cannot be read: Is a directory"),
        ('"[z"', "syntax error in pattern"),
    ],
)
@pytest.mark.parametrize("ours", [True, False], ids=["our section", "its file"])
def test_every_pattern_of_templates_is_answered(tmp_path: Path, pattern: str, said: str, ours: bool) -> None:
    """With a finding at its place: a doubt where Alertmanager starts with it, a mistake where it does not."""
    file, given = tmp_path / "watchkeeper.yml", tmp_path / "am.yml"
    file.write_text(OWN.format(pattern) if ours else "alertmanager_file: am.yml\n")
    given.write_text(f"route: {{receiver: x}}\nreceivers: [{{name: x}}]\ntemplates: [{pattern}]\n")
    try:
        found = load(Overrides(config=str(file)), Environment(), {}).warnings
    except ConfigError as error:
        found = error.findings
    (one,) = (one for one in found if one.path.endswith("templates[0]"))
    assert one.problem == said.format(tmp_path)
    assert one.warning is said.startswith("no file")


@pytest.mark.parametrize("pattern", ["~", '""', "a/**b", '"a\\0b"'])
def test_rule_files_that_match_nothing_only_warn(tmp_path: Path, pattern: str) -> None:
    """As Prometheus starts with them."""
    file = tmp_path / "watchkeeper.yml"
    file.write_text("prometheus_file: prometheus.yml\n")
    (tmp_path / "prometheus.yml").write_text(f"rule_files: [{pattern}]\n")
    (warning,) = load(Overrides(config=str(file)), Environment(), {}).warnings
    assert (warning.path, "matches no file" in warning.problem) == ("rule_files[0]", True)
