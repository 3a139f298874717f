"""Many numbers into one, along the last axis. Shared by aggregations (over series) and `*_over_time` (over samples).

Sums are compensated as in Prometheus (Kahan's method with Neumaier's improvement), so that results agree to the last bit.
That method goes from one number to the next, which numpy can do only a column at a time. Nearly always its result is the
exact sum, rounded; so the exact sum is worked out in another way, which takes whole arrays, and is believed where it is
proved that the slow way cannot have been rounded to another number (`certified`). The others are added up the slow way.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitor.promql.matrix import Floats

_HALF_ULP = 2.0**-53
_SMALL = 200
"""Up to so many numbers plain Python is faster."""
_AT_ONCE = 1 << 16
"""How many numbers are added up at once: what a processor has at hand."""
_FEW = 48
"""Below this many rows plain Python is faster than numpy one column at a time."""


def total(values: Floats) -> Floats:
    """Sum, (..., n) to (...)."""
    count = values.shape[-1]
    if count == 0:
        return np.zeros(values.shape[:-1])
    if count == 1:
        return values[..., 0]
    with np.errstate(all="ignore"):
        if values.size <= _SMALL:
            return _one_by_one(values)
        rows = values.reshape(-1, count)
        out = np.empty(len(rows))
        step = max(1, _AT_ONCE // count)
        for low in range(0, len(rows), step):
            part = rows[low : low + step]
            sums, sure = certified(part)
            if not bool(sure.all()):
                doubtful = ~sure
                sums[doubtful] = _one_by_one(part[doubtful])
            out[low : low + step] = sums
        return out.reshape(values.shape[:-1])


def certified(values: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Sums, and where they are certain to be what compensated addition gives, whatever its order.

    Each number is cut at a power of two so large that the upper parts add up without rounding, in any order. (Rump, Ogita,
    Oishi: Accurate floating-point summation, 2008.) The lower parts are so small that what is lost in adding them up, in
    whatever order, is bounded by n^2 u times half a unit of the cut, u being 2^-53; what compensated addition may have lost
    is bounded by n^2 u^2 times the sum of the absolute values. Where the sum of the two parts lies further than both from the
    middle between two floats, all agree on the float.

    Of few numbers of one size the sum often is that middle itself. For them neither way loses anything: all parts are
    multiples of the last place of the smallest number, and where that is not 2^53 times smaller than their sums (`_lossless`)
    these are exact, so that both round the same number.
    """
    count = values.shape[-1]
    upper = np.abs(values)
    largest = np.maximum.reduce(upper, axis=-1)
    room = math.ldexp(1.0, (count + 2).bit_length())
    cut = np.ldexp(room, np.frexp(largest)[1])
    wide = cut[..., None]
    np.add(values, wide, out=upper)
    upper -= wide
    first = np.add.reduce(upper, axis=-1)
    rest = np.add.reduce(np.subtract(values, upper, out=upper), axis=-1)
    sums = first + rest
    tail = sums - first
    lost = (first - (sums - tail)) + (rest - tail)
    # `room` is more than n, so that this bounds the first loss generously.
    leeway = count * _HALF_ULP * (cut * (room * _HALF_ULP) + 1.1 * _HALF_ULP * float(count) ** 2 * largest)
    gap = np.spacing(np.nextafter(np.abs(sums), 0.0)) / 2
    # Numbers of the extremes of the range would break the reasoning; zero is all that there is to a row of zeros.
    sound = (largest > 1e-200) & (largest < 1e200)
    sure = (sound & (np.abs(lost) + leeway < gap)) | (largest == 0)
    doubtful = sound & ~sure
    if bool(doubtful.any()):
        sure[doubtful] = _lossless(values[doubtful], largest[doubtful])
    return sums, sure


def _lossless(values: Floats, largest: Floats) -> NDArray[np.bool_]:
    """Are these numbers so much of one size that adding them up, or what is cut off them, loses nothing? (..., n) to (...)."""
    count = values.shape[-1]
    sizes = np.abs(values)
    smallest = np.minimum.reduce(sizes, axis=-1, where=sizes > 0, initial=np.inf)
    # The errors of n roundings of sums up to 2 n M, and n parts of up to 2^-53 of a cut up to 4 (n + 2) M.
    return (smallest > 1e-200) & (largest * (4.0 * count * (count + 2)) <= smallest * 2.0**53)


def _one_by_one(values: Floats) -> Floats:
    """Compensated addition, (..., n) to (...)."""
    count = values.shape[-1]
    rows = values.size // count
    if rows < _FEW:
        flat = values.reshape(rows, count).tolist()
        return np.array([_compensated_row(row) for row in flat]).reshape(values.shape[:-1])
    return _compensated(values)


