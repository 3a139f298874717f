"""What a benchmark reports, and how it is shown.

CPU time is this process's own, so a busy neighbour shows less than in wall time; of several rounds the fastest counts,
because noise only ever adds.
"""

from __future__ import annotations

import gc
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing."""

    name: str
    value: float
    unit: str
    what: str
    """What is counted, in a sentence."""


def cpu_of(work: Callable[[], object], *, count: int, rounds: int = 5) -> float:
    """CPU microseconds for one of the `count` things that one call of `work` does: the best of several rounds."""
    work()  # caches fill, plans are made
    best = float("inf")
    gc.collect()
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / count * 1e6


def table(figures: Sequence[Figure]) -> str:
    """For people."""
    wide = max(len(figure.name) for figure in figures)
    lines = [f"{figure.name:{wide}}  {figure.value:10.2f} {figure.unit:7} {figure.what}" for figure in figures]
    return "\n".join(lines)


def document(figures: Sequence[Figure]) -> str:
    """For machines: one line of JSON."""
    where = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    return json.dumps({"where": where, "figures": [asdict(figure) for figure in figures]})
