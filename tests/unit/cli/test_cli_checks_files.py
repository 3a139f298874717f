"""What the commands that only read files say of good and of bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from monitor.cli.exits import Exit
from monitor.cli.showing import counted
from monitor.cli.verbs import command_line
from monitor.config.schema import configuration_schema
from monitor.config.starter import starter

RULES = """
groups:
  - name: g
    rules:
      - {alert: Down, expr: up == 0, for: 1m, labels: {severity: critical}}
      - {record: "job:up:sum", expr: sum by (job) (up)}
"""
TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - name: goes down
    interval: 1m
    input_series: [{series: 'up{job="a"}', values: '1 0 0 0'}]
    alert_rule_test:
      - {eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: SEVERITY}}]}
    promql_expr_test:
      - {expr: 'job:up:sum', eval_time: 0, exp_samples: [{labels: 'job:up:sum{job="a"}', value: 1}]}
"""


def test_init_writes_four_lines_that_check_config_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first file is short, good, and as the schema wants it."""
    file = tmp_path / "w.yml"
    assert command_line(["init", "shop.example.com/healthz", "--output", str(file)]) == Exit.OK
    assert len(file.read_text().splitlines()) == 4
    jsonschema.validate(yaml.safe_load(file.read_text()), configuration_schema())
    capsys.readouterr()
    assert command_line(["check-config", str(file)]) == Exit.OK
    out = capsys.readouterr().out
    assert "good" in out
    assert "1 check," in out
    assert "1 policy" in out


def test_init_does_not_replace_a_file_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4 and the remedy; --force replaces."""
    file = tmp_path / "w.yml"
    file.write_text("mine")
    assert command_line(["init", "a.test", "-o", str(file)]) == Exit.REFUSED
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert command_line(["init", "a.test", "-o", str(file), "--force"]) == Exit.OK
    assert file.read_text() == starter("a.test")


@pytest.mark.parametrize("url", ["ftp://a.test/", "http://", "tcp:x:1", "a.test:99999"])
def test_init_refuses_what_cannot_be_checked(tmp_path: Path, url: str) -> None:
    """A usage error, and no file."""
    file = tmp_path / "w.yml"
    assert command_line(["init", url, "-o", str(file)]) == Exit.USAGE
    assert not file.exists()