def _compensated(values: Floats) -> Floats:
    running = np.zeros(values.shape[:-1])
    lost = np.zeros(values.shape[:-1])
    for place in range(values.shape[-1]):
        running, lost = add(values[..., place], running, lost)
    return np.where(np.isinf(running), running, running + lost)


def _compensated_row(row: list[float]) -> float:
    running = lost = 0.0
    for value in row:
        running, lost = _add_scalar(value, running, lost)
    return running if math.isinf(running) else running + lost


def add(term: Floats, running: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """One compensated addition: the new running sum and what it has lost."""
    new = running + term
    bigger = np.abs(running) >= np.abs(term)
    lost = lost + np.where(bigger, (running - new) + term, (term - new) + running)
    return new, np.where(np.isinf(new), 0.0, lost)


def mean(values: Floats) -> Floats:
    """Average; incremental for those rows whose sum would overflow."""
    count = values.shape[-1]
    sums = total(values)
    with np.errstate(all="ignore"):
        out = sums / count
        doubtful = ~np.isfinite(sums)
        if bool(doubtful.any()):
            rows = values[doubtful]
            out = np.array(out, dtype=np.float64)
            out[doubtful] = [_incremental_mean(row) for row in rows.tolist()]
    return out


def _incremental_mean(row: list[float]) -> float:
    running = lost = 0.0
    incremental = False
    for count, value in enumerate(row, start=1):
        if not incremental:
            new, new_lost = _add_scalar(value, running, lost)
            if not math.isinf(new):
                running, lost = new, new_lost
                continue
            incremental = True
            running, lost = (running / (count - 1), lost / (count - 1)) if count > 1 else (0.0, 0.0)
        share = (count - 1) / count
        running, lost = _add_scalar(value / count, share * running, share * lost)
    return running + lost if incremental else running / len(row) + lost / len(row)


def _add_scalar(term: float, running: float, lost: float) -> tuple[float, float]:
    new = running + term
    if math.isinf(new):
        return new, 0.0
    if abs(running) >= abs(term):
        return new, lost + ((running - new) + term)
    return new, lost + ((term - new) + running)


def variance(values: Floats) -> Floats:
    """Population variance by Welford's method; NaN for rows with NaN or infinities."""
    count = values.shape[-1]
    center = mean(values)
    with np.errstate(all="ignore"):
        if count <= 64:
            average = np.zeros(values.shape[:-1])
            squares = np.zeros(values.shape[:-1])
            for place in range(count):
                value = values[..., place]
                delta = value - average
                average = average + delta / (place + 1)
                squares = squares + delta * (value - average)
            return squares / count
        return total((values - center[..., None]) ** 2) / count


def deviation(values: Floats) -> Floats:
    """Population standard deviation."""
    with np.errstate(all="ignore"):
        return np.sqrt(variance(values))


def smallest(values: Floats) -> Floats:
    """Minimum that passes over NaN unless there is nothing else."""
    return np.fmin.reduce(values, axis=-1)


def largest(values: Floats) -> Floats:
    """Maximum that passes over NaN unless there is nothing else."""
    return np.fmax.reduce(values, axis=-1)


def quantile(values: Floats, rank: Floats | float) -> Floats:
    """The q-quantile with linear interpolation; NaN counts as smallest. `rank` broadcasts against (...)."""
    count = values.shape[-1]
    shape = values.shape[:-1]
    q = np.broadcast_to(np.asarray(rank, dtype=np.float64), shape)
    unordered = np.isnan(values)
    ordered = np.sort(np.where(unordered, -np.inf, values), axis=-1)
    if bool(unordered.any()):
        place: NDArray[np.int64] = np.arange(count, dtype=np.int64)
        ordered = np.where(place < unordered.sum(axis=-1)[..., None], np.nan, ordered)
    with np.errstate(all="ignore"):
        at = np.clip(np.nan_to_num(q), 0.0, 1.0) * (count - 1)
        lower = np.floor(at)
        weight = at - lower
        low = lower.astype(np.int64)
        high = np.minimum(low + 1, count - 1)
        below = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
        above = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
        out = below * (1 - weight) + above * weight
    return np.where(np.isnan(q), np.nan, np.where(q < 0, -np.inf, np.where(q > 1, np.inf, out)))


def ones(values: Floats) -> Floats:
    """1 for each row."""
    return np.ones(values.shape[:-1])


def size(values: Floats) -> Floats:
    """The number of elements."""
    return np.full(values.shape[:-1], float(values.shape[-1]))


def same(left: Floats, right: Floats) -> NDArray[np.bool_]:
    """Equal, NaN being equal to NaN."""
    return (left == right) | (np.isnan(left) & np.isnan(right))
