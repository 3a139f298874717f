"""`rules backtest` on a data folder: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, parse_rfc3339
from monitor.tsdb.store import SampleStore

_END = "2026-01-02T00:00:00Z"
_RULES = """
groups:
  - name: g
    rules:
      - {alert: Hot, expr: temp > 80, for: 5m, labels: {severity: warning}}
      - {alert: Cold, expr: temp < 0}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A daemon's data folder: one room, hot from 22:00 to 22:30 and from 23:50 on."""
    folder = tmp_path / "data"
    (folder / "samples").mkdir(parents=True)
    end = parse_rfc3339(_END)
    store, _ = SampleStore.recover(folder / "samples", DAY, end)
    for at in range(end - 3 * HOUR, end + 1, 30_000):
        left = (end - at) // MINUTE
        store.append(
            at, [(Labels({"__name__": "temp", "room": "a"}), 90.0 if 90 < left <= 120 or left <= 10 else 20.0)]
        )
    store.flush(end)
    store.close(end)
    (tmp_path / "rules.yml").write_text(_RULES)
    return folder


def replay(data: Path, *more: str) -> int:
    until = [] if "--until" in more else ["--until", _END]
    arguments = ["rules", "backtest", str(data.parent / "rules.yml"), "--data", str(data), *until, *more]
    return command_line(arguments)


def test_each_episode_is_told_with_its_length(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When it began, how long it fired, of which alert; then the sum. A rule that was quiet is only counted."""
    assert replay(data, "--since", "3h") == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Hot  g in ")
    assert "2 times" in lines[0]
    assert lines[1].startswith("  2026-01-01 22:0")
    assert lines[1].endswith('for 25m  {room="a", severity="warning"}')
    assert "still fires after" in lines[2]
    assert lines[3].startswith("1 of 2 alerting rules fired, 2 times")
    assert len(lines) == 4


def test_the_folder_is_only_read(data: Path) -> None:
    """Not a byte changes, whatever recovery would mend."""
    (segment,) = (path for path in (data / "samples").rglob("*") if path.is_file())
    with segment.open("ab") as torn:
        torn.write(b"torn")
    before = segment.read_bytes()
    assert replay(data, "--since", "1h") == Exit.OK
    assert segment.read_bytes() == before


def test_a_replay_ends_and_begins_with_the_samples(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was there last is not taken for what went on, and what is not there yet not for what was missing."""
    (data.parent / "rules.yml").write_text(_RULES + "      - {alert: Gone, expr: absent(temp)}\n")
    assert replay(data, "--since", "2025-12-31T00:00:00Z", "--until", "2026-01-02T03:00:00Z", "--json") == Exit.OK
    output = capsys.readouterr()
    told = json.loads(output.out)
    assert (told["since"], told["until"]) == ("2026-01-01T21:00:00.000Z", "2026-01-02T00:00:00.000Z")
    hot, _, gone = told["rules"]
    assert hot["fired"][-1]["ended_at"] is None
    assert 4 * 60 <= hot["fired"][-1]["seconds"] <= 5 * 60
    assert gone["fired"] == []
    assert "note: the samples begin at 2026-01-01T21:00:00" in output.err
    assert "note: the samples end at 2026-01-02T00:00:00" in output.err
    assert replay(data, "--until", "2025-12-31T00:00:00Z") == Exit.USAGE
    assert "there are samples from 2026-01-01T21:00:00.000Z to 2026-01-02T00:00:00.000Z" in capsys.readouterr().err


def test_options_of_the_configuration_count(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `rule_options` says of a rule of this group and name holds for the file that is tried, too."""
    file = data.parent / "watchkeeper.yml"
    file.write_text(
        "rule_files: [rules.yml]\nrule_options: [{alert: Hot, group: g, resolve_expr: temp < 10}]\n"
        "global: {external_labels: {site: x}}\nstorage: {path: data}\n"
    )
    assert replay(data, "--since", "3h", "--config", str(file), "--json") == Exit.OK
    (hot, _) = json.loads(capsys.readouterr().out)["rules"]
    assert [alert["ended_at"] for alert in hot["fired"]] == [None]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--since", "soon"], Exit.USAGE, '"soon" is no time'),
        (["--since", "2027-01-01T00:00:00Z"], Exit.USAGE, "must be before the end"),
        (["--data", "/nowhere"], Exit.USAGE, "is no folder"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, said: str
) -> None:
    """With the option and what would be right."""
    assert replay(data, *arguments) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rules", "code", "said"),
    [
        ("groups: [{name: g, rules: [{record: a, expr: b}]}]\n", Exit.USAGE, "no alerting rule"),
        ("groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]\n", Exit.FINDINGS, "the rule files have mistakes"),
    ],
    ids=["nothing alerts", "broken"],
)
def test_rules_must_be_good(data: Path, capsys: pytest.CaptureFixture[str], rules: str, code: Exit, said: str) -> None:
    """Before anything is read."""
    (data.parent / "rules.yml").write_text(rules)
    assert replay(data) == code
    assert said in capsys.readouterr().err
