"""The unit tests of the shipped rules pass under our own runner and under promtool, the reference for their meaning.

Where promtool is not installed its half is skipped by name.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.dashboards import expressions, without_variables

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
RULE_FILES = sorted(RULES.glob("*.yml"))
TEST_FILES = sorted((RULES / "tests").glob("*.test.yml"))
BOARD_FILES = sorted((ROOT / "dashboards").glob("*.json"))
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None,
    reason="promtool is not installed: rules/*.yml, rules/tests/*.test.yml and the dashboards' queries were NOT run through it "
    "(Debian package: prometheus)",
)


def test_our_own_runner_passes_every_unit_test() -> None:
    """The shipped rules do under Watchkeeper what their unit tests say."""
    command = [sys.executable, "-m", "monitor", "rules", "test", *map(str, TEST_FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def _promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_accepts_every_rule_file() -> None:
    """Syntax, templates and duplicates, by the reference."""
    _promtool("check", "rules", *RULE_FILES)


@needs_promtool
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)
def test_promtool_passes_every_unit_test(path: Path) -> None:
    """The shipped rules do under Prometheus what their unit tests say."""
    _promtool("test", "rules", path)


@needs_promtool
@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.name)
def test_promtool_parses_every_query_of_a_dashboard(path: Path, tmp_path: Path) -> None:
    """A panel with a syntax error shows a red corner to everybody and data to nobody."""
    rules = [
        {"record": f"panel:{number}", "expr": without_variables(expression)}
        for number, expression in enumerate(expressions(path))
    ]
    assert rules
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    _promtool("check", "rules", file)


@needs_promtool
@pytest.mark.parametrize(
    ("file", "was", "becomes", "tests"),
    [
        ("critical.yml", "ratio5m > 0.05", "ratio5m > 0.048", "service_micrometer"),
        ("critical.yml", "ratio5m > 0.05", "ratio5m > 0.061", "service_micrometer"),
        ("warning.yml", "ratio5m > 0.01", "ratio5m > 0.008", "service_flask_exporter"),
        ("recording.yml", "vector(20)", "vector(18)", "service_opentelemetry"),
        ("critical.yml", "mysql.*|mariadb.*", "mysql|mariadb.*", "critical"),
    ],
    ids=["page too early", "page too late", "warning too early", "minimum too low", "database not known"],
)
def test_the_unit_tests_notice_a_changed_limit(file: str, was: str, becomes: str, tests: str, tmp_path: Path) -> None:
    """Unit tests that pass with any limit would prove nothing about the limits."""
    assert PROMTOOL is not None
    copy = tmp_path / "rules"
    shutil.copytree(RULES, copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert was in text
    (copy / file).write_text(text.replace(was, becomes), encoding="utf-8")
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(copy / "tests" / f"{tests}.test.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout + done.stderr
