"""What reading a body yields, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.model.times import Timestamp
from monitor.scrape.exposition.entries import Exemplar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a body says about one metric."""

    type: str = "unknown"
    """counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown."""
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """One body, read. `entries`, `values` and the keys of `times` go together by index."""

    entries: Sequence[T]
    """(S,) what `admit` made of each series, in body order. The same object as in the reading before for as long as the
    body's layout is the same, so that plans may be cached by its identity."""
    values: NDArray[np.float64]
    """(S,) numbers; a NaN is the plain one, never a marker."""
    times: Mapping[int, Timestamp]
    """Index => the target's own time, for the samples that have one."""
    exemplars: Mapping[int, Exemplar]
    """Index => the exemplar of the samples that have one."""
    metadata: Mapping[str, Metadata]
    """By metric name as the body's HELP, TYPE and UNIT lines have it."""
