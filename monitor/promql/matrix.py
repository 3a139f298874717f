"""What flows between the parts of an evaluation: all series and all steps of one intermediate vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]

RESERVED: tuple[str, ...] = (METRIC_NAME, "__type__", "__unit__")
"""Labels that say what a metric is; they go when a function makes something else of it."""

SAME_LABELS = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True)
class Block:
    """S series over N steps. Nobody writes to the arrays of a block."""

    labels: Sequence[Labels]
    """(S,) The same object as long as the series are the same, so that plans may be kept by its identity."""
    values: Floats
    """(S, N); without meaning where not present."""
    present: Bools | None = None
    """(S, N) where there is a value; None: everywhere."""
    marked: Bools | None = None
    """(S,) whose name is to be dropped at the end of the query, under delayed name removal; None: nobody's."""
    ordered: bool = False
    """The order of the series means something: the last function was a sort."""

    @property
    def mask(self) -> Bools:
        """`present` in full."""
        return np.ones(self.values.shape, dtype=bool) if self.present is None else self.present


@dataclass(frozen=True, slots=True)
class Steps:
    """The instants at which an expression is evaluated."""

    times: Ints
    """(N,) ascending milliseconds."""

    def __len__(self) -> int:
        return len(self.times)


def narrowed(present: Bools | None, keep: Bools) -> Bools:
    """Present and kept."""
    return keep if present is None else present & keep


def merged(block: Block, *, overlapping: bool = False) -> Block:
    """Series that have become equal are put together where they do not overlap. Raises EvaluationError where they do, or
    if `overlapping` where both have any value at all."""
    places: dict[Labels, int] = {}
    target = [places.setdefault(labels, len(places)) for labels in block.labels]
    if len(places) == len(target):
        return block
    count, steps = len(places), block.values.shape[1]
    values = np.full((count, steps), np.nan)
    present = np.zeros((count, steps), dtype=bool)
    mask = block.mask
    marked = np.zeros(count, dtype=bool)
    for row, place in enumerate(target):
        own = mask[row]
        if bool((present[place] & own).any()) or (overlapping and bool(present[place].any() and own.any())):
            raise EvaluationError(SAME_LABELS)
        values[place, own] = block.values[row, own]
        present[place] |= own
        if block.marked is not None:
            marked[place] |= block.marked[row]
    return Block(list(places), values, present, marked if block.marked is not None else None, block.ordered)


def empty(steps: int) -> Block:
    """No series."""
    return Block((), np.empty((0, steps)))


def one_series(values: Floats, present: Bools | None = None, labels: Labels | None = None) -> Block:
    """A block of one series without labels, from (N,) values."""
    return Block((labels or Labels(),), values[None, :], None if present is None else present[None, :])
