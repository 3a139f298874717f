"""`watchkeeper samples export`: stored samples as OpenMetrics text."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from monitor.cli.exits import CommandError, Exit
from monitor.cli.samples_folder import ALWAYS, ConfigOption, DataOption, data_folder, instant, selectors, stored
from monitor.cli.showing import complain, counted
from monitor.tsdb.export import Exported, exported

_TOLD_EACH: Final = 5_000_000


def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; standard output.", show_default=False)
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", help="A selector as 'up{job=\"api\"}'; may come again.", show_default=False),
    ] = None,
    start: Annotated[str, typer.Option("--start", help="From this time on (RFC 3339, or Unix seconds).")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to this time.")] = "",
    leave_out_stale_markers: Annotated[
        bool,
        typer.Option("--without-stale-markers", help="For readers who would take them for a measured NaN."),
    ] = False,
    data: DataOption = "",
    config: ConfigOption = "",
) -> None:
    """Write the samples of a stopped daemon as OpenMetrics text, which `watchkeeper samples import` and promtool read."""
    folder = data_folder(data, config)
    chosen = selectors(match)
    first, last = instant(start, "--start", ALWAYS[0]), instant(end, "--end", ALWAYS[1])
    told, due = Exported(), _TOLD_EACH
    with stored(folder) as store, _written(output) as file:
        for piece in exported(store.view(), chosen, first, last, told, stale_markers=not leave_out_stale_markers):
            file.write(piece)
            if told.samples >= due and sys.stderr.isatty():
                complain(f"{told.samples} samples")
                due += _TOLD_EACH
    if told.nameless:
        complain(f"note: {told.nameless} series without a metric name: the format has no place for them")
    complain(f"{counted(told.samples, 'samples')} of {told.series} series")


@contextmanager
def _written(output: Path | None) -> Generator[BinaryIO]:
    """The file appears when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = output.with_name(output.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(output)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
