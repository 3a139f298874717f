"""text_errors.json, openmetrics_errors.json and text_parse.json: bodies that must be refused with the right words, bodies
and all that is in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from monitor.model.errors import ExpositionError
from monitor.scrape.exposition.entries import (
    CommentEntry,
    EndEntry,
    Entry,
    Exemplar,
    Fact,
    Grammar,
    MetadataEntry,
    SeriesEntry,
)
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.openmetrics import OPENMETRICS
from monitor.scrape.exposition.text import TextReader
from tests.conformance.cases import Case, Check, read_text


def check_error(grammar: Grammar) -> Check:
    """The exact grammar and the fast reader both must say the same."""

    def check(case: Case) -> None:
        body = read_text(case.data["input"])
        wanted = case.data.get("error")
        for refusal in (_refusal_of_grammar(body, grammar), _refusal_of_reader(body, grammar)):
            assert refusal == (None if wanted == "EOF" else wanted), f"said {refusal!r}"

    return check


def check_parse(case: Case) -> None:
    grammar = TEXT if case.data["format"] == "text" else OPENMETRICS
    body = read_text(case.data["input"])
    got = [entry for entry in _entries(body, grammar) if entry is not None and not isinstance(entry, EndEntry)]
    starts: dict[frozenset[tuple[str, str]], int] = {}
    if grammar is OPENMETRICS:
        got = list(_without_starts(got, starts))
    wanted: list[dict[str, Any]] = case.data["entries"]
    assert len(got) == len(wanted), f"{len(got)} entries"
    for entry, fields in zip(got, wanted, strict=True):
        _compare_entry(entry, fields)
    samples = [fields for fields in wanted if "series" in fields]
    _compare_reading(body, grammar, samples)
    for fields in samples:
        if "start_ms" not in fields:
            continue  # Prometheus stops looking for it at other labels; the line says it all the same
        key = _family_of(fields["labels"], _families(got))
        assert starts.get(key) == fields["start_ms"], f"{fields['series']} started at {starts.get(key)}"


def _families(entries: Iterable[Entry]) -> dict[str, str]:
    """Metrics and their types."""
    return {one.metric: one.text for one in entries if isinstance(one, MetadataEntry) and one.fact is Fact.TYPE}


def _without_starts(entries: Sequence[Entry], starts: dict[frozenset[tuple[str, str]], int]) -> Iterator[Entry]:
    """The entries but for the samples that say when others began; those go into `starts`. Source: OpenMetrics 1.0,
    `_created`."""
    types = _families(entries)
    for entry in entries:
        if isinstance(entry, SeriesEntry):
            family = entry.labels["__name__"].removesuffix("_created")
            if family != entry.labels["__name__"] and types.get(family) in ("counter", "histogram", "summary"):
                starts[_family_of(entry.labels, types)] = int(entry.value * 1000)
                continue
        yield entry


def _family_of(labels: Mapping[str, str], types: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    name = labels["__name__"]
    for suffix in ("", "_total", "_count", "_sum", "_bucket", "_created"):
        family = name.removesuffix(suffix)
        if types.get(family) in ("counter", "histogram", "summary"):
            bound = {"histogram": "le", "summary": "quantile"}.get(types[family], "")
            return frozenset(
                {(key, value) for key, value in labels.items() if key not in (bound, "__name__")} | {("", family)}
            )
    return frozenset()


def _compare_entry(entry: Entry, wanted: Mapping[str, Any]) -> None:
    match entry:
        case SeriesEntry():
            assert entry.text.decode() == wanted["series"]
            assert _same(entry.value, wanted["value"]), f"{entry.text!r} is {entry.value}"
            assert entry.time == wanted.get("t_ms")
            exemplars = [] if entry.exemplar is None else [entry.exemplar]
            expected = [
                Exemplar(one["labels"], float(one["value"]), one.get("t_ms")) for one in wanted.get("exemplars", [])
            ]
            assert exemplars == expected
        case MetadataEntry():
            assert entry.metric == wanted["metric"]
            assert entry.text == wanted[entry.fact.value], f"{entry.metric}: {entry.text!r}"
        case CommentEntry():
            assert entry.text.decode() == wanted["comment"], f"comment {entry.text!r}"
        case EndEntry():
            raise AssertionError("the end is no entry")


def _compare_reading(body: bytes, grammar: Grammar, wanted: list[dict[str, Any]]) -> None:
    reader = TextReader[dict[str, str]](dict, grammar)
    names = [fields["labels"] for fields in wanted]
    for _ in range(2):
        reading = read_whole(reader, body)
        rows = [row for row, labels in enumerate(reading.entries) if labels in names]
        assert len(rows) == len(wanted)
        for row, fields in zip(rows, wanted, strict=True):
            assert reading.entries[row] == fields["labels"], f"labels {reading.entries[row]}"
            assert _same(float(reading.values[row]), fields["value"])
            assert reading.times.get(row) == fields.get("t_ms")
            assert (row in reading.exemplars) == ("exemplars" in fields)


def read_whole(reader: TextReader[dict[str, str]], body: bytes) -> Any:
    steps = reader.read(body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _entries(body: bytes, grammar: Grammar) -> list[Entry | None]:
    data = body if grammar.ends else body + b"\n"
    at = line = 0
    entries: list[Entry | None] = []
    while at < len(data) or (grammar.ends and not (entries and isinstance(entries[-1], EndEntry))):
        entry, at = grammar.read_entry(data, at, line := line + 1, len(data))
        entries.append(entry)
    return entries


def _refusal_of_grammar(body: bytes, grammar: Grammar) -> str | None:
    try:
        _entries(body, grammar)
    except ExpositionError as error:
        return _words(error)
    return None


def _refusal_of_reader(body: bytes, grammar: Grammar) -> str | None:
    try:
        read_whole(TextReader[dict[str, str]](dict, grammar), body)
    except ExpositionError as error:
        return _words(error)
    return None


def _words(error: ExpositionError) -> str:
    return str(error).removeprefix(f"line {error.line}: ")


def _same(value: float, wanted: float | str) -> bool:
    number = float(wanted)
    return value == number or (math.isnan(value) and math.isnan(number))


TABLES: dict[str, Check] = {
    "text_errors.json": check_error(TEXT),
    "openmetrics_errors.json": check_error(OPENMETRICS),
    "text_parse.json": check_parse,
}
