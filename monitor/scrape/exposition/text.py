"""Reader of the text format 0.0.4, fast where bodies are alike.

A target answers the same lines each time with other numbers. So the reader keeps the last body's lines and, for each, the
text before its number; a line that is equal costs one comparison, one that differs only in its number costs a split, a
comparison and a conversion, all three in C over a slice of lines. Where the layout changes, series already known are
found by their text; only a line never seen is taken apart, by one expression if it looks ordinary and by the exact grammar
(`grammar.py`) otherwise. The short cuts may only ever agree with the grammar; what they do not surely read alike they
hand on. A test holds all three ways equal.

Reading is sliced: `read` is a generator that yields between slices of some hundred lines, and returns the Reading. A
reader that is abandoned or fails half-way keeps the state of the last good body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from itertools import compress
from operator import eq, itemgetter, ne
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import ExpositionError
from monitor.model.labels import METRIC_NAME
from monitor.model.times import Timestamp
from monitor.scrape.exposition.grammar import (
    TYPES,
    CommentEntry,
    Entry,
    Fact,
    MetadataEntry,
    SeriesEntry,
    read_entry,
    unescape,
    unescape_help,
)
from monitor.scrape.exposition.numbers import PLAIN, canonical_bound
from monitor.scrape.exposition.reading import Metadata, Reading

T = TypeVar("T")

_KNOWN_SLICE: Final = 1 << 16
"""Bytes of a slice whose lines are compared with the last body's: about 0.3 ms."""
_NEW_SLICE: Final = 1 << 13
"""Bytes of a slice whose lines are looked up or taken apart: below 1 ms, relabelling apart."""
_INDEX_SLICE: Final = 10_000
"""Series put into the look-up table between two pauses."""

_NAME: Final = rb"[a-zA-Z_:][a-zA-Z0-9_:]*"
_PAIR_TEXT: Final = rb'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"'
_LINE: Final = re.compile(
    rb"((%s)(?:\{((?:%s(?:,|(?=\})))*)\})?) ([0-9.eE+\-]+|NaN|[+-]Inf)(?: (-?[0-9]{1,18}))?" % (_NAME, _PAIR_TEXT)
)
"""An ordinary sample: series, name, labels, number, time."""
_PAIR: Final = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"')
_METADATA: Final = re.compile(rb"# (HELP|TYPE) (%s) ([^\n]*)" % _NAME)
_STAMP: Final = re.compile(rb"-?[0-9]{1,18}")
_BOUND_OF: Final = {"histogram": "le", "summary": "quantile"}
_PLAIN_CHARS: Final = b"0123456789.eE+-"
_NONE: Final = b"\n"
"""The key of a line without a number. Keys that end in a line end compare equal to no text before a number."""

_first = itemgetter(0)
_last = itemgetter(2)


