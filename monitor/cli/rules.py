"""`watchkeeper rules check`, `rules lint` and `rules test`: rule files and their unit tests, without a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import typer

from monitor.cli.check_config import counted, rule_counts, show_findings
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, say, say_json
from monitor.config.findings import Findings
from monitor.config.rule_files import plain, read_rule_file
from monitor.config.yamltree import Scalar, read
from monitor.model.errors import ConfigError, Finding
from monitor.model.times import DAY, Millis, format_duration
from monitor.promql.engine import Options
from monitor.rules.groups import RuleGroup
from monitor.rules.inline import InlineQuerier
from monitor.rules.lint import doubts
from monitor.rules.rule_files import Defaults
from monitor.rules.unit_test_files import TestFileError, UnitTestFile, read_test_file
from monitor.rules.unit_tests import Failure, TestResult, run_test
from monitor.tsdb.store import SampleStore

rules = typer.Typer(no_args_is_help=True, help="Check rule files, and run their unit tests, without a daemon.")

_LONGEST: Millis = 200 * 365 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What came of one file of unit tests."""

    file: str
    tests: tuple[TestResult, ...] = ()
    error: str = ""
    """Why it could not be run at all."""

    @property
    def passed(self) -> bool:
        return not self.error and all(test.passed for test in self.tests)


class MemoryBench:
    """An empty store in memory, and PromQL over it."""

    def __init__(self, subquery_step: Millis) -> None:
        self.samples = SampleStore.in_memory(_LONGEST)
        self.querier = InlineQuerier(self.samples.view, Options(default_subquery_step=subquery_step))


@rules.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Rule files.")],
    json_: JsonOption = False,
) -> None:
    """Find every mistake in rule files: syntax, types, templates, unknown keys."""
    findings = Findings()
    groups: list[RuleGroup] = []
    for file in files:
        groups += read_rule_file(file, str(file), Defaults(), findings)
    counts = rule_counts(groups)
    if json_:
        say_json(
            {
                "ok": not findings.errors,
                "errors": [str(finding) for finding in findings.errors],
                "warnings": [str(finding) for finding in findings.warnings],
                "counts": counts,
            }
        )
    else:
        show_findings(findings.all)
        held = ", ".join(counted(number, noun) for noun, number in counts.items())
        if findings.errors:
            say(f"[bold red]{counted(len(findings.errors), 'mistakes')}[/] in {counted(len(files), 'files')}")
        else:
            say(f"[green]good[/]: {held} in {counted(len(files), 'files')}")
    if findings.errors:
        raise typer.Exit(Exit.FINDINGS)


@rules.command()
def lint(
    files: Annotated[list[Path], typer.Argument(help="Rule files.")],
    json_: JsonOption = False,
) -> None:
    """Find what is allowed in rules and yet hardly meant: alerts without severity, selectors that match nothing, and more.
    Exit code 1 if there is anything."""
    findings = Findings()
    groups: list[RuleGroup] = []
    for file in files:
        groups += read_rule_file(file, str(file), Defaults(), findings)
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


