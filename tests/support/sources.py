"""Sample sources in memory, for the evaluator's tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from monitor.columns.frame import Frame, MatrixFrame
from monitor.columns.nans import MISSING_VALUE
from monitor.matching.matchers import Matcher, all_match
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.promql.series_notation import parse_series_line


class MemorySource:
    """Series as given. `gappy`: all of them in one frame with gaps; otherwise one frame for each set of times."""

    def __init__(
        self, series: Mapping[Labels, Mapping[Timestamp, float]] | None = None, *, gappy: bool = False
    ) -> None:
        self.series: dict[Labels, dict[Timestamp, float]] = {key: dict(own) for key, own in (series or {}).items()}
        self.gappy = gappy
        self._frames: dict[tuple[Matcher, ...], Sequence[Frame]] = {}

    @classmethod
    def of_lines(cls, step: int, lines: Iterable[str], *, start: Timestamp = 0, gappy: bool = False) -> MemorySource:
        """From lines of the series notation, the first value at `start`, the next ones `step` milliseconds apart."""
        source = cls(gappy=gappy)
        for line in lines:
            source.add(line, step, start=start)
        return source

    def add(self, line: str, step: int, *, start: Timestamp = 0) -> None:
        """Add one line of the series notation."""
        read = parse_series_line(line)
        own = {start + place * step: value for place, value in enumerate(read.values) if value is not None}
        self.series.setdefault(read.labels, {}).update(own)
        self._frames.clear()

    def put(self, labels: Labels, samples: Mapping[Timestamp, float]) -> None:
        """Add samples of one series."""
        self.series.setdefault(labels, {}).update(samples)
        self._frames.clear()

    def select(self, matchers: Sequence[Matcher], start: Timestamp, end: Timestamp) -> Sequence[Frame]:
        """All samples of the series that match; the same frames for the same matchers."""
        key = tuple(matchers)
        if key not in self._frames:
            chosen = {labels: own for labels, own in self.series.items() if own and all_match(matchers, labels)}
            self._frames[key] = framed(chosen, gappy=self.gappy)
        return self._frames[key]

    def newest(self, matchers: Sequence[Matcher], oldest: Timestamp, at: Timestamp) -> None:
        """Only the frames know."""


def framed(series: Mapping[Labels, Mapping[Timestamp, float]], *, gappy: bool) -> Sequence[Frame]:
    """Series as frames."""
    groups: dict[tuple[Timestamp, ...], list[Labels]] = {}
    if gappy:
        every = tuple(sorted({at for own in series.values() for at in own}))
        groups = {every: list(series)} if series else {}
    else:
        for labels, own in series.items():
            groups.setdefault(tuple(sorted(own)), []).append(labels)
    frames: list[Frame] = []
    for times, members in groups.items():
        matrix = np.full((len(members), len(times)), MISSING_VALUE[0])
        slots = {at: slot for slot, at in enumerate(times)}
        for row, labels in enumerate(members):
            for at, value in series[labels].items():
                matrix[row, slots[at]] = value
        frames.append(MatrixFrame(members, np.array(times, dtype=np.int64), matrix))
    return frames