class TextReader(Generic[T]):
    """Reads one target's bodies, one after another.

    `admit` is called once for each series not in the last body, with its labels (metric name included), and says what the
    series shall be called from now on; what it raises ends the reading.
    """

    __slots__ = ("_admit", "_entries", "_indexes", "_keys", "_lines", "_metadata", "_rows", "_times", "_values")

    def __init__(self, admit: Callable[[Mapping[str, str]], T]) -> None:
        self._admit = admit
        self._lines: list[bytes] = []
        self._keys: list[bytes] = []  # by line: the text before the number
        self._indexes: list[int] = []  # by line: which series, or -1
        self._entries: tuple[T, ...] = ()  # by series
        self._rows: NDArray[np.intp] = np.empty(0, dtype=np.intp)  # by series: which line
        self._values: NDArray[np.float64] = np.empty(0)  # by line
        self._times: dict[int, Timestamp] = {}  # by line
        self._metadata: dict[str, Metadata] = {}

    def __repr__(self) -> str:
        return f"TextReader(lines={len(self._lines)}, series={len(self._entries)})"

    def read(self, body: bytes) -> Generator[None, None, Reading[T]]:
        """Read a body. Raises ExpositionError with the line and Prometheus's wording."""
        data = body + b"\n"
        lines: list[bytes] = []
        values = self._values.copy()
        times = self._times
        metadata = self._metadata
        own = False  # are `times` and `metadata` copies yet?
        at = 0
        while at < len(data):
            end = _slice_end(data, at, _KNOWN_SLICE)
            new = data[at : end - 1].split(b"\n")
            first = len(lines)
            old = self._lines[first : first + len(new)]
            if len(old) < len(new):
                break
            changed = [*compress(range(first, first + len(new)), map(ne, new, old))]
            if changed:
                odd = self._renew(new, first, changed, values)
                if odd and not own:
                    times, metadata, own = dict(times), dict(metadata), True
                if odd and not self._renew_exactly(new, first, odd, values, times, metadata):
                    break
            lines += new
            at = end
            yield
        if at < len(data) or len(lines) < len(self._lines):
            return (yield from self._relearn(data, at, lines, values, times))
        self._lines, self._values, self._times, self._metadata = lines, values, times, metadata
        return self._reading()

    def forget(self) -> None:
        """Read the next body as if it were the first."""
        self._lines, self._keys, self._indexes, self._entries = [], [], [], ()
        self._rows, self._values = np.empty(0, dtype=np.intp), np.empty(0)
        self._times, self._metadata = {}, {}

    def _renew(self, new: list[bytes], first: int, changed: list[int], values: NDArray[np.float64]) -> list[int]:
        """Put the numbers of changed lines into `values`; return the lines that need the exact way."""
        lines = [new[index - first] for index in changed]
        parts = [line.rpartition(b" ") for line in lines]
        texts = [*map(_last, parts)]
        keys = self._keys
        same = all(map(eq, map(_first, parts), map(keys.__getitem__, changed)))
        if same and not b"".join(texts).translate(None, _PLAIN_CHARS):
            try:
                numbers = np.array([*map(float, texts)])
            except ValueError:
                return changed
            if not np.isinf(numbers).any():
                values[changed] = numbers
                return []
        odd: list[int] = []
        for index, (key, _, text) in zip(changed, parts, strict=True):
            if key != keys[index]:
                odd.append(index)
                continue
            number = _plain_number(text)
            if number is None:
                odd.append(index)
            else:
                values[index] = number
        return odd

    def _renew_exactly(
        self,
        new: list[bytes],
        first: int,
        odd: list[int],
        values: NDArray[np.float64],
        times: dict[int, Timestamp],
        metadata: dict[str, Metadata],
    ) -> bool:
        """Read changed lines by the grammar. False if one of them is of another series or kind than before."""
        for index in odd:
            line = new[index - first]
            if self._renew_stamped(line, index, values, times):
                continue
            text = line + b"\n"
            try:
                entry, end = read_entry(text, 0, index + 1)
            except ExpositionError:
                return False  # the whole body decides: what looks broken here may go on in the next line
            if end < len(text):
                return False
            if isinstance(entry, SeriesEntry):
                if self._keys[index].removesuffix(b"\n") != entry.text:
                    return False
                values[index] = entry.value
                times.pop(index, None)
                if entry.time is not None:
                    times[index] = entry.time
            elif self._indexes[index] >= 0 or _is_type(entry) or _is_type_line(self._lines[index]):
                return False
            elif isinstance(entry, MetadataEntry):
                _learn(metadata, entry)
        return True

    def _renew_stamped(self, line: bytes, index: int, values: NDArray[np.float64], times: dict[int, Timestamp]) -> bool:
        """Read a changed line that ends in a time, if it is ordinary and of the same series as before."""
        parts = line.rsplit(b" ", 2)
        if len(parts) < 3 or self._keys[index] != parts[0] + b"\n" or not _STAMP.fullmatch(parts[2]):
            return False
        number = _plain_number(parts[1])
        if number is None:
            return False
        values[index] = number
        times[index] = int(parts[2])
        return True

    def _relearn(
        self, data: bytes, at: int, lines: list[bytes], values: NDArray[np.float64], times: Mapping[int, Timestamp]
    ) -> Generator[None, None, Reading[T]]:
        """The layout differs from line `len(lines)`, offset `at`, on: take over what came before, look up the rest."""
        known: dict[bytes, T] = {}
        for start in range(0, len(self._keys), _INDEX_SLICE):
            stop = start + _INDEX_SLICE
            for key, index in zip(self._keys[start:stop], self._indexes[start:stop], strict=True):
                if key is not _NONE:
                    known[key] = self._entries[index]
            yield
        done = len(lines)
        pupil = _Pupil(self._admit, known)
        pupil.lines, pupil.keys, pupil.indexes = lines, self._keys[:done], self._indexes[:done]
        pupil.rows = self._rows[self._rows < done].tolist()
        pupil.entries = [*self._entries[: len(pupil.rows)]]
        pupil.values = values[:done].tolist()
        pupil.times = {line: time for line, time in times.items() if line < done}
        yield from pupil.repeat_metadata()
        while at < len(data):
            at = pupil.learn(data, at)
            yield
        rows = np.array(pupil.rows, dtype=np.intp)
        yield
        numbers = np.array(pupil.values, dtype=np.float64)
        yield
        self._lines, self._keys, self._indexes = pupil.lines, pupil.keys, pupil.indexes
        self._entries, self._rows, self._values = tuple(pupil.entries), rows, numbers
        self._times, self._metadata = pupil.times, pupil.metadata
        return self._reading()

    def _reading(self) -> Reading[T]:
        indexes = self._indexes
        return Reading(
            entries=self._entries,
            values=self._values[self._rows],
            times={indexes[line]: time for line, time in self._times.items()},
            metadata=self._metadata,
        )


