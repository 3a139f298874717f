"""How long the store holds the loop at most where many series come or go at once: the longest of the steps."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator

from monitor.model.labels import Labels
from monitor.model.times import HOUR
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure

_TARGET = 100_000
_RESULTS = 100_000


def measure() -> list[Figure]:
    """A target of a hundred thousand series is forgotten; a recording rule has as many results for the
    first time, and loses them; a target tells as many times of its own."""
    store = SampleStore.in_memory(HOUR)
    writer = store.open(_series(_TARGET))
    writer.append(0, [1.0] * _TARGET)
    writer.close(None)
    results = _series(_RESULTS)
    stamped = SampleStore.in_memory(HOUR)
    times = (HOUR, HOUR + 1, HOUR + 1, HOUR)  # new, newer, the same again, older
    return [
        Figure(
            name="target forgotten",
            value=_longest(store.forgetting(2 * HOUR)),
            unit="ms",
            what="longest step of forgetting a target of 100,000 series",
        ),
        Figure(
            name="results stored",
            value=_longest(SampleStore.in_memory(HOUR).appending_again(0, results, [1.0] * _RESULTS)),
            unit="ms",
            what="longest step of storing the first 100,000 results of a recording rule",
        ),
        Figure(
            name="stamped stored",
            value=max(_longest(stamped.appending_stamped(at, results, [1.0] * _RESULTS)) for at in times),
            unit="ms",
            what="longest step of storing 100,000 scraped samples with times of their own",
        ),
    ]


def _series(count: int) -> tuple[Labels, ...]:
    return tuple(
        Labels({"__name__": f"m{number % 50}", "instance": "a:1", "job": "shop", "n": str(number)})
        for number in range(count)
    )


def _longest(steps: Generator[None, None, None]) -> float:
    longest = 0.0
    gc.collect()
    ended = False
    while not ended:
        began = time.thread_time()
        ended = next(steps, False) is False
        longest = max(longest, time.thread_time() - began)
    return longest * 1e3
