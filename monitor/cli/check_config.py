"""`watchkeeper check-config`: every mistake of a file at once.

The file may be our own, or one that its user already has: a Prometheus configuration, an Alertmanager configuration or a
rule file is told by its top-level keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from monitor.cli.exits import TABLE, CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, counted, now, say, say_json
from monitor.config.alertmanager_file import read_alertmanager
from monitor.config.findings import Findings
from monitor.config.loading import BLACKBOX_REMEDY, DEFAULT_FILE, Overrides, load, read_environment
from monitor.config.opening import UnreadableError, read_text
from monitor.config.prometheus.file import CONFIG, PrometheusParts, read_prometheus
from monitor.config.prometheus.promtool import check_named, named_rule_files
from monitor.config.routing_lint import RoutingLint
from monitor.config.rule_files import read_rule_file, read_rules
from monitor.config.schema import configuration_schema
from monitor.config.shipped import shipped_rules
from monitor.config.yamltree import Document, Tree, read
from monitor.model.errors import ConfigError, Finding
from monitor.model.times import MINUTE, Millis, format_duration, parse_duration
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.lint import Duplicate, duplicates
from monitor.rules.rule_files import Defaults

_PROMETHEUS: Final = frozenset(CONFIG.keys)
_ALERTMANAGER: Final = frozenset(
    {"global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates", "tracing"}
)
_BLACKBOX: Final = frozenset({"modules"})
_RULES: Final = frozenset({"groups", "namespace"})


class Style(Enum):
    """What to tell of a Prometheus configuration beside mistakes; promtool's words."""

    ALL = "all"
    DUPLICATE_RULES = "duplicate-rules"
    TOO_LONG_SCRAPE_INTERVAL = "too-long-scrape-interval"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrutiny:
    """How closely a Prometheus configuration is looked at."""

    syntax_only: bool = False
    style: Style = Style.DUPLICATE_RULES
    lookback: Millis = 5 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a file."""

    kind: str
    """Whose format it is."""
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    """What it holds, by plural noun; empty when there are mistakes."""
    routing: tuple[Finding, ...] = ()
    """Those of the findings that doubt routes, inhibition and intervals."""
    style: bool = False
    """Was something found that promtool calls lint?"""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.warning)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.warning)


def check_config(
    file: Annotated[
        str,
        typer.Argument(
            help=f"The file; {DEFAULT_FILE} (or WATCHKEEPER_CONFIG) if none is given. Files of Prometheus and "
            "Alertmanager and rule files are recognised.",
            show_default=False,
        ),
    ] = "",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file and check nothing.")
    ] = False,
    syntax_only: Annotated[
        bool, typer.Option("--syntax-only", help="Of a Prometheus configuration: do not look at the files it names.")
    ] = False,
    lint: Annotated[
        Style, typer.Option("--lint", help="What to tell of a Prometheus configuration beside mistakes.")
    ] = Style.DUPLICATE_RULES,
    lint_fatal: Annotated[
        bool, typer.Option("--lint-fatal", help="Exit with 3 when only that was found, as promtool does.")
    ] = False,
    lookback_delta: Annotated[
        str, typer.Option(help="What `too-long-scrape-interval` compares with: how far back a query looks.")
    ] = "5m",
    json_: JsonOption = False,
) -> None:
    """Find every mistake of a configuration, each with its place and remedy."""
    if schema:
        say_json(configuration_schema())
        return
    try:
        lookback = parse_duration(lookback_delta)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--lookback-delta: {error}", "write 5m") from None
    checked = checked_file(file, Scrutiny(syntax_only=syntax_only, style=lint, lookback=lookback))
    if json_:
        say_json(document(checked))
    else:
        _show(checked)
    if checked.errors:
        raise typer.Exit(Exit.FINDINGS)
    if checked.style and lint_fatal:
        raise typer.Exit(Exit.ONLY_LINT)


def checked_file(file: str, scrutiny: Scrutiny | None = None) -> Checked:
    """Read the file as whatever it is."""
    name, remedy = file, "correct the path"
    if not name:
        try:
            name, remedy = (
                read_environment().config or DEFAULT_FILE,
                "`watchkeeper init URL` writes one; or name a file",
            )
        except ConfigError as error:
            return Checked(kind="environment", findings=error.findings, counts={})
    try:
        text = read_text(name)
        parsed = read(text, name, repeats=True)
    except ConfigError as error:
        return Checked(kind="configuration", findings=error.findings, counts={})
    except UnreadableError as error:
        finding = Finding(file=name, line=0, path="", problem=f"cannot be read: {error}", remedy=remedy)
        return Checked(kind="configuration", findings=(finding,), counts={})
    reader = _reader(parsed.tree)
    return _prometheus(name, parsed, scrutiny) if reader is _prometheus else reader(name, parsed)


ALERTMANAGER: Final = "Alertmanager configuration"


def kind_of(file: str) -> str:
    """Whose format a file has, by its top-level keys. Raises ConfigError."""
    try:
        text = read_text(file)
    except UnreadableError as error:
        problem = f"cannot be read: {error}"
        raise ConfigError([Finding(file=file, line=0, path="", problem=problem, remedy="correct the path")]) from error
    return ALERTMANAGER if _reader(read(text, file, repeats=True).tree) is _alertmanager else ""


def document(checked: Checked) -> dict[str, object]:
    """As JSON."""

    def one(finding: Finding) -> dict[str, object]:
        return {
            "file": finding.file,
            "line": finding.line,
            "column": finding.column,
            "path": finding.path,
            "problem": finding.problem,
            "remedy": finding.remedy,
            "original": finding.original,
        }

    return {
        "kind": checked.kind,
        "ok": not checked.errors,
        "errors": [one(finding) for finding in checked.errors],
        "warnings": [one(finding) for finding in checked.warnings],
        "counts": checked.counts,
    }


def _reader(tree: Tree) -> Callable[[str, Document], Checked]:
    keys = frozenset(tree) if isinstance(tree, dict) else frozenset[str]()
    if "groups" in keys and keys <= _RULES:
        return _rule_file
    if "route" in keys and keys <= _ALERTMANAGER:
        return _alertmanager
    if keys and keys <= _PROMETHEUS:
        return _prometheus
    if keys == _BLACKBOX:
        return _blackbox
    return _own


def _blackbox(name: str, parsed: Document) -> Checked:
    findings = Findings()
    findings.wrong(parsed, ("modules",), "is known but not served yet", BLACKBOX_REMEDY)
    return _checked("blackbox_exporter configuration", findings, {})


def _own(name: str, parsed: Document) -> Checked:
    lint = RoutingLint(now(), receivers=False)  # policies use them as well
    try:
        configuration = load(Overrides(config=name), read_environment(), lint=lint)
    except ConfigError as error:
        return Checked(kind="Watchkeeper configuration", findings=error.findings, counts={})
    paging, ours = configuration.paging, shipped_rules(configuration.groups)
    return Checked(
        kind="Watchkeeper configuration",
        findings=(*configuration.warnings, *lint.found),
        routing=lint.found,
        counts={
            "checks": len(configuration.checks),
            "scrape jobs": len(configuration.jobs),
            **rule_counts(configuration.groups),
            **({"of these rules shipped": ours} if ours else {}),
            "receivers": len(paging.receivers),
            "policies": len(paging.policies),
            "people": len(paging.people),
        },
    )


def _prometheus(name: str, parsed: Document, scrutiny: Scrutiny | None = None) -> Checked:
    how = scrutiny or Scrutiny()
    findings = Findings()
    base = Path(name).parent

    def locate(path: str) -> str:
        return str(base / path)

    parts = read_prometheus(parsed, parsed.tree, (), findings, locate, os.environ)
    sound = not findings.errors
    groups: list[RuleGroup] = []
    repeated: list[Duplicate] = []
    if not how.syntax_only:
        check_named(parsed, findings, locate)
        defaults = Defaults(interval=parts.evaluation_interval, query_offset=parts.query_offset)
        for path in named_rule_files(parts.rule_files, base, parsed, findings):
            found = read_rule_file(path, str(path), defaults, findings)
            groups += found
            # as promtool does: the same rule in two files is not a duplicate
            repeated += duplicates(found)
    doubts = [*_style(parts, repeated, how)] if sound else []
    for doubt in doubts:
        findings.doubt(parsed, (), doubt)
    counts = {"scrape jobs": len(parts.jobs), **rule_counts(groups)}
    return replace(_checked("Prometheus configuration", findings, counts), style=bool(doubts))


def _style(parts: PrometheusParts, repeated: Sequence[Duplicate], how: Scrutiny) -> Iterator[str]:
    if how.style in (Style.ALL, Style.DUPLICATE_RULES):
        for one in repeated:
            yield f"the rule {one.name} is given more than once: its samples or alerts are mixed up or lost"
    if how.style in (Style.ALL, Style.TOO_LONG_SCRAPE_INTERVAL):
        for job in parts.jobs:
            if job.interval >= how.lookback:
                yield (
                    f"the job {job.name} is scraped every {format_duration(job.interval)}, but a query looks back "
                    f"{format_duration(how.lookback)}: there will be gaps"
                )


def _alertmanager(name: str, parsed: Document) -> Checked:
    findings = Findings()
    parsed = findings.without_repeats(parsed)
    lint = RoutingLint(now())
    base = Path(name).parent
    parts = read_alertmanager(parsed, parsed.tree, (), findings, lambda path: str(base / path))
    routes = sum(1 for _ in parts.root.walk()) if parts is not None else 0
    counts = {"receivers": len(parts.receivers) if parts is not None else 0, "routes": routes}
    if parts is not None:
        lint.look(parts, parsed, parsed.tree, ())
        findings.all += lint.found
    return replace(_checked(ALERTMANAGER, findings, counts), routing=lint.found)


def _rule_file(name: str, parsed: Document) -> Checked:
    findings = Findings()
    groups = read_rules(Path(name).read_text(encoding="utf-8"), name, Defaults(), findings)
    return _checked("rule file", findings, rule_counts(groups))


def rule_counts(groups: Sequence[RuleGroup]) -> dict[str, int]:
    """Groups, alerting and recording rules."""
    rules = [rule for group in groups for rule in group.rules]
    alerting = sum(isinstance(rule, AlertingRule) for rule in rules)
    return {"rule groups": len(groups), "alerting rules": alerting, "recording rules": len(rules) - alerting}


def _checked(kind: str, findings: Findings, counts: dict[str, int]) -> Checked:
    return Checked(kind=kind, findings=tuple(findings.all), counts={} if findings.errors else counts)


def show_findings(findings: Sequence[Finding]) -> None:
    """Mistakes first, then what only may be one, in the order of the files."""
    for finding in sorted(findings, key=lambda one: (one.warning, one.file, one.line, one.column)):
        mark = "[yellow]warning[/]  " if finding.warning else "[bold red]error[/]    "
        say(f"{mark}{clean(finding)}")


def _show(checked: Checked) -> None:
    show_findings(checked.findings)
    warned = f", {counted(len(checked.warnings), 'warnings')}" if checked.warnings else ""
    if checked.errors:
        say(f"{checked.kind}: [bold red]{counted(len(checked.errors), 'mistakes')}[/]{warned}")
        return
    held = ", ".join(counted(number, noun) for noun, number in checked.counts.items())
    say(f"{checked.kind}: [green]good[/]{warned}. It has {held}.")


check_config.__doc__ = f"{check_config.__doc__}\n\n{TABLE}"
