"""Samples at the edges. Inside the store and the evaluator values travel as columns (monitor/columns)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.model.labels import Labels
from monitor.model.times import Timestamp

STALE_BITS: Final = 0x7FF0000000000002
"""The NaN that says: this series has ended. Source: prometheus model/value/value.go."""

STALE: Final[float] = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]

MISSING_BITS: Final = 0x7FF4000000000BAD
"""The NaN that says: a row holds no sample of this series."""

MISSING: Final[float] = struct.unpack("<d", struct.pack("<Q", MISSING_BITS))[0]


def is_stale(value: float) -> bool:
    """True for the stale marker only, not for an ordinary NaN."""
    return math.isnan(value) and struct.unpack("<Q", struct.pack("<d", value))[0] == STALE_BITS


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series."""

    labels: Labels
    """Of the series, metric name included."""
    timestamp: Timestamp
    value: float


Vector: TypeAlias = tuple[Sample, ...]
"""What an instant query answers: one sample a series, all with the time of the query."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range query's answer: its points in time order."""

    labels: Labels
    points: tuple[tuple[Timestamp, float], ...]


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One observation that stands for many of a series: labels (a trace's id, mostly), its value, its time."""

    labels: Labels
    value: float
    timestamp: Timestamp
