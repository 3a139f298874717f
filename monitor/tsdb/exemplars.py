"""Exemplars: the last one of each series, in memory only.

They lead from a graph to one request that went slow, so what matters is a recent one. Bounded by their number: a series
that has not had one for longest gives way. Written by the loop; `select` works on what it copied, in any thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from monitor.matching.matchers import Matcher
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import Timestamp

MOST_EXEMPLARS: Final = 100_000
"""Prometheus's default of max_exemplars."""
LONGEST_LABELS: Final = 128
"""Characters of all labels of an exemplar together, as OpenMetrics has it."""

Found = list[tuple[Labels, Exemplar]]


class ExemplarStore:
    """Series to its last exemplar."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int = MOST_EXEMPLARS) -> None:
        self._most = most
        self._kept: OrderedDict[Labels, Exemplar] = OrderedDict()

    def __repr__(self) -> str:
        return f"ExemplarStore({len(self._kept)} exemplars)"

    def add(self, series: Labels, exemplar: Exemplar) -> bool:
        """Keep it; False, and nothing changes, for one that is not newer than the one that is kept, or too long."""
        if sum(len(name) + len(value) for name, value in exemplar.labels.pairs) > LONGEST_LABELS:
            return False
        known = self._kept.get(series)
        if known is not None and known.timestamp >= exemplar.timestamp:
            return known == exemplar
        self._kept[series] = exemplar
        self._kept.move_to_end(series)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return True

    def reader(self) -> Callable[[Sequence[Sequence[Matcher]], Timestamp, Timestamp], Found]:
        """A function that may be called in any thread: the exemplars in [start, end] of the series that satisfy all
        matchers of one of the selectors, sorted by series."""
        kept = list(self._kept.items())

        def select(selectors: Sequence[Sequence[Matcher]], start: Timestamp, end: Timestamp) -> Found:
            found = [
                (series, exemplar)
                for series, exemplar in kept
                if start <= exemplar.timestamp <= end
                and any(all(one.matches(series.get(one.name, "")) for one in matchers) for matchers in selectors)
            ]
            return sorted(found, key=lambda pair: pair[0])

        return select
