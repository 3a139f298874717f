"""How a reading becomes a row of the store: which series stand where, and what has come and gone. Pure.

A target's row holds its scraped series, in body order, and then the series that tell about the scrape. Samples with the
target's own time cannot stand in a row and are loose. Of two equal series in one body the first counts, and a scraped series
that is called like one of the reports gives way to it. Making a plan walks over all series, so it is a generator that
yields now and then.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import STALE_VALUE
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import Timestamp
from monitor.scrape.exposition.reading import Reading

_SLICE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowPlan:
    """Where each series of a layout goes. N scraped rows, R reports."""

    entries: Sequence[Labels | None]
    """The reading's, by identity: the plan holds for readings with the same ones and the same `stamped`."""
    stamped: frozenset[int]
    """Indexes of the samples that have their own time."""
    labels: tuple[Labels, ...]
    """(N + R,) of the row."""
    reports: tuple[Labels, ...]
    """(R,) the last of `labels`."""
    take: NDArray[np.intp]
    """(N,) index in the reading of each scraped row."""
    loose: tuple[tuple[int, Labels], ...]
    """(index in the reading, series) with own time."""
    kept: int
    """Samples left by metric relabelling."""

    @property
    def scraped(self) -> int:
        """N."""
        return len(self.take)

    def fits(self, reading: Reading[Labels | None], stamped: Collection[int]) -> bool:
        """Does this plan hold for the reading?"""
        return (
            reading.entries is self.entries and len(stamped) == len(self.stamped) and self.stamped.issuperset(stamped)
        )

    def row(self, values: NDArray[np.float64], reports: Sequence[float]) -> NDArray[np.float64]:
        """(N + R,) from a reading's values."""
        row = np.empty(len(self.labels))
        np.take(values, self.take, out=row[: self.scraped])
        row[self.scraped :] = reports
        return row

    def ended(self, reports: Sequence[float]) -> NDArray[np.float64]:
        """(N + R,) with a stale marker for each scraped series."""
        row = np.empty(len(self.labels))
        row[: self.scraped] = STALE_VALUE
        row[self.scraped :] = reports
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs between two plans."""

    added: int
    """Series that were not there before."""
    vanished: tuple[Labels, ...]
    """Row series that are no more."""
    vanished_loose: tuple[Labels, ...]
    """Series with own times that are no more."""


def plan_rows(
    reading: Reading[Labels | None], stamped: frozenset[int], reports: tuple[Labels, ...]
) -> Generator[None, None, RowPlan]:
    """The plan for this reading's layout."""
    places: dict[Labels, int] = {}
    loose: list[tuple[int, Labels]] = []
    kept = 0
    for index, labels in enumerate(reading.entries):
        if index % _SLICE == 0:
            yield
        if labels is None:
            continue
        kept += 1
        if index in stamped:
            loose.append((index, labels))
        else:
            places.setdefault(labels, index)
    for labels in reports:
        places.pop(labels, None)
    yield
    row = (*places, *reports)
    yield
    take = np.fromiter(places.values(), dtype=np.intp, count=len(places))
    yield
    return RowPlan(
        entries=reading.entries,
        stamped=stamped,
        labels=row,
        reports=reports,
        take=take,
        loose=tuple(loose),
        kept=kept,
    )


def compare_plans(old: RowPlan | None, new: RowPlan) -> Generator[None, None, Change]:
    """What came and what went from `old` (None: nothing was there) to `new`."""
    before: set[Labels] = set()
    if old is not None:
        before.update(labels for _, labels in old.loose)
        for start in range(0, len(old.labels), _SLICE):
            before.update(old.labels[start : start + _SLICE])
            yield
    rows: set[Labels] = set()
    for start in range(0, len(new.labels), _SLICE):
        rows.update(new.labels[start : start + _SLICE])
        yield
    loose = {labels for _, labels in new.loose}
    added = len(loose - before - rows)
    for start in range(0, new.scraped, _SLICE):
        part = new.labels[start : min(start + _SLICE, new.scraped)]
        added += sum(1 for labels in part if labels not in before)
        yield
    vanished: list[Labels] = []
    if old is not None:
        for start in range(0, len(old.labels), _SLICE):
            vanished += [labels for labels in old.labels[start : start + _SLICE] if labels not in rows]
            yield
    return Change(
        added=added,
        vanished=tuple(vanished),
        vanished_loose=()
        if old is None
        else tuple(labels for _, labels in old.loose if labels not in loose and labels not in rows),
    )


def loose_samples(
    plan: RowPlan, reading: Reading[Labels | None], latest: Timestamp
) -> Generator[None, None, list[tuple[Timestamp, tuple[list[Labels], list[float]]]]]:
    """The samples with their own time, by time, oldest first, gathered in steps; those later than `latest` are left out."""
    by_time: dict[Timestamp, tuple[list[Labels], list[float]]] = {}
    values: list[float] = np.asarray(reading.values, dtype=np.float64).tolist() if plan.loose else []
    for number, (index, labels) in enumerate(plan.loose):
        if number % _SLICE == _SLICE - 1:
            yield
        time = reading.times[index]
        if time <= latest:
            own = by_time.get(time)
            if own is None:
                own = by_time[time] = ([], [])
            own[0].append(labels)
            own[1].append(values[index])
    return sorted(by_time.items(), key=lambda item: item[0])


def exemplars_of(reading: Reading[Labels | None], at: Timestamp) -> Iterator[tuple[Labels, Exemplar]]:
    """The exemplars with their series. One without a time of its own has that of its sample, or of the scrape."""
    for index, exemplar in reading.exemplars.items():
        labels = reading.entries[index]
        if labels is not None:
            time = exemplar.time if exemplar.time is not None else reading.times.get(index, at)
            yield labels, Exemplar(Labels(exemplar.labels), exemplar.value, time)
