"""Which metrics and labels make most series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from monitor.model.labels import METRIC_NAME, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Cardinality:
    """What label sets are made of."""

    metrics: Counter[str]
    """Series by metric name."""
    pairs: Counter[tuple[str, str]]
    """Series by label and value."""
    values: Counter[str]
    """Distinct values by label."""
    sizes: Counter[str]
    """Bytes of the distinct values by label."""


def cardinality(series: Collection[Labels]) -> Cardinality:
    """Counted over these label sets."""
    pairs: Counter[tuple[str, str]] = Counter(pair for one in series for pair in one.pairs)
    sizes: Counter[str] = Counter()
    for name, value in pairs:
        sizes[name] += len(value.encode(errors="replace"))
    return Cardinality(
        metrics=Counter(one.get(METRIC_NAME, "") for one in series),
        pairs=pairs,
        values=Counter(name for name, _ in pairs),
        sizes=sizes,
    )
