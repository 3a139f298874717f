"""Narrowed rows of the log: fewer bytes, the same bits."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.columns.nans import MISSING_VALUE
from monitor.model.errors import CorruptionError
from monitor.model.samples import STALE
from monitor.tsdb.narrowing import narrow, narrow_rows, widen
from monitor.tsdb.records import NewRow, encode_rows

_VALUES = st.one_of(
    st.sampled_from(
        [0.0, -0.0, float("inf"), float("nan"), STALE, float(MISSING_VALUE[0]), 2.0**53, 32767.0, -32768.0]
    ),
    st.floats(width=64),
    st.integers(-70_000, 70_000).map(float),
    st.decimals(-3000, 3000, places=6).map(float),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(_VALUES, _VALUES), min_size=1, max_size=20))
def test_every_bit_comes_back(pairs: list[tuple[float, float]]) -> None:
    """Whatever the values and those before them."""
    old, new = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    back = widen(memoryview(narrow(new.view(np.uint64), old.view(np.uint64))), old)
    assert np.array_equal(back.view(np.uint64), new.view(np.uint64))


def test_counters_and_decimals_take_few_bytes() -> None:
    """A counter that went up by a little takes one byte, a ratio of six places four; two bits each say so."""
    old = np.concatenate((np.arange(512.0) * 1000, np.zeros(512)))
    new = np.concatenate((np.arange(512.0) * 1000 + 7, np.arange(512) / 1e6 + 0.5))
    assert len(narrow(new.view(np.uint64), old.view(np.uint64))) == 512 * 1 + 512 * 4 + 2 * 1024 // 8


@pytest.mark.parametrize("length", [0, 5, 40])
def test_a_wrong_length_is_refused(length: int) -> None:
    """Cut short or too long: an error, never wrong values."""
    old = np.zeros(30)
    data = (narrow(np.full(30, 0.3).view(np.uint64), old.view(np.uint64)) + bytes(300))[:length]
    with pytest.raises(CorruptionError):
        widen(memoryview(data), old)


@settings(max_examples=100)
@given(st.lists(st.lists(st.tuples(_VALUES, _VALUES), max_size=12), max_size=6))
def test_rows_narrowed_together_are_those_narrowed_alone(rows: list[list[tuple[float, float]]]) -> None:
    """Byte by byte, empty rows too."""
    bits = [np.array([new for new, _ in row], dtype=np.float64).view(np.uint64) for row in rows]
    before = [np.array([old for _, old in row], dtype=np.float64).view(np.uint64) for row in rows]
    empty = [np.empty(0, dtype=np.uint64)]
    together = narrow_rows(
        np.concatenate(bits + empty), np.concatenate(before + empty), [0, *accumulate(map(len, rows))]
    )
    assert together == [narrow(new, old) for new, old in zip(bits, before, strict=True)]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.lists(_VALUES, max_size=60)), max_size=5))
def test_rows_encoded_together_are_those_encoded_alone(shapes: list[tuple[int, bool, list[float]]]) -> None:
    """Wide and narrow ones, with few changes and with many, with a row before them and without."""
    rows: list[NewRow] = []
    for number, (width, first, values) in enumerate(shapes):
        before = np.arange(max(width, len(values)), dtype=np.float64)
        row = before.copy()
        row[: len(values)] = values
        rows.append(NewRow(number, number, row.view(np.uint64), None if first else before.view(np.uint64)))
    assert encode_rows(rows) == [record for row in rows for record in encode_rows([row])]
