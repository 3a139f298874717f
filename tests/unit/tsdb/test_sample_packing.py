"""The packed form of a chunk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from monitor.columns.nans import MISSING_BITS
from monitor.model.samples import STALE_BITS
from monitor.tsdb.packing import pack, unpack

SPECIAL = [0, 1 << 63, MISSING_BITS, STALE_BITS, 0x7FF8000000000000, 0x7FF0000000000000, (1 << 64) - 1, 1]
cells = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from(SPECIAL),
    st.one_of(
        st.integers(-(2**60), 2**60).map(float),
        st.integers(-300, 300).map(float),
        st.integers(0, 10**9).map(lambda number: number / 1e6),
        st.floats(),
    ).map(lambda value: int(np.array([value]).view(np.uint64)[0])),
)


@settings(max_examples=100)
@given(arrays(np.uint64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9), elements=cells), st.data())
def test_every_bit_of_every_series_comes_back(
    raw: np.ndarray[tuple[int, int], np.dtype[np.uint64]], data: st.DataObject
) -> None:
    """Packing loses nothing, and any choice of series can be read, in any order."""
    slots, series = raw.shape
    rows = np.array(data.draw(st.lists(st.integers(0, series - 1), max_size=12)), dtype=np.int64)
    found = unpack(pack(raw.view(np.float64)), slots, series, rows)
    assert np.array_equal(np.ascontiguousarray(found).view(np.uint64), raw[:, rows])


def test_many_series_of_all_kinds_stand_in_their_order() -> None:
    """More than are looked at together: constants, small and large steps, decimals, raw bits and all kinds of NaN by turns."""
    noise = np.random.default_rng(11)
    slots, series = 64, 700
    kinds: list[Callable[[], NDArray[np.float64]]] = [
        lambda: np.full(slots, noise.uniform()),
        lambda: np.cumsum(noise.integers(0, 9, slots)).astype(float),
        lambda: np.cumsum(noise.integers(0, 2**20, slots)).astype(float),
        lambda: np.round(noise.uniform(0, 5, slots), 3),
        lambda: noise.uniform(-1, 1, slots),
        lambda: noise.choice(np.array(SPECIAL, dtype=np.uint64), slots).view(np.float64),
    ]
    matrix = np.empty((slots, series))
    for place in range(series):
        matrix[:, place] = kinds[noise.integers(0, len(kinds))]()
    packed = pack(matrix)
    every = unpack(packed, slots, series, np.arange(series))
    assert np.array_equal(np.ascontiguousarray(every).view(np.uint64), matrix.view(np.uint64))
    some = noise.permutation(series)[:50]
    assert np.array_equal(
        np.ascontiguousarray(unpack(packed, slots, series, some)).view(np.uint64), matrix.view(np.uint64)[:, some]
    )


def test_ordinary_values_take_few_bytes() -> None:
    """Constants next to nothing, counters a byte or two, decimals what their digits need."""
    slots = np.arange(64)
    noise = np.random.default_rng(7)
    kinds = {
        "constant": np.full(64, 0.1),
        "counter": np.cumsum(slots % 90).astype(float),
        "milliseconds": np.round(noise.uniform(0, 0.5, 64), 3),
    }
    per_sample = {kind: len(pack(np.tile(values[:, None], (1, 100)))) / 6400 for kind, values in kinds.items()}
    assert per_sample["constant"] < 0.2
    assert per_sample["counter"] < 1.2
    assert per_sample["milliseconds"] < 2.2
