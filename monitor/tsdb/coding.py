"""Matrices of samples in as few bytes as numpy and zlib can do: what blocks on disk are made of.

`packing` serves memory, where any series must be readable by itself; here a matrix is read as a whole, so an entropy coder
may follow. Each series is turned into integers (scaled, if that gives back every bit; else its raw bits), and these into
distances: from the least one, from slot to slot, or from step to step, whichever is the shortest for this series. Series
whose distances need equally many bytes stand together, first all their lowest bytes, then all second ones: bytes of one
rank resemble each other, and zlib sees it.

Missing samples, stale markers and the usual NaN would spoil the distances. They are written beside the values, and in
the values the one before them stands in their place.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.errors import CorruptionError
from monitor.model.samples import MISSING_BITS, STALE_BITS

_SCALES: Final = (0.0, 1.0, 1e3, 1e6, 1e9)
"""0.0 stands for the raw bits."""
_EXACT: Final = 2.0**53
_LEAST, _STEPS, _BENDS = 0, 1, 2
_SPECIAL: Final = np.array([0, MISSING_BITS, STALE_BITS, 0x7FF8000000000001], dtype=np.uint64)
_ABSENT: Final = 1
"""Where MISSING stands among the special ones."""
_POWERS: Final[NDArray[np.uint64]] = np.array([1 << (8 * width) for width in range(8)], dtype=np.uint64)
_HEAD: Final = struct.Struct("<III")
_TIMES: Final = struct.Struct("<qB")
_LEVEL: Final = 6

_BROKEN = (struct.error, zlib.error, ValueError, IndexError, OverflowError)


def encode_values(matrix: NDArray[np.float64]) -> bytes:
    """Encode a (series, slots) matrix of at least one slot."""
    bits = np.ascontiguousarray(matrix).view(np.uint64)
    specials = np.zeros(bits.shape, dtype=np.uint8)
    for number in range(1, len(_SPECIAL)):
        specials[bits == _SPECIAL[number]] = number
    if specials.any():
        bits = _bridged(bits, specials == 0)
        beside = zlib.compress(specials.tobytes(), _LEVEL)
    else:
        beside = b""
    codes, scales = _integers(bits.view(np.int64))
    orders, bases, distances = _distances(codes)
    highest: NDArray[np.uint64] = distances.max(axis=1)
    widths: NDArray[np.uint8] = _POWERS.searchsorted(highest, side="right").astype(np.uint8)
    modes = ((scales << 4) | widths).tobytes() + orders.tobytes()
    heads = zlib.compress(modes + _ranked(bases[:, None].view(np.uint64), 8), _LEVEL)
    planes = b"".join(_ranked(distances[widths == width], width) for width in range(1, 9))
    body = zlib.compress(planes, _LEVEL)
    return _HEAD.pack(len(heads), len(beside), len(body)) + heads + beside + body


def decode_values(data: bytes, series: int, slots: int) -> NDArray[np.float64]:
    """The (series, slots) matrix. Raises CorruptionError for what no such matrix has been encoded to."""
    try:
        return _decoded(data, series, slots)
    except _BROKEN as error:
        raise CorruptionError(f"values cannot be read: {error}") from error


def count_values(data: bytes, series: int, slots: int) -> int:
    """How many of the values are there, of those that `decode_values` would give: told without decoding them. Raises
    CorruptionError."""
    try:
        head, beside, _ = _HEAD.unpack_from(data)
        if not beside:
            return series * slots
        specials = np.frombuffer(zlib.decompress(data[_HEAD.size + head :][:beside]), dtype=np.uint8)
        if len(specials) != series * slots:
            raise CorruptionError("values have another number than they say")
        return int(np.count_nonzero(specials != _ABSENT))
    except _BROKEN as error:
        raise CorruptionError(f"values cannot be read: {error}") from error


def encode_times(times: NDArray[np.int64]) -> bytes:
    """Encode ascending times, at least one."""
    bends: NDArray[np.int64] = np.zeros(len(times), dtype=np.int64)
    bends[1:] = times[1:] - times[:-1]
    bends[1:] -= bends[:-1].copy()
    zigzag = _zigzag(bends)
    highest: np.uint64 = zigzag.max()
    width = int(_POWERS.searchsorted(highest, side="right"))
    return _TIMES.pack(int(times[0]), width) + zlib.compress(_ranked(zigzag[None, :], width), _LEVEL)


def decode_times(data: bytes, slots: int) -> NDArray[np.int64]:
    """The (slots,) times. Raises CorruptionError."""
    try:
        origin, width = _TIMES.unpack_from(data)
        zigzag = _unranked(zlib.decompress(data[_TIMES.size :]), width, 1, slots)[0]
    except _BROKEN as error:
        raise CorruptionError(f"times cannot be read: {error}") from error
    return np.cumsum(np.cumsum(_unzigzag(zigzag))) + origin


def _bridged(bits: NDArray[np.uint64], normal: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Special values replaced by the normal one before them, or by the first one where there is none before."""
    places = np.empty(bits.shape, dtype=np.int64)
    places[:] = np.arange(bits.shape[1])
    places[~normal] = 0
    np.maximum.accumulate(places, axis=1, out=places)
    # Of a series without any normal value this is the first slot, whatever it holds.
    first: NDArray[np.int64] = normal.argmax(axis=1)
    places = np.maximum(places, first[:, None])
    bridged = np.take_along_axis(bits, places, axis=1)
    bridged[~normal.any(axis=1)] = 0
    return bridged


