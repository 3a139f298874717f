"""The tap between those who write samples and those who send them on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from monitor.app.announcing import AnnouncingSink, Flushing, Tap
from monitor.model.labels import Labels
from monitor.model.samples import is_stale
from monitor.model.times import DAY, Timestamp
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric


class FakeTaker:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Timestamp, list[str], list[float]]] = []

    def write(self, at: Timestamp, labels: Sequence[Labels], values: Any) -> None:
        self.heard.append((at, [str(one) for one in labels], np.array(values, dtype=np.float64).tolist()))


async def test_rows_loose_samples_and_ends_are_heard_in_order() -> None:
    """Not what the store drops for coming late."""
    tap, taker = Tap(), FakeTaker()
    store = SampleStore.in_memory(DAY)
    sink = AnnouncingSink(store, Flushing(store, asyncio.get_running_loop(), lambda: 0), tap)
    writer = sink.open([metric("a"), metric("b")])
    writer.append(1, [1, 2])
    tap.takers = (cast("Any", taker),)
    writer.append(2, [3, 4])
    writer.append(2, [5, 6])
    sink.append(3, ((metric(name), 7.0) for name in ("c",)))
    writer.replace([metric("b")])
    writer.append(4, [8])
    writer.close(5)
    assert taker.heard[:3] == [(2, ["a", "b"], [3, 4]), (3, ["c"], [7]), (4, ["b"], [8])]
    ((at, labels, values),) = taker.heard[3:]
    assert (at, labels, is_stale(values[0])) == (5, ["b"], True)
    assert len(store.view().series((), 0, 10)) == 3
