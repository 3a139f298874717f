"""Quantiles and fractions of classic histograms. Source of all rules: prometheus promql/quantile.go.

`bucket_quantile` is the whole rule for one histogram. `sound_quantiles` is the same for many at once, for those whose
buckets are as they should be.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.promql.matrix import Bools, Floats

_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Repair:
    """How far buckets had to be corrected because they fell with rising bounds."""

    first: float
    last: float
    """Bounds of the first and the last corrected bucket."""
    largest: float
    """The largest correction."""


def bucket_quantile(q: float, buckets: Sequence[tuple[float, float]]) -> tuple[float, Repair | None]:
    """The q-quantile of (upper bound, cumulative count) pairs, sorted by bound; NaN if the last bound is not +Inf."""
    if math.isnan(q):
        return math.nan, None
    if q < 0:
        return -math.inf, None
    if q > 1:
        return math.inf, None
    if not buckets or buckets[-1][0] != math.inf:
        return math.nan, None
    bounds, counts = _coalesced(buckets)
    repair = _monotonic(bounds, counts)
    if len(bounds) < 2:
        return math.nan, repair
    observations = counts[-1]
    if observations == 0:
        return math.nan, repair
    rank = q * observations
    # a count that is NaN reaches no rank, and no count reaches a rank that is NaN
    place = bisect_left(counts, True, 0, len(counts) - 1, key=lambda count: count >= rank)
    if place == len(bounds) - 1:
        return bounds[-2], repair
    if place == 0 and bounds[0] <= 0:
        return bounds[0], repair
    low = bounds[place - 1] if place > 0 else 0.0
    before = counts[place - 1] if place > 0 else 0.0
    inside = counts[place] - before
    share = (rank - before) / inside if inside else math.nan
    return low + (bounds[place] - low) * share, repair


def sound_quantiles(ranks: Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Bools]:
    """The quantiles `ranks` (N,) of H histograms with B > 1 distinct rising bounds, the last +Inf, (H, B), and cumulative
    counts (H, B, N). Values (H, N), and where they hold (H, N): where the rank lies in [0, 1] and the counts rise, so that
    nothing is to be repaired."""
    with np.errstate(all="ignore"):
        steps = counts[:, 1:] - counts[:, :-1]
        near = (counts[:, 1:] + counts[:, :-1]) * (2 * _TOLERANCE)
        holds = ((steps == 0) | (steps > near)).all(axis=1) & (counts[:, 0] >= 0) & (ranks >= 0) & (ranks <= 1)
        observations = counts[:, -1]
        wanted = ranks * observations
        place = (counts[:, :-1] < wanted[:, None]).sum(axis=1)
        at, before = place[:, None], np.maximum(place - 1, 0)[:, None]
        opening = place > 0
        below = np.where(opening, np.take_along_axis(counts, before, axis=1)[:, 0], 0.0)
        low = np.where(opening, np.take_along_axis(bounds, before[:, 0], axis=1), 0.0)
        high = np.take_along_axis(bounds, at[:, 0], axis=1)
        inside = np.take_along_axis(counts, at, axis=1)[:, 0] - below
        values = low + (high - low) * ((wanted - below) / inside)
        values = np.where((place == 0) & (bounds[:, :1] <= 0), bounds[:, :1], values)
        values = np.where(place == bounds.shape[1] - 1, bounds[:, -2:-1], values)
        return np.where(observations > 0, values, np.nan), holds & (observations < np.inf)


def bucket_fraction(low: float, high: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Which share of the observations lies between two values, by linear interpolation within buckets."""
    if not buckets or buckets[-1][0] != math.inf:
        return math.nan
    bounds, counts = _coalesced(buckets)
    observations = counts[-1]
    if observations == 0 or math.isnan(low) or math.isnan(high):
        return math.nan
    if low >= high:
        return 0.0
    return (_rank(high, bounds, counts) - _rank(low, bounds, counts)) / observations


def _rank(value: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """How many observations lie below a value."""
    before, start = 0.0, -math.inf
    for place, (bound, count) in enumerate(zip(bounds, counts, strict=True)):
        if place == 0:
            start = 0.0 if bound > 0 else -math.inf
        if value <= start:
            return before
        if value < bound:
            if math.isinf(start) or math.isinf(bound):
                return before if math.isinf(bound) else count
            return before + (count - before) * (value - start) / (bound - start)
        before, start = count, bound
    return counts[-1]


def _coalesced(buckets: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Equal bounds become one bucket with the sum of the counts."""
    bounds: list[float] = []
    counts: list[float] = []
    for bound, count in buckets:
        if bounds and bounds[-1] == bound:
            counts[-1] += count
        else:
            bounds.append(bound)
            counts.append(count)
    return bounds, counts


def _monotonic(bounds: Sequence[float], counts: list[float]) -> Repair | None:
    """Force the counts to rise; differences below 1e-12 of the counts are rounding and not told."""
    repair: Repair | None = None
    before = counts[0]
    for place in range(1, len(counts)):
        count = counts[place]
        if count == before:
            continue
        if _nearly(before, count):
            counts[place] = before
            continue
        if count < before:
            first = repair.first if repair else bounds[place]
            largest = max(before - count, repair.largest if repair else 0.0)
            repair = Repair(first, bounds[place], largest)
            counts[place] = before
        else:
            before = count
    return repair


def _nearly(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return False
    size = abs(left) + abs(right)
    return size > 0 and abs(left - right) / min(size, 1.7976931348623157e308) < _TOLERANCE
