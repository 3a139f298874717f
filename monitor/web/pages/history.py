"""How each check was in the last hour, as a strip of thirty cells of two minutes, the worst of each.

Read from the store itself, in the thread that builds the page, so that it is there while the daemon is still starting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME
from monitor.model.times import MINUTE, Timestamp
from monitor.web.pages.markup import Html, tag

if TYPE_CHECKING:
    from monitor.columns.frame import SampleSource

Strips: TypeAlias = Mapping[str, Sequence[float]]
"""By check: the worst level of each cell, the oldest first; NaN where nothing is known."""

_CELLS: Final = 30
_CELL: Final = 2 * MINUTE
_WIDTH: Final = 5
_HEIGHT: Final = 18
_SERIES: Final = "watchkeeper_check_status"


def strips(source: SampleSource, now: Timestamp, check: str = "") -> Strips:
    """Of all checks, or of one. A cell holds (start, start + two minutes]; the last one ends after `now`."""
    end = -(-now // _CELL) * _CELL
    start = end - _CELLS * _CELL
    matchers = [Matcher(METRIC_NAME, MatchOp.EQUAL, _SERIES)]
    if check:
        matchers.append(Matcher("check", MatchOp.EQUAL, check))
    found: dict[str, list[float]] = {}
    for frame in source.select(matchers, start + 1, end):
        times = frame.times
        low, high = (int(np.searchsorted(times, edge, "right")) for edge in (start, end))
        if low == high:
            continue
        cells = (times[low:high] - start - 1) // _CELL
        firsts = np.flatnonzero(np.diff(cells, prepend=-1))
        values = frame.values(low, high)
        # Absent samples are NaNs of the signalling kind, which would win.
        worst = np.fmin.reduceat(np.where(np.isnan(values), np.nan, values), firsts, axis=1)
        places = cells[firsts].tolist()
        for labels, levels in zip(frame.labels, worst.tolist(), strict=True):
            strip_ = found.setdefault(labels.get("check", ""), [math.nan] * _CELLS)
            for place, level in zip(places, levels, strict=True):
                if not math.isnan(level) and not strip_[place] <= level:
                    strip_[place] = level
    return found


def strip(cells: Sequence[float] | None) -> Html | None:
    """The drawing. Neighbours of one tone are one bar, so that a page of hundreds stays small."""
    if cells is None:
        return None
    tones = [_tone(level) for level in cells]
    bars: list[Html] = []
    begun = 0
    for place in range(1, _CELLS + 1):
        if place == _CELLS or tones[place] != tones[begun]:
            width = (place - begun) * _WIDTH
            bars.append(tag("rect", x=begun * _WIDTH, y=0, width=width, height=_HEIGHT, class_=tones[begun]))
            begun = place
    bad = tones.count("bad") * 2
    told = f"unhealthy for about {bad} of the last 60 minutes" if bad else "not unhealthy in the last hour"
    return tag(
        "svg",
        tag("title", told),
        bars,
        class_="strip",
        width=_CELLS * _WIDTH,
        height=_HEIGHT,
        viewBox=f"0 0 {_CELLS * _WIDTH} {_HEIGHT}",
        role="img",
    )


def _tone(level: float) -> str:
    if math.isnan(level):
        return "none"
    return "good" if level >= 1 else "warn" if level > 0 else "bad"
