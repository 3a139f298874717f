"""What readers hold: the store as it was at one moment.

A view is one number, the store's running number of written rows. It shows rows up to that number and no later one, so
it can be read in a worker thread while the loop writes on, and two selections of one view agree. What memory has let go is
read from the blocks that were there at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.columns.frame import Frame, Newest
from monitor.matching.matchers import Matcher
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.homes import Homes
from monitor.tsdb.past import Past, together, written


class View:
    """A `SampleSource`."""

    __slots__ = ("_homes", "_past", "_sequence")

    def __init__(self, homes: Homes, sequence: int, past: Past | None = None) -> None:
        self._homes = homes
        self._sequence = sequence
        self._past = past

    def __repr__(self) -> str:
        return f"View(sequence={self._sequence})"

    def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        """All series that satisfy every matcher, with their samples in [start, end]; no label set comes twice. A frame
        may also have series without a sample there: all their values are MISSING."""
        past = self._past
        if past is None or not past.reaches(start, end):
            return self._in_memory(matchers, start, end)
        bundles = past.find(matchers, start, end, self._homes.index)
        frames = self._in_memory(matchers, max(start, past.border), end)
        return together(bundles, frames) if bundles else frames

    def state(self, matchers: Sequence[Matcher]) -> object:
        """Equal as long as `select` with these matchers gives the same samples; None if rows were written since this view
        was taken."""
        homes = self._homes
        if homes.newest.writing > self._sequence:
            return None
        state = homes.select(matchers).state()
        return None if homes.newest.writing > self._sequence else state

    def newest(self, matchers: Sequence[Matcher], oldest: Timestamp, at: Timestamp) -> Newest | None:
        """For each of these series its newest sample in (oldest, at], stale markers included; None if the store has been
        written to since, or if a block may have a newer one."""
        if self._past is not None and self._past.reaches(oldest + 1, at):
            return None
        return self._homes.select(matchers).newest(self._homes.newest, oldest, at, self._sequence)

    def series(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> list[Labels]:
        """The label sets of the series that have a sample in [start, end], sorted."""
        return sorted(self._written(matchers, start, end))

    def label_names(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> list[str]:
        """The label names of these series, sorted."""
        return sorted({name for labels in self._written(matchers, start, end) for name, _ in labels.pairs})

    def label_values(self, name: str, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> list[str]:
        """The values of one label among these series, sorted; a missing label gives none."""
        found = {value for labels in self._written(matchers, start, end) for own, value in labels.pairs if own == name}
        return sorted(found)

    def _in_memory(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        sequence = self._sequence
        groups = self._homes.select(matchers).groups.values()
        return [frame for group in groups if (frame := group.answer(start, end, sequence)) is not None]

    def _written(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Iterable[Labels]:
        past = self._past
        if past is None or not past.reaches(start, end):
            return written(self._in_memory(matchers, start, end))
        found = set(past.written(matchers, start, end, self._homes.index))
        found.update(written(self._in_memory(matchers, max(start, past.border), end)))
        return found
