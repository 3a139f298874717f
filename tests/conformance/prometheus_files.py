"""Whole configurations of Prometheus: which load, and what is said of those that do not."""

from __future__ import annotations

import json
from pathlib import Path

from monitor.config.findings import Findings
from monitor.config.prometheus.file import read_prometheus
from monitor.config.prometheus.promtool import read_sd_file
from monitor.config.yamltree import read
from monitor.model.errors import ConfigError, Finding
from tests.conformance.cases import Case, Check
from tests.conformance.rule_files import run_command


def check_bad(case: Case) -> None:
    """Prometheus's text is what it would have printed, and our first word of what is wrong is that text."""
    errors = [
        finding for finding in findings_of(case.table.parent / "config" / case.data["file"]) if not finding.warning
    ]
    assert errors, "accepted"
    said = f"parsing YAML file testdata/{case.data['file']}: {errors[0].original}"
    assert case.data["error_contains"] in said, f"said {said!r}"
    assert errors[0].line > 0


def check_good(case: Case) -> None:
    errors = [
        finding for finding in findings_of(case.table.parent / "config" / case.data["file"]) if not finding.warning
    ]
    assert not errors, "; ".join(map(str, errors))


def check_config(case: Case) -> None:
    """`check-config` ends as promtool's `check config` does, for the same reason."""
    data, folder = case.data, case.table.parent
    arguments = ["check-config", data["file"], "--json"]
    arguments += ["--syntax-only"] if data.get("syntax_only") else []
    arguments += ["--lint-fatal"] if data.get("lint_fatal") else []
    arguments += ["--lint", data["lint"]] if "lint" in data else []
    arguments += ["--lookback-delta", data["lookback_delta"]] if "lookback_delta" in data else []
    ran = run_command(arguments, folder)
    assert ran.code == data["exit"], f"exit {ran.code}: {ran.out}{ran.err}"
    if data.get("error"):
        said = [finding["original"] for finding in json.loads(ran.out)["errors"]]
        wanted = data["error"].replace("testdata/", "")
        assert any(wanted in text for text in said), f"said {said}"


def check_sd_file(case: Case) -> None:
    data, findings = case.data, Findings()
    read_sd_file(str(case.table.parent / data["file"]), findings)
    if data["error"] is None:
        assert not findings.errors, f"found {[str(one) for one in findings.errors]}"
    else:
        assert findings.errors
        assert findings.errors[0].original == data["error"], f"said {findings.errors[0].original!r}"


def findings_of(path: Path) -> list[Finding]:
    """All findings of this file."""
    findings = Findings()
    try:
        document = read(path.read_text(encoding="utf-8"), str(path), repeats=True)
    except ConfigError as error:
        return list(error.findings)
    read_prometheus(document, document.tree, (), findings, lambda name: str(path.parent / name), {})
    return findings.all


TABLES: dict[str, Check] = {"config_bad.json": check_bad, "config_good.json": check_good}
KINDS: dict[str, dict[str, Check]] = {
    "promtool/index.json": {"check_config": check_config, "check_sd_file": check_sd_file}
}
