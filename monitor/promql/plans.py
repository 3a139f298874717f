"""What can be worked out from label sets alone, kept until the label sets change.

Label algebra is the slow part of an evaluation, and series sets change seldom. A plan is kept per place in the expression,
one at a time, and belongs to the very label sequences it was made of: same objects, same plan. So the memory is bounded by
the expression, and nothing needs to be told when series come or go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from monitor.model.labels import METRIC_NAME, Labels
from monitor.promql.matrix import RESERVED

T = TypeVar("T")


class LearningError(Exception):
    """There are more new label sets than there is time for now."""


class Plans:
    """The plans of one expression. Safe to share between threads: a lost race makes the same plan again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], tuple[tuple[object, ...], object]] = {}
        self._left: int | None = None

    def at_most(self, labels: int) -> Plans:
        """The same plans, for one evaluation that raises LearningError as soon as it has met more new label sets than this."""
        plans = Plans()
        plans._kept, plans._left = self._kept, labels
        return plans

    def meet(self, node: object, labels: Sequence[Labels]) -> None:
        """These have been selected. If they are others than the last time, whatever is planned of them is made anew."""
        key = (id(node), "met")
        kept = self._kept.get(key)
        if kept is not None and kept[0][0] is labels:
            return
        if self._left is not None:
            self._left -= len(labels)
            if self._left < 0:
                raise LearningError
        self._kept[key] = ((labels,), None)

    def get(self, node: object, purpose: str, made_of: Sequence[object], make: Callable[[], T]) -> T:
        """The plan for this node (which must live as long as the expression) and purpose, made anew when any of
        `made_of` is another object than last time."""
        key = (id(node), purpose)
        kept = self._kept.get(key)
        if kept is not None and len(kept[0]) == len(made_of):
            for old, new in zip(kept[0], made_of, strict=True):
                if old is not new:
                    break
            else:
                return cast("T", kept[1])
        plan = make()
        self._kept[key] = (tuple(made_of), plan)
        return plan

    def __len__(self) -> int:
        return len(self._kept)


def without_name(labels: Sequence[Labels]) -> Sequence[Labels]:
    """Every set without the labels that say what the metric is."""
    return [one.without(*RESERVED) if METRIC_NAME in one or _typed(one) else one for one in labels]


def _typed(labels: Labels) -> bool:
    return "__type__" in labels or "__unit__" in labels
