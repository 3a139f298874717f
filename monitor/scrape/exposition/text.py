"""Reader of the formats that are lines of text (0.0.4 and OpenMetrics), fast where bodies are alike.

A target answers the same lines each time with other numbers. So the reader keeps the last body's lines and, for each, the
text before its number; a line that is equal costs one comparison, one that differs only in its number costs a split, a
comparison and a conversion, all three in C over a slice of lines. Where the layout changes, series already known are
found by their text; only a line never seen is taken apart, by one expression if it looks ordinary and by the exact grammar
(`grammar.py`, `openmetrics.py`) otherwise. The short cuts may only ever agree with the grammar; what they do not surely read alike they
hand on. A test holds all three ways equal.

Reading is sliced: `read` is a generator that yields between slices of some hundred lines, and returns the Reading. A
reader that is abandoned or fails half-way keeps the state of the last good body.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from itertools import compress
from operator import eq, itemgetter, ne
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import ExpositionError
from monitor.model.times import Timestamp
from monitor.scrape.exposition.entries import CommentEntry, Entry, Exemplar, Grammar, SeriesEntry
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.learner import NO_NUMBER, LayoutLearner, plain_number, slice_end
from monitor.scrape.exposition.reading import Metadata, Reading

T = TypeVar("T")

_KNOWN_SLICE: Final = 1 << 16
"""Bytes of a slice whose lines are compared with the last body's: about 0.3 ms."""
_INDEX_SLICE: Final = 10_000
"""Series put into the look-up table between two pauses."""

_PLAIN_CHARS: Final = b"0123456789.eE+-"

_first = itemgetter(0)
_last = itemgetter(2)


