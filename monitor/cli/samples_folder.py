"""The samples of a stopped daemon: its data folder, locked for as long as a command works on it."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from monitor.cli.check_config import show_findings
from monitor.cli.exits import CommandError, Exit
from monitor.cli.showing import complain, now
from monitor.config.loading import DEFAULT_FILE, Overrides, load, read_environment
from monitor.matching.matchers import Matcher
from monitor.model.errors import ConfigError, LockedError, QueryError, StoreError
from monitor.model.times import DAY, Millis, Timestamp, parse_rfc3339
from monitor.promql.parser import parse_selector
from monitor.state.lock import DataLock
from monitor.tsdb.snapshot import snapshot
from monitor.tsdb.store import SampleStore

DataOption: TypeAlias = Annotated[
    str,
    typer.Option("--data", help="The data folder; that of the configuration if it is not given.", show_default=False),
]
ConfigOption: TypeAlias = Annotated[
    str, typer.Option("--config", help=f"The configuration that names it; {DEFAULT_FILE}.", show_default=False)
]

FOREVER: Final[Millis] = 200 * 365 * DAY
ALWAYS: Final = (-(1 << 61), 1 << 61)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """Where samples are, and how long the daemon keeps them."""

    path: Path
    retention: Millis

    @property
    def samples(self) -> Path:
        return self.path / "samples"


def data_folder(data: str, config: str) -> DataFolder:
    """What the options name. Raises CommandError."""
    try:
        storage = load(Overrides(config=config, data=data), read_environment()).storage
    except ConfigError as error:
        if data and not config:  # a folder alone is enough to read it; how long samples are kept is then not known
            return DataFolder(path=Path(data), retention=FOREVER)
        show_findings(error.findings)
        raise CommandError(
            Exit.FINDINGS, "the configuration has mistakes", "see `watchkeeper check-config`, or give --data"
        ) from error
    return DataFolder(path=storage.folder, retention=storage.retention)


@contextmanager
def locked(folder: DataFolder, *, create: bool = False) -> Generator[None]:
    """The folder is ours meanwhile. Raises CommandError if a daemon has it, or if it is none."""
    if not create and not folder.samples.is_dir():
        raise CommandError(
            Exit.NOT_FOUND, f"there are no samples in {folder.path}", "name the daemon's data folder with --data"
        )
    try:
        lock = DataLock.take(folder.path, now())
    except LockedError as error:
        raise CommandError(
            Exit.REFUSED, str(error), "what a running daemon holds is asked with `watchkeeper query` or /federate"
        ) from error
    except StoreError as error:
        raise CommandError(Exit.FAILED, str(error), "run this as the user that the daemon runs as") from error
    with lock:
        yield


@contextmanager
def stored(folder: DataFolder) -> Generator[SampleStore]:
    """All samples of a folder, which is not changed. Raises CommandError."""
    with locked(folder), tempfile.TemporaryDirectory(prefix="watchkeeper-samples-") as copy:
        try:
            snapshot(folder.samples, Path(copy))
        except OSError as error:
            raise CommandError(Exit.FAILED, f"{folder.samples} cannot be read: {error}") from error
        store, report = SampleStore.recover(Path(copy), FOREVER, now())
        for problem in report.problems:
            complain(f"note: {problem}")
        told = set(store.health().problems)
        yield store
        for problem in store.health().problems:
            if problem not in told:
                complain(f"note: {problem}")


def selectors(given: Sequence[str] | None) -> list[Sequence[Matcher]]:
    """What `--match` selects; everything if it is not given. Raises CommandError."""
    found: list[Sequence[Matcher]] = []
    for text in given or ():
        try:
            found.append(parse_selector(text).matchers)
        except QueryError as error:
            raise CommandError(Exit.USAGE, f'--match: "{text}": {error}', "write it as 'up{job=\"api\"}'") from error
    return found or [()]


def instant(
    text: str, option: str, default: Timestamp, *, remedy: str = "write 2026-01-02T03:04:05Z, or seconds since 1970"
) -> Timestamp:
    """RFC 3339, or Unix seconds; `default` if there is nothing. Raises CommandError."""
    if not text:
        return default
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f'{option}: "{text}" is no time', remedy) from error
