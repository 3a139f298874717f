"""Functions of range vectors, over all windows of a run at once.

The windows of a run that hold equally many samples form one array (series, windows, samples), on which each function is a
few numpy calls. `rate` and `increase` need only the first and the last sample of each window when the frame follows its
counter resets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from monitor.columns.frame import Resets
from monitor.model.errors import EvaluationError
from monitor.model.times import Millis
from monitor.promql import kernels
from monitor.promql.matrix import Bools, Floats, Ints
from monitor.promql.numbers import plain
from monitor.promql.selection import Run

_CHUNK: Final = 1 << 21
"""How many samples are laid out at once."""

_AT_HAND: Final = 1 << 14
"""How many results are worked out at once: what a processor has at hand."""


@dataclass(frozen=True, slots=True)
class Windows:
    """K windows of n samples each."""

    values: Floats
    """(S, K, n)."""
    times: Ints
    """(K, n) milliseconds."""
    low: Ints
    high: Ints
    """(K,) bounds (low, high] in milliseconds."""
    at: Ints
    """(K,) evaluation times."""
    arguments: tuple[Floats, ...]
    """The function's scalar arguments, (K,) each."""

    @property
    def count(self) -> int:
        return self.values.shape[-1]


Result: TypeAlias = "tuple[Floats, Bools | None]"
"""Values (S, K), and where there are any (S, K) or (K,); None: everywhere."""
WindowFunction: TypeAlias = Callable[[Windows], Result]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a range covers at each step."""

    at: Ints
    """(N,) evaluation times."""
    high: Ints
    """(N,) ends of the windows: evaluation times with `@` and offset applied."""
    span: Millis

    @property
    def low(self) -> Ints:
        return self.high - self.span


def apply(
    name: str, run: Run, reach: Reach, arguments: tuple[Floats, ...], check: Callable[[], None]
) -> tuple[Floats, Bools]:
    """A range function on one run: values and presence, both (S', N). Raises EvaluationError for a bad argument."""
    function, least = FUNCTIONS[name]
    start = np.searchsorted(run.times, reach.low, "right")
    end = np.searchsorted(run.times, reach.high, "right")
    series, steps = run.series, len(reach.at)
    if run.resets is not None and name in ("rate", "increase"):
        return _rate_of_ends(run, run.resets, reach, start, end, per_second=name == "rate")
    values = np.full((series, steps), np.nan)
    present = np.zeros((series, steps), dtype=bool)
    for chosen, windows in _windows(run, reach, start, end, least, arguments):
        check()
        with np.errstate(all="ignore"):
            result, where = function(windows)
        values[:, chosen] = result
        present[:, chosen] = True if where is None else where
    return values, present


def _windows(
    run: Run, reach: Reach, start: Ints, end: Ints, least: int, arguments: tuple[Floats, ...]
) -> Iterator[tuple[Ints, Windows]]:
    sizes = end - start
    low = reach.low
    for size in np.unique(sizes):
        if size < least:
            continue
        alike = np.flatnonzero(sizes == size)
        chunk = max(1, _CHUNK // max(1, int(size) * run.series))
        for begin in range(0, len(alike), chunk):
            chosen = alike[begin : begin + chunk]
            if len(chosen) == 1:
                first = int(start[chosen[0]])
                values = run.values[:, None, first : first + int(size)]
                times = run.times[None, first : first + int(size)]
            else:
                slots: Ints = start[chosen][:, None] + np.arange(size, dtype=np.int64)
                values, times = run.values[:, slots], run.times[slots]
            picked = tuple(argument[chosen] for argument in arguments)
            yield chosen, Windows(values, times, low[chosen], reach.high[chosen], reach.at[chosen], picked)


def _rate_of_ends(
    run: Run, resets: Resets, reach: Reach, start: Ints, end: Ints, *, per_second: bool
) -> tuple[Floats, Bools]:
    """From the first and the last sample of each window and the resets between them."""
    enough = end - start >= 2
    first = np.where(enough, start, 0)
    last = np.where(enough, end - 1, 0)
    steps = len(first)
    ends = run.at(np.concatenate((first, last)))
    opening = ends[:, :steps]
    with np.errstate(all="ignore"):
        gained = ends[:, steps:] - opening
        if len(resets.slots):
            begin = resets.slots.searchsorted(first, "right")
            until = resets.slots.searchsorted(last, "right")
            for step, (low, high) in enumerate(zip(begin.tolist(), until.tolist(), strict=True)):
                np.add.at(gained[:, step], resets.rows[low:high], resets.amounts[low:high])
        rows = max(1, _AT_HAND // steps)
        for low in range(0, run.series, rows):
            part = gained[low : low + rows]
            part *= _extrapolation(
                run.times[first],
                run.times[last],
                end - start,
                reach.low,
                reach.high,
                part,
                opening[low : low + rows],
                counter=True,
            )
            if per_second:
                part /= reach.span / 1000
    return gained, np.broadcast_to(enough, gained.shape)


def _extrapolation(
    first: Ints,
    last: Ints,
    count: Ints | int,
    low: Ints,
    high: Ints,
    gained: Floats,
    opening: Floats,
    *,
    counter: bool,
) -> Floats:
    """By how much the growth between the first and last sample is stretched to the whole window, (S, K). The order of
    threshold and zero crossing is Prometheus 3's (promql/functions.go extrapolatedRate)."""
    sampled = (last - first) / 1000
    to_start = (first - low) / 1000
    to_end = (high - last) / 1000
    apart = sampled / (np.asarray(count) - 1)
    limit = apart * 1.1
    to_start = np.where(to_start >= limit, apart / 2, to_start)
    to_end = np.where(to_end >= limit, apart / 2, to_end)
    if not counter:
        return (sampled + to_start + to_end) / sampled
    out = opening / gained
    out *= sampled
    rises = gained > 0
    rises &= opening >= 0
    np.minimum(out, to_start, out=out, where=rises)
    np.copyto(out, np.broadcast_to(to_start, out.shape), where=~rises)
    out += sampled
    out += to_end
    out /= sampled
    return out


def _growth(windows: Windows, *, counter: bool) -> tuple[Floats, Floats]:
    values = windows.values
    opening = values[..., 0]
    gained = values[..., -1] - opening
    if counter:
        before = values[..., :-1]
        gained = gained + np.where(values[..., 1:] < before, before, 0.0).sum(axis=-1)
    factor = _extrapolation(
        windows.times[:, 0],
        windows.times[:, -1],
        windows.count,
        windows.low,
        windows.high,
        gained,
        opening,
        counter=counter,
    )
    return gained * factor, factor


def _rate(windows: Windows) -> Result:
    return _growth(windows, counter=True)[0] / ((windows.high - windows.low) / 1000), None


def _increase(windows: Windows) -> Result:
    return _growth(windows, counter=True)[0], None


def _delta(windows: Windows) -> Result:
    return _growth(windows, counter=False)[0], None


def _last_two(windows: Windows, *, counter: bool) -> tuple[Floats, Floats]:
    before, after = windows.values[..., -2], windows.values[..., -1]
    gained = after - before
    if counter:
        gained = np.where(after < before, after, gained)
    return gained, (windows.times[:, -1] - windows.times[:, -2]) / 1000


def _irate(windows: Windows) -> Result:
    gained, seconds = _last_two(windows, counter=True)
    return gained / seconds, None


def _idelta(windows: Windows) -> Result:
    return _last_two(windows, counter=False)[0], None


def _changes(windows: Windows) -> Result:
    return (~kernels.same(windows.values[..., 1:], windows.values[..., :-1])).sum(axis=-1).astype(np.float64), None


def _resets(windows: Windows) -> Result:
    return (windows.values[..., 1:] < windows.values[..., :-1]).sum(axis=-1).astype(np.float64), None


def _regression(windows: Windows, origin: Ints) -> tuple[Floats, Floats]:
    """Slope and value at `origin` (K,) of the least-squares line, each (S, K)."""
    values = windows.values
    x = (windows.times - origin[:, None]) / 1000
    count = windows.count
    sum_x, sum_y = kernels.total(x), kernels.total(values)
    sum_xy, sum_xx = kernels.total(x * values), kernels.total(x * x)
    covariance = sum_xy - sum_x * sum_y / count
    spread = sum_xx - sum_x * sum_x / count
    slope = covariance / spread
    height = sum_y / count - slope * sum_x / count
    start = values[..., 0]
    level = (values == start[..., None]).all(axis=-1)
    endless = np.isinf(start)
    slope = np.where(level, np.where(endless, np.nan, 0.0), slope)
    return slope, np.where(level, np.where(endless, np.nan, start), height)


def _deriv(windows: Windows) -> Result:
    return _regression(windows, windows.times[:, 0])[0], None


def _predict_linear(windows: Windows) -> Result:
    slope, height = _regression(windows, windows.at)
    return slope * windows.arguments[0] + height, None


def _smoothing(windows: Windows) -> Result:
    level_factor, trend_factor = windows.arguments
    for factor, name in ((level_factor, "smoothing"), (trend_factor, "trend")):
        bad = ~((factor > 0) & (factor < 1))
        if bool(bad.any()):
            shown = plain(float(factor[bad][0]))
            raise EvaluationError(f"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {shown}")
    values = windows.values
    level, trend = values[..., 0], values[..., 1] - values[..., 0]
    before = level
    for place in range(1, windows.count):
        if place > 1:
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend
        before, level = level, level_factor * values[..., place] + (1 - level_factor) * (level + trend)
    return level, None


def _quantile(windows: Windows) -> Result:
    return kernels.quantile(windows.values, windows.arguments[0]), None


def _absolute_deviation(windows: Windows) -> Result:
    middle = kernels.quantile(windows.values, 0.5)
    return kernels.quantile(np.abs(windows.values - middle[..., None]), 0.5), None


def _stamp_of(windows: Windows, slots: Ints) -> Floats:
    return np.take_along_axis(np.broadcast_to(windows.times, windows.values.shape), slots[..., None], axis=-1)[
        ..., 0
    ] / np.float64(1000)


def _stamp_of_extreme(windows: Windows, extreme: Floats) -> Floats:
    """When the last sample with this value was taken."""
    equal = kernels.same(windows.values, extreme[..., None])
    return _stamp_of(windows, windows.count - 1 - np.argmax(equal[..., ::-1], axis=-1))


def _stamps(windows: Windows, slot: int) -> Floats:
    return np.broadcast_to(windows.times[:, slot] / 1000, windows.values.shape[:-1])


FUNCTIONS: Final[dict[str, tuple[WindowFunction, int]]] = {
    "rate": (_rate, 2),
    "increase": (_increase, 2),
    "delta": (_delta, 2),
    "irate": (_irate, 2),
    "idelta": (_idelta, 2),
    "changes": (_changes, 1),
    "resets": (_resets, 1),
    "deriv": (_deriv, 2),
    "predict_linear": (_predict_linear, 2),
    "double_exponential_smoothing": (_smoothing, 2),
    "sum_over_time": (lambda windows: (kernels.total(windows.values), None), 1),
    "avg_over_time": (lambda windows: (kernels.mean(windows.values), None), 1),
    "min_over_time": (lambda windows: (kernels.smallest(windows.values), None), 1),
    "max_over_time": (lambda windows: (kernels.largest(windows.values), None), 1),
    "count_over_time": (lambda windows: (kernels.size(windows.values), None), 1),
    "present_over_time": (lambda windows: (kernels.ones(windows.values), None), 1),
    "stddev_over_time": (lambda windows: (kernels.deviation(windows.values), None), 1),
    "stdvar_over_time": (lambda windows: (kernels.variance(windows.values), None), 1),
    "quantile_over_time": (_quantile, 1),
    "mad_over_time": (_absolute_deviation, 1),
    "last_over_time": (lambda windows: (windows.values[..., -1], None), 1),
    "first_over_time": (lambda windows: (windows.values[..., 0], None), 1),
    "ts_of_last_over_time": (lambda windows: (_stamps(windows, -1), None), 1),
    "ts_of_first_over_time": (lambda windows: (_stamps(windows, 0), None), 1),
    "ts_of_max_over_time": (lambda windows: (_stamp_of_extreme(windows, kernels.largest(windows.values)), None), 1),
    "ts_of_min_over_time": (lambda windows: (_stamp_of_extreme(windows, kernels.smallest(windows.values)), None), 1),
}
"""Each range function and how many samples it needs at least."""
