"""Start timestamps: since when a counter has been counting, as the one who counts says.

Without them a counter's restart shows only where its value falls, and what it had counted before its first sample is not
known. OpenMetrics tells the start in a sample of its own, `requests_created` beside `requests_total`, so that is where it is
kept: nothing is stored twice, and series without a start cost nothing. The start of a sample is what the created series
says at the very same time, which holds for all that one scrape brought. Where it says nothing the start is not known.

A sample begins anew if its start is not before the sample in front of it. A start at the sample's own time says nothing,
and so does it in the samples after that one (OpenTelemetry marks streams of unknown start so).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.columns.frame import Frame
from monitor.columns.nans import missing, stale
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME, Labels
from monitor.promql.matrix import Bools, Floats, Ints
from monitor.promql.rates import Reach
from monitor.promql.selection import Run

FUNCTIONS: Final = frozenset({"rate", "increase", "irate", "resets"})
"""What follows start timestamps."""

UNKNOWN: Final = 0
"""The start of a sample that has none."""

_ENDING: Final = "_created"
_ENDINGS: Final = ("_total", "_bucket", "_count", "_sum")
_WITHIN_A_FAMILY: Final = ("le", "quantile")
_FAR: Final = 1e12
"""Seconds; no time of any calendar."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The created series of a selection's series."""

    matchers: tuple[Matcher, ...]
    """They select all of these, and perhaps others."""
    rows: dict[Labels, list[int]]
    """Which series of the selection each is for."""


def created(labels: Labels) -> Labels:
    """The series that tells since when this one counts: one a family and label set, whatever its buckets and quantiles.
    Empty for a series without a name."""
    name = labels.get(METRIC_NAME, "")
    if not name:
        return Labels()
    ending = next((one for one in _ENDINGS if name.endswith(one)), "")
    return labels.without(*_WITHIN_A_FAMILY).merged({METRIC_NAME: name.removesuffix(ending) + _ENDING})


def wanted(labels: Sequence[Labels]) -> Wanted:
    """What to select beside these series."""
    rows: dict[Labels, list[int]] = {}
    for row, one in enumerate(labels):
        rows.setdefault(created(one), []).append(row)
    rows.pop(Labels(), None)
    names = {one[METRIC_NAME] for one in rows}
    if len(names) == 1:
        return Wanted((Matcher(METRIC_NAME, MatchOp.EQUAL, *names),), rows)
    return Wanted((Matcher(METRIC_NAME, MatchOp.MATCHES, f".+{_ENDING}"),), rows)


class Starts:
    """The start timestamps of a selection's samples."""

    __slots__ = ("_homes", "samples")

    def __init__(self, frames: Sequence[Frame], ask: Wanted) -> None:
        self._homes: dict[int, tuple[Frame, int]] = {}
        """By row of the selection: the created series' frame and its place there."""
        self.samples = 0
        """How many start timestamps there are to look at."""
        for frame in frames:
            for place, labels in enumerate(frame.labels):
                for row in ask.rows.get(labels, ()):
                    self._homes[row] = (frame, place)
                    self.samples += len(frame.times)

    def __bool__(self) -> bool:
        return bool(self._homes)

    def of(self, rows: Sequence[int], times: Ints) -> Ints | None:
        """In milliseconds, (S', T), at the times (T,) of these S' rows of the selection; None if none is known."""
        out = np.full((len(rows), len(times)), UNKNOWN, dtype=np.int64)
        members: dict[int, tuple[Frame, list[int], list[int]]] = {}
        for own, row in enumerate(rows):
            if row in self._homes:
                frame, place = self._homes[row]
                _, owns, places = members.setdefault(id(frame), (frame, [], []))
                owns.append(own)
                places.append(place)
        for frame, owns, places in members.values():
            slots = np.minimum(np.searchsorted(frame.times, times), max(len(frame.times) - 1, 0))
            met = np.flatnonzero(frame.times[slots] == times) if len(frame.times) else slots[:0]
            out[np.array(owns)[:, None], met] = _stamps(frame.at(slots[met])[places])
        return out if bool((out != UNKNOWN).any()) else None


