"""text_errors.json and text_parse.json: bodies that must be refused with the right words, bodies and all that is in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from monitor.model.errors import ExpositionError
from monitor.scrape.exposition.grammar import CommentEntry, Entry, MetadataEntry, SeriesEntry, read_entry
from monitor.scrape.exposition.text import TextReader
from tests.conformance.cases import Case, Check, LeftOutError, read_text


def check_text_error(case: Case) -> None:
    """The exact grammar and the fast reader both must say the same."""
    body = read_text(case.data["input"])
    wanted = case.data["error"]
    for refusal in (_refusal_of_grammar(body), _refusal_of_reader(body)):
        assert refusal == (None if wanted == "EOF" else wanted), f"said {refusal!r}"


def check_parse(case: Case) -> None:
    if case.data["format"] != "text":
        raise LeftOutError("OpenMetrics is not read yet")
    body = read_text(case.data["input"])
    got = [entry for entry in _entries(body) if entry is not None]
    wanted: list[dict[str, Any]] = case.data["entries"]
    assert len(got) == len(wanted), f"{len(got)} entries"
    for entry, fields in zip(got, wanted, strict=True):
        _compare_entry(entry, fields)
    _compare_reading(body, [fields for fields in wanted if "series" in fields])


def _compare_entry(entry: Entry, wanted: Mapping[str, Any]) -> None:
    match entry:
        case SeriesEntry():
            assert entry.text.decode() == wanted["series"]
            assert _same(entry.value, wanted["value"]), f"{entry.text!r} is {entry.value}"
            assert entry.time == wanted.get("t_ms")
        case MetadataEntry():
            assert entry.metric == wanted["metric"]
            assert entry.text == wanted[entry.fact.value], f"{entry.metric}: {entry.text!r}"
        case CommentEntry():
            assert entry.text.decode() == wanted["comment"], f"comment {entry.text!r}"


def _compare_reading(body: bytes, wanted: list[dict[str, Any]]) -> None:
    reader = TextReader[dict[str, str]](dict)
    for _ in range(2):
        reading = read_whole(reader, body)
        for number, fields in enumerate(wanted):
            assert reading.entries[number] == fields["labels"], f"labels {reading.entries[number]}"
            assert _same(float(reading.values[number]), fields["value"])
            assert reading.times.get(number) == fields.get("t_ms")


def read_whole(reader: TextReader[dict[str, str]], body: bytes) -> Any:
    steps = reader.read(body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _entries(body: bytes) -> list[Entry | None]:
    data = body + b"\n"
    at = line = 0
    entries: list[Entry | None] = []
    while at < len(data):
        entry, at = read_entry(data, at, line := line + 1)
        entries.append(entry)
    return entries


def _refusal_of_grammar(body: bytes) -> str | None:
    try:
        _entries(body)
    except ExpositionError as error:
        return _words(error)
    return None


def _refusal_of_reader(body: bytes) -> str | None:
    try:
        read_whole(TextReader[dict[str, str]](dict), body)
    except ExpositionError as error:
        return _words(error)
    return None


def _words(error: ExpositionError) -> str:
    return str(error).removeprefix(f"line {error.line}: ")


def _same(value: float, wanted: float | str) -> bool:
    number = float(wanted)
    return value == number or (math.isnan(value) and math.isnan(number))


TABLES: dict[str, Check] = {"text_errors.json": check_text_error, "text_parse.json": check_parse}
