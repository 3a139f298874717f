"""`watchkeeper samples`: the samples in the data folder of a stopped daemon. What each verb of its own does is in a file of
its own, but for the one that only counts."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from monitor.cli.options import JsonOption
from monitor.cli.samples_export import export
from monitor.cli.samples_folder import ALWAYS, ConfigOption, DataFolder, DataOption, data_folder, stored
from monitor.cli.samples_import import import_
from monitor.cli.showing import clean, clock_time, counted, say, say_json, table
from monitor.model.labels import quote
from monitor.model.times import rfc3339, spoken_duration
from monitor.tsdb.cardinality import Cardinality, cardinality
from monitor.tsdb.contents import Contents, contents

samples = typer.Typer(no_args_is_help=True, help="Count, write out and take in the samples of a stopped daemon.")
samples.command("export")(export)
samples.command("import")(import_)


@samples.command()
def stats(
    limit: Annotated[int, typer.Option("--limit", help="How many metrics and labels to show.")] = 10,
    data: DataOption = "",
    config: ConfigOption = "",
    json_: JsonOption = False,
) -> None:
    """What the data folder holds: blocks, log, samples, bytes, and which metrics and labels make most series."""
    folder = data_folder(data, config)
    with stored(folder) as store:
        held = contents(store)
        known = cardinality(store.view().series((), *ALWAYS))
    if json_:
        say_json(_document(held, known, limit))
    else:
        _show(folder, held, known, limit)


def _show(folder: DataFolder, held: Contents, known: Cardinality, limit: int) -> None:
    if held.start is None or held.end is None:
        say(f"there are no samples in {clean(folder.path)}")
        return
    series = known.metrics.total()
    span = spoken_duration((held.end - held.start) // 1000 * 1000)
    say(f"{counted(held.samples, 'samples')} of {series} series in {clean(folder.samples)}")
    if held.overlap:
        say("(what was imported lies across other files: a sample that two of them have is counted twice)")
    say(f"{clock_time(held.start)} to {clock_time(held.end)}, {span}")
    say(f"{counted(held.size, 'bytes')}, {held.size / max(held.samples, 1):.2f} a sample")
    say()
    rows = [
        (
            block.name,
            clock_time(block.start),
            spoken_duration((block.end - block.start) // 1000 * 1000),
            str(block.samples),
            str(block.parts),
            str(block.size),
            "imported" if block.imported else "",
        )
        for block in held.blocks
    ]
    if held.log_start is not None and held.log_end is not None:
        lasted = spoken_duration((held.log_end - held.log_start) // 1000 * 1000)
        rows.append(("log", clock_time(held.log_start), lasted, str(held.log_samples), "", str(held.log_size), ""))
    table(("file", "from", "for", "samples", "parts", "bytes", ""), rows)
    _show_top("metric", known.metrics, limit, "series")
    _show_top("label", known.values, limit, "values")
    pairs: Counter[str] = Counter(
        {f"{name}={quote(value)}": count for (name, value), count in known.pairs.most_common(limit)}
    )
    _show_top("label and value", pairs, limit, "series")


def _show_top(what: str, found: Counter[str], limit: int, of: str) -> None:
    say()
    table((of, what), [(str(count), clean(name)) for name, count in found.most_common(limit)])


def _document(held: Contents, known: Cardinality, limit: int) -> dict[str, object]:
    def top(found: Counter[str]) -> list[dict[str, object]]:
        return [{"name": name, "value": count} for name, count in found.most_common(limit)]

    return {
        "series": known.metrics.total(),
        "samples": held.samples,
        "bytes": held.size,
        "start": rfc3339(held.start) if held.start is not None else None,
        "end": rfc3339(held.end) if held.end is not None else None,
        "blocks": [
            {
                "file": block.name,
                "start": rfc3339(block.start),
                "end": rfc3339(block.end),
                "samples": block.samples,
                "parts": block.parts,
                "bytes": block.size,
                "imported": block.imported,
            }
            for block in held.blocks
        ],
        "log": {
            "samples": held.log_samples,
            "bytes": held.log_size,
            "start": rfc3339(held.log_start) if held.log_start is not None else None,
            "end": rfc3339(held.log_end) if held.log_end is not None else None,
        },
        # named as /api/v1/status/tsdb names them
        "seriesCountByMetricName": top(known.metrics),
        "labelValueCountByLabelName": top(known.values),
        "seriesCountByLabelValuePair": top(
            Counter({f"{name}={value}": count for (name, value), count in known.pairs.most_common(limit)})
        ),
    }