def _stamps(seconds: Floats) -> Ints:
    """Milliseconds."""
    told = np.abs(seconds) < _FAR
    told &= ~(missing(seconds) | stale(seconds))
    return np.rint(np.where(told, seconds, UNKNOWN) * 1000).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Started:
    """A run whose samples have start timestamps."""

    run: Run
    stamps: Ints
    """(S', T) milliseconds."""

    @property
    def known(self) -> Bools:
        """(S', T): the start is before the sample."""
        return (self.stamps != UNKNOWN) & (self.stamps < self.run.times)

    @property
    def anew(self) -> Bools:
        """(S', T-1): from its second sample on, where the counter was reset: by its value or by its start."""
        values, stamps, before = self.run.values, self.stamps, self.run.times[:-1]
        later = stamps[:, 1:]
        told = (later > before) | ((later == before) & (later != stamps[:, :-1]))
        return (told & self.known[:, 1:]) | (values[:, 1:] < values[:, :-1])

    @property
    def overlapping(self) -> Bools:
        """(S', T-1): the start has changed, and lies before the sample in front."""
        earlier, later = self.stamps[:, :-1], self.stamps[:, 1:]
        changed = (earlier != UNKNOWN) & (later != UNKNOWN) & (later != earlier)
        return changed & (later < self.run.times[:-1])


def apply(name: str, one: Started, reach: Reach, check: Callable[[], None]) -> tuple[Floats, Bools, Bools]:
    """One of FUNCTIONS on a run: values, presence, both (S', N), and which series have overlapping starts within a window,
    (S',)."""
    run, low = one.run, reach.low
    start, end = np.searchsorted(run.times, low, "right"), np.searchsorted(run.times, reach.high, "right")
    values = np.full((run.series, len(reach.at)), np.nan)
    present = np.zeros(values.shape, dtype=bool)
    doubtful = np.zeros(run.series, dtype=bool)
    anew, overlapping, known = one.anew, one.overlapping, one.known
    for step, (first, stop) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        if stop <= first:
            continue
        check()
        pairs = slice(first, stop - 1)
        if name == "resets":
            values[:, step], present[:, step] = anew[:, pairs].sum(axis=1), True
            continue
        doubtful |= overlapping[:, pairs].any(axis=1)
        if name == "irate":
            if stop - first >= 2:
                before, after = run.values[:, stop - 2], run.values[:, stop - 1]
                seconds = (run.times[stop - 1] - run.times[stop - 2]) / 1000
                values[:, step], present[:, step] = np.where(anew[:, stop - 2], after, after - before) / seconds, True
            continue
        inside = known[:, first] & (one.stamps[:, first] > low[step])
        gained = _increase(
            run.values[:, first:stop],
            anew[:, pairs],
            run.times[first:stop],
            np.where(inside, one.stamps[:, first], UNKNOWN),
            (int(low[step]), int(reach.high[step])),
        )
        values[:, step] = gained / (reach.span / 1000) if name == "rate" else gained
        present[:, step] = inside if stop - first < 2 else True
    return values, present, doubtful


def _increase(values: Floats, anew: Bools, times: Ints, starts: Ints, bounds: tuple[int, int]) -> Floats:
    """The growth (S',) in one window of samples (S', n). A start (S',) within the window is a sample of zero, and nothing was
    counted before it; the other bound is reached as without start timestamps, by the distance between true samples."""
    low, high = bounds
    inside = starts != UNKNOWN
    opening, count = values[:, 0], len(times)
    with np.errstate(all="ignore"):
        fallen: Floats = np.where(anew, values[:, :-1], 0.0).sum(axis=1)
        gained: Floats = values[:, -1] - opening + fallen
        gained = np.where(inside, gained + opening, gained)
        sampled = (times[-1] - np.where(inside, starts, times[0])) / 1000
        if count < 2:
            return np.where(inside, gained, np.nan)
        apart = float(times[-1] - times[0]) / 1000 / (count - 1)
        to_start, to_end = float(times[0] - low) / 1000, float(high - times[-1]) / 1000
        to_start = apart / 2 if to_start >= apart * 1.1 else to_start
        to_end = apart / 2 if to_end >= apart * 1.1 else to_end
        to_zero: Floats = sampled * (opening / gained)
        before = np.where((gained > 0) & (opening >= 0), np.minimum(to_zero, to_start), to_start)
        return gained * ((sampled + np.where(inside, 0.0, before) + to_end) / sampled)