def test_check_config_shows_every_mistake_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with file, line, path, problem and remedy."""
    file = tmp_path / "bad.yml"
    file.write_text('checks:\n  - {name: a, urll: "http://x"}\n  - {name: b, url: "ftp://x"}\nenvironmnt: x\n')
    assert command_line(["check-config", str(file)]) == Exit.FINDINGS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        f'error    {file}:2:15: checks[0].urll: "urll" is not a known key here: did you mean "url"?'
    )
    assert lines[1].startswith(f"error    {file}:3:15: checks[1].url:")
    assert lines[2].startswith(f"error    {file}:4:1: environmnt:")
    assert lines[3] == "Watchkeeper configuration: 3 mistakes"


def test_check_config_tells_warnings_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What only may be a mistake does not fail the check."""
    file = tmp_path / "w.yml"
    file.write_text("checks: [{name: a, url: http://a.test/}]\nblackbox_file: b.yml\n")
    assert command_line(["check-config", str(file), "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    assert document["errors"] == []
    assert [one["path"] for one in document["warnings"]] == ["blackbox_file"]
    assert document["counts"]["checks"] == 1


@pytest.mark.parametrize(
    ("text", "kind", "noun", "count"),
    [
        (RULES, "rule file", "alerting rules", 1),
        (
            "global: {scrape_interval: 15s}\nscrape_configs: [{job_name: a, static_configs: [{targets: [b:1]}]}]\n",
            "Prometheus configuration",
            "scrape jobs",
            1,
        ),
        ("route: {receiver: a}\nreceivers: [{name: a}]\n", "Alertmanager configuration", "receivers", 1),
        ("checks: []\n", "Watchkeeper configuration", "checks", 0),
    ],
    ids=["rules", "prometheus", "alertmanager", "own"],
)
def test_check_config_recognises_the_files_that_users_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, kind: str, noun: str, count: int
) -> None:
    """By their top-level keys, without being told."""
    file = tmp_path / "file.yml"
    file.write_text(text)
    assert command_line(["check-config", str(file), "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == kind
    assert document["counts"][noun] == count


def test_mistakes_in_foreign_files_are_found_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A receiver that is not defined, a rule that does not parse, a file that is not there."""
    alertmanager = tmp_path / "am.yml"
    alertmanager.write_text("route: {receiver: b}\nreceivers: [{name: a}]\n")
    assert command_line(["check-config", str(alertmanager)]) == Exit.FINDINGS
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]\n")
    assert command_line(["check-config", str(rules)]) == Exit.FINDINGS
    assert command_line(["check-config", str(tmp_path / "none.yml")]) == Exit.FINDINGS
    assert "cannot be read" in capsys.readouterr().out


def test_the_schema_is_valid_and_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """A schema of its dialect, with a sentence for every key and durations as people write them."""
    assert command_line(["check-config", "--schema"]) == Exit.OK
    schema: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    silent = [name for name, one in schema["properties"].items() if not one.get("description") and "$ref" not in one]
    assert silent == []
    assert schema["$defs"]["StorageSection"]["properties"]["history"]["default"] == "90d"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"checks": [{"name": "a", "urll": "x"}]}, schema)


def test_rules_check_counts_or_complains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Good files give their counts, bad ones every mistake and exit 1."""
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(RULES)
    bad.write_text("groups: [{name: g, rules: [{alert: A, expr: 'sum('}, {record: x, expr: 'nope(1)'}]}]\n")
    assert command_line(["rules", "check", str(good)]) == Exit.OK
    assert "1 rule group, 1 alerting rule, 1 recording rule in 1 file" in capsys.readouterr().out
    assert command_line(["rules", "check", str(good), str(bad)]) == Exit.FINDINGS
    assert "2 mistakes in 2 files" in capsys.readouterr().out


@pytest.mark.parametrize(("severity", "code"), [("critical", Exit.OK), ("warning", Exit.FINDINGS)])
def test_rules_test_runs_promtools_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], severity: str, code: Exit
) -> None:
    """A good expectation passes; a wrong one shows what was missing and what came instead."""
    (tmp_path / "rules.yml").write_text(RULES)
    file = tmp_path / "tests.yml"
    file.write_text(TESTS.replace("SEVERITY", severity))
    junit = tmp_path / "junit.xml"
    assert command_line(["rules", "test", str(file), "--junit", str(junit)]) == code
    out = capsys.readouterr().out
    root = ElementTree.fromstring(junit.read_text())
    if code is Exit.OK:
        assert "all passed" in out
        assert root.findall(".//failure") == []
        return
    assert "goes down" in out
    missing, extra = (next(line for line in out.splitlines() if line.strip().startswith(sign)) for sign in "-+")
    assert 'severity="warning"' in missing
    assert 'severity="critical"' in extra
    assert [one.get("name") for one in root.findall(".//testcase[failure]")] == ["goes down"]


def test_rules_test_says_why_a_file_cannot_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing rule file, an unknown key, no YAML at all: exit 1 and the reason."""
    for text, reason in (
        ("rule_files: [none.yml]\ntests: []\n", "cannot be read"),
        ("testz: []\n", "field testz not found"),
        ("[1, 2\n", "yaml"),
    ):
        file = tmp_path / "t.yml"
        file.write_text(text)
        assert command_line(["rules", "test", str(file)]) == Exit.FINDINGS
        assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "policies", "1 policy"),
        (2, "policies", "2 policies"),
        (1, "rules", "1 rule"),
        (1, "people", "1 person"),
        (2, "people", "2 people"),
        (1, "series", "1 series"),
    ],
)
def test_counts_are_said_as_people_do(number: int, noun: str, text: str) -> None:
    """One policy, two policies; one person."""
    assert counted(number, noun) == text
