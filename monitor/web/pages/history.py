"""How each check was in the last hour, as a strip of thirty cells of two minutes, the worst of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from monitor.model.errors import UserError
from monitor.model.samples import Series
from monitor.model.times import MINUTE, Timestamp
from monitor.web.pages.markup import Html, tag

if TYPE_CHECKING:
    from monitor.web.parts import QueryAnswering

Strips: TypeAlias = Mapping[str, Sequence[float]]
"""By check: the worst level of each cell, the oldest first; NaN where nothing is known."""

_CELLS: Final = 30
_CELL: Final = 2 * MINUTE
_WIDTH: Final = 5
_HEIGHT: Final = 18
_QUERY: Final = "min by (check) (min_over_time(watchkeeper_check_status[2m]))"
_PATIENCE: Final = 2.0


async def strips(querier: QueryAnswering | None, now: Timestamp) -> Strips:
    """Of all checks. None when there is nobody to ask yet, or when asking takes too long: the page is there without."""
    if querier is None:
        return {}
    end = -(-now // _CELL) * _CELL
    start = end - (_CELLS - 1) * _CELL
    try:
        answer = await querier.answer_range(_QUERY, start, end, _CELL, seconds=_PATIENCE)
    except UserError:
        return {}
    found: dict[str, Sequence[float]] = {}
    for one in answer.value if isinstance(answer.value, tuple) else ():
        if isinstance(one, Series):
            cells = [math.nan] * _CELLS
            for at, value in one.points:
                cells[(at - start) // _CELL] = value
            found[one.labels.get("check", "")] = cells
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
