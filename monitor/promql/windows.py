"""Functions of range vectors, over all windows of a run at once.

The windows of a run that hold equally many samples form one array (series, windows, samples), on which each function is a
few numpy calls. For `rate` and `increase` see `rates.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from monitor.columns.distinct import distinct
from monitor.model.errors import EvaluationError
from monitor.promql import kernels, rates
from monitor.promql.matrix import Bools, Floats, Ints
from monitor.promql.numbers import general
from monitor.promql.rates import Reach
from monitor.promql.selection import Run

_CHUNK: Final = 1 << 21
"""How many samples are laid out at once."""


@dataclass(frozen=True, slots=True)
class Windows:
    """K windows of n samples each, of the series of R runs."""

    values: Floats
    """(S, K, n)."""
    run_times: Ints
    """(R, K, n) milliseconds."""
    sizes: Sequence[int]
    """(R,) how many series each run has."""
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

    @property
    def times(self) -> Ints:
        """(S or 1, K, n) milliseconds."""
        return self.run_times if len(self.sizes) == 1 else np.repeat(self.run_times, self.sizes, axis=0)


Result: TypeAlias = "tuple[Floats, Bools | None]"
"""Values (S, K), and where there are any (S, K) or (K,); None: everywhere."""
WindowFunction: TypeAlias = Callable[[Windows], Result]


def apply(
    name: str,
    found: Iterable[Run],
    series: int,
    reach: Reach,
    arguments: tuple[Floats, ...],
    check: Callable[[], None],
) -> tuple[Floats, Bools]:
    """A range function on runs of a selection of S series: values and presence, both (S, N). The runs are gone through
    once, and so many at a time as can be worked on together. Raises EvaluationError for a bad argument."""
    values = np.full((series, len(reach.at)), np.nan)
    present = np.zeros(values.shape, dtype=bool)
    for batch in _batches(found):
        _work_out(name, batch, reach, arguments, check, values, present)
        batch.clear()  # before the next ones are read
    return values, present


def _batches(found: Iterable[Run]) -> Iterator[list[Run]]:
    batch: list[Run] = []
    size = 0
    for run in found:
        batch.append(run)
        size += run.size
        if size >= _CHUNK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _work_out(
    name: str,
    found: Sequence[Run],
    reach: Reach,
    arguments: tuple[Floats, ...],
    check: Callable[[], None],
    values: Floats,
    present: Bools,
) -> None:
    """Into `values` and `present`."""
    low = reach.low
    resets = [run.resets() for run in found] if name in ("rate", "increase") else ()
    known = [(run, falls) for run, falls in zip(found, resets, strict=False) if falls is not None]
    if known:
        work_out = rates.at_one if len(reach.at) == 1 else rates.of_ends
        work_out(known, reach, per_second=name == "rate", values=values, present=present)
    rest = found if not known else [run for run, falls in zip(found, resets, strict=True) if falls is None]
    for runs, chosen, windows in _windows(rest, reach, low, FUNCTIONS[name][1], arguments):
        check()
        with np.errstate(all="ignore"):
            result, where = FUNCTIONS[name][0](windows)
        first = 0
        for run in runs:
            place = run.place if len(chosen) == len(reach.at) else _cells(run.place, chosen)
            values[place] = result[first : first + run.series]
            present[place] = True if where is None else where[first : first + run.series]
            first += run.series


def _cells(rows: Ints | slice, steps: Ints) -> tuple[Ints | slice, Ints]:
    """These rows at these steps, as an index."""
    return (rows, steps) if isinstance(rows, slice) else (rows[:, None], steps)


def _windows(
    found: Sequence[Run], reach: Reach, low: Ints, least: int, arguments: tuple[Floats, ...]
) -> Iterator[tuple[Sequence[Run], Ints, Windows]]:
    """Windows that can be worked on together, with their runs and steps (K,)."""
    if len(reach.at) == 1:
        yield from _windows_at_one(found, reach, low, least, arguments)
        return
    for run in found:
        start, end = np.searchsorted(run.times, low, "right"), np.searchsorted(run.times, reach.high, "right")
        sizes = end - start
        for size in distinct(sizes):
            if size < least:
                continue
            alike = np.flatnonzero(sizes == size)
            chunk = max(1, _CHUNK // max(1, int(size) * run.series))
            for begin in range(0, len(alike), chunk):
                chosen = alike[begin : begin + chunk]
                slots: Ints = start[chosen][:, None] + np.arange(size, dtype=np.int64)
                picked = tuple(argument[chosen] for argument in arguments)
                values, times = run.values[:, slots], run.times[slots][None]
                yield (
                    [run],
                    chosen,
                    Windows(values, times, [run.series], low[chosen], reach.high[chosen], reach.at[chosen], picked),
                )


def _windows_at_one(
    found: Sequence[Run], reach: Reach, low: Ints, least: int, arguments: tuple[Floats, ...]
) -> Iterator[tuple[Sequence[Run], Ints, Windows]]:
    """One window a run, the case of rules: runs with equally many samples together."""
    alike: dict[int, list[tuple[Run, int, int]]] = {}
    for run in found:
        start, end = (int(place) for place in run.times.searchsorted((low[0], reach.high[0]), "right"))
        if end - start >= least:
            alike.setdefault(end - start, []).append((run, start, end))
    step = np.zeros(1, dtype=np.int64)
    for size, members in alike.items():
        if len(members) == 1:
            run, start, end = members[0]
            values, times = run.values[:, None, start:end], run.times[None, None, start:end]
            yield [run], step, Windows(values, times, [run.series], low, reach.high, reach.at, arguments)
            continue
        # In memory as the samples lie in their chunks, one instant after the other: so nothing is turned round, and what
        # is added up or compared along the samples goes through whole rows of series.
        values = np.empty((size, 1, sum(run.series for run, _, _ in members))).T
        times = np.empty((len(members), 1, size), dtype=np.int64)
        first = 0
        for place, (run, start, end) in enumerate(members):
            values[first : first + run.series, 0] = run.values[:, start:end]
            times[place, 0] = run.times[start:end]
            first += run.series
        runs = [run for run, _, _ in members]
        sizes = [run.series for run in runs]
        yield runs, step, Windows(values, times, sizes, low, reach.high, reach.at, arguments)


def _growth(windows: Windows, *, counter: bool) -> tuple[Floats, Floats]:
    values = windows.values
    opening = values[..., 0]
    gained = values[..., -1] - opening
    if counter:
        before = values[..., :-1]
        gained = gained + np.where(values[..., 1:] < before, before, 0.0).sum(axis=-1)
    factor = rates.extrapolation(
        windows.times[..., 0],
        windows.times[..., -1],
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
    return gained, (windows.times[..., -1] - windows.times[..., -2]) / 1000


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
    """Slope and value at `origin` (K,) or (S or 1, K) of the least-squares line, each (S, K)."""
    values = windows.values
    x = (windows.times - origin[..., None]) / 1000
    count = windows.count
    sum_x, sum_xx = np.split(kernels.total(np.concatenate((x, x * x))), 2)
    sum_y, sum_xy = np.split(kernels.total(np.concatenate((values, x * values))), 2)
    covariance = sum_xy - sum_x * sum_y / count
    spread = sum_xx - sum_x * sum_x / count
    slope = covariance / spread
    height = sum_y / count - slope * sum_x / count
    start = values[..., 0]
    level = values[..., -1] == start
    if not bool(level.any()):
        return slope, height
    level &= (values == start[..., None]).all(axis=-1)
    endless = np.isinf(start)
    slope = np.where(level, np.where(endless, np.nan, 0.0), slope)
    return slope, np.where(level, np.where(endless, np.nan, start), height)


def _deriv(windows: Windows) -> Result:
    return _regression(windows, windows.times[..., 0])[0], None


def _predict_linear(windows: Windows) -> Result:
    slope, height = _regression(windows, windows.at)
    return slope * windows.arguments[0] + height, None


def _fixed(value: float) -> str:
    """As Go's %f."""
    return f"{value:f}" if math.isfinite(value) else general(value)


def _smoothing(windows: Windows) -> Result:
    level_factor, trend_factor = windows.arguments
    for factor, name in ((level_factor, "smoothing"), (trend_factor, "trend")):
        bad = (factor <= 0) | (factor >= 1)  # NaN is neither, and makes everything NaN
        if bool(bad.any()):
            shown = float(factor[bad][0])
            raise EvaluationError(f"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {_fixed(shown)}")
    values = windows.values
    if windows.count < 2:
        return values[..., 0], np.zeros(values.shape[:-1], dtype=bool)
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
    return np.broadcast_to(windows.times[..., slot] / 1000, windows.values.shape[:-1])


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
    "double_exponential_smoothing": (_smoothing, 1),
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
