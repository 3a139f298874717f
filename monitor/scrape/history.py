"""One target's series in the store: which are open, which go on, which end. Calls the sink, and nothing else.

A series ends in the row in which it is first missing, so that row holds old and new ones, and the next only the new. After a
failure the row of stale markers is followed, should the target stay down, by rows of the reports alone.

A change of many thousand series takes the store a while, so what writes is a generator that yields now and then. Whoever
closes the series meanwhile ends it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import STALE_VALUE
from monitor.columns.sink import RowWriter, SampleSink
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import Timestamp
from monitor.scrape.exposition.reading import Reading
from monitor.scrape.rows import Change, RowPlan, loose_samples

_TIMES: Final = 100
"""Samples with times of their own may each have another one: so many times are written in one step."""


class TargetSeries:
    """What is stored of one target. Times must ascend from call to call, and one write be done before the next."""

    __slots__ = (
        "_alive",
        "_closed",
        "_ending",
        "_last",
        "_sink",
        "_stored",
        "_writer",
        "_writing",
        "plan",
        "reports",
        "track_loose",
    )

    def __init__(self, sink: SampleSink, reports: tuple[Labels, ...], *, track_loose: bool) -> None:
        self.plan: RowPlan | None = None
        """Of the last good answer."""
        self.reports = reports
        """The series that tell about the scrape."""
        self.track_loose = track_loose
        """Mark the end of series with their own times?"""
        self._sink = sink
        self._writer: RowWriter | None = None
        self._stored: tuple[Labels, ...] = ()  # the writer's present series
        self._alive = False  # do the plan's series go on, that is, have they no stale marker yet?
        self._ending: tuple[Labels, ...] = ()  # reports no longer wanted that have no stale marker yet
        self._last: Timestamp | None = None
        self._closed = False
        self._writing: list[Labels] = []  # with times of their own, of an answer that is being stored: those so far

    def __repr__(self) -> str:
        return f"TargetSeries(open={len(self._stored)}, alive={self._alive})"

    def report(self, reports: tuple[Labels, ...]) -> None:
        """Write these reports from the next call on."""
        if self._stored:
            before = (*self.reports, *self._ending)
            self._ending = tuple(labels for labels in before if labels not in reports)
        self.reports = reports

    def write(
        self,
        at: Timestamp,
        plan: RowPlan,
        change: Change | None,
        reading: Reading[Labels | None],
        reports: Sequence[float],
        latest: Timestamp,
    ) -> Generator[None, None, None]:
        """Store a good answer. `change` is from the present plan to `plan`, None if they are the same one. Samples that claim
        to be from after `latest` are dropped."""
        row = plan.row(reading.values, self._in_place(plan, reports))
        vanished = change.vanished if change is not None and self._alive else self._ending
        self._ending = ()
        yield from self._append(at, plan.labels, row, vanished)
        if self._closed:
            return
        for number, (time, (labels, values)) in enumerate((yield from loose_samples(plan, reading, latest))):
            if number % _TIMES == _TIMES - 1:
                yield
            if self._closed:
                return
            self._writing += labels
            steps = self._sink.appending_stamped(time, labels, values)
            for _ in steps:
                yield
                if self._closed:
                    steps.close()  # what was written of it has ended by now
                    return
        if change is not None:
            yield from self._ending_loose(at, change.vanished_loose)
        self.plan, self._alive, self._last, self._writing = plan, True, at, []

    def fail(self, at: Timestamp, reports: Sequence[float]) -> Generator[None, None, None]:
        """Store that there was no good answer: every series that goes on ends."""
        plan = self.plan
        ending, self._ending = self._ending, ()
        if plan is not None and self._alive:
            yield from self._append(at, plan.labels, plan.ended(self._in_place(plan, reports)), ())
            if not self._closed:
                yield from self._ending_loose(at, [labels for _, labels in plan.loose])
        else:
            yield from self._append(at, self.reports, np.array(reports, dtype=np.float64), ending)
        self._alive, self._last = False, at

    def close(self, at: Timestamp | None) -> None:
        """Let go of all series; with a time they end then, or just after their last sample if that is later."""
        self._closed = True
        if at is not None and self._last is not None:
            at = max(at, self._last + 1)
        if self._writer is not None:
            self._writer.close(at)
            self._writer = None
        if at is not None:
            loose = [labels for _, labels in self.plan.loose] if self.plan is not None and self._alive else []
            self._end_loose(at, list(dict.fromkeys([*loose, *self._writing])))

    def _append(
        self, at: Timestamp, labels: tuple[Labels, ...], row: NDArray[np.float64], vanished: tuple[Labels, ...]
    ) -> Generator[None, None, None]:
        """A row of `labels`; those in `vanished` end with it."""
        if vanished:
            ends = np.repeat(STALE_VALUE, len(vanished))
            yield from self._write(at, (*labels, *vanished), np.concatenate([row, ends]))
            if not self._closed:
                yield from self._place(labels)
        else:
            yield from self._write(at, labels, row)

    def _write(
        self, at: Timestamp, labels: tuple[Labels, ...], row: NDArray[np.float64]
    ) -> Generator[None, None, None]:
        writer = yield from self._place(labels)
        if not self._closed:
            writer.append(at, row)
            self._last = at

    def _ending_loose(self, at: Timestamp, ended: Sequence[Labels]) -> Generator[None, None, None]:
        if ended and self.track_loose:
            yield from self._sink.appending(at, tuple(ended), [STALE] * len(ended))

    def _end_loose(self, at: Timestamp, ended: Sequence[Labels]) -> None:
        if ended and self.track_loose:
            self._sink.append(at, [(labels, STALE) for labels in ended])

    def _in_place(self, plan: RowPlan, reports: Sequence[float]) -> Sequence[float]:
        """The reports as a plan wants them that may be from before other reports were asked for."""
        if plan.reports is self.reports:
            return reports
        values = dict(zip(self.reports, reports, strict=True))
        return [values.get(labels, STALE) for labels in plan.reports]

    def _place(self, labels: tuple[Labels, ...]) -> Generator[None, None, RowWriter]:
        writer = self._writer
        if writer is None:
            writer = yield from self._sink.opening(labels)
            if self._closed:
                writer.close(None)
            self._writer = writer
        elif labels is not self._stored:
            yield from writer.replacing(labels)
        self._stored = labels
        return writer