@rules.command()
def test(
    files: Annotated[list[Path], typer.Argument(help="Unit test files, in promtool's format.")],
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Also write the results as JUnit XML to this file.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Run unit tests of rules through the code that the daemon runs, in a time of their own."""
    results = [run_file(file) for file in files]
    if junit is not None:
        try:
            junit.write_text(junit_text(results), encoding="utf-8")
        except OSError as error:
            raise CommandError(Exit.FAILED, f"{junit} cannot be written: {error.strerror}") from error
    if json_:
        say_json({"ok": all(result.passed for result in results), "files": [_document(one) for one in results]})
    else:
        for result in results:
            _show(result)
        ran = [one for result in results for one in result.tests]
        failed = sum(not one.passed for one in ran) + sum(bool(result.error) for result in results)
        verdict = f"[bold red]{failed} failed[/]" if failed else "[green]all passed[/]"
        say(f"{counted(len(ran), 'tests')} in {counted(len(results), 'files')}: {verdict}")
    if not all(result.passed for result in results):
        raise typer.Exit(Exit.FINDINGS)


def run_file(file: Path) -> FileResult:
    """Every test of one file."""
    shown = str(file)
    try:
        parsed = read(file.read_text(encoding="utf-8"), shown)
    except ConfigError as error:
        return FileResult(file=shown, error=str(error))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return FileResult(file=shown, error=f"{shown}: cannot be read: {reason}")
    if not isinstance(parsed.tree, dict):
        return FileResult(file=shown, error=f"{shown}: is not a mapping: it begins with `rule_files:`")
    source: dict[str, Any] = plain(parsed.tree)
    fuzzy = parsed.tree.get("fuzzy_compare")
    if isinstance(fuzzy, Scalar):
        source["fuzzy_compare"] = fuzzy.natural()
    try:
        tests = read_test_file(source)
    except TestFileError as error:
        return FileResult(file=shown, error=f"{shown}: {error}")
    findings = Findings()
    groups: list[RuleGroup] = []
    for path in _rule_files(tests.rule_files, file.parent):
        groups += read_rule_file(path, str(path), Defaults(), findings)
    if findings.errors:
        return FileResult(file=shown, error="\n".join(str(finding) for finding in findings.errors))
    return FileResult(file=shown, tests=asyncio.run(_run_tests(tests, groups)))


def junit_text(results: Sequence[FileResult]) -> str:
    """The results in the form that build servers read."""
    root = ElementTree.Element("testsuites")
    for result in results:
        failures = sum(not one.passed for one in result.tests)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=result.file,
            tests=str(len(result.tests)),
            failures=str(failures),
            errors=str(int(bool(result.error))),
        )
        if result.error:
            case = ElementTree.SubElement(suite, "testcase", classname=result.file, name="file")
            ElementTree.SubElement(case, "error", message="the file cannot be run").text = result.error
        for place, one in enumerate(result.tests):
            case = ElementTree.SubElement(suite, "testcase", classname=result.file, name=_name(one, place))
            for failure in one.failures:
                element = ElementTree.SubElement(case, "failure", message=_head(failure))
                element.text = str(failure)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


async def _run_tests(file: UnitTestFile, groups: Sequence[RuleGroup]) -> tuple[TestResult, ...]:
    return tuple([await run_test(one, file, groups, MemoryBench) for one in file.tests])


def _rule_files(patterns: Sequence[str], base: Path) -> list[Path]:
    """What the patterns name, each once, in order; a pattern without wildcards must exist and is told when it does not."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        whole = Path(pattern)
        root = Path(whole.anchor) if whole.is_absolute() else base
        relative = str(whole.relative_to(whole.anchor)) if whole.is_absolute() else pattern
        magic = any(sign in relative for sign in "*?[")
        found.update(dict.fromkeys(sorted(root.glob(relative)) if magic else [root / relative]))
    return list(found)


def _show(result: FileResult) -> None:
    say(f"{'[green]ok[/]    ' if result.passed else '[bold red]FAILED[/]'}  {clean(result.file)}")
    for line in result.error.splitlines():
        say(f"        {clean(line)}")
    for place, one in enumerate(result.tests):
        if one.passed:
            continue
        say(f"        [bold]{clean(_name(one, place))}[/]")
        for failure in one.failures:
            for line in str(failure).splitlines():
                say(f"          {_marked(line)}")


def _marked(line: str) -> str:
    if line.startswith("  - "):
        return f"[red]{clean(line)}[/]"
    if line.startswith("  + "):
        return f"[green]{clean(line)}[/]"
    return clean(line)


def _document(result: FileResult) -> dict[str, object]:
    return {
        "file": result.file,
        "ok": result.passed,
        "error": result.error,
        "tests": [
            {
                "name": _name(one, place),
                "ok": one.passed,
                "failures": [
                    {
                        "subject": failure.subject,
                        "at": format_duration(failure.at),
                        "expected": list(failure.expected),
                        "got": list(failure.got),
                        "error": failure.error,
                    }
                    for failure in one.failures
                ],
            }
            for place, one in enumerate(result.tests)
        ],
    }


def _name(result: TestResult, place: int) -> str:
    return result.name or f"test {place + 1}"


def _head(failure: Failure) -> str:
    return f"{failure.subject}, time: {format_duration(failure.at)}"
