"""`watchkeeper alerts lint` and `check-config` tell what is doubtful in routing, with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line

ROUTING = """
route:
  receiver: team
  routes:
    - matchers: [team="core"]
    - matchers: [team="core", severity="page"]
      receiver: pager
receivers: [{name: team}, {name: pager}, {name: lost}]
time_intervals:
  - {name: never, time_intervals: [{months: [february], days_of_month: ['30']}]}
"""


def written(folder: Path, text: str, name: str = "alertmanager.yml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_doubts_have_lines_and_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; `check-config` warns of the same and calls the file good."""
    file = written(tmp_path, ROUTING)
    assert command_line(["alerts", "lint", file]) == Exit.FINDINGS
    told = capsys.readouterr().out
    for line in (
        "6:7: route.routes[1]: is never reached",
        "8:42: receivers[2]: no route",
        "10:5: time_intervals[0]: never comes",
    ):
        assert f"{file}:{line}" in told
    assert "3 findings" in told
    assert command_line(["check-config", file]) == Exit.OK
    assert "good, 3 warnings" in capsys.readouterr().out


def test_nothing_doubtful_is_said_as_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, also as JSON."""
    file = written(tmp_path, "route: {receiver: team}\nreceivers: [{name: team}]\n")
    assert command_line(["alerts", "lint", file, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}


@pytest.mark.parametrize("inline", [True, False])
def test_our_own_configuration_is_looked_at_with_its_alertmanager_part(
    inline: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it stands inside or in a file of its own. Other warnings are not routing's."""
    given = written(tmp_path, ROUTING)
    body = "".join(f"  {line}\n" for line in ROUTING.splitlines())
    own = f"alertmanager:\n{body}" if inline else "alertmanager_file: alertmanager.yml\n"
    file = written(tmp_path, f"blackbox_file: b.yml\n{own}", "watchkeeper.yml")
    assert command_line(["alerts", "lint", file, "--json"]) == Exit.FINDINGS
    found = json.loads(capsys.readouterr().out)["findings"]
    place = f"{file}:8:9: alertmanager.route.routes[1]" if inline else f"{given}:6:7: route.routes[1]"
    assert found[0].startswith(place)
    assert len(found) == 2
    assert command_line(["check-config", file]) == Exit.OK
    told = capsys.readouterr().out
    assert "is never reached" in told
    assert "blackbox_file" in told


def test_mistakes_come_before_doubts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is doubted in a file that is wrong, and one that routes nothing is refused."""
    assert command_line(["alerts", "lint", written(tmp_path, "route: {}\nreceivers: []\n")]) == Exit.FINDINGS
    assert "1 mistake" in capsys.readouterr().out
    assert command_line(["alerts", "lint", written(tmp_path, "groups: []\n")]) == Exit.USAGE
    assert "is a rule file" in capsys.readouterr().err