class _Pupil(Generic[T]):
    """A layout while it is being learned."""

    __slots__ = (
        "admit",
        "entries",
        "folded",
        "indexes",
        "keys",
        "known",
        "lines",
        "metadata",
        "rows",
        "texts",
        "times",
        "type",
        "values",
    )

    def __init__(self, admit: Callable[[Mapping[str, str]], T], known: dict[bytes, T]) -> None:
        self.admit = admit
        self.known = known
        self.lines: list[bytes] = []
        self.keys: list[bytes] = []
        self.indexes: list[int] = []
        self.rows: list[int] = []
        self.entries: list[T] = []
        self.values: list[float] = []
        self.times: dict[int, Timestamp] = {}
        self.metadata: dict[str, Metadata] = {}
        self.texts: dict[bytes, str] = {}
        self.type = "unknown"
        self.folded = 0  # line ends inside quoted texts so far: entries and lines differ by so many

    def repeat_metadata(self) -> Generator[None, None, None]:
        """Read the comments of the lines taken over again, which also tells the type that is in force."""
        for number, line in enumerate(self.lines):
            if self.indexes[number] < 0 and line and not self.ordinary_metadata(line):
                self.note(read_entry(line + b"\n", 0, number + 1)[0])
            if number % 500 == 0:
                yield

    def learn(self, data: bytes, at: int) -> int:
        """Read one slice from offset `at` on; returns where it ends."""
        end = _slice_end(data, at, _NEW_SLICE)
        known = self.known
        for line in data[at : end - 1].split(b"\n"):
            if not line.startswith(b"#"):
                key, _, text = line.rpartition(b" ")
                number = _plain_number(text) if key in known else None
                if number is not None:
                    self.add(line, key, known[key], number)
                    at += len(line) + 1
                    continue
                found = _LINE.fullmatch(line)
                if found is not None and self.ordinary(line, found):
                    at += len(line) + 1
                    continue
            elif self.ordinary_metadata(line):
                self.add_comment(line)
                at += len(line) + 1
                continue
            stop = self.exactly(data, at)
            if stop != at + len(line) + 1:
                return stop  # the entry did not end with its line: cut the rest anew
            at = stop
        return end

    def ordinary(self, line: bytes, found: re.Match[bytes]) -> bool:
        """Take a line apart by the expression; False if only the grammar can tell."""
        key, name, inside, text, stamp = found.groups()
        number = _plain_number(text)
        if number is None:
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
        if stamp is not None:
            self.times[len(self.lines)] = int(stamp)
        self.add(line, key, entry, number)
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
                self.note(MetadataEntry(name.decode(), Fact.HELP, unescape_help(text)))
                return True
            known_type = TYPES.get(text.decode())
        except UnicodeDecodeError:
            return False
        if known_type is None:
            return False
        self.note(MetadataEntry(name.decode(), Fact.TYPE, known_type))
        return True

    def exactly(self, data: bytes, at: int) -> int:
        """Read the entry at offset `at` by the grammar; returns where it ends."""
        number = len(self.lines)
        entry, end = read_entry(data, at, number + 1 + self.folded)
        line = data[at : end - 1]
        if isinstance(entry, SeriesEntry):
            key = entry.text if line == entry.text + b" " + entry.value_text else entry.text + b"\n"
            admitted = self.known[key] if key in self.known else self.admitted(entry.labels)
            if entry.time is not None:
                self.times[number] = entry.time
            self.add(line, key, admitted, entry.value)
        else:
            self.note(entry)
            self.add_comment(line)
        self.folded += line.count(b"\n")
        return end

    def note(self, entry: Entry | None) -> None:
        match entry:
            case MetadataEntry():
                _learn(self.metadata, entry)
                if entry.fact is Fact.TYPE:
                    self.type = entry.text
            case CommentEntry() | SeriesEntry() | None:
                pass

    def admitted(self, labels: dict[str, str]) -> T:
        bound = _BOUND_OF.get(self.type)
        if bound is not None and bound in labels:
            labels[bound] = canonical_bound(labels[bound])
        return self.admit(labels)

    def add_comment(self, line: bytes) -> None:
        self.lines.append(line)
        self.keys.append(_NONE)
        self.indexes.append(-1)
        self.values.append(0.0)

    def add(self, line: bytes, key: bytes, entry: T, value: float) -> None:
        row = len(self.lines)
        self.known[key] = entry
        self.lines.append(line)
        self.keys.append(key)
        self.indexes.append(len(self.entries))
        self.rows.append(row)
        self.entries.append(entry)
        self.values.append(value)


