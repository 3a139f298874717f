"""`watchkeeper alerts replay`: what a configuration would have sent of alerts that there were, and `alerts history`: those.

The history is a file, or is read from the data folder of a daemon, which may be running: nothing there is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from monitor.alerts.history import from_lines, since, to_line
from monitor.alerts.maintenance_book import Entry
from monitor.alerts.silences import Silence
from monitor.cli.check_config import ALERTMANAGER, counted, kind_of, show_findings
from monitor.cli.connection import fields
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.samples_folder import instant
from monitor.cli.showing import clean, clock_time, complain, now, say, say_json
from monitor.config.configuration import Configuration
from monitor.config.in_place import load_in_place
from monitor.config.loading import DEFAULT_FILE, Overrides, load, read_environment
from monitor.config.overrides import AlertmanagerFlags
from monitor.model.alerts import Alert
from monitor.model.dataclass import dataclass
from monitor.model.errors import ConfigError, CorruptionError, StoreError
from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import DAY, HOUR, LAST_INSTANT, Millis, Timestamp, parse_duration, rfc3339, spoken_duration
from monitor.simulate.comparing import Difference, compare
from monitor.simulate.replay import Quiet, Replayed, Telling, replay
from monitor.state.alert_history import stored_history

_SHOWN: Final = 20
_NAMED: Final = 3
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
        _show_alone(after, begin, end, all_=all_, json_=json_)
        return
    before = replay(former, past.alerts, past.silences, begin, end, past.maintenance)
    difference = compare(before.told, after.told)
    muting = _muting_changes(before, after)
    if json_:
        say_json(
            {**_span(begin, end), **_difference_document(difference), **muting.document(), "trouble": after.trouble}
        )
    else:
        _show_difference(difference, muting, after, begin, end, all_=all_)
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


# -- what is replayed -------------------------------------------------------------------------------------------------------


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


# -- what is told -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _MutingChanges:
    """What is muted, or heard by nobody, under one of two configurations only."""

    muted: tuple[Quiet, ...]
    unmuted: tuple[Quiet, ...]
    unheard: tuple[Labels, ...]
    heard: tuple[Labels, ...]

    @property
    def is_any(self) -> bool:
        return bool(self.muted or self.unmuted or self.unheard or self.heard)

    def document(self) -> dict[str, object]:
        return {
            "newly_muted": [_quiet_document(one) for one in self.muted],
            "no_longer_muted": [_quiet_document(one) for one in self.unmuted],
            "newly_unheard": [dict(labels) for labels in self.unheard],
            "no_longer_unheard": [dict(labels) for labels in self.heard],
        }


def _muting_changes(before: Replayed, after: Replayed) -> _MutingChanges:
    def only(some: Iterable[Quiet], others: Iterable[Quiet]) -> tuple[Quiet, ...]:
        known = {(one.labels, one.to, one.reason, one.by) for one in others}
        return tuple(one for one in some if (one.labels, one.to, one.reason, one.by) not in known)

    return _MutingChanges(
        muted=only(after.quiet, before.quiet),
        unmuted=only(before.quiet, after.quiet),
        unheard=tuple(one for one in after.unheard if one not in set(before.unheard)),
        heard=tuple(one for one in before.unheard if one not in set(after.unheard)),
    )


def _show_alone(after: Replayed, begin: Timestamp, end: Timestamp, *, all_: bool, json_: bool) -> None:
    if json_:
        told = [_telling_document(one) for one in after.told]
        quiet = [_quiet_document(one) for one in after.quiet]
        unheard = [dict(labels) for labels in after.unheard]
        say_json({**_span(begin, end), "told": told, "muted": quiet, "unheard": unheard, "trouble": after.trouble})
        return
    _list("told", [_telling_line(one) for one in after.told], all_)
    _list("muted", [_quiet_line(one) for one in after.quiet], all_)
    _list("heard by nobody", [clean(str(labels)) for labels in after.unheard], all_)
    _list("trouble", [clean(one) for one in after.trouble], all_)
    say(f"{counted(len(after.told), 'messages')} {_from_to(begin, end)}")


def _show_difference(
    difference: Difference, muting: _MutingChanges, after: Replayed, begin: Timestamp, end: Timestamp, *, all_: bool
) -> None:
    _list("new", [_telling_line(one) for one in difference.new], all_)
    _list("gone", [_telling_line(one) for one in difference.gone], all_)
    _list("sent elsewhere", [_pair_line(*pair) for pair in difference.elsewhere], all_)
    _list("at another time", [_pair_line(*pair) for pair in difference.moved], all_)
    _list("newly muted", [_quiet_line(one) for one in muting.muted], all_)
    _list("no longer muted", [_quiet_line(one) for one in muting.unmuted], all_)
    _list("now heard by nobody", [clean(str(labels)) for labels in muting.unheard], all_)
    _list("was heard by nobody", [clean(str(labels)) for labels in muting.heard], all_)
    _list("trouble", [clean(one) for one in after.trouble], all_)
    parts = [
        f"{difference.same} the same",
        *(
            f"{len(some)} {word}"
            for word, some in (
                ("new", difference.new),
                ("gone", difference.gone),
                ("sent elsewhere", difference.elsewhere),
                ("at another time", difference.moved),
            )
            if some
        ),
    ]
    say(f"Messages {_from_to(begin, end)}: {', '.join(parts)}")


def _list(word: str, lines: Sequence[str], all_: bool) -> None:
    if not lines:
        return
    say(f"[bold]{word}[/]")
    for line in lines if all_ else lines[:_SHOWN]:
        say(f"  {line}")
    if len(lines) > _SHOWN and not all_:
        say(f"  [dim]and {len(lines) - _SHOWN} more (--all)[/]")


def _telling_line(one: Telling) -> str:
    return f"{clock_time(rfc3339(one.at))}  {_to(one)}  {_what(one)}  {clean(one.group)}  {_alerts(one)}"


def _pair_line(before: Telling, after: Telling) -> str:
    if (before.to, before.by) == (after.to, after.by):
        span = spoken_duration(abs(after.at - before.at))
        moved = f"{_to(after)} {span} {'later' if after.at > before.at else 'earlier'}"
    else:
        moved = f"{_to(before)} → {_to(after)}"
    return f"{clock_time(rfc3339(after.at))}  {moved}  {_what(after)}  {clean(after.group)}  {_alerts(after)}"


def _to(one: Telling) -> str:
    return f"[bold]{clean(one.to)}[/]/{clean(one.by)}"


def _what(one: Telling) -> str:
    """`first`, `repeat`, `resolved`, or the reason in its own words."""
    if one.reason is NotifyReason.FIRST:
        return "[red]first[/]"
    if one.reason is NotifyReason.REPEAT:
        return "repeat"
    if one.kind is MessageKind.RESOLVE:
        return "[green]resolved[/]"
    return f"{one.kind.value} ({one.reason.value})" if one.reason is NotifyReason.STEP else one.reason.value


def _alerts(one: Telling) -> str:
    labels = sorted(one.firing or one.resolved, key=str)
    named = ", ".join(clean(_short(some)) for some in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"{named}{more}"


def _short(labels: Labels) -> str:
    return f"{labels.get(ALERT_NAME, '')}{labels.without(ALERT_NAME)}"


def _quiet_line(one: Quiet) -> str:
    when = clock_time(rfc3339(one.since))
    until = f" to {clock_time(rfc3339(one.until))}" if one.until > one.since else ""
    return f"{when}{until}  {clean(one.to)}  {one.reason.sentence} ({clean(', '.join(one.by))})  {clean(_short(one.labels))}"


def _from_to(begin: Timestamp, end: Timestamp) -> str:
    return f"from {clock_time(rfc3339(begin))} to {clock_time(rfc3339(end))}"


def _span(begin: Timestamp, end: Timestamp) -> dict[str, object]:
    return {"since": rfc3339(begin), "until": rfc3339(end)}


def _difference_document(difference: Difference) -> dict[str, object]:
    def pairs(some: Sequence[tuple[Telling, Telling]]) -> list[object]:
        return [{"before": _telling_document(one), "after": _telling_document(other)} for one, other in some]

    return {
        "same": difference.same,
        "new": [_telling_document(one) for one in difference.new],
        "gone": [_telling_document(one) for one in difference.gone],
        "elsewhere": pairs(difference.elsewhere),
        "at_another_time": pairs(difference.moved),
    }


def _telling_document(one: Telling) -> dict[str, object]:
    return {
        "at": rfc3339(one.at),
        "to": one.to,
        "integration": one.by,
        "kind": one.kind.value,
        "reason": one.reason.value,
        "group": one.group,
        "firing": sorted((dict(labels) for labels in one.firing), key=str),
        "resolved": sorted((dict(labels) for labels in one.resolved), key=str),
    }


def _quiet_document(one: Quiet) -> dict[str, object]:
    return {
        "labels": dict(one.labels),
        "to": one.to,
        "group": one.group,
        "reason": one.reason.value,
        "by": list(one.by),
        "since": rfc3339(one.since),
        "until": rfc3339(one.until),
    }
