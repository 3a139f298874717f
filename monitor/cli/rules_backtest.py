"""`watchkeeper rules backtest`: what rules would have done to the samples that are there.

The samples are those of a data folder, which may be in use, or those behind an address: a running
Watchkeeper or anything else that answers Prometheus's `query_range`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.cli.check_config import show_findings
from monitor.cli.connection import Daemon, rows
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import HERE, FeatureOption, JsonOption, TokenOption, UrlOption, daemon, feature_names
from monitor.cli.showing import clean, clock_time, complain, counted, now, say, say_json
from monitor.columns.sink import SampleSink
from monitor.config.findings import Findings
from monitor.config.loading import DEFAULT_FILE, Overrides, load, read_environment
from monitor.config.rule_files import read_rule_file
from monitor.model.errors import ConfigError, EvaluationError
from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.samples import Sample, Series, Vector
from monitor.model.times import DAY, MINUTE, Millis, Timestamp, parse_duration, parse_rfc3339, rfc3339, spoken_duration
from monitor.promql.engine import Options
from monitor.promql.features import Features
from monitor.promql.nodes import Expr
from monitor.promql.printer import to_text
from monitor.rules.backtest import Episode, RuleHistory, backtest
from monitor.rules.groups import AlertingRule, Rule, RuleGroup
from monitor.rules.history import Overlaid, PastQuerier, needed_before, recorded_before, written_names
from monitor.rules.inline import InlineQuerier
from monitor.rules.options import NoData, data_expr
from monitor.rules.ports import Querier
from monitor.rules.rule_files import Defaults
from monitor.rules.texts import World
from monitor.tsdb.contents import span
from monitor.tsdb.snapshot import snapshot
from monitor.tsdb.store import SampleStore

_LONGEST: Final[Millis] = 200 * 365 * DAY
_PAUSE: Final[Millis] = MINUTE
"""Samples that end no longer before the end of the replay are those of a daemon that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is replayed, and under which configuration."""

    groups: tuple[RuleGroup, ...]
    world: World


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where the past is asked."""

    past: Querier
    present: Querier
    samples: SampleSink
    span: tuple[Timestamp, Timestamp] | None = None
    """The first and the last time of which there are samples, if that is known."""


class AddressQuerier:
    """Implements `ports.Querier` on Prometheus's HTTP API. Blocks: nobody else is there."""

    def __init__(self, address: Daemon) -> None:
        self._address = address

    def __repr__(self) -> str:
        return f"AddressQuerier({self._address!r})"

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        data = self._ask("/api/v1/query", query=_text(query), time=at / 1000)
        if data["resultType"] == "scalar":
            return (Sample(Labels(), at, float(data["result"][1])),)
        return tuple(
            Sample(Labels(one["metric"]), at, float(one["value"][1])) for one in rows(data["result"]) if "value" in one
        )

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        asked = {"query": _text(query), "start": start / 1000, "end": end / 1000, "step": step / 1000}
        return [
            Series(Labels(one["metric"]), tuple((round(float(at) * 1000), float(value)) for at, value in one["values"]))
            for one in rows(self._ask("/api/v1/query_range", **asked)["result"])
            if "values" in one
        ]

    def _ask(self, path: str, **query: object) -> Any:
        try:
            return self._address.get(path, **query)["data"]
        except CommandError as error:
            if error.code is Exit.FINDINGS:  # 422: the expression is to blame
                raise EvaluationError(error.message) from error
            raise


def backtest_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Rule files; those of the configuration if none is given.", show_default=False),
    ] = None,
    since: Annotated[str, typer.Option("--since", help="How long ago it begins, or when (RFC 3339).")] = "1d",
    until: Annotated[str, typer.Option("--until", help="When it ends (RFC 3339); now.", show_default=False)] = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Read this data folder instead of asking an address.", show_default=False),
    ] = None,
    config: Annotated[
        str,
        typer.Option(
            "--config", help=f"Take rules, `rule_options` and labels from it; {DEFAULT_FILE}.", show_default=False
        ),
    ] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    enable_feature: FeatureOption = None,
    json_: JsonOption = False,
) -> None:
    """Replay stored samples through rules, and tell what would have fired, when, and for how long."""
    end = _instant(until, "--until") if until else now()
    begin = _since(since, end)
    promql = Options.flagged(feature_names(enable_feature))
    subject = _subject(files or [], config, promql.features)
    with _source(subject, data, daemon(url, token_file), end, promql) as source:
        if source.span is not None:
            begin, end = _within(source.span, begin, end)
        told = asyncio.run(
            backtest(
                subject.groups,
                PastQuerier(subject.groups, source.past, source.present, end),
                source.samples,
                begin=max(begin - needed_before(subject.groups), source.span[0] if source.span is not None else 0),
                since=begin,
                until=end,
                world=subject.world,
            )
        )
    if json_:
        say_json(_document(told, begin, end))
        return
    if data is None and (blind := recorded_before(subject.groups)):
        names = ", ".join(blind[:5]) + (", ..." if len(blind) > 5 else "")
        complain(
            f"note: {names}: read series that rules record, as they were recorded at the time (--data replays them)"
        )
    _show(told, begin, end)


