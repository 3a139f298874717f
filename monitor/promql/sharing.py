"""What queries at one instant have in common.

The rules of a group are evaluated at the same instant, and many look through the same window at the same series: the same
`rate` for an error ratio, for a ranking and for a threshold. What a range function made of a selector is kept for the
others, as long as the selected series have no new sample; that a rule in between has written samples of its own does not
matter. Kept are results, not windows: one number a series.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from monitor.matching.matchers import Matcher
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.promql.matrix import Bools, Floats


@dataclass(frozen=True, slots=True)
class Ranged:
    """What a range function made of a selector: values and presence (S, 1), and the frames' label sets."""

    parts: Sequence[Sequence[Labels]]
    values: Floats
    present: Bools


class Shared:
    """The results at one instant. Safe to use in several threads: a lost race computes twice."""

    __slots__ = ("_kept", "at")

    def __init__(self, at: Timestamp) -> None:
        self.at = at
        self._kept: dict[Hashable, tuple[object, Ranged]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, state: object, make: Callable[[], Ranged]) -> Ranged:
        """The result for this key in this state of the samples."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == state:
            return kept[1]
        made = make()
        self._kept[key] = (state, made)
        return made


@dataclass(frozen=True, slots=True)
class Sharing:
    """What one query takes part in."""

    results: Shared
    state: Callable[[Sequence[Matcher]], object]
    """Equal as long as these matchers select the same samples, whatever else was written; None if that is not known."""
