"""`watchkeeper rules`: rule files, without a daemon. What each verb of its own does is in a file of its own, but for the two
that only read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from monitor.cli.check_config import rule_counts, show_findings
from monitor.cli.exits import Exit
from monitor.cli.options import FeatureOption, IgnoreUnknownOption, JsonOption, features_of
from monitor.cli.rules_backtest import backtest_command
from monitor.cli.rules_test import test
from monitor.cli.showing import clean, counted, say, say_json
from monitor.config.findings import Findings
from monitor.config.rule_files import read_rule_file, read_rules
from monitor.model.errors import Finding
from monitor.rules.groups import RuleGroup
from monitor.rules.lint import Duplicate, doubts, duplicates
from monitor.rules.rule_files import Defaults

rules = typer.Typer(
    no_args_is_help=True, help="Check rule files, run their unit tests, and replay the past through them."
)
rules.command()(test)
rules.command("backtest")(backtest_command)

_STDIN: Final = Path("-")


class Style(Enum):
    """Which style `rules check` looks at, by promtool's names."""

    ALL = "all"
    DUPLICATES = "duplicate-rules"
    NONE = "none"


@rules.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Rule files; standard input if none is given, or -.", show_default=False)
    ] = None,
    lint_: Annotated[
        Style, typer.Option("--lint", help="What to tell beside mistakes: rules that are given more than once.")
    ] = Style.DUPLICATES,
    lint_fatal: Annotated[
        bool, typer.Option("--lint-fatal", help="Exit with 3 when only that was found, as promtool does.")
    ] = False,
    ignore_unknown_fields: IgnoreUnknownOption = False,
    enable_feature: FeatureOption = None,
    json_: JsonOption = False,
) -> None:
    """Find every mistake in rule files: syntax, types, templates, unknown keys."""
    findings = Findings()
    groups: list[RuleGroup] = []
    given = files or [_STDIN]
    defaults = Defaults(ignore_unknown=ignore_unknown_fields, features=features_of(enable_feature))
    repeated: list[Duplicate] = []
    for file in given:
        found = _read(file, defaults, findings)
        groups += found
        # as promtool does: the same rule in two files is not a duplicate
        repeated += duplicates(found) if lint_ is not Style.NONE else ()
    counts = rule_counts(groups)
    if json_:
        say_json(
            {
                "ok": not findings.errors,
                "errors": [str(finding) for finding in findings.errors],
                "warnings": [str(finding) for finding in findings.warnings],
                "duplicates": [{"name": one.name, "labels": dict(one.labels)} for one in repeated],
                "counts": counts,
            }
        )
    else:
        show_findings(findings.all)
        for one in repeated:
            say(f"[yellow]duplicate[/]  {clean(one)}")
        held = ", ".join(counted(number, noun) for noun, number in counts.items())
        if findings.errors:
            say(f"[bold red]{counted(len(findings.errors), 'mistakes')}[/] in {counted(len(given), 'files')}")
        else:
            say(f"[green]good[/]: {held} in {counted(len(given), 'files')}")
    if findings.errors:
        raise typer.Exit(Exit.FINDINGS)
    if repeated and lint_fatal:
        raise typer.Exit(Exit.ONLY_LINT)


@rules.command()
def lint(
    files: Annotated[list[Path], typer.Argument(help="Rule files.")],
    enable_feature: FeatureOption = None,
    json_: JsonOption = False,
) -> None:
    """Find what is allowed in rules and yet hardly meant: alerts without severity, selectors that match nothing, and more.
    Exit code 1 if there is anything."""
    findings = Findings()
    groups: list[RuleGroup] = []
    defaults = Defaults(features=features_of(enable_feature))
    for file in files:
        groups += read_rule_file(file, str(file), defaults, findings)
    for doubt in doubts(groups):
        findings.all.append(
            Finding(
                file=doubt.file,
                line=0,
                path=f"{doubt.group}/{doubt.rule}",
                problem=doubt.problem,
                remedy=doubt.remedy,
                warning=True,
            )
        )
    if json_:
        say_json({"ok": not findings.all, "findings": [str(finding) for finding in findings.all]})
    else:
        show_findings(findings.all)
        say(f"{counted(len(findings.all), 'findings')} in {counted(len(files), 'files')}")
    if findings.all:
        raise typer.Exit(Exit.FINDINGS)


def _read(file: Path, defaults: Defaults, findings: Findings) -> Sequence[RuleGroup]:
    if file == _STDIN:
        return read_rules(sys.stdin.read(), "standard input", defaults, findings)
    return read_rule_file(file, str(file), defaults, findings)
