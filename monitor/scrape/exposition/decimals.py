"""Decimal numbers read many at a time, eight characters in one machine word.

`float` takes a fifth of a microsecond for a number, and cutting its text out as much again; a body has thousands. Here a
step of arithmetic serves all of them: the characters of a number are loaded as words that end where the number ends, what
stands before it is blanked out, and digits are summed up pairwise, as in "SIMD within a register".

Read are numbers as programs print them: up to sixteen characters of digits with at most one point, and two digits of a
positive exponent. Digits make an integer below 2^53, its power of ten is at most 10^22, and both are exact in a float64, so
the one multiplication or division rounds as reading the text rounds. Whatever else there is, is left to `float`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

WORD: Final = 8
MARGIN: Final = 2 * WORD
"""Bytes that must precede the first number of a text: whatever they are, they are blanked out."""

_EVERY: Final = 0x0101010101010101
_ZEROS: Final = np.uint64(_EVERY * ord("0"))
_ABOVE_NINE: Final = np.uint64(_EVERY * (0x80 - 10))
_TOP: Final = np.uint64(_EVERY * 0x80)
_POINT: Final = np.uint64(ord(".") ^ ord("0"))
_POINTS: Final = np.uint64(_EVERY * 0x10)
"""The bit of a point that no digit has, both taken by their difference from zero."""
_EXPONENT: Final = np.uint64(int.from_bytes(b"e+", "little"))
_SUMS: Final = tuple(
    (np.uint64(bits), np.uint64(1 + (10 ** (bits // 8) << bits)), np.uint64(halves))
    for bits, halves in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0xFFFFFFFF))
)
"""Neighbours become one number of twice the width, three times: shift, factor, and which halves the sums are in."""
_LARGEST: Final = np.uint64(1 << 53)

LAST: Final = np.array([(1 << 64) - (1 << 8 * (WORD - count)) for count in range(WORD + 1)], dtype=np.uint64)
"""By number of characters: the mask of a word's last ones."""
_TENS: Final = 10.0 ** np.arange(23)
_SPLIT: Final = np.array([*(10 ** (after + 1) for after in range(MARGIN)), 10**19], dtype=np.uint64)
_DOUBLED: Final = np.array([*(9 * 10**after for after in range(MARGIN)), 0], dtype=np.uint64)
"""Both by digits after the point, the last one for -1, which says that there is no point."""
_AFTER: Final = np.full(1 << 11, -1, dtype=np.int64)
"""By the exponent of the float64 that is the bit of a point: how many characters of the word follow it."""
_AFTER[1023 + 4 + 8 * np.arange(WORD)] = WORD - 1 - np.arange(WORD)


def words_of(text: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The words that begin at each byte of a text, sharing its memory; the first character is the lowest byte."""
    return np.ndarray((len(text) - WORD + 1,), dtype="<u8", buffer=text, strides=(1,))


def read_decimals(
    words: NDArray[np.uint64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers, (N,), that stand between these offsets of a text, given as its words; and which of them, (N,), are none
    of those that are read here. No number may begin within the first `MARGIN` bytes."""
    tail = words[end - WORD]
    power, wrong = np.zeros(len(end), dtype=np.int64), np.zeros(len(end), dtype=np.bool_)
    raised = ((((tail >> 32) & 0xFFFF) == _EXPONENT) & (end - begin > 4)).nonzero()[0]
    if len(raised):
        end = end.copy()
        digits = (tail[raised] ^ _ZEROS) >> 48
        tens, ones = digits & 0xFF, digits >> 8
        wrong[raised] = (tens > 9) | (ones > 9)
        power[raised] = tens * 10 + ones
        end[raised] -= 4
        tail = words[end - WORD]
    size = end - begin
    if size.max(initial=0) <= WORD:
        total, after, strange = _eight(tail, size)
        wrong |= strange
    else:
        # Both words of all numbers in one go: for a few hundred numbers the steps cost more than the characters.
        count = len(size)
        both = np.concatenate((tail, words[end - MARGIN]))
        totals, afters, stranges = _eight(both, np.concatenate((np.minimum(size, WORD), np.clip(size - WORD, 0, WORD))))
        after, left_after = afters[:count], afters[count:]
        wrong |= stranges[:count] | stranges[count:] | ((after >= 0) & (left_after >= 0)) | (size > MARGIN)
        total = totals[:count] + totals[count:] * 10**WORD
        after = np.where(left_after >= 0, left_after + WORD, after)
    # The point was read as a digit 0, so what stands before it counts ten times.
    total -= total // _SPLIT[after] * _DOUBLED[after]
    power -= np.maximum(after, 0)
    wrong |= (size <= (after >= 0)) | (total > _LARGEST) | (power >= len(_TENS))
    scaled = total / _TENS[np.maximum(-power, 0)]
    if len(raised):
        scaled *= _TENS[np.clip(power, 0, len(_TENS) - 1)]
    return scaled, wrong


def _eight(
    word: NDArray[np.uint64], size: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.bool_]]:
    """The last `size` characters of each word: as a number, a point as a 0; how many of them follow the point, -1 if there
    is none; and whether there is anything but digits and one point."""
    word = (word ^ _ZEROS) & LAST[size]
    points = word & _POINTS
    ones = points >> np.uint64(4)
    digits = word ^ (ones * _POINT)
    strange = (((digits + _ABOVE_NINE) | digits) & _TOP) | (digits & (ones * 0xFF)) | (points & (points - 1))
    after = _AFTER[points.astype(np.float64).view(np.int64) >> 52]
    total = digits
    for bits, factor, halves in _SUMS:
        total = (total * factor >> bits) & halves
    return total, after, strange != 0
