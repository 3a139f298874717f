"""Verbs that stand in for promtool's: the same choices, the same exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line

_RULE = "{alert: Down, expr: up == 0, labels: {severity: a}}"
_OTHER = "{alert: Slow, expr: latency > 1}"
_RULES = f"groups: [{{name: g, rules: [{_RULE}, {_OTHER}]}}]\n"
_TESTS = """
rule_files: [rules.yml]
tests:
  - name: goes down
    input_series: [{series: up, values: 1 0}]
    alert_rule_test: [{eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {severity: a}}]}]
  - name: is wrong
    input_series: [{series: up, values: 1 0}]
    alert_rule_test: [{eval_time: 1m, alertname: Down}]
"""
_CAMEL = b"# HELP myMetric x\n# TYPE myMetric gauge\nmyMetric 1\n"


def _files(folder: Path, rules: str = _RULES, tests: str = _TESTS) -> Path:
    (folder / "rules.yml").write_text(rules)
    file = folder / "tests.yml"
    file.write_text(tests)
    return file


def _standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


@pytest.mark.parametrize(
    ("patterns", "code", "ran"),
    [
        ([], Exit.FINDINGS, ["goes down", "is wrong"]),
        (["wrong"], Exit.FINDINGS, ["is wrong"]),
        (["down$"], Exit.OK, ["goes down"]),
        (["^go", "wr.ng"], Exit.FINDINGS, ["goes down", "is wrong"]),
    ],
    ids=["all", "one", "the good one", "either"],
)
def test_run_chooses_tests_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], patterns: list[str], code: Exit, ran: list[str]
) -> None:
    """A regular expression that is found anywhere in the name; several mean any of them."""
    file = _files(tmp_path)
    assert command_line(["rules", "test", str(file), "--json", *(f"--run={one}" for one in patterns)]) == code
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["files"][0]["tests"]] == ran


def test_a_bad_run_pattern_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option and what is wrong with it are named."""
    assert command_line(["rules", "test", str(_files(tmp_path)), "--run", "("]) == Exit.USAGE
    assert "--run: error parsing regexp" in capsys.readouterr().err


def test_coverage_names_the_alerts_that_never_fired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Down fired in some test, Slow in none; a second file with another way to the same rules changes nothing."""
    file = _files(tmp_path)
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "more.yml"
    other.write_text("rule_files: [../rules.yml]\ntests: [{name: empty}]\n")
    command_line(["rules", "test", str(file), str(other), "--coverage", "--json"])
    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert (coverage["alerts"], coverage["fired"]) == (2, 1)
    assert coverage["silent"] == [f"{tmp_path / 'rules.yml'}: g/Slow"]
    command_line(["rules", "test", str(file), "--coverage"])
    assert "1 of 2 alerts fired in some test (50 %)" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "code"), [([], Exit.FINDINGS), (["--ignore-unknown-fields"], Exit.OK)])
def test_unknown_fields_are_passed_over_on_request(tmp_path: Path, option: list[str], code: Exit) -> None:
    """In the test file and in its rule files."""
    file = _files(
        tmp_path,
        "groups: [{name: g, owner: me, rules: [{record: a, expr: '1', team: x}]}]\n",
        "rule_files: [rules.yml]\nowner: me\ntests: [{name: t, more: 1}]\n",
    )
    assert command_line(["rules", "test", str(file), *option]) == code
    assert command_line(["rules", "check", str(tmp_path / "rules.yml"), *option]) == code


def test_experimental_parts_need_their_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In rules, and in the expressions of their tests; flags that say nothing of PromQL are refused."""
    file = _files(
        tmp_path,
        "groups: [{name: g, rules: [{record: a, expr: 'sort_by_label(b, \"c\")'}]}]\n",
        "rule_files: [rules.yml]\ntests: [{promql_expr_test: [{expr: 'limitk(1, b)'}]}]\n",
    )
    assert command_line(["rules", "test", str(file)]) == Exit.FINDINGS
    flag = "--enable-feature=promql-at-modifier,promql-experimental-functions"
    assert command_line(["rules", "test", str(file), flag]) == Exit.OK
    capsys.readouterr()
    assert command_line(["rules", "test", str(file), "--enable-feature=exemplar-storage"]) == Exit.USAGE
    assert "promql-experimental-functions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code"),
    [([], Exit.OK), (["--lint-fatal"], Exit.ONLY_LINT), (["--lint-fatal", "--lint=none"], Exit.OK)],
    ids=["told", "fatal", "not looked at"],
)
def test_rules_given_twice_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: Exit
) -> None:
    """The same name with the same labels; other labels make another rule."""
    (tmp_path / "r.yml").write_text(
        f"groups: [{{name: g, rules: [{_RULE}]}}, {{name: h, rules: [{_RULE}, {{alert: Down, expr: '1'}}]}}]\n"
    )
    assert command_line(["rules", "check", str(tmp_path / "r.yml"), *options]) == code
    assert ('duplicate  Down{severity="a"}' in capsys.readouterr().out) == ("--lint=none" not in options)


def test_rules_are_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When no file is named, as in promtool."""
    _standard_input(monkeypatch, b"groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]\n")
    assert command_line(["rules", "check"]) == Exit.FINDINGS
    assert "standard input:1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "content", "code"),
    [
        ([], _CAMEL, Exit.ONLY_LINT),
        (["--lint=none", "--extended"], _CAMEL, Exit.OK),
        (["--lint=none"], _CAMEL, Exit.FINDINGS),
        ([], b"# HELP a x\na 1\n", Exit.OK),
        ([], b"a 1 2 3\n", Exit.FINDINGS),
    ],
    ids=["style", "style not looked at", "nothing to do", "good", "broken"],
)
def test_metrics_are_checked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    content: bytes,
    code: Exit,
) -> None:
    """Style alone is 3, what cannot be read is 1; the metric is named on standard error."""
    _standard_input(monkeypatch, content)
    assert command_line(["check-metrics", *options]) == code
    shown = capsys.readouterr()
    assert ("myMetric metric names should be written in 'snake_case'" in shown.err) == (code is Exit.ONLY_LINT)
    assert ("100.00%" in shown.out) == ("--extended" in options)
