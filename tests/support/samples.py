"""Reading frames back into plain Python, for tests of the sample store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.columns.frame import Frame, SampleSource
from monitor.columns.nans import missing
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.times import Timestamp

ALWAYS = (-(1 << 50), 1 << 50)
"""A range of times that holds all samples."""

History = dict[Labels, list[tuple[Timestamp, int]]]
"""Samples by series: (time, bits of the value). Bits, since NaNs of different kinds must be told apart."""


def bits(value: float) -> int:
    """The float's bits."""
    return int(np.array([value], dtype=np.float64).view(np.uint64)[0])


def history(frames: Iterable[Frame]) -> History:
    """All samples of these frames; fails if a series comes twice or times do not ascend."""
    found: History = {}
    for frame in frames:
        times = frame.times
        assert bool((np.diff(times) > 0).all())
        matrix = frame.values(0, len(times))
        assert matrix.shape == (len(frame.labels), len(times))
        absent = missing(matrix)
        raw = np.ascontiguousarray(matrix).view(np.uint64)
        for row, labels in enumerate(frame.labels):
            assert labels not in found, f"{labels} comes twice"
            found[labels] = [(int(at), int(raw[row, slot])) for slot, at in enumerate(times) if not absent[row, slot]]
    return {labels: points for labels, points in found.items() if points}


def everything(source: SampleSource, start: Timestamp = ALWAYS[0], end: Timestamp = ALWAYS[1]) -> History:
    """All samples of all series that have a metric name."""
    return history(source.select([Matcher("__name__", MatchOp.NOT_EQUAL, "")], start, end))


def metric(name: str, **labels: str) -> Labels:
    """A label set."""
    return Labels({"__name__": name, **labels})


def equal(name: str, value: str) -> Matcher:
    """The commonest matcher."""
    return Matcher(name, MatchOp.EQUAL, value)


def points(values: Sequence[tuple[Timestamp, float]]) -> list[tuple[Timestamp, int]]:
    """What `history` shows for these samples."""
    return [(at, bits(value)) for at, value in values]
