"""`watchkeeper alerts replay`: what a configuration would have sent of alerts that there were, and `alerts history`: those.

The history is a file, or is read from the data folder of a daemon, which may be running: nothing there is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from monitor.alerts.history import from_lines, since, to_line
from monitor.alerts.maintenance_book import Entry
from monitor.alerts.silences import Silence
from monitor.cli.check_config import ALERTMANAGER, kind_of, show_findings
from monitor.cli.connection import fields
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.replay_words import difference_document, muting_changes, show_alone, show_difference, span_document
from monitor.cli.samples_folder import instant
from monitor.cli.showing import clock_time, complain, now, say_json
from monitor.config.configuration import Configuration
from monitor.config.in_place import load_in_place
from monitor.config.loading import DEFAULT_FILE, Overrides, load, read_environment
from monitor.config.overrides import AlertmanagerFlags
from monitor.model.alerts import Alert
from monitor.model.errors import ConfigError, CorruptionError, StoreError
from monitor.model.times import DAY, HOUR, LAST_INSTANT, Millis, Timestamp, parse_duration, rfc3339
from monitor.simulate.comparing import compare
from monitor.simulate.replay import replay
from monitor.state.alert_history import stored_history

_SPAN: Final = "7d"
_LONGEST_LINE: Final = 1 << 20
_AFTER: Final[Millis] = HOUR
"""So long after the last line of a file: what it brings about is told by then."""

_LONGEST: Final[Millis] = 366 * DAY
"""Every flush of that time is lived through: a wrong year in a file must not keep somebody waiting for ever."""

SinceOption: TypeAlias = Annotated[str, typer.Option("--since", help="How long ago it begins, or when (RFC 3339).")]
UntilOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--until", help="When it ends (RFC 3339); now, or an hour after the end of the file.", show_default=False
    ),
]
DataOption: TypeAlias = Annotated[
    str, typer.Option("--data", help="The data folder; that of the present configuration.", show_default=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What there was."""

    alerts: Sequence[Alert]
    silences: Sequence[Silence]
    maintenance: Sequence[Entry]


def history_command(
    since_: SinceOption = _SPAN,
    until: UntilOption = "",
    data: DataOption = "",
    config: Annotated[
        str,
        typer.Option(
            "--config", help=f"The configuration that names the data folder; {DEFAULT_FILE}.", show_default=False
        ),
    ] = "",
) -> None:
    """Print when alerts began to fire and when they ended, a line of JSON each, as `alerts replay --history` reads them."""
    end = instant(until, "--until", now())
    begin = _since(since_, end)
    past = _stored(data or str(_own(config).storage.folder))
    for alert in since(past.alerts, begin):
        if alert.updated_at < end:
            sys.stdout.write(f"{to_line(alert)}\n")


