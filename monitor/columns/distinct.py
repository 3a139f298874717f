"""Different values of an array, without what `np.unique` brings along.

Asked for the values alone it looks whether the array is a masked one, and imports numpy's masked arrays for that: thirty
milliseconds on the loop the first time, and more than a megabyte for ever.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def distinct(values: NDArray[T]) -> NDArray[T]:
    """The different ones, ascending; all NaNs are one, at the end."""
    return np.unique(values, return_counts=True)[0]


def runs(codes: NDArray[T]) -> tuple[NDArray[T], NDArray[np.intp], NDArray[np.intp]]:
    """Of what is in order: the different ones, where each begins, and how often it comes."""
    return np.unique(codes, return_index=True, return_counts=True)
