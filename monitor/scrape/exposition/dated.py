"""Samples with times, from an OpenMetrics file of any size.

Read a megabyte at a time. A line that looks ordinary is matched once, and what stands before its value is looked up as it
is written; all others go to the exact reader, which words every error as Prometheus does. What is remembered is the
series, each as it is written.

The one thing beyond the format: `nan` in these letters is the marker that a series has ended, as our export writes it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import SECOND, Timestamp, rfc3339
from monitor.scrape.exposition.entries import EndEntry, SeriesEntry
from monitor.scrape.exposition.numbers import plain_number
from monitor.scrape.exposition.openmetrics import NO_END, OPENMETRICS

_AT_ONCE: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 24
_STALE_WORD: Final = b"nan"
AHEAD: Final = 10 * SECOND
"""A sample may be so far ahead of the clock."""


@dataclass(frozen=True, slots=True)
class Batch:
    """N samples, as they came. Each (N,)."""

    series: NDArray[np.uint32]
    """Numbers in `DatedSamples.labels`."""
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class DatedSamples:
    """The samples of a file. Raises ExpositionError, also for a sample without a time or later than `now`, and OSError."""

    def __init__(self, file: BinaryIO, now: Timestamp) -> None:
        self.labels: list[Labels] = []
        """The series by number: those that came so far."""
        self.read = 0
        """Bytes so far."""
        self._file = file
        self._latest = now + AHEAD
        self._line = 1
        self._texts: dict[bytes, int] = {}
        self._numbers: dict[Labels, int] = {}
        self._ended = False

    def __iter__(self) -> Iterator[Batch]:
        rest = b""
        while data := self._file.read(_AT_ONCE):
            self.read += len(data)
            data = rest + data
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if len(rest) > _LONGEST_LINE:
                raise ExpositionError(f"a line of more than {_LONGEST_LINE} bytes", line=self._line)
            if end:
                yield self._batch(data[:end])
        if rest:
            yield self._batch(rest)
        if not self._ended:
            raise ExpositionError(NO_END, line=self._line)

    def _batch(self, data: bytes) -> Batch:
        series, times, values = array("I"), array("q"), array("d")
        match, stamp, texts = OPENMETRICS.line.match, OPENMETRICS.stamp, self._texts
        at, stop = 0, len(data)
        while at < stop:
            if self._ended:
                raise ExpositionError("unexpected data after # EOF", line=self._line)
            found = match(data, at)
            number = texts.get(found[1]) if found is not None else None
            time = value = None
            if (
                found is not None
                and number is not None
                and found[5] is not None
                and data.startswith(b"\n", found.end())
            ):
                time, value = stamp(found[5]), plain_number(found[4])
            if number is None or time is None or value is None or found is None:
                entry, after = OPENMETRICS.read_entry(data, at, self._line, stop)
                at = after
                if isinstance(entry, EndEntry):
                    self._ended = True
                if not isinstance(entry, SeriesEntry):
                    self._line += 1
                    continue
                if entry.time is None:
                    raise ExpositionError(f"the sample of {entry.text.decode()} has no time", line=self._line)
                number = self._number(entry)
                time, value = entry.time, STALE if entry.value_text == _STALE_WORD else entry.value
            else:
                at = found.end() + 1
            if not 0 <= time <= self._latest:
                raise ExpositionError(self._untimely(time), line=self._line)
            self._line += 1
            series.append(number)
            times.append(time)
            values.append(value)
        return Batch(
            np.array(series, dtype=np.uint32), np.array(times, dtype=np.int64), np.array(values, dtype=np.float64)
        )

    def _number(self, entry: SeriesEntry) -> int:
        number = self._texts.get(entry.text)
        if number is None:
            labels = Labels(entry.labels)
            number = self._numbers.setdefault(labels, len(self.labels))
            if number == len(self.labels):
                self.labels.append(labels)
            self._texts[entry.text] = number
        return number

    def _untimely(self, time: Timestamp) -> str:
        if time < 0:
            return "a sample from before 1970"
        return f"a sample {(time - self._latest + AHEAD) / SECOND:.0f} s later than the clock, which says {rfc3339(self._latest - AHEAD)}"
