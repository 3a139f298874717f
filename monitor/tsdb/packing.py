"""A full matrix of samples in few bytes, any series of it readable by itself.

Monitored values are mostly integers, or decimals of up to nine places, and mostly like the value before. So each series
is written as scaled integers if that gives back every bit (else as its raw bits), then as differences from slot to slot,
each in as many bytes as the largest of the series needs: none for a constant. The three kinds of NaN are bits like any
others. There is no entropy coder on top: it would save a third more and cost the freedom to read one series of many.

Layout of the bytes: S modes (scale number in the high four bits, width in the low four), S first integers (int64), then
series by series its T-1 differences, zigzag, little-endian.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct

_SCALES: Final = (0.0, 1.0, 1e3, 1e6, 1e9)
"""0.0 stands for the raw bits."""

_EXACT: Final = 2.0**53
_AT_ONCE: Final = 128
"""Series whose numbers are looked at together. Of more than that the kernel gives each intermediate result anew, page by page,
which costs three times what is done with it."""
_POWERS: Final[NDArray[np.uint64]] = np.array([1 << (8 * width) for width in range(1, 8)], dtype=np.uint64)


def pack(matrix: NDArray[np.float64]) -> bytes:
    """Pack a (slots, series) matrix of at least one slot."""
    series = matrix.shape[1]
    bits = np.ascontiguousarray(matrix.T).view(np.int64)
    firsts = bits[:, 0].copy()
    modes = np.zeros(series, dtype=np.uint8)
    moving = np.flatnonzero((bits != bits[:, :1]).any(axis=1))
    planes: list[bytes] = []
    for start in range(0, len(moving), _AT_ONCE):
        some = moving[start : start + _AT_ONCE]
        codes, scales = _whole_numbers(bits[some])
        firsts[some] = codes[:, 0]
        steps = np.diff(codes, axis=1)
        zigzag = ((steps << 1) ^ (steps >> 63)).view(np.uint64)
        highest: NDArray[np.uint64] = zigzag.max(axis=1, initial=0)
        widths: NDArray[np.uint8] = (np.searchsorted(_POWERS, highest, side="right") + 1).astype(np.uint8)
        modes[some] = (scales << 4) | widths
        planes += _planes(zigzag.astype("<u8", copy=False), widths)
    return b"".join([modes.tobytes(), firsts.astype("<i8", copy=False).tobytes(), *planes])


def _whole_numbers(bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(series, slots) of whole numbers that stand for these bits, and (series,) which of the scales tells how."""
    codes = bits.copy()
    scales = np.zeros(len(bits), dtype=np.uint8)
    left = np.arange(len(bits))
    with np.errstate(all="ignore"):
        for number, scale in enumerate(_SCALES):
            if not number or not len(left):
                continue
            own = bits[left]
            scaled = np.rint(own.view(np.float64) * scale)
            # Compared as integers turned back: minus zero and NaN have no integer, and fail here.
            whole = scaled.astype(np.int64)
            exact = ((whole / scale).view(np.int64) == own).all(axis=1) & (np.abs(scaled) < _EXACT).all(axis=1)
            chosen = left[exact]
            codes[chosen] = whole[exact]
            scales[chosen] = number
            left = left[~exact]
    return codes, scales


def _planes(steps: NDArray[np.uint64], widths: NDArray[np.uint8]) -> list[bytes]:
    """Series by series the lowest bytes of its steps, as many of each as its width."""
    parts = [b""] * len(widths)
    for width in set(widths.tolist()):
        rows: list[int] = np.flatnonzero(widths == width).tolist()
        kept = steps[rows].view(np.uint8).reshape(len(rows), -1, 8)[:, :, :width].tobytes()
        size = width * steps.shape[1]
        for place, row in enumerate(rows):
            parts[row] = kept[place * size : (place + 1) * size]
    return parts


def unpack(packed: bytes, slots: int, series: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The (slots, len(rows)) matrix of some series of a packed one of shape (slots, series)."""
    modes = np.frombuffer(packed, dtype=np.uint8, count=series)
    firsts = np.frombuffer(packed, dtype="<i8", count=series, offset=series)
    data = np.frombuffer(packed, dtype=np.uint8, offset=9 * series)
    widths = modes & 15
    starts = np.zeros(series, dtype=np.int64)
    np.cumsum(widths[:-1].astype(np.int64) * (slots - 1), out=starts[1:])
    codes = np.zeros((len(rows), slots), dtype=np.int64)
    codes[:, 0] = firsts[rows]
    wanted = widths[rows]
    for width in distinct(wanted):
        if not width:
            continue
        place = np.flatnonzero(wanted == width)
        span = int(width) * (slots - 1)
        taken = data[starts[rows[place]][:, None] + np.arange(span)]
        wide = np.zeros((len(place), slots - 1, 8), dtype=np.uint8)
        wide[:, :, : int(width)] = taken.reshape(len(place), slots - 1, int(width))
        zigzag = wide.view("<u8").reshape(len(place), slots - 1)
        codes[place, 1:] = (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)
    with np.errstate(over="ignore"):
        np.cumsum(codes, axis=1, out=codes)
    constant = wanted == 0
    scales = modes[rows] >> 4
    out = codes.view(np.float64)
    for number in distinct(scales[~constant]):
        if number:
            place = np.flatnonzero((scales == number) & ~constant)
            out[place] = codes[place] / _SCALES[int(number)]
    return out.T
