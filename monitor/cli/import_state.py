"""`watchkeeper import alertmanager`: take over an Alertmanager's silences and what it has told, so that moving neither repeats
a page nor forgets one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from monitor.alerts.groups import AlertGroup
from monitor.alerts.inheriting import Heard, Inheritance, inherit
from monitor.alerts.placement import Routing
from monitor.alerts.silences import Silence, SilenceState, merge
from monitor.alerts.silencing import Silencing
from monitor.alerts.step import AlertStep
from monitor.chance import Chance
from monitor.cli.check_config import show_findings
from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.showing import clean, counted, say, say_json
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.config.in_place import load_in_place
from monitor.config.loading import DEFAULT_FILE, Overrides, load, read_environment
from monitor.config.overrides import AlertmanagerFlags
from monitor.model.errors import ConfigError, CorruptionError, LockedError, StoreError
from monitor.model.incidents import Actor, Door
from monitor.model.times import Timestamp
from monitor.state.alert_store import SqlAlertStore
from monitor.state.alertmanager_snapshots import read_log, read_silences
from monitor.state.database import Database, WriterThread
from monitor.state.lock import DataLock, untaken
from monitor.state.silence_store import SqlSilenceStore

T = TypeVar("T")
_SHOWN: Final = 5
_ACTOR: Final = Actor(name="import", door=Door.CLI)

app = typer.Typer(no_args_is_help=True, help="Take over the state of another program.")


@app.callback()
def _verbs() -> None:
    """Here so that a single verb still is called by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What an import did, or would do."""

    silences: Mapping[SilenceState, int]
    groups: tuple[AlertGroup, ...]
    known: int
    """Groups that this data folder knew already."""
    homeless: tuple[Heard, ...]
    expired: int


@app.command("alertmanager")
def import_alertmanager(
    folder: Annotated[
        Path, typer.Argument(help="Alertmanager's --storage.path; stop it first, it writes when it stops.")
    ],
    config: Annotated[
        str, typer.Option("--config", help=f"The configuration that takes over; {DEFAULT_FILE}.", show_default=False)
    ] = "",
    config_file: Annotated[
        str,
        typer.Option(
            "--config.file",
            help="Instead of --config: Alertmanager's file, as `watchkeeper alertmanager` is given it.",
            show_default=False,
        ),
    ] = "",
    storage_path: Annotated[
        str,
        typer.Option(
            "--storage.path",
            help="Instead of --config: the folder to write to, as `watchkeeper alertmanager` is given it.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be taken over, and write nothing.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Take over silences and the notification log of an Alertmanager, while the daemon is stopped. What was told by it is
    not told again before its repeat interval; a second import changes nothing."""
    silences = _read(folder / "silences", read_silences)
    heard = _read(folder / "nflog", read_log)
    if silences is None and heard is None:
        raise CommandError(
            Exit.USAGE,
            f"{folder} holds neither `silences` nor `nflog`",
            "name the folder that Alertmanager has as --storage.path, after it has stopped",
        )
    configuration = _configuration(config, config_file, storage_path)
    clock = Clock()
    inherited = inherit(heard or (), _routing(configuration), clock.now())
    try:
        if dry_run:
            taken = asyncio.run(_rehearse(configuration, silences or (), inherited, clock.now()))
        else:
            taken = asyncio.run(_take(configuration, silences or (), inherited, clock))
    except LockedError as error:
        raise CommandError(Exit.REFUSED, str(error), "stop the daemon, import, start it again") from error
    except (StoreError, CorruptionError) as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    if json_:
        say_json(_document(taken, dry_run=dry_run))
    else:
        _show(taken, dry_run=dry_run)


