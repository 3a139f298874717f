"""Classic histograms: which series are buckets of which, and what there is to tell of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import SECOND, rfc3339
from monitor.promql.buckets import Repair
from monitor.promql.matrix import Floats, Ints
from monitor.promql.nodes import Expr
from monitor.promql.numbers import general, parse_float
from monitor.promql.quoting import go_quote

if TYPE_CHECKING:
    from monitor.promql.annotations import Annotations


@dataclass(frozen=True, slots=True)
class Layout:
    """How series are the buckets of classic histograms."""

    labels: Sequence[Labels]
    """(H,) of the histograms."""
    members: Sequence[Sequence[tuple[float, int]]]
    """(H,) each one's upper bounds, rising, and rows."""
    alike: Sequence[tuple[Ints, Ints, Floats]]
    """Histograms with equally many buckets, none of which has the same bound, the last +Inf: places (h,), rows (h, B),
    bounds (h, B)."""
    bad: Sequence[int]
    """Rows whose bounds are none."""


def layout(labels: Sequence[Labels]) -> Layout:
    """How these series are buckets."""
    members: dict[Labels, list[tuple[float, int]]] = {}
    bad: list[int] = []
    for row, one in enumerate(labels):
        bound = _bound(one.get("le", ""))
        if bound is None:
            bad.append(row)
        else:
            members.setdefault(one.without("le"), []).append((bound, row))
    histograms = [sorted(rows) for rows in members.values()]
    return Layout(list(members), histograms, _alike(histograms), bad)


class Told:
    """What there is to tell of the buckets of one call."""

    def __init__(self, annotations: Annotations, argument: Expr, at: Ints) -> None:
        self._annotations = annotations
        self._argument = argument
        self._at = at
        self._repairs: dict[str, list[tuple[int, Repair]]] = {}

    def bad_bound(self, labels: Labels) -> None:
        """A series is no bucket."""
        problem = f'bucket label "le" is missing or has a malformed value of {go_quote(labels.get("le", ""))}'
        self._annotations.warn(_named(problem, labels.get(METRIC_NAME, "")), self._argument)

    def repair(self, repair: Repair, name: str, step: int) -> None:
        """Buckets of this metric had to be corrected at this step."""
        self._repairs.setdefault(name, []).append((int(self._at[step]) // 1000, repair))

    def repairs(self) -> None:
        """Tell all corrections, in one text for each metric."""
        page = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"
        problem = f"input to histogram_quantile needed to be fixed for monotonicity (see {page})"
        for name, found in self._repairs.items():
            low, high = min(one.first for _, one in found), max(one.last for _, one in found)
            begin, end = (rfc3339(edge(at for at, _ in found) * SECOND)[:19] + "Z" for edge in (min, max))
            self._annotations.inform(
                f"{_named(problem, name)}, from buckets {general(low)} to {general(high)}, with a max diff of "
                f"{max(one.largest for _, one in found):.2g}, over {len(found)} samples from {begin} to {end}",
                self._argument,
            )


def quantile_text(rank: float) -> str:
    """A quantile as a label: as OpenMetrics writes numbers, with `.0` for whole ones."""
    text = general(rank)
    return text + ".0" if text.lstrip("-").isdigit() else text


def _alike(histograms: Sequence[Sequence[tuple[float, int]]]) -> Sequence[tuple[Ints, Ints, Floats]]:
    sizes: dict[int, list[int]] = {}
    for place, buckets in enumerate(histograms):
        bounds = {bound for bound, _ in buckets}
        if len(buckets) > 1 and buckets[-1][0] == math.inf and len(bounds) == len(buckets):
            sizes.setdefault(len(buckets), []).append(place)
    out: list[tuple[Ints, Ints, Floats]] = []
    for places in sizes.values():
        rows = np.array([[row for _, row in histograms[place]] for place in places], dtype=np.int64)
        bounds = np.array([[bound for bound, _ in histograms[place]] for place in places])
        out.append((np.array(places, dtype=np.int64), rows, bounds))
    return out


def _named(problem: str, name: str) -> str:
    return f"{problem} for metric name {go_quote(name)}" if name else problem


def _bound(text: str) -> float | None:
    """The upper bound that a label `le` says; None if it says none."""
    try:
        value = parse_float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value
