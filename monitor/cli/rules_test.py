"""`watchkeeper rules test`: unit tests of rules in promtool's format, with its exit codes.

Beside what promtool tells, this tells which alerting rules no test ever made fire: a rule that never fired in a test may
as well be misspelt.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final
from xml.etree import ElementTree

import typer

from monitor.cli.check_config import show_findings
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import FeatureOption, IgnoreUnknownOption, JsonOption, feature_names
from monitor.cli.showing import clean, counted, say, say_json
from monitor.config.beside_rules import BesideRules, read_beside_rules
from monitor.config.findings import Findings
from monitor.config.opening import UnreadableError, read_text
from monitor.config.rule_files import plain, read_rule_file
from monitor.config.yamltree import Scalar, read
from monitor.globbing import files_matching
from monitor.gotemplate.regexps import matches
from monitor.model.errors import ConfigError
from monitor.model.times import DAY, Millis, format_duration
from monitor.promql.engine import Options
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.inline import InlineQuerier
from monitor.rules.rule_files import Defaults
from monitor.rules.unit_test_files import TestFileError, UnitTestFile, read_test_file
from monitor.rules.unit_tests import Failure, TestResult, run_test
from monitor.tsdb.store import SampleStore

_LONGEST: Final[Millis] = 200 * 365 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How files are read, and which of their tests run."""

    run: str = ""
    """A regular expression that a test's name must contain; all tests when it is empty."""
    ignore_unknown: bool = False
    promql: Options = field(default_factory=Options)
    beside: BesideRules = field(default_factory=BesideRules)
    """`rule_options` for the rules that the tests load."""


