"""Ranges with `anchored` and `smoothed` bounds: growth between true values at both bounds, nothing extrapolated.

Anchored takes the newest samples at or before the bounds, the lookback included. Smoothed draws a straight line between the
samples around each bound, so it also needs what comes after the range. Source: prometheus promql/functions.go extendedRate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from monitor.model.errors import EvaluationError
from monitor.model.times import Millis
from monitor.promql import kernels
from monitor.promql.matrix import Bools, Floats, Ints
from monitor.promql.nodes import VectorSelector
from monitor.promql.rates import Reach
from monitor.promql.selection import Run

_ANCHORED: Final = ("changes", "delta", "increase", "rate", "resets")
_SMOOTHED: Final = ("delta", "increase", "rate")


def check_use(selector: VectorSelector, function: str) -> None:
    """Raises EvaluationError for a function that knows no such range."""
    for used, word, allowed in ((selector.anchored, "anchored", _ANCHORED), (selector.smoothed, "smoothed", _SMOOTHED)):
        if used and function not in allowed:
            raise EvaluationError(f"{word} modifier can only be used with: {', '.join(allowed)} - not with {function}")


def apply(
    name: str, run: Run, reach: Reach, lookback: Millis, check: Callable[[], None], *, smoothed: bool
) -> tuple[Floats, Bools]:
    """An allowed function on one run, which must reach as far as the lookback beyond the range: values and presence,
    both (S', N)."""
    times, low, high = run.times, reach.low, reach.high
    start = np.searchsorted(times, low - lookback, "right")
    end = np.searchsorted(times, high + lookback if smoothed else high, "right")
    first = np.maximum(start, np.searchsorted(times, low, "right") - 1)
    last = end - 1
    if smoothed:
        last = np.minimum(last, np.searchsorted(times, high, "left"))
    values = np.full((run.series, len(reach.at)), np.nan)
    present = np.zeros(values.shape, dtype=bool)
    for step in range(len(reach.at)):
        begin, stop = int(first[step]), int(last[step])
        if int(end[step]) <= int(start[step]) or times[stop] <= low[step] or times[begin] > high[step]:
            continue
        check()
        window = run.values[:, begin : stop + 1]
        bounds = (int(low[step]), int(high[step])) if smoothed else None
        values[:, step] = _value(name, window, times[begin : stop + 1], bounds, reach.span)
        present[:, step] = True
    return values, present


def interpolated(run: Run, at: Ints, lookback: Millis) -> tuple[Floats, Bools]:
    """A smoothed instant selector on one run: the value on the line between the samples around each instant, the last
    value where none follows; both (S', N)."""
    times = run.times
    after = np.searchsorted(times, at, "left")
    before = np.maximum(after - 1, 0)
    has_before = (after > 0) & (times[before] > at - lookback)
    following = np.minimum(after, len(times) - 1)
    has_after = (after < len(times)) & (times[following] <= at + lookback)
    exact = has_after & (times[following] == at)
    left, right = run.at(before), run.at(following)
    with np.errstate(all="ignore"):
        share = (at - times[before]) / (times[following] - times[before])
        line = left + (right - left) * share
    values = np.where(exact, right, np.where(has_after, line, left))
    return values, np.broadcast_to(exact | has_before, values.shape)


def _value(name: str, window: Floats, times: Ints, bounds: tuple[int, int] | None, span: Millis) -> Floats:
    with np.errstate(all="ignore"):
        if name == "changes":
            return (~kernels.same(window[:, 1:], window[:, :-1])).sum(axis=1).astype(np.float64)
        if name == "resets":
            return (window[:, 1:] < window[:, :-1]).sum(axis=1).astype(np.float64)
        counter = name != "delta"
        left, right, inner = window[:, 0], window[:, -1], window[:, 1:-1]
        if bounds is not None:
            low, high = bounds
            if times[0] < low:
                left = _between(window[:, 0], window[:, 1], times[:2], low, counter=counter, opening=True)
            if len(times) > 1 and times[-1] > high:
                right = _between(window[:, -2], window[:, -1], times[-2:], high, counter=counter, opening=False)
        gained = right - left
        if counter:
            path = np.concatenate([left[:, None], inner, right[:, None]], axis=1)
            gained = gained + np.where(path[:, 1:] < path[:, :-1], path[:, :-1], 0.0).sum(axis=1)
        return gained / (span / 1000) if name == "rate" else gained


def _between(first: Floats, second: Floats, times: Ints, at: int, *, counter: bool, opening: bool) -> Floats:
    """On the line between two samples; a counter that was reset between them has started at zero."""
    if counter:
        fallen = second < first
        if opening:
            first = np.where(fallen, 0.0, first)
        else:
            second = np.where(fallen, second + first, second)
    return first + (second - first) * (float(at - times[0]) / float(times[1] - times[0]))