class TextReader(Generic[T]):
    """Reads one target's bodies, one after another.

    `admit` is called once for each series not in the last body, with its labels (metric name included), and says what the
    series shall be called from now on; what it raises ends the reading.
    """

    __slots__ = (
        "_admit",
        "_entries",
        "_exemplars",
        "_grammar",
        "_indexes",
        "_keys",
        "_lines",
        "_metadata",
        "_rows",
        "_times",
        "_values",
    )

    def __init__(self, admit: Callable[[Mapping[str, str]], T], grammar: Grammar = TEXT) -> None:
        self._admit = admit
        self._grammar = grammar
        self._lines: list[bytes] = []
        self._keys: list[bytes] = []  # by line: the text before the number
        self._indexes: list[int] = []  # by line: which series, or -1
        self._entries: tuple[T, ...] = ()  # by series
        self._rows: NDArray[np.intp] = np.empty(0, dtype=np.intp)  # by series: which line
        self._values: NDArray[np.float64] = np.empty(0)  # by line
        self._times: dict[int, Timestamp] = {}  # by line
        self._exemplars: dict[int, Exemplar] = {}  # by line
        self._metadata: dict[str, Metadata] = {}

    def __repr__(self) -> str:
        return f"TextReader(lines={len(self._lines)}, series={len(self._entries)})"

    def read(self, body: bytes) -> Generator[None, None, Reading[T]]:
        """Read a body. Raises ExpositionError with the line and Prometheus's wording."""
        # Where a last line says that it is the last, an empty one after it would be a mistake.
        data = body if self._grammar.ends and body.endswith(b"\n") else body + b"\n"
        stop = len(body) if self._grammar.ends else len(data)
        lines: list[bytes] = []
        values = self._values.copy()
        times = self._times
        exemplars = self._exemplars
        own = False  # are these two copies yet?
        at = 0
        while at < len(data):
            end = slice_end(data, at, _KNOWN_SLICE)
            new = data[at : end - 1].split(b"\n")
            first = len(lines)
            old = self._lines[first : first + len(new)]
            if len(old) < len(new):
                break
            changed = [*compress(range(first, first + len(new)), map(ne, new, old))]
            if changed:
                odd = self._renew(new, first, changed, values)
                if odd and not own:
                    times, exemplars, own = dict(times), dict(exemplars), True
                if odd and not self._renew_exactly(new, first, odd, values, times, exemplars):
                    break
            lines += new
            at = end
            yield
        if at < len(data) or len(lines) < len(self._lines):
            return (yield from self._relearn(data, stop, at, lines, values, times, exemplars))
        self._lines, self._values, self._times, self._exemplars = lines, values, times, exemplars
        return self._reading()

    def forget(self) -> None:
        """Read the next body as if it were the first."""
        self._lines, self._keys, self._indexes, self._entries = [], [], [], ()
        self._rows, self._values = np.empty(0, dtype=np.intp), np.empty(0)
        self._times, self._exemplars, self._metadata = {}, {}, {}

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
            number = plain_number(text)
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
        exemplars: dict[int, Exemplar],
    ) -> bool:
        """Read changed lines by the grammar. False if one of them is of another series or kind than before."""
        for index in odd:
            line = new[index - first]
            if self._renew_stamped(line, index, values, times):
                continue
            text = line + b"\n"
            try:
                entry, end = self._grammar.read_entry(text, 0, index + 1, len(text))
            except ExpositionError:
                return False  # the whole body decides: what looks broken here may go on in the next line
            if end < len(text):
                return False
            if isinstance(entry, SeriesEntry):
                key = self._keys[index]
                if key.removesuffix(b"\n") != entry.text:
                    return False
                if key == entry.text and (entry.time is not None or entry.exemplar is not None):
                    # From now on the short cut must not take this line: it would keep the old time.
                    self._keys[index] = key + b"\n"
                values[index] = entry.value
                times.pop(index, None)
                exemplars.pop(index, None)
                if entry.time is not None:
                    times[index] = entry.time
                if entry.exemplar is not None:
                    exemplars[index] = entry.exemplar
            elif self._indexes[index] >= 0 or not self._idle(self._lines[index], entry):
                return False
        return True

    def _renew_stamped(self, line: bytes, index: int, values: NDArray[np.float64], times: dict[int, Timestamp]) -> bool:
        """Read a changed line that ends in a time, if it is ordinary and of the same series as before."""
        parts = line.rsplit(b" ", 2)
        if len(parts) < 3 or self._keys[index] != parts[0] + b"\n":
            return False
        number, time = plain_number(parts[1]), self._grammar.stamp(parts[2])
        if number is None or time is None:
            return False
        values[index] = number
        times[index] = time
        return True

    def _relearn(
        self,
        data: bytes,
        stop: int,
        at: int,
        lines: list[bytes],
        values: NDArray[np.float64],
        times: Mapping[int, Timestamp],
        exemplars: Mapping[int, Exemplar],
    ) -> Generator[None, None, Reading[T]]:
        """The layout differs from line `len(lines)`, offset `at`, on: take over what came before, look up the rest."""
        known: dict[bytes, T] = {}
        for start in range(0, len(self._keys), _INDEX_SLICE):
            part = slice(start, start + _INDEX_SLICE)
            for key, index in zip(self._keys[part], self._indexes[part], strict=True):
                if key is not NO_NUMBER:
                    known[key] = self._entries[index]
            yield
        done = len(lines)
        pupil = LayoutLearner(self._grammar, self._admit, known, stop)
        pupil.lines, pupil.keys, pupil.indexes = lines, self._keys[:done], self._indexes[:done]
        pupil.rows = self._rows[self._rows < done].tolist()
        pupil.entries = [*self._entries[: len(pupil.rows)]]
        pupil.values = values[:done].tolist()
        pupil.times = {line: time for line, time in times.items() if line < done}
        pupil.exemplars = {line: one for line, one in exemplars.items() if line < done}
        yield from pupil.repeat_metadata()
        while at < len(data):
            at = pupil.learn(data, at)
            yield
        pupil.finish()
        rows = np.array(pupil.rows, dtype=np.intp)
        yield
        numbers = np.array(pupil.values, dtype=np.float64)
        yield
        known.clear()
        yield
        old_lines, old_keys = self._lines, self._keys
        self._lines, self._keys, self._indexes = pupil.lines, pupil.keys, pupil.indexes
        self._entries, self._rows, self._values = tuple(pupil.entries), rows, numbers
        self._times, self._exemplars, self._metadata = pupil.times, pupil.exemplars, pupil.metadata
        while old_keys:  # giving back the memory of a large body takes milliseconds too
            del old_lines[-_INDEX_SLICE:], old_keys[-_INDEX_SLICE:]
            yield
        return self._reading()

    def _reading(self) -> Reading[T]:
        indexes = self._indexes
        return Reading(
            entries=self._entries,
            values=self._values[self._rows],
            times={indexes[line]: time for line, time in self._times.items()},
            exemplars={indexes[line]: one for line, one in self._exemplars.items()},
            metadata=self._metadata,
        )

    def _idle(self, before: bytes, entry: Entry | None) -> bool:
        """Was that line, and is this entry, for people only? Then nothing else is read differently."""
        old, _ = self._grammar.read_entry(before + b"\n", 0, 1, len(before) + 1)
        return all(one is None or isinstance(one, CommentEntry) for one in (old, entry))
