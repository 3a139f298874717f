"""`rate` and `increase`: growth between the ends of a window, stretched to the whole of it.

Only the first and the last sample of each window are needed where the frame follows its counter resets; that is why rules
over long windows cost no more than such over short ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.columns.frame import Resets
from monitor.model.times import Millis
from monitor.promql.matrix import Bools, Floats, Ints
from monitor.promql.selection import Run

_AT_HAND: Final = 1 << 14
"""How many results are worked out at once: what a processor has at hand."""


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


@np.errstate(all="ignore")
def at_one(
    known: Sequence[tuple[Run, Resets]],
    reach: Reach,
    *,
    per_second: bool,
    values: Floats,
    present: Bools,
) -> None:
    """`of_ends` for one window a run, the case of rules: what is the same for all series of a run is one number."""
    low, high = int(reach.low[0]), int(reach.high[0])
    found: list[Run] = []
    ends: list[Floats] = []
    bounds: list[tuple[float, float, float]] = []
    for run, resets in known:
        start, end = (int(place) for place in run.times.searchsorted((low, high), "right"))
        if end - start < 2:
            continue
        own = run.at(np.array((start, end - 1)))
        opening, gained = own[:, 0], own[:, 1] - own[:, 0]
        if len(resets.slots):
            begin, until = resets.slots.searchsorted((start, end - 1), "right")
            np.add.at(gained, resets.rows[begin:until], resets.amounts[begin:until])
        found.append(run)
        ends += (opening, gained)
        bounds.append(_reach_of(int(run.times[start]), int(run.times[end - 1]), end - start, low, high))
    if not found:
        return
    if len(found) == 1:
        opening, gained = ends
        sampled, to_start, to_end = bounds[0]
        factor = _stretched(opening, gained, sampled, to_start, to_end)
    else:
        opening, gained = np.concatenate(ends[::2]), np.concatenate(ends[1::2])
        factor = _stretched(opening, gained, *np.repeat(np.array(bounds), [run.series for run in found], axis=0).T)
    gained *= factor
    if per_second:
        gained /= reach.span / 1000
    row = 0
    for run in found:
        values[run.place, 0] = gained[row : row + run.series]
        present[run.place] = True
        row += run.series


def _reach_of(first: int, last: int, count: int, low: int, high: int) -> tuple[float, float, float]:
    """Seconds from the first to the last of so many samples, and how far their growth is taken to go on before and after."""
    sampled, to_start, to_end = (last - first) / 1000, (first - low) / 1000, (high - last) / 1000
    apart = sampled / (count - 1)
    limit = apart * 1.1
    return sampled, apart / 2 if to_start >= limit else to_start, apart / 2 if to_end >= limit else to_end


def of_ends(
    known: Sequence[tuple[Run, Resets]],
    reach: Reach,
    *,
    per_second: bool,
    values: Floats,
    present: Bools,
) -> None:
    """From the first and the last sample of each window and the resets between them, into `values` and `present`."""
    steps, low = len(reach.at), reach.low
    sizes = [run.series for run, _ in known]
    ends = np.empty((sum(sizes), 2 * steps))
    first_times, last_times, counts = (np.empty((len(known), steps), dtype=np.int64) for _ in range(3))
    falls: list[tuple[int, Resets, Ints, Ints]] = []
    row = 0
    for place, (run, resets) in enumerate(known):
        start, end = run.times.searchsorted(low, "right"), run.times.searchsorted(reach.high, "right")
        first, last = np.minimum(start, len(run.times) - 1), np.maximum(end - 1, 0)
        ends[row : row + run.series] = run.at(np.concatenate((first, last)))
        first_times[place], last_times[place], counts[place] = run.times[first], run.times[last], end - start
        if len(resets.slots):
            falls.append((row, resets, first, last))
        row += run.series
    enough = counts >= 2
    owners = np.repeat(np.arange(len(known)), sizes)
    with np.errstate(all="ignore"):
        opening, gained = ends[:, :steps], ends[:, steps:] - ends[:, :steps]
        for row, resets, first, last in falls:
            begin, until = resets.slots.searchsorted(first, "right"), resets.slots.searchsorted(last, "right")
            for step, (one, other) in enumerate(zip(begin.tolist(), until.tolist(), strict=True)):
                np.add.at(gained[:, step], resets.rows[one:other] + row, resets.amounts[one:other])
        for row in range(0, len(owners), max(1, _AT_HAND // steps)):
            rows = slice(row, row + max(1, _AT_HAND // steps))
            own = owners[rows] if len(known) > 1 else slice(None)
            part = gained[rows]
            part *= extrapolation(
                first_times[own],
                last_times[own],
                counts[own],
                low,
                reach.high,
                part,
                opening[rows],
                counter=True,
            )
    if per_second:
        gained /= reach.span / 1000
    row = 0
    for place, (run, _) in enumerate(known):
        values[run.place] = gained[row : row + run.series]
        present[run.place] = enough[place]
        row += run.series


def extrapolation(
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
    return _stretched(opening, gained, sampled, to_start, to_end)


def _stretched(
    opening: Floats, gained: Floats, sampled: Floats | float, to_start: Floats | float, to_end: Floats | float
) -> Floats:
    """The factor for a counter: it is not taken to have been below zero."""
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
