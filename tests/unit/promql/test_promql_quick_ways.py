"""Where many numbers are worked out at once, each is what the rule for one number gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql import kernels
from monitor.promql.buckets import bucket_quantile, sound_quantiles

_NUMBERS = st.one_of(
    st.floats(),
    st.floats(-1e6, 1e6),
    st.integers(-1000, 1000).map(float),
    st.integers(-(10**6), 10**6).map(lambda number: number / 1000),
    st.sampled_from([0.1, 2.0**53, -(2.0**53), 1.0, 2.0**-53, 1e100, -1e100, 1e300, 5e-324, -0.0]),
)
_HALVES = st.sampled_from([1.0, 2.0**-53, -(2.0**-53), 2.0**-54, 2.0**-106, 1.0 + 2.0**-52])
"""Sums of these lie in the middle between two floats, or next to it."""


def _slowly(row: list[float]) -> float:
    """Neumaier's sum, straight from the book."""
    running = lost = 0.0
    for term in row:
        new = running + term
        if math.isinf(new):
            lost = 0.0
        elif abs(running) >= abs(term):
            lost += (running - new) + term
        else:
            lost += (term - new) + running
        running = new
    return running if math.isinf(running) else running + lost


@given(st.data(), st.sampled_from([_NUMBERS, _HALVES]), st.integers(1, 12))
def test_sums_are_those_of_compensated_addition(
    data: st.DataObject, numbers: st.SearchStrategy[float], width: int
) -> None:
    """To the last bit, for ordinary numbers as for those at the edges, and however many are added up at once."""
    wide = data.draw(st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=6))
    repeats = data.draw(st.integers(1, 60))
    matrix = np.tile(np.array(wide), (1, repeats))
    sums = kernels.total(matrix)
    expected = np.array([_slowly(row) for row in matrix.tolist()])
    np.testing.assert_array_equal(sums, expected)


def test_most_sums_need_no_slow_addition() -> None:
    """The quick way is certain of what it says, nearly always; else it would be of no use."""
    generator = np.random.default_rng(7)
    for matrix in (
        generator.random((500, 120)),
        generator.normal(size=(500, 40)) * 1e9,
        generator.integers(0, 10**6, (300, 64)) / 15.0,
        generator.random((2, 80_000)),
    ):
        sums, sure = kernels.certified(matrix)
        assert sure.mean() > 0.95
        expected = [math.fsum(row) for row in matrix.tolist()]
        assert sums[sure].tolist() == np.array(expected)[sure].tolist()


@pytest.mark.parametrize("width", [2, 3, 5, 18])
def test_sums_of_few_numbers_need_no_slow_addition_either(width: int) -> None:
    """The sum of a few numbers of one size often lies in the middle between two floats: no loss, so no doubt."""
    matrix = np.random.default_rng(width).random((500, width)) + 0.01
    sums, sure = kernels.certified(matrix)
    assert sure.all()
    assert sums.tolist() == [_slowly(row) for row in matrix.tolist()]


@given(st.data(), st.integers(2, 5))
def test_what_is_certain_is_what_compensated_addition_gives(data: st.DataObject, width: int) -> None:
    """Also of numbers of all sizes, whose lower parts are lost, and in any order."""
    sized = st.builds(math.ldexp, _HALVES | st.floats(-2, 2), st.integers(-120, 120))
    row = data.draw(st.lists(sized, min_size=width, max_size=width))
    sums, sure = kernels.certified(np.array([row]))
    if sure[0]:
        assert float(sums[0]) == _slowly(data.draw(st.permutations(row)))


_COUNTS = st.one_of(
    st.floats(0, 1000), st.integers(0, 20).map(float), st.sampled_from([0.0, math.inf, math.nan, 1e-13])
)


@given(st.data(), st.integers(2, 6), st.integers(1, 3), st.integers(1, 3))
def test_quantiles_of_many_histograms_are_those_of_each(
    data: st.DataObject, buckets: int, histograms: int, steps: int
) -> None:
    """Wherever they are said to hold; and they hold where the counts rise well."""
    drawn = [
        sorted(data.draw(st.lists(st.floats(-10, 10), min_size=buckets - 1, max_size=buckets - 1, unique=True)))
        for _ in range(histograms)
    ]
    bounds = np.array([[*row, math.inf] for row in drawn])
    numbers = data.draw(st.lists(_COUNTS, min_size=histograms * buckets * steps, max_size=histograms * buckets * steps))
    counts = np.array(numbers).reshape(histograms, buckets, steps)
    if data.draw(st.booleans()):
        counts = counts.cumsum(axis=1)
    ranks = np.array(data.draw(st.lists(st.floats(-0.5, 1.5) | st.just(math.nan), min_size=steps, max_size=steps)))
    values, sound = sound_quantiles(ranks, bounds, counts)
    for place in range(histograms):
        for step in range(steps):
            row = list(zip(bounds[place].tolist(), counts[place, :, step].tolist(), strict=True))
            value, repair = bucket_quantile(float(ranks[step]), row)
            if sound[place, step]:
                assert repair is None
                assert value == pytest.approx(float(values[place, step]), rel=0, abs=0, nan_ok=True)


def test_ordinary_histograms_take_the_quick_way() -> None:
    """Counts that rise, a rank within [0, 1]."""
    bounds = np.array([[0.1, 1.0, 5.0, math.inf]])
    counts = np.array([[[1.0, 0.0], [5.0, 0.0], [5.0, 0.0], [8.0, 0.0]]])
    values, sound = sound_quantiles(np.array([0.5, 0.9]), bounds, counts)
    assert sound.all()
    assert values[0, 0] == pytest.approx(0.775)
    assert math.isnan(values[0, 1])
