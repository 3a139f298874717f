"""Loose samples of series that come together again and again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import HOUR
from monitor.tsdb.chunks import Layout
from monitor.tsdb.frames import FrameKind, StoredFrame
from monitor.tsdb.homes import Homes
from monitor.tsdb.loose import LooseFrames
from monitor.tsdb.newest import NewestSamples
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, metric

_LISTS = tuple(
    tuple(metric("m", n=str(number)) for number in numbers) for numbers in ((0, 1, 2), (2, 1), (1, 3, 4), (4,), ())
)
_STEP = 1_000

calls = st.tuples(
    st.sampled_from(["again", "in steps", "append", "open"]),
    st.integers(0, len(_LISTS) - 1),
    st.integers(0, 3),
    st.sampled_from([1.0, -2.5, float("nan"), STALE]),
)


@settings(max_examples=150)
@given(st.lists(calls, max_size=90), st.integers(1, 70))
def test_a_remembered_list_writes_what_single_samples_write(
    written: list[tuple[str, int, int, float]], repeated: int
) -> None:
    """Whatever other series come between, however late they come, and over full chunks and retention."""
    stores = [SampleStore.in_memory(HOUR), SampleStore.in_memory(HOUR)]
    at = 0
    for _ in range(repeated):
        at += _STEP
        for store in stores:
            store.append_again(at, _LISTS[0], [1.0, 2.0, 3.0])
    for way, number, back, value in written:
        at += _STEP
        labels = _LISTS[number]
        values = [value + place for place in range(len(labels))]
        for place, store in enumerate(stores):
            if way == "open":
                writer = store.open([Labels({**labels[0], "own": str(number)})] if labels else [])
                writer.append(at, values[:1])
                writer.close(None)
            elif way == "in steps" and place == 0:
                for _ in store.appending_again(at - back * _STEP, labels, values):
                    pass
            elif way == "again" and place == 0:
                store.append_again(at - back * _STEP, labels, values)
            else:
                store.append(at - back * _STEP, zip(labels, values, strict=True))
        if back == 3:
            for store in stores:
                store.forget(at + HOUR // 2)
    one, other = stores
    assert everything(one.view()) == everything(other.view())
    assert one.health() == other.health()


def test_lists_of_the_past_are_forgotten() -> None:
    """What is remembered is bounded by the series that are written, however often their lists change."""
    homes = Homes()
    loose = LooseFrames(homes)
    for number in range(300):
        labels = tuple(metric("m", n=str(place)) for place in range(50))
        if not number:
            sids = np.array([homes.index.intern(each) for each in labels], dtype=np.int32)
            frame = StoredFrame(1, Layout(sids), NewestSamples(), FrameKind.LOOSE)
            homes.move_in(frame, sids)
            loose.settle(frame)
        loose.learn(labels)
        assert loose.place_again(_STEP, labels, [1.0] * 50) is not None
        assert loose.listed <= 1_000 + 3 * 50
