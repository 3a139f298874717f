"""Changed values of a row in fewer bytes, for the log: quick, and exact to the bit.

Most changed values are counters that went up by a little, and decimals of at most six places. So a value is written as a
whole step from the one before, in one or two bytes, or as a number of millionths in four; what is neither, or would not
come back bit by bit, stands as it is. Two bitmaps say which is which, then come the values, kind by kind.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError

_FORMS: Final = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<f8"))
_STEP, _STRIDE, _MILLIONTHS, _PLAIN = range(4)
_MILLION: Final = 1e6


def narrow(bits: NDArray[np.uint64], before: NDArray[np.uint64]) -> bytes:
    """Encode these values, given those before them; both by their bits."""
    return narrow_rows(bits, before, [0, len(bits)])[0]


def narrow_rows(bits: NDArray[np.uint64], before: NDArray[np.uint64], bounds: list[int]) -> list[bytes]:
    """The same for several rows that lie end to end, each from one of these bounds to the next; what numpy does for a few
    values costs it as much as for a thousand."""
    values, old = bits.view(np.float64), before.view(np.float64)
    # What has no integer (NaN, what is too large) becomes some integer, and fails the comparison.
    with np.errstate(all="ignore"):
        steps = np.rint(values - old).astype(np.int64).astype(np.int16)
        stepped = (old + steps).view(np.uint64) == bits
        scaled = np.rint(values * _MILLION).astype(np.int64).astype(np.int32)
        decimal = (scaled / _MILLION).view(np.uint64) == bits
        short = steps.astype(np.int8) == steps
    kinds = np.full(len(bits), _PLAIN, dtype=np.uint8)
    kinds[decimal] = _MILLIONTHS
    kinds[stepped] = _STRIDE
    kinds[stepped & short] = _STEP
    low, high = kinds & 1, kinds >> 1
    parts: list[tuple[bytes, list[int]]] = []
    for kind, (numbers, form) in enumerate(zip((steps, steps, scaled, values), _FORMS, strict=True)):
        places = (kinds == kind).nonzero()[0]
        ends: list[int] = (places.searchsorted(bounds) * form.itemsize).tolist()
        parts.append((numbers[places].astype(form).tobytes(), ends))
    return [
        b"".join(
            (
                np.packbits(low[begin:end]).tobytes(),
                np.packbits(high[begin:end]).tobytes(),
                *[data[ends[row] : ends[row + 1]] for data, ends in parts],
            )
        )
        for row, (begin, end) in enumerate(pairwise(bounds))
    ]


def widen(data: memoryview, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values again. Raises CorruptionError for what was not made of as many values."""
    count = len(before)
    bitmap = (count + 7) // 8
    if len(data) < 2 * bitmap:
        raise CorruptionError("narrowed values are cut off")
    bits = np.frombuffer(data, dtype=np.uint8, count=2 * bitmap).reshape(2, bitmap)
    low, high = np.unpackbits(bits, axis=1, count=count)
    kinds = low | (high << 1)
    counts: list[int] = np.bincount(kinds, minlength=len(_FORMS)).tolist()
    if len(data) != 2 * bitmap + sum([many * form.itemsize for many, form in zip(counts, _FORMS, strict=True)]):
        raise CorruptionError("narrowed values have another length than they say")
    out = before.copy()
    begin = 2 * bitmap
    for kind, (form, many) in enumerate(zip(_FORMS, counts, strict=True)):
        if not many:
            continue
        numbers = np.frombuffer(data, dtype=form, count=many, offset=begin)
        where = slice(None) if many == count else kinds == kind
        if kind == _MILLIONTHS:
            out[where] = numbers / _MILLION
        elif kind == _PLAIN:
            out[where] = numbers
        else:
            out[where] += numbers
        begin += many * form.itemsize
    return out