def replay_command(
    config: Annotated[str, typer.Argument(help="The changed configuration: ours, or an alertmanager.yml.")],
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help=f"The configuration to compare with: the present one, {DEFAULT_FILE} or WATCHKEEPER_CONFIG, if there is one.",
            show_default=False,
        ),
    ] = "",
    history: Annotated[
        str,
        typer.Option(
            "--history",
            help="A file of lines as `alerts history` prints them; - is standard input.",
            show_default=False,
        ),
    ] = "",
    data: DataOption = "",
    since_: Annotated[
        str,
        typer.Option(
            "--since",
            help=f"How long ago it begins, or when (RFC 3339); {_SPAN}, or the beginning of the file.",
            show_default=False,
        ),
    ] = "",
    until: UntilOption = "",
    all_: Annotated[
        bool, typer.Option("--all", "-a", help="Show everything, not only the first of each kind.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Replay past alerts through a changed configuration, and tell who would be told what, beside the present one. Exit code 1
    if anything is different."""
    present = against or _present()
    former = _configuration(present, "") if present else None
    changed = _configuration(config, present if former is not None and former.paging.as_alertmanager else "")
    past = _file(history) if history else _stored(data or str((former or changed).storage.folder))
    last = min(past.alerts[-1].updated_at + _AFTER, LAST_INSTANT) if history else now()
    end = instant(until, "--until", last)
    begin = past.alerts[0].updated_at if history and not since_ else _since(since_ or _SPAN, end)
    if end - begin > _LONGEST:
        problem = f"from {rfc3339(begin)} to {rfc3339(end)} is more than a year"
        raise CommandError(Exit.USAGE, problem, "name a part with --since and --until, or mend `at` in the file")
    if not any(begin <= alert.updated_at < end or alert.ends_at > begin for alert in past.alerts):
        complain(f"note: no alert fired from {clock_time(rfc3339(begin))} to {clock_time(rfc3339(end))}")
    after = replay(changed, past.alerts, past.silences, begin, end, past.maintenance)
    if former is None:
        show_alone(after, begin, end, all_=all_, json_=json_)
        return
    before = replay(former, past.alerts, past.silences, begin, end, past.maintenance)
    difference = compare(before.told, after.told)
    muting = muting_changes(before, after)
    if json_:
        say_json(
            {
                **span_document(begin, end),
                **difference_document(difference),
                **muting.document(),
                "trouble": after.trouble,
            }
        )
    else:
        show_difference(difference, muting, after, begin, end, all_=all_)
    if not difference.is_none or muting.is_any:
        raise typer.Exit(Exit.FINDINGS)


def _since(text: str, end: Timestamp) -> Timestamp:
    try:
        begin = end - parse_duration(text)
    except ValueError:
        begin = instant(text, "--since", end, remedy="write 7d for so long ago, or 2026-01-02T03:04:05Z")
    if begin >= end:
        raise CommandError(Exit.USAGE, "--since must be before the end", "write it as 7d")
    return begin


def _present() -> str:
    name = read_environment().config or DEFAULT_FILE
    return name if Path(name).is_file() else ""


def _own(config: str) -> Configuration:
    try:
        return load(Overrides(config=config), read_environment())
    except ConfigError as error:
        raise _bad(error) from error


def _configuration(file: str, inside: str) -> Configuration:
    """`inside`: an Alertmanager configuration is read as part of this one, if that is ours. Raises CommandError."""
    _refuse_history(file)
    try:
        if kind_of(file) != ALERTMANAGER:
            return load(Overrides(config=file), read_environment())
        if inside and kind_of(inside) != ALERTMANAGER:
            return load(Overrides(config=inside, alertmanager_file=file), read_environment())
        return load_in_place(AlertmanagerFlags(config_file=file))
    except ConfigError as error:
        raise _bad(error) from error


def _refuse_history(file: str) -> None:
    """Raises CommandError for a file of lines as `alerts history` prints them."""
    try:
        with Path(file).open(encoding="utf-8") as stream:
            first = fields(json.loads(stream.readline(_LONGEST_LINE)))
    except (OSError, ValueError):
        return  # no history; what else is wrong is told by whoever reads it
    if {"at", "labels"} <= first.keys():
        remedy = f"give it with --history, and a configuration: alerts replay {DEFAULT_FILE} --history {file}"
        raise CommandError(Exit.USAGE, f"{file} is a history of alerts, and no configuration", remedy)


def _bad(error: ConfigError) -> CommandError:
    show_findings(error.findings)
    return CommandError(Exit.FINDINGS, "the configuration has mistakes", "see `watchkeeper check-config`")


def _file(name: str) -> _Past:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        alerts = list(from_lines(text.split("\n")))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise CommandError(Exit.USAGE, f"--history: {name} cannot be read: {reason}", "correct the path") from error
    except ValueError as error:
        remedy = "`watchkeeper alerts history` prints such lines"
        raise CommandError(Exit.FINDINGS, f"{name}: {error}", remedy) from error
    if not alerts:
        raise CommandError(Exit.FINDINGS, f"{name} has no alerts", "`watchkeeper alerts history` prints what is stored")
    return _Past(alerts=alerts, silences=(), maintenance=())


def _stored(folder: str) -> _Past:
    try:
        alerts, silences, maintenance = stored_history(Path(folder) / "state.db")
    except (StoreError, CorruptionError) as error:
        remedy = "name the daemon's data folder with --data, or a file with --history"
        raise CommandError(Exit.NOT_FOUND, str(error), remedy) from error
    return _Past(alerts=alerts, silences=silences, maintenance=maintenance)