def _subject(files: Sequence[Path], config: str, features: Features) -> _Subject:
    """Groups with their options. Raises CommandError when a file is wrong."""
    findings = Findings()
    groups: list[RuleGroup] = []
    world, interval = World(), MINUTE
    if config or not files:
        try:
            whole = load(Overrides(config=config), read_environment())
        except ConfigError as error:
            show_findings(error.findings)
            raise CommandError(
                Exit.FINDINGS, "the configuration has mistakes", "see `watchkeeper check-config`"
            ) from error
        world = World(external_labels=whole.leaving.labels, external_url=whole.external_url)
        groups, interval = list(whole.groups), whole.queries.subquery_step
    if files:
        if not config:
            complain(
                "note: groups that name no interval are evaluated every minute; --config takes the configuration's"
            )
        defaults = Defaults(interval=interval, features=features)
        read = [group for file in files for group in read_rule_file(file, str(file), defaults, findings)]
        groups = _with_options_of(groups, read)
    if findings.errors:
        show_findings(findings.errors)
        raise CommandError(Exit.FINDINGS, "the rule files have mistakes", "see `watchkeeper rules check`")
    if not any(isinstance(rule, AlertingRule) for group in groups for rule in group.rules):
        raise CommandError(Exit.USAGE, "there is no alerting rule to replay", "name a rule file that has one")
    return _Subject(groups=tuple(groups), world=world)


def _with_options_of(configured: Sequence[RuleGroup], groups: Sequence[RuleGroup]) -> list[RuleGroup]:
    """Other rules with the options that the configuration has for rules of the same group and name."""
    options = {
        (group.name, rule.name): rule.options
        for group in configured
        for rule in group.rules
        if isinstance(rule, AlertingRule) and not rule.options.plain
    }

    def optioned(group: RuleGroup, rule: Rule) -> Rule:
        given = options.get((group.name, rule.name))
        if given is None or not isinstance(rule, AlertingRule):
            return rule
        data = data_expr(rule.expr) if given.no_data is not NoData.RESOLVE else None
        return replace(rule, options=replace(given, data=data))

    return [replace(group, rules=tuple(optioned(group, rule) for rule in group.rules)) for group in groups]


@contextmanager
def _source(
    subject: _Subject, data: Path | None, address: Daemon, end: Timestamp, promql: Options
) -> Generator[_Source]:
    own = SampleStore.in_memory(_LONGEST)
    if data is None:
        there = AddressQuerier(address)
        yield _Source(past=there, present=there, samples=own)
        return
    with _stored(data, end) as stored:
        seen = stored.view()
        names = written_names(subject.groups)
        yield _Source(
            past=InlineQuerier(lambda: seen, promql),
            present=InlineQuerier(lambda: Overlaid(seen, own.view, names), promql),
            samples=own,
            span=span(stored),
        )


def _within(known: tuple[Timestamp, Timestamp], begin: Timestamp, end: Timestamp) -> tuple[Timestamp, Timestamp]:
    """The time asked about, as far as there are samples: before the first one and after the last one a daemon knew nothing,
    where a rule would find the last value for a while, or that everything is absent. Raises CommandError."""
    first, last = known
    if first >= end or last <= begin:
        there = f"there are samples from {rfc3339(first)} to {rfc3339(last)}"
        raise CommandError(
            Exit.USAGE, f"nothing is known of the time that is asked about: {there}", "see --since, --until"
        )
    if first > begin:
        complain(f"note: the samples begin at {rfc3339(first)}, and so does the replay")
    if last + _PAUSE < end:
        complain(f"note: the samples end at {rfc3339(last)}, and so does the replay")
    return max(begin, first), min(end, last)


