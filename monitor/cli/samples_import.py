"""`watchkeeper samples import`: OpenMetrics text becomes blocks of samples."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import JsonOption
from monitor.cli.samples_folder import FOREVER, ConfigOption, DataFolder, DataOption, data_folder, locked
from monitor.cli.showing import complain, counted, now, say, say_json
from monitor.model.errors import ExpositionError, RequestError
from monitor.model.times import Timestamp, rfc3339, spoken_duration
from monitor.scrape.exposition.dated import DatedSamples
from monitor.tsdb.imports import Import, Imported

_TOLD_EACH: Final = 256 << 20


def import_(
    file: Annotated[
        Path, typer.Argument(help="OpenMetrics text in which every sample has a time; - is standard input.")
    ],
    data: DataOption = "",
    config: ConfigOption = "",
    json_: JsonOption = False,
) -> None:
    """Take samples from an OpenMetrics file into the data folder of a stopped daemon: those of `samples export`, or any
    that `promtool tsdb create-blocks-from openmetrics` takes. Samples that are there already stay as they are."""
    folder = data_folder(data, config)
    with _opened(file) as source, locked(folder, create=True):
        try:
            told, span = _taken(source, str(file), folder)
        except ExpositionError as error:
            raise CommandError(Exit.FINDINGS, f"{file}: {error}", "nothing was imported") from error
        except RequestError as error:
            raise CommandError(Exit.FINDINGS, f"{file}: {error}", "nothing was imported") from error
        except OSError as error:
            raise CommandError(
                Exit.FAILED, f"{file} cannot be imported into {folder.samples}: {error}", "nothing was imported"
            ) from error
    if told.duplicates:
        complain(
            f"note: {counted(told.duplicates, 'samples')} came for a time that had another value in the file: the first stays"
        )
    oldest = now() - folder.retention
    if span is not None and span[0] < oldest and folder.retention != FOREVER:
        complain(
            f"note: the daemon keeps samples for {spoken_duration(folder.retention)} (storage.retention) and will delete"
            f" blocks that end before {rfc3339(oldest)}"
        )
    if json_:
        say_json(
            {
                "samples": told.samples,
                "duplicates": told.duplicates,
                "blocks": told.blocks,
                "bytes": told.bytes,
                "start": rfc3339(span[0]) if span else None,
                "end": rfc3339(span[1]) if span else None,
            }
        )
        return
    between = f", from {rfc3339(span[0])} to {rfc3339(span[1])}" if span else ""
    say(f"{counted(told.samples, 'samples')} in {counted(told.blocks, 'blocks')} of {told.bytes} bytes{between}")


def _taken(source: BinaryIO, name: str, folder: DataFolder) -> tuple[Imported, tuple[Timestamp, Timestamp] | None]:
    samples = DatedSamples(source, now())
    span: tuple[Timestamp, Timestamp] | None = None
    due = _TOLD_EACH
    with Import(folder.samples, folder.retention) as importing:
        for batch in samples:
            importing.add(batch.series, batch.times, batch.values)
            if samples.read >= due and sys.stderr.isatty():
                complain(f"{name}: {samples.read >> 20} MB read, {len(samples.labels)} series")
                due += _TOLD_EACH
        for block in importing.finish(samples.labels):
            first, last = block.head.start, block.head.end - 1
            span = (min(span[0], first), max(span[1], last)) if span else (first, last)
            if sys.stderr.isatty():
                complain(f"{block.path.name}: {rfc3339(first)} to {rfc3339(last)}, {block.size} bytes")
    return importing.told, span


@contextmanager
def _opened(file: Path) -> Generator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise CommandError(Exit.NOT_FOUND, f"{file} cannot be read: {error.strerror}", "name a file, or -") from error
    with source:
        yield source
