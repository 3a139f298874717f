"""Rule files and their unit tests: good and broken ones, and promtool's own cases through our command line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.cli.rules_test import run_file
from monitor.cli.verbs import command_line
from monitor.config.findings import Findings
from monitor.config.rule_files import read_rule_file, read_rules
from monitor.rules.lint import duplicates
from monitor.rules.rule_files import Defaults
from tests.conformance.cases import Case, Check, LeftOutError


def check_bad_file(case: Case) -> None:
    data = case.data
    findings = Findings()
    defaults = Defaults(legacy_names=data.get("names") == "legacy")
    if case.kind == "templates":
        read_rules(data["text"], "rules.yml", defaults, findings)
        assert bool(findings.errors) != data["ok"], f"found {[str(one) for one in findings.errors]}"
        return
    read_rule_file(case.table.parent / data["file"], data["file"], defaults, findings)
    assert any(data["error_contains"] in one.original for one in findings.errors), f"found {findings.errors}"


def check_fixture(case: Case) -> None:
    """A file of the rule manager's or the reader's own tests: it loads, unless its name says that it is broken."""
    name = case.data["file"]
    findings = Findings()
    read_rule_file(case.table / name, name, Defaults(legacy_names=name.startswith("legacy")), findings)
    broken = ".bad." in name or name == "invalid_rules.yaml"
    assert bool(findings.errors) == broken, f"found {[str(one) for one in findings.errors]}"


def check_corpus(case: Case) -> None:
    """Other projects' rules load, and their unit tests pass."""
    path = case.table / case.data["file"]
    if "\ntests:" in path.read_text("utf-8"):
        result = run_file(path)
        assert result.passed, result.error or "\n".join(str(one) for test in result.tests for one in test.failures)
        assert result.tests, "no test in it"
        return
    findings = Findings()
    groups = read_rule_file(path, str(path), Defaults(), findings)
    assert not findings.errors, f"found {[str(one) for one in findings.errors]}"
    assert groups, "no rule in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def run_command(arguments: Sequence[str], folder: Path, stdin: bytes = b"") -> Ran:
    """Our command line, from inside this folder."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command_line(arguments)
    finally:
        sys.stdin = before
    return Ran(code=int(code), out=out.getvalue(), err=err.getvalue())


def check_rules(case: Case) -> None:
    data, folder = case.data, case.table.parent
    arguments = ["rules", "check", "--lint", data.get("lint", "duplicate-rules")]
    arguments += ["--lint-fatal"] if data.get("lint_fatal") else []
    arguments += [f"--enable-feature={name}" for name in data.get("features", ())]
    stdin = data["via"] == "stdin"
    content = (folder / data["file"]).read_bytes() if stdin else b""
    ran = run_command(arguments if stdin else [*arguments, data["file"]], folder, content)
    assert ran.code == data["exit"], f"exit {ran.code}: {ran.out}{ran.err}"


def check_duplicates(case: Case) -> None:
    findings = Findings()
    name = case.data["file"]
    found = duplicates(read_rule_file(case.table.parent / name, name, Defaults(), findings))
    assert not findings.errors
    assert [one.name for one in found] == case.data["duplicates"], f"found {found}"


def check_unit_tests(case: Case) -> None:
    data, folder = case.data, case.table.parent
    if "feature_off" in data:
        raise LeftOutError(f"we have no switch for: {data['feature_off']}")
    arguments = ["rules", "test", data["file"], "--json"]
    arguments += [f"--run={pattern}" for pattern in data.get("run", ())]
    arguments += ["--ignore-unknown-fields"] if data.get("ignore_unknown_fields") else []
    ran = run_command(arguments, folder)
    if ran.code != data["exit"]:
        tests = [test for file in json.loads(ran.out)["files"] for test in file["tests"]]
        errors = [failure["error"] for test in tests for failure in test["failures"]]
        if errors and all("native histogram" in error for error in errors):
            raise LeftOutError("a test of it needs native histograms; all others are as they should be")
    assert ran.code == data["exit"], f"exit {ran.code}: {ran.out}{ran.err}"


def check_metrics(case: Case) -> None:
    data, folder = case.data, case.table.parent
    content = data["stdin"].encode() if "stdin" in data else (folder / data["file"]).read_bytes()
    arguments = ["check-metrics", "--lint", data.get("lint", "all")]
    arguments += ["--extended"] if data["extended"] else []
    ran = run_command(arguments, folder, content)
    if "exit" in data:
        assert ran.code == data["exit"], f"exit {ran.code}: {ran.out}{ran.err}"
        assert ("testMetric_CamelCase" in ran.err) == data["stderr_names_metric"]
        assert ("cardinality" in ran.out.lower()) == data["stdout_has_cardinality"]
    if "cardinality" in data:
        rows = [line.split() for line in ran.out.splitlines()][1:]
        assert [[name, int(count)] for name, count, _ in rows[:-1]] == data["cardinality"]
        assert int(rows[-1][1]) == data["total"]


TABLES: dict[str, Check] = {"rules_fixtures/rulefmt_bad.json": check_bad_file}
FOLDERS: dict[str, Check] = {
    "rules_fixtures/rulefmt": check_fixture,
    "rules_fixtures/fixtures": check_fixture,
    "conformance/rules": check_corpus,
}
KINDS: dict[str, dict[str, Check]] = {
    "promtool/index.json": {
        "check_rules": check_rules,
        "check_rules_duplicates": check_duplicates,
        "test_rules": check_unit_tests,
        "check_metrics": check_metrics,
    }
}