@contextmanager
def _stored(data: Path, at: Timestamp) -> Generator[SampleStore]:
    """The samples of a data folder, which is not changed and may be in use."""
    folder = data / "samples" if (data / "samples").is_dir() else data
    if not folder.is_dir():
        raise CommandError(Exit.USAGE, f"{data} is no folder", "name the daemon's data folder, or ask it with --url")
    with tempfile.TemporaryDirectory(prefix="watchkeeper-backtest-") as copy:
        try:
            snapshot(folder, Path(copy))
        except OSError as error:
            raise CommandError(Exit.FAILED, f"{folder} cannot be read: {error}") from error
        store, report = SampleStore.recover(Path(copy), _LONGEST, max(at, now()))
        for problem in report.problems:
            complain(f"note: {problem}")
        if not report.rows and not store.stats().blocks:
            complain(f"note: there are no samples in {folder}")
        told = set(store.health().problems)
        yield store
        for problem in store.health().problems:
            if problem not in told:
                complain(f"note: {problem}")


def _since(text: str, end: Timestamp) -> Timestamp:
    try:
        begin = end - parse_duration(text)
    except ValueError:
        begin = _instant(text, "--since")
    if begin >= end:
        raise CommandError(Exit.USAGE, "--since must be before the end", "write it as 7d")
    return begin


def _instant(text: str, option: str) -> Timestamp:
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        remedy = "write 7d or 2026-01-02T03:04:05Z"
        raise CommandError(Exit.USAGE, f'{option}: "{text}" is no time', remedy) from error


def _text(query: Expr | str) -> str:
    return query if isinstance(query, str) else to_text(query)


def _show(told: Sequence[RuleHistory], begin: Timestamp, end: Timestamp) -> None:
    for one in told:
        if not (one.episodes or one.failures or one.only_pending):
            continue
        say(f"[bold]{clean(one.rule.name)}[/]  {clean(one.group)} in {clean(one.file)}{_sum(one.episodes, end)}")
        for episode in one.episodes:
            say(f"  {clock_time(episode.fired_at)}  {_lasted(episode, end)}  {clean(_others(episode.labels))}")
        if one.only_pending:
            say(f"  [dim]pending and over before it fired: {counted(one.only_pending, 'times')}[/]")
        if one.failures:
            say(f"  [yellow]{counted(one.failures, 'evaluations')} failed[/]: {clean(one.last_error)}")
    episodes = [episode for one in told for episode in one.episodes]
    fired = sum(bool(one.episodes) for one in told)
    say(
        f"{fired} of {counted(len(told), 'alerting rules')} fired{_sum(episodes, end)}, "
        f"from {clock_time(begin)} to {clock_time(end)}"
    )


def _sum(episodes: Sequence[Episode], end: Timestamp) -> str:
    if not episodes:
        return ""
    spans = [episode.lasted(end) for episode in episodes]
    longest = f", {spoken_duration(max(spans))} at the longest" if len(spans) > 1 else ""
    return f", {counted(len(spans), 'times')}, {spoken_duration(sum(spans))} in all{longest}"


def _lasted(episode: Episode, end: Timestamp) -> str:
    span = spoken_duration(episode.lasted(end))
    return f"[bold red]still fires after {span}[/]" if episode.ended_at is None else f"for {span}"


def _others(labels: Labels) -> str:
    return str(labels.without(ALERT_NAME))


def _document(told: Sequence[RuleHistory], begin: Timestamp, end: Timestamp) -> dict[str, object]:
    return {
        "since": rfc3339(begin),
        "until": rfc3339(end),
        "rules": [
            {
                "file": one.file,
                "group": one.group,
                "alert": one.rule.name,
                "fired": [
                    {
                        "labels": dict(episode.labels),
                        "active_at": rfc3339(episode.active_at),
                        "fired_at": rfc3339(episode.fired_at),
                        "ended_at": rfc3339(episode.ended_at) if episode.ended_at is not None else None,
                        "seconds": episode.lasted(end) / 1000,
                    }
                    for episode in one.episodes
                ],
                "only_pending": one.only_pending,
                "failed_evaluations": one.failures,
                "last_error": one.last_error,
            }
            for one in told
        ],
    }
