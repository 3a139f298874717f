"""Changed values of a row in fewer bytes, for the log: quick, and exact to the bit.

Most changed values are counters that went up by a little, and decimals of at most six places. So a value is written as a
whole step from the one before, in one or two bytes, or as a number of millionths in four; what is neither, or would not
come back bit by bit, stands as it is. Two bitmaps say which is which, then come the values, kind by kind.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError

_FORMS: Final = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<f8"))
_STEP, _STRIDE, _MILLIONTHS, _PLAIN = range(4)
_MILLION: Final = 1e6


def narrow(bits: NDArray[np.uint64], before: NDArray[np.uint64]) -> bytes:
    """Encode these values, given those before them; both by their bits."""
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
    return b"".join(
        (
            np.packbits(kinds & 1).tobytes(),
            np.packbits(kinds >> 1).tobytes(),
            steps[kinds == _STEP].astype(_FORMS[_STEP]).tobytes(),
            steps[kinds == _STRIDE].astype(_FORMS[_STRIDE]).tobytes(),
            scaled[kinds == _MILLIONTHS].astype(_FORMS[_MILLIONTHS]).tobytes(),
            values[kinds == _PLAIN].astype(_FORMS[_PLAIN]).tobytes(),
        )
    )


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