def _read(path: Path, read: Callable[[bytes], T]) -> T | None:
    try:
        return read(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{path} cannot be read: {error.strerror}") from error
    except CorruptionError as error:
        remedy = "nothing was imported; if that part is lost, cut the file at that byte and import the rest"
        raise CommandError(Exit.FINDINGS, f"{path}: {error}", remedy) from error


def _configuration(config: str, config_file: str, storage_path: str) -> Configuration:
    in_place = bool(config_file or storage_path)
    if in_place and config:
        raise CommandError(
            Exit.USAGE,
            "--config goes with `watchkeeper run`, --config.file and --storage.path with `watchkeeper alertmanager`",
            "name what the daemon that takes over is started with",
        )
    usual = AlertmanagerFlags()
    try:
        if in_place:
            return load_in_place(
                AlertmanagerFlags(config_file=config_file or usual.config_file, storage=storage_path or usual.storage)
            )
        configuration = load(Overrides(config=config), read_environment())
    except ConfigError as error:
        show_findings(error.findings)
        raise CommandError(Exit.FINDINGS, "the configuration has mistakes", "see `watchkeeper check-config`") from error
    if not configuration.paging.as_alertmanager:
        raise CommandError(
            Exit.USAGE,
            "the configuration has no Alertmanager section, so no group of it is the same as one of Alertmanager's",
            "set `alertmanager_file: alertmanager.yml` to the file that Alertmanager ran with, or, if "
            "`watchkeeper alertmanager` takes over, give its --config.file and --storage.path",
        )
    return configuration


def _routing(configuration: Configuration) -> Routing:
    return Routing(root=configuration.paging.root, receivers=configuration.paging.receivers)


async def _take(
    configuration: Configuration, silences: Sequence[Silence], inherited: Inheritance, clock: Clock
) -> _Taken:
    now = clock.now()
    with DataLock.take(configuration.storage.folder, now):
        async with _opened(configuration.storage.database) as database:
            groups = await SqlAlertStore.load(database)
            new = await _new(groups, inherited)
            store = await SqlSilenceStore.load(database)
            fresh = merge(store.book.all, silences, now).put
            await Silencing(store, clock, Chance(), changed=lambda: None).merge(silences, _ACTOR)
            await groups.transact([], lambda _: AlertStep(groups=new))
    return _told(fresh, inherited, new, now)


async def _rehearse(
    configuration: Configuration, silences: Sequence[Silence], inherited: Inheritance, now: Timestamp
) -> _Taken:
    """Nothing in the data folder is written or created: a copy of its database is asked."""
    kept = configuration.storage.database
    with tempfile.TemporaryDirectory() as aside:
        with untaken(configuration.storage.folder):
            if not kept.exists():
                return _told(merge({}, silences, now).put, inherited, inherited.groups, now)
            copy = _copied(kept, Path(aside))
        async with _opened(copy) as database:
            new = await _new(await SqlAlertStore.load(database), inherited)
            fresh = merge((await SqlSilenceStore.load(database)).book.all, silences, now).put
    return _told(fresh, inherited, new, now)


def _copied(database: Path, to: Path) -> Path:
    """With its log, which a daemon that was killed leaves behind."""
    try:
        for file in (database, database.with_name(f"{database.name}-wal")):
            if file is database or file.exists():
                shutil.copyfile(file, to / file.name)
    except OSError as error:
        raise StoreError(f"{database} cannot be copied to be looked at: {error.strerror}") from error
    return to / database.name


@contextlib.asynccontextmanager
async def _opened(path: Path) -> AsyncGenerator[Database]:
    database = Database.open(path, WriterThread())
    try:
        yield database
    finally:
        await database.close()


async def _new(groups: SqlAlertStore, inherited: Inheritance) -> tuple[AlertGroup, ...]:
    known = {group.id for group in await groups.groups()}
    return tuple(group for group in inherited.groups if group.id not in known)


def _told(silences: Sequence[Silence], inherited: Inheritance, new: tuple[AlertGroup, ...], now: Timestamp) -> _Taken:
    return _Taken(
        silences=Counter(silence.state(now) for silence in silences),
        groups=new,
        known=len(inherited.groups) - len(new),
        homeless=inherited.homeless,
        expired=inherited.expired,
    )


def _show(taken: _Taken, *, dry_run: bool) -> None:
    done = "would be taken over" if dry_run else "taken over"
    states = ", ".join(f"{taken.silences[state]} {state.value}" for state in SilenceState if taken.silences.get(state))
    say(f"{counted(sum(taken.silences.values()), 'silences')} {done}{f': {states}' if states else ''}")
    receivers = {entry.destination.receiver for group in taken.groups for entry in group.log}
    say(
        f"{counted(len(taken.groups), 'groups')} {done}, told to {counted(len(receivers), 'receivers')}: "
        "they are not told again before their repeat interval"
    )
    if taken.known:
        say(f"[dim]{counted(taken.known, 'groups')} known here already and left alone[/]")
    if taken.expired:
        say(f"[dim]{counted(taken.expired, 'entries')} of the notification log had expired[/]")
    if taken.homeless:
        say(
            f"[yellow]{counted(len(taken.homeless), 'entries')} fit no route and receiver of this configuration[/]; "
            "if their alerts fire, they are told anew:"
        )
        for one in taken.homeless[:_SHOWN]:
            say(f"  {clean(one.group_key)}  {clean(str(one.destination))}")
        if len(taken.homeless) > _SHOWN:
            say(f"  … and {len(taken.homeless) - _SHOWN} more")


def _document(taken: _Taken, *, dry_run: bool) -> dict[str, object]:
    return {
        "written": not dry_run,
        "silences": {state.value: taken.silences.get(state, 0) for state in SilenceState},
        "groups": len(taken.groups),
        "known_groups": taken.known,
        "expired_entries": taken.expired,
        "homeless_entries": [{"group_key": one.group_key, "receiver": str(one.destination)} for one in taken.homeless],
    }
