"""Three kinds of NaN, told apart by their bits.

A measured NaN (any other bits), the stale marker (the series has ended here) and "no sample in this slot". Numpy keeps
the bits through copies, indexing and concatenation, not through arithmetic: test before calculating.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.samples import MISSING_BITS, STALE_BITS

STALE_VALUE: Final = np.array([STALE_BITS], dtype=np.uint64).view(np.float64)
MISSING_VALUE: Final = np.array([MISSING_BITS], dtype=np.uint64).view(np.float64)
"""One-element float64 arrays, to assign from: `matrix[rows, slot] = MISSING_VALUE`."""


def missing(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where is there no sample? Same shape as `values` (any, C-contiguous in the last axis or not)."""
    return np.ascontiguousarray(values).view(np.uint64) == np.uint64(MISSING_BITS)


def stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where does a series end? Same shape as `values`."""
    return np.ascontiguousarray(values).view(np.uint64) == np.uint64(STALE_BITS)
