"""Learning a layout of the text format: each line is looked up, taken apart, or handed to the grammar, and remembered.

What is learned of a line is its key: the text before its number, if the line is written in the usual way, so that the next
body's line with the same key needs no second look. The key of any other line ends in a line end, which no part of a line
does: it compares equal to nothing but another exact reading of the same series.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Final, Generic, TypeVar

from monitor.model.errors import ExpositionError
from monitor.model.labels import METRIC_NAME
from monitor.model.times import Timestamp
from monitor.scrape.exposition.entries import EndEntry, Entry, Exemplar, Fact, Grammar, MetadataEntry, SeriesEntry
from monitor.scrape.exposition.grammar import unescape
from monitor.scrape.exposition.lexing import METRIC_CHARS
from monitor.scrape.exposition.numbers import canonical_bound, plain_number
from monitor.scrape.exposition.reading import Metadata
from monitor.scrape.exposition.renewing import Body

T = TypeVar("T")

_NEW_SLICE: Final = 1 << 13
"""Bytes of a slice whose lines are looked up or taken apart: below 1 ms, relabelling apart."""
_PAIR: Final = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"')
_METADATA: Final = re.compile(rb"# (HELP|TYPE) (%s) ([^\n]*)" % METRIC_CHARS)
_BOUND_OF: Final = {"histogram": "le", "summary": "quantile"}
COMMENT: Final = b"\n"
"""The key of a line without a series."""


class LayoutLearner(Generic[T]):
    """A layout while it is being learned."""

    __slots__ = (
        "admit",
        "closed",
        "ended",
        "entries",
        "exemplars",
        "folded",
        "grammar",
        "indexes",
        "keys",
        "known",
        "metadata",
        "rows",
        "starts",
        "stop",
        "texts",
        "times",
        "type",
        "values",
    )

    def __init__(
        self,
        grammar: Grammar,
        admit: Callable[[Mapping[str, str]], T],
        known: dict[bytes, T],
        stop: int,
        *,
        closed: bool = False,
    ) -> None:
        """`closed`: the body had a line end at its end of its own."""
        self.grammar = grammar
        self.closed = closed
        self.stop = stop
        self.admit = admit
        self.known = known
        # Arrays, since handing over a hundred thousand numbers one by one would take milliseconds.
        self.starts = array("q")
        self.keys: list[bytes] = []
        self.indexes = array("i")
        self.rows = array("q")
        self.entries: list[T] = []
        self.values = array("d")
        self.times: dict[int, Timestamp] = {}
        self.exemplars: dict[int, Exemplar] = {}
        self.metadata: dict[str, Metadata] = {}
        self.texts: dict[bytes, str] = {}
        self.type = "unknown"
        self.ended = False
        self.folded = 0  # line ends inside quoted texts so far: entries and lines differ by so many

    def repeat_metadata(self, data: Body, end: int) -> Generator[None, None, None]:
        """Read the comments of the lines taken over, which end at this offset, again: it also tells the type in force."""
        ends = self.starts[1:]
        ends.append(end)
        for number, index in enumerate(self.indexes):
            if index < 0:
                line = bytes(data[self.starts[number] : ends[number] - 1])
                if line and not self.ordinary_metadata(line):
                    self.note(self.grammar.read_entry(line + b"\n", 0, number + 1, len(line) + 1)[0])
            if number % 500 == 0:
                yield

    def learn(self, data: bytes, at: int) -> int:
        """Read one slice from offset `at` on; returns where it ends."""
        if self.ended:
            raise ExpositionError("unexpected data after # EOF", line=len(self.keys))
        end = min(slice_end(data, at, _NEW_SLICE), len(data))
        known = self.known
        for line in data[at : end - 1].split(b"\n"):
            if not line.startswith(b"#"):
                key, _, text = line.rpartition(b" ")
                number = plain_number(text) if key in known else None
                if number is not None:
                    self.add(at, key, known[key], number)
                    at += len(line) + 1
                    continue
                found = self.grammar.line.fullmatch(line)
                if found is not None and self.ordinary(at, found):
                    at += len(line) + 1
                    continue
            elif self.ordinary_metadata(line):
                self.add_comment(at)
                at += len(line) + 1
                continue
            stop = self.exactly(data, at)
            if stop != at + len(line) + 1:
                return stop  # the entry did not end with its line: cut the rest anew
            at = stop
        return end

    def ordinary(self, at: int, found: re.Match[bytes]) -> bool:
        """Take a line apart by the expression; False if only the grammar can tell."""
        key, name, inside, text, stamp = found.groups()
        number = plain_number(text)
        time = self.grammar.stamp(stamp) if stamp is not None else None
        if number is None or (stamp is not None and time is None):
            return False
        if stamp is not None:
            key += b"\n"
        if key in self.known:
            entry = self.known[key]
        else:
            labels = {METRIC_NAME: self.text(name)}
            if inside:
                pairs = _PAIR.findall(inside)
                try:
                    for label, value in pairs:
                        labels[self.text(label)] = self.text(value)
                except UnicodeDecodeError:
                    return False
                if len(labels) != len(pairs) + 1:
                    return False
            entry = self.admitted(labels)
        if time is not None:
            self.times[len(self.keys)] = time
        self.add(at, key, entry, number)
        return True

    def text(self, written: bytes) -> str:
        """The text as one object, however often it comes: label names and values repeat on thousands of series."""
        text = self.texts.get(written)
        if text is None:
            text = self.texts[written] = unescape(written)
        return text

    def ordinary_metadata(self, line: bytes) -> bool:
        """Note a HELP or TYPE line; False if only the grammar can tell what it is."""
        found = _METADATA.fullmatch(line)
        if found is None:
            return False
        word, name, text = found.groups()
        try:
            if word == b"HELP":
                self.note(MetadataEntry(name.decode(), Fact.HELP, self.grammar.unescape_help(text)))
                return True
            known_type = self.grammar.types.get(text.decode())
        except UnicodeDecodeError:
            return False
        if known_type is None:
            return False
        self.note(MetadataEntry(name.decode(), Fact.TYPE, known_type))
        return True

    def exactly(self, data: bytes, at: int) -> int:
        """Read the entry at offset `at` by the grammar; returns where it ends."""
        number = len(self.keys)
        try:
            entry, end = self.grammar.read_entry(data, at, number + 1 + self.folded, self.stop)
        except ExpositionError:
            if self.closed and not self.grammar.ends:
                # Prometheus gives every such body one more line end; a quote that nobody closes runs into it
                self.grammar.read_entry(data + b"\n", at, number + 1 + self.folded, self.stop + 1)
            raise
        line = data[at:end].removesuffix(b"\n")
        if isinstance(entry, SeriesEntry):
            key = entry.text if line == entry.text + b" " + entry.value_text else entry.text + b"\n"
            admitted = self.known[key] if key in self.known else self.admitted(entry.labels)
            if entry.time is not None:
                self.times[number] = entry.time
            if entry.exemplar is not None:
                self.exemplars[number] = entry.exemplar
            self.add(at, key, admitted, entry.value)
        else:
            self.note(entry)
            self.add_comment(at)
        if isinstance(entry, EndEntry):
            return len(data)
        self.folded += line.count(b"\n")
        return end

    def finish(self) -> None:
        """All has been read. Raises ExpositionError if the format wants a last line and there was none."""
        if self.grammar.ends and not self.ended:
            raise ExpositionError("data does not end with # EOF", line=len(self.keys))

    def note(self, entry: Entry | None) -> None:
        self.ended = isinstance(entry, EndEntry)
        if isinstance(entry, MetadataEntry):
            learn_fact(self.metadata, entry)
            if entry.fact is Fact.TYPE:
                self.type = entry.text

    def admitted(self, labels: dict[str, str]) -> T:
        bound = _BOUND_OF.get(self.type)
        if bound is not None and bound in labels:
            labels[bound] = canonical_bound(labels[bound])
        return self.admit(labels)

    def add_comment(self, at: int) -> None:
        self.starts.append(at)
        self.keys.append(COMMENT)
        self.indexes.append(-1)
        self.values.append(0.0)

    def add(self, at: int, key: bytes, entry: T, value: float) -> None:
        row = len(self.keys)
        self.known[key] = entry
        self.starts.append(at)
        self.keys.append(key)
        self.indexes.append(len(self.entries))
        self.rows.append(row)
        self.entries.append(entry)
        self.values.append(value)


def slice_end(data: bytes, at: int, size: int) -> int:
    """The offset after the last line end within `size` bytes, or after the first line end beyond."""
    end = data.rfind(b"\n", at, at + size) + 1
    return end if end > at else data.index(b"\n", at) + 1


def learn_fact(metadata: dict[str, Metadata], entry: MetadataEntry) -> None:
    before = metadata.get(entry.metric, Metadata())
    match entry.fact:
        case Fact.TYPE:
            metadata[entry.metric] = replace(before, type=entry.text)
        case Fact.HELP:
            metadata[entry.metric] = replace(before, help=entry.text)
        case Fact.UNIT:
            metadata[entry.metric] = replace(before, unit=entry.text)