def _integers(bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Integers for each series, and the number of the scale that gives back its values."""
    codes, scales = bits.copy(), np.zeros(len(bits), dtype=np.uint8)
    left = np.arange(len(bits))
    values = bits.view(np.float64)
    with np.errstate(all="ignore"):
        for number, scale in enumerate(_SCALES[1:], start=1):
            if not len(left):
                break
            scaled = np.rint(values[left] * scale)
            whole = scaled.astype(np.int64)
            # Compared as integers turned back: minus zero and odd NaNs have no integer, and fail here.
            exact = ((whole / scale).view(np.int64) == bits[left]).all(axis=1) & (np.abs(scaled) < _EXACT).all(axis=1)
            chosen = left[exact]
            codes[chosen] = whole[exact]
            scales[chosen] = number
            left = left[~exact]
    return codes, scales


def _distances(
    codes: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint64]]:
    """For each series how its distances are taken, where they begin, and they themselves, (series, slots)."""
    least: NDArray[np.int64] = codes.min(axis=1)
    with np.errstate(over="ignore"):
        steps = np.diff(codes, axis=1, prepend=codes[:, :1])
        bends = np.diff(steps, axis=1, prepend=steps[:, :1])
        ways = np.stack(((codes - least[:, None]).view(np.uint64), _zigzag(steps), _zigzag(bends)))
    # Bits that a slot needs on average; every third slot tells well enough.
    costs = np.log2(ways[:, :, ::3].astype(np.float64) + 1.0).mean(axis=2)
    # The earlier a way stands, the simpler it is to read back: it is left for a gain only.
    orders = (costs - 0.01 * np.array([[0.0], [-1.0], [-2.0]])).argmin(axis=0).astype(np.uint8)
    bases = np.where(orders == _LEAST, least, codes[:, 0])
    return orders, bases, np.take_along_axis(ways, orders[None, :, None].astype(np.int64), axis=0)[0]


def _decoded(data: bytes, series: int, slots: int) -> NDArray[np.float64]:
    head, beside, body = _HEAD.unpack_from(data)
    place = _HEAD.size
    heads = zlib.decompress(data[place : place + head])
    planes = zlib.decompress(data[place + head + beside : place + head + beside + body])
    modes = np.frombuffer(heads, dtype=np.uint8, count=2 * series)
    scales, widths, orders = modes[:series] >> 4, modes[:series] & 15, modes[series:]
    bases = _unranked(heads[2 * series :], 8, series, 1).view(np.int64)
    distances = np.zeros((series, slots), dtype=np.uint64)
    begin = 0
    for width in range(1, 9):
        rows = np.flatnonzero(widths == width)
        size = width * len(rows) * slots
        if size:
            distances[rows] = _unranked(planes[begin : begin + size], width, len(rows), slots)
            begin += size
    codes = np.empty((series, slots), dtype=np.int64)
    with np.errstate(over="ignore"):
        for order in (_LEAST, _STEPS, _BENDS):
            rows = np.flatnonzero(orders == order)
            if not len(rows):
                continue
            part = distances[rows].view(np.int64) if order == _LEAST else _unzigzag(distances[rows])
            for _ in range(order):
                np.cumsum(part, axis=1, out=part)
            codes[rows] = part + bases[rows]
    out = codes.view(np.float64)
    for number in range(1, len(_SCALES)):
        rows = np.flatnonzero(scales == number)
        if len(rows):
            out[rows] = codes[rows] / _SCALES[number]
    if beside:
        plain = zlib.decompress(data[place + head : place + head + beside])
        specials = np.frombuffer(plain, dtype=np.uint8).reshape(series, slots)
        there = specials != 0
        out.view(np.uint64)[there] = _SPECIAL[specials[there]]
    return out


def _zigzag(steps: NDArray[np.int64]) -> NDArray[np.uint64]:
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _unzigzag(zigzag: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)


def _ranked(numbers: NDArray[np.uint64], width: int) -> bytes:
    """The lowest `width` bytes of each number, those of one rank together."""
    octets = np.ascontiguousarray(numbers).astype("<u8").view(np.uint8).reshape(*numbers.shape, 8)
    return octets[:, :, :width].transpose(2, 0, 1).tobytes()


def _unranked(data: bytes, width: int, rows: int, slots: int) -> NDArray[np.uint64]:
    octets = np.zeros((rows, slots, 8), dtype=np.uint8)
    octets[:, :, :width] = np.frombuffer(data, dtype=np.uint8).reshape(width, rows, slots).transpose(1, 2, 0)
    return octets.view("<u8")[:, :, 0]
