"""Reader of the formats that are lines of text (0.0.4 and OpenMetrics), fast where bodies are alike.

A target answers the same lines each time with other numbers. So the reader keeps the last body and, for each line of it, where
its number begins; what has moved since is found by comparing the two bodies (`renewing.py`, and its twin in C). Where the
layout changes, series already known are found by their text; only a line never seen is taken apart, by one expression if it
looks ordinary and by the exact grammar (`grammar.py`, `openmetrics.py`) otherwise. The short cuts may only ever agree with the
grammar; what they do not surely read alike they hand on. A test holds all three ways equal.

Reading is sliced: `read` is a generator that yields between slices of some thousand lines, and returns the Reading. A
reader that is abandoned or fails half-way keeps the state of the last good body.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Mapping
from itertools import islice
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import ExpositionError
from monitor.model.times import Timestamp
from monitor.scrape.exposition.entries import CommentEntry, Entry, Exemplar, Grammar, SeriesEntry
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.learner import COMMENT, LayoutLearner
from monitor.scrape.exposition.native import Renew, fastest
from monitor.scrape.exposition.numbers import plain_number
from monitor.scrape.exposition.reading import Metadata, Reading
from monitor.scrape.exposition.renewing import NO_NUMBER, Body
from monitor.scrape.exposition.together import ENOUGH, Renewal

T = TypeVar("T")

_EXACT_SLICE: Final = 1_000
"""Lines read by the grammar between two pauses."""

_INDEX_SLICE: Final = 10_000
"""Series put into the look-up table between two pauses."""


class TextReader(Generic[T]):
    """Reads one target's bodies, one after another.

    `admit` is called once for each series not in the last body, with its labels (metric name included), and says what the
    series shall be called from now on; what it raises ends the reading.
    """

    __slots__ = (
        "_admit",
        "_body",
        "_entries",
        "_exemplars",
        "_grammar",
        "_indexes",
        "_keys",
        "_metadata",
        "_numbers",
        "_renew",
        "_rows",
        "_starts",
        "_times",
        "_values",
    )

    def __init__(
        self, admit: Callable[[Mapping[str, str]], T], grammar: Grammar = TEXT, renew: Renew = fastest
    ) -> None:
        self._admit = admit
        self._renew = renew
        self._grammar = grammar
        self._body: Body = b""
        self._starts: NDArray[np.int64] = np.zeros(1, dtype=np.int64)  # (lines + 1,)
        self._numbers: NDArray[np.int32] = np.empty(0, dtype=np.int32)  # by line: where its number begins, or NO_NUMBER
        self._keys: dict[int, bytes] = {}  # by line: the key of a series that is not followed by its number alone
        self._indexes: NDArray[np.int32] = np.empty(0, dtype=np.int32)  # by line: which series, or -1
        self._entries: tuple[T, ...] = ()  # by series
        self._rows: NDArray[np.intp] = np.empty(0, dtype=np.intp)  # by series: which line
        self._values: NDArray[np.float64] = np.empty(0)  # by line
        self._times: dict[int, Timestamp] = {}  # by line
        self._exemplars: dict[int, Exemplar] = {}  # by line
        self._metadata: dict[str, Metadata] = {}

    def __repr__(self) -> str:
        return f"TextReader(lines={len(self._numbers)}, series={len(self._entries)})"

    def read(self, body: Body) -> Generator[Renewal | None, None, Reading[T]]:
        """Read a body, which must not change any more. Whoever takes the steps may do the renewals that they give; those that
        are not done are done in the next step. Raises ExpositionError with the line and Prometheus's wording."""
        # Where a last line says that it is the last, an empty one after it would be a mistake.
        data = body if body.endswith(b"\n") else body + b"\n"
        stop = len(body) if self._grammar.ends else len(data)
        lines = len(self._numbers)
        values, begins = self._values.copy(), np.empty(lines + 1, dtype=np.int64)
        begins[0] = 0
        times, exemplars = self._times, self._exemplars
        own = False  # are these two copies yet?
        at = done = 0
        while done < lines:
            last = min(done + ENOUGH, lines)
            asked = Renewal(
                self._renew,
                self._body,
                self._starts,
                self._numbers,
                done,
                last,
                data,
                at,
                values,
                begins,
                alone=bool(self._keys),
            )
            yield asked
            odd = asked.odd_lines()
            if odd is None:
                break
            if odd and not own:
                times, exemplars, own = dict(times), dict(exemplars), True
            exact = True
            for start in range(0, len(odd), _EXACT_SLICE):
                yield None
                exact = exact and self._renew_exactly(
                    data, begins, odd[start : start + _EXACT_SLICE], values, times, exemplars
                )
            if not exact:
                break
            done, at = last, int(begins[last])
        if at < len(data) or done < lines:
            closed = len(data) == len(body)
            return (yield from self._relearn(data, stop, begins[: done + 1], values, times, exemplars, closed=closed))
        self._body, self._starts, self._values = data, begins, values
        self._times, self._exemplars = times, exemplars
        return (yield from self._reading())

    def _renew_exactly(
        self,
        data: Body,
        begins: NDArray[np.int64],
        odd: list[int],
        values: NDArray[np.float64],
        times: dict[int, Timestamp],
        exemplars: dict[int, Exemplar],
    ) -> bool:
        """Read changed lines by the grammar. False if one of them is of another series or kind than before."""
        for index in odd:
            text = bytes(data[int(begins[index]) : int(begins[index + 1])])
            if self._renew_stamped(text[:-1], index, values, times):
                continue
            try:
                entry, end = self._grammar.read_entry(text, 0, index + 1, len(text))
            except ExpositionError:
                return False  # the whole body decides: what looks broken here may go on in the next line
            if end < len(text):
                return False
            if isinstance(entry, SeriesEntry):
                key = self._key(index)
                if key.removesuffix(b"\n") != entry.text:
                    return False
                if key == entry.text and (entry.time is not None or entry.exemplar is not None):
                    # From now on the short cut must not take this line: it would keep the old time.
                    self._keys[index] = key + b"\n"
                    self._numbers[index] = NO_NUMBER
                values[index] = entry.value
                times.pop(index, None)
                exemplars.pop(index, None)
                if entry.time is not None:
                    times[index] = entry.time
                if entry.exemplar is not None:
                    exemplars[index] = entry.exemplar
            elif self._indexes[index] >= 0 or not self._idle(index, entry):
                return False
        return True

    def _renew_stamped(self, line: bytes, index: int, values: NDArray[np.float64], times: dict[int, Timestamp]) -> bool:
        """Read a changed line that ends in a time, if it is ordinary and of the same series as before."""
        parts = line.rsplit(b" ", 2)
        if len(parts) < 3 or self._keys.get(index) != parts[0] + b"\n":
            return False
        number, time = plain_number(parts[1]), self._grammar.stamp(parts[2])
        if number is None or time is None:
            return False
        values[index] = number
        times[index] = time
        return True

    def _relearn(
        self,
        data: Body,
        stop: int,
        begins: NDArray[np.int64],
        values: NDArray[np.float64],
        times: Mapping[int, Timestamp],
        exemplars: Mapping[int, Exemplar],
        *,
        closed: bool,
    ) -> Generator[None, None, Reading[T]]:
        """The layout differs from the last of `begins` on: take over the lines before it, look up the rest."""
        data = bytes(data)
        known: dict[bytes, T] = {}
        for start in range(0, len(self._entries), _INDEX_SLICE):
            rows = self._rows[start : start + _INDEX_SLICE].tolist()
            for row, entry in zip(rows, self._entries[start : start + _INDEX_SLICE], strict=True):
                known[self._key(row)] = entry
            yield
        done, at = len(begins) - 1, int(begins[-1])
        pupil = LayoutLearner(self._grammar, self._admit, known, stop, closed=closed)
        pupil.starts, pupil.indexes = array("q", begins[:-1].tobytes()), array("i", self._indexes[:done].tobytes())
        for start in range(0, done, _INDEX_SLICE):
            pupil.keys += map(self._key, range(start, min(start + _INDEX_SLICE, done)))
            yield
        pupil.rows = array("q", self._rows[self._rows < done].astype(np.int64).tobytes())
        pupil.entries = [*self._entries[: len(pupil.rows)]]
        pupil.values = array("d", values[:done].tobytes())
        pupil.times = {line: time for line, time in times.items() if line < done}
        pupil.exemplars = {line: one for line, one in exemplars.items() if line < done}
        yield from pupil.repeat_metadata(data, at)
        while at < len(data):
            at = pupil.learn(data, at)
            yield
        pupil.finish()
        pupil.starts.append(len(data))
        starts = np.array(pupil.starts, dtype=np.int64)
        yield
        numbers = np.empty(len(pupil.keys), dtype=np.int32)
        keys: dict[int, bytes] = {}
        for start in range(0, len(pupil.keys), _INDEX_SLICE):
            part = pupil.keys[start : start + _INDEX_SLICE]
            numbers[start : start + len(part)] = [NO_NUMBER if key[-1:] == b"\n" else len(key) + 1 for key in part]
            for row in np.flatnonzero(numbers[start : start + len(part)] == NO_NUMBER).tolist():
                if part[row] is not COMMENT:
                    keys[start + row] = part[row]
            yield
        rows = np.array(pupil.rows, dtype=np.intp)
        yield
        renewed = np.array(pupil.values, dtype=np.float64)
        yield
        indexes = np.array(pupil.indexes, dtype=np.int32)
        yield
        old_keys = pupil.keys
        self._body, self._starts, self._numbers, self._keys, self._indexes = data, starts, numbers, keys, indexes
        self._entries, self._rows, self._values = tuple(pupil.entries), rows, renewed
        self._times, self._exemplars, self._metadata = pupil.times, pupil.exemplars, pupil.metadata
        while old_keys or known:  # giving back the memory of a large body takes milliseconds too
            del old_keys[-_INDEX_SLICE:]
            for _ in range(min(_INDEX_SLICE, len(known))):
                known.popitem()
            yield
        return (yield from self._reading())

    def _key(self, line: int) -> bytes:
        """What the last body has before the line's number; with a line end if something else than a number follows."""
        number = int(self._numbers[line])
        if number != NO_NUMBER:
            start = int(self._starts[line])
            return bytes(self._body[start : start + number - 1])
        return self._keys.get(line, COMMENT)

    def _reading(self) -> Generator[None, None, Reading[T]]:
        indexes = self._indexes
        times: dict[int, Timestamp] = {}
        lines, stamps = iter(self._times), iter(self._times.values())
        while part := list(islice(lines, _INDEX_SLICE)):
            times.update(zip(indexes[part].tolist(), stamps, strict=False))
            if len(part) == _INDEX_SLICE:
                yield
        return Reading(
            entries=self._entries,
            values=self._values[self._rows],
            times=times,
            exemplars={int(indexes[line]): one for line, one in self._exemplars.items()},
            metadata=self._metadata,
        )

    def _idle(self, line: int, entry: Entry | None) -> bool:
        """Was that line, and is this entry, for people only? Then nothing else is read differently."""
        before = bytes(self._body[int(self._starts[line]) : int(self._starts[line + 1])])
        old, _ = self._grammar.read_entry(before, 0, 1, len(before))
        return all(one is None or isinstance(one, CommentEntry) for one in (old, entry))