def _slice_end(data: bytes, at: int, size: int) -> int:
    """The offset after the last line end within `size` bytes, or after the first line end beyond."""
    end = data.rfind(b"\n", at, at + size) + 1
    return end if end > at else data.index(b"\n", at) + 1


def _plain_number(text: bytes) -> float | None:
    """The number, if it is written in one of the usual ways and finite or an infinity by name; else None."""
    if PLAIN.fullmatch(text):
        try:
            value = float(text)
        except ValueError:
            return None
        return None if value in (float("inf"), float("-inf")) else value
    return _NAMED.get(text)


_NAMED: Final = {b"NaN": float("nan"), b"+Inf": float("inf"), b"-Inf": float("-inf")}


def _is_type(entry: Entry | None) -> bool:
    return isinstance(entry, MetadataEntry) and entry.fact is Fact.TYPE


def _is_type_line(line: bytes) -> bool:
    return b"TYPE" in line[:16]


def _learn(metadata: dict[str, Metadata], entry: MetadataEntry) -> None:
    before = metadata.get(entry.metric, Metadata())
    match entry.fact:
        case Fact.TYPE:
            metadata[entry.metric] = replace(before, type=entry.text)
        case Fact.HELP:
            metadata[entry.metric] = replace(before, help=entry.text)
        case Fact.UNIT:
            metadata[entry.metric] = replace(before, unit=entry.text)