_ALL: Final = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What came of one file of unit tests."""

    file: str
    tests: tuple[TestResult, ...] = ()
    error: str = ""
    """Why it could not be run at all."""
    groups: tuple[RuleGroup, ...] = ()
    """What its tests were about; a group's file is its whole path."""

    @property
    def passed(self) -> bool:
        return not self.error and all(test.passed for test in self.tests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which alerting rules some test made fire."""

    fired: int
    silent: tuple[str, ...]
    """`file: group/alert` of the others, in the order of the files."""

    @property
    def total(self) -> int:
        return self.fired + len(self.silent)


class MemoryBench:
    """An empty store in memory, and PromQL over it."""

    def __init__(self, promql: Options) -> None:
        self.samples = SampleStore.in_memory(_LONGEST)
        self.querier = InlineQuerier(self.samples.view, promql)


def test(
    files: Annotated[list[Path], typer.Argument(help="Unit test files, in promtool's format.")],
    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="Only tests whose name this regular expression (RE2) finds; may come again."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Also write the results as JUnit XML to this file.")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Tell which alerts of the rule files no test ever makes fire.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Take `rule_options` and `queries.enable_features` from this file, such as the daemon's watchkeeper.yml.",
            show_default=False,
        ),
    ] = None,
    ignore_unknown_fields: IgnoreUnknownOption = False,
    enable_feature: FeatureOption = None,
    json_: JsonOption = False,
) -> None:
    """Run unit tests of rules through the code that the daemon runs, in a time of their own. Exit code 1 if one fails."""
    beside = _beside(config) if config is not None else BesideRules()
    choice = Choice(
        run=_pattern(run or ()),
        ignore_unknown=ignore_unknown_fields,
        promql=Options.flagged(feature_names([*beside.features, *(enable_feature or ())])),
        beside=beside,
    )
    results = [run_file(file, choice) for file in files]
    if run and not any(result.tests or result.error for result in results):
        given = " and ".join(f'--run "{one}"' for one in run)
        raise CommandError(Exit.USAGE, f"{given} finds no test", "it is held against the `name` of each test")
    if junit is not None:
        try:
            junit.write_text(junit_text(results), encoding="utf-8")
        except OSError as error:
            raise CommandError(Exit.FAILED, f"{junit} cannot be written: {error.strerror}") from error
    covered = covering(results) if coverage else None
    if json_:
        document: dict[str, object] = {
            "ok": all(result.passed for result in results),
            "files": [_document(one) for one in results],
        }
        if covered is not None:
            document["coverage"] = {"alerts": covered.total, "fired": covered.fired, "silent": list(covered.silent)}
        say_json(document)
    else:
        for result in results:
            _show(result)
        if covered is not None:
            _show_coverage(covered)
        ran = [one for result in results for one in result.tests]
        failed = sum(not one.passed for one in ran) + sum(bool(result.error) for result in results)
        verdict = f"[bold red]{failed} failed[/]" if failed else "[green]all passed[/]"
        say(f"{counted(len(ran), 'tests')} in {counted(len(results), 'files')}: {verdict}")
    if not all(result.passed for result in results):
        raise typer.Exit(Exit.FINDINGS)


def run_file(file: Path, choice: Choice = _ALL) -> FileResult:
    """Every chosen test of one file."""
    shown = str(file)
    try:
        parsed = read(read_text(file), shown)
    except ConfigError as error:
        return FileResult(file=shown, error=str(error))
    except UnreadableError as error:
        return FileResult(file=shown, error=f"{shown}: cannot be read: {error}")
    if not isinstance(parsed.tree, dict):
        return FileResult(file=shown, error=f"{shown}: is not a mapping: it begins with `rule_files:`")
    source: dict[str, Any] = plain(parsed.tree)
    fuzzy = parsed.tree.get("fuzzy_compare")
    if isinstance(fuzzy, Scalar):
        source["fuzzy_compare"] = fuzzy.natural()
    try:
        tests = read_test_file(source, ignore_unknown=choice.ignore_unknown)
    except TestFileError as error:
        return FileResult(file=shown, error=f"{shown}: {error}")
    findings = Findings()
    groups: list[RuleGroup] = []
    features = choice.promql.features
    defaults = Defaults(ignore_unknown=choice.ignore_unknown, features=features)
    for path in _rule_files(tests.rule_files, file.parent):
        groups += read_rule_file(path, str(path), defaults, findings)
    if not findings.errors:
        groups = [*choice.beside.applied(groups, features, findings)]
    if findings.errors:
        return FileResult(file=shown, error="\n".join(str(finding) for finding in findings.errors))
    return FileResult(file=shown, tests=asyncio.run(_run_tests(tests, groups, choice)), groups=tuple(groups))


def covering(results: Sequence[FileResult]) -> Coverage:
    """Over all files: the same rule file under two names is one."""
    rules: dict[tuple[Path, str, int], str] = {}
    fired: set[tuple[Path, str, int]] = set()
    for result in results:
        places = {group.key: (Path(group.file).resolve(), group.name) for group in result.groups}
        for group in result.groups:
            for number, rule in enumerate(group.rules):
                if isinstance(rule, AlertingRule):
                    rules.setdefault((*places[group.key], number), f"{group.file}: {group.name}/{rule.name}")
        fired |= {(*places[key], number) for one in result.tests for key, number in one.fired}
    return Coverage(fired=len(fired), silent=tuple(text for place, text in rules.items() if place not in fired))


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


def _beside(config: Path) -> BesideRules:
    try:
        return read_beside_rules(config, os.environ)
    except ConfigError as error:
        show_findings(error.findings)
        raise CommandError(Exit.FINDINGS, f"{config} has mistakes", "see `watchkeeper check-config`") from error


def _pattern(patterns: Sequence[str]) -> str:
    whole = "|".join(patterns)
    try:
        matches(whole, "")
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--run: {error}", "write a regular expression in RE2's syntax") from error
    return whole


async def _run_tests(file: UnitTestFile, groups: Sequence[RuleGroup], choice: Choice) -> tuple[TestResult, ...]:
    def bench(subquery_step: Millis) -> MemoryBench:
        return MemoryBench(replace(choice.promql, default_subquery_step=subquery_step))

    chosen = [one for one in file.tests if not choice.run or matches(choice.run, one.name)]
    return tuple([await run_test(one, file, groups, bench) for one in chosen])


def _rule_files(patterns: Sequence[str], base: Path) -> list[Path]:
    """What the patterns name, each once, in order; a pattern without wildcards must exist and is told when it does not."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        whole = base / pattern
        magic = any(sign in pattern for sign in "*?[")
        found.update(dict.fromkeys(files_matching(str(whole)) if magic else [whole]))
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


def _show_coverage(covered: Coverage) -> None:
    for text in covered.silent:
        say(f"[yellow]never fired[/]  {clean(text)}")
    share = f" ({100 * covered.fired // covered.total} %)" if covered.total else ""
    say(f"{covered.fired} of {counted(covered.total, 'alerts')} fired in some test{share}")


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
