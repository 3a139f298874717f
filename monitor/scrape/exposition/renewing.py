"""A body like the last one: which of its numbers have moved, found without taking its lines apart.

Two bodies of one target mostly differ in digits alone. So the two are compared as they lie, byte by byte, in one go: if all
that differs stands where numbers stand, the layout is the same, and only those numbers are read, all at once
(`decimals.py`). A number that has grown by a digit moves everything behind it; then the lines are counted off, those of
another length are compared singly, and the rest is laid over the last body as if they had kept theirs.

Whatever is not surely the same series with another ordinary number is reported as odd, for somebody who knows the grammar.
Nothing here accepts what the grammar would refuse or read differently; a test holds the two together, on garbage too.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.scrape.exposition.decimals import LAST, MARGIN, WORD, read_decimals, words_of
from monitor.scrape.exposition.numbers import plain_number

Body: TypeAlias = bytes | bytearray

NO_NUMBER: Final = 1 << 30
"""Where a number begins that is not there: behind the end of any line."""

_PLAIN_CHARS: Final = b"0123456789.eE+-"
LINE_END: Final = 10
_SLACK: Final = 1 << 16
MARGIN_TEXT: Final = b"\n" * MARGIN
_LONGEST: Final = 3 * WORD
"""Characters of a number's end that are compared in words; a longer one that differs before them is odd."""


def renew(
    old: Body,
    starts: NDArray[np.int64],
    numbers: NDArray[np.int32],
    first: int,
    last: int,
    new: Body,
    at: int,
    values: NDArray[np.float64],
    begins: NDArray[np.int64],
) -> list[int] | None:
    """Read lines `first` to `last` (not included) of the new body, which begin at offset `at`, by the old one.

    `starts` (L + 1,): where the lines begin in the old body. `numbers` (L,): where their numbers begin, counted from there;
    NO_NUMBER if there is none or it is not the end of the line. Sets `values` (L,) of the numbers that have changed, and
    `begins` (L + 1,), the new body's starts. Returns the lines to be read exactly; None if there are not enough lines.
    """
    low, high = int(starts[first]), int(starts[last])
    before = _cut(old, low, high)
    part = _cut(new, at, at + high - low)
    edges = starts[first : last + 1] - (low - MARGIN)
    shift = at - MARGIN
    if part == before:
        np.add(edges, shift, out=begins[first : last + 1])
        return []
    cuts = numbers[first:last]
    if len(part) == len(before) and part[-1] == LINE_END:
        changed, odd = differences(part, before, edges, cuts)
        if not len(odd):
            np.add(edges, shift, out=begins[first : last + 1])
            return put(part, edges, cuts, changed, first, values)
    part = _cut(new, at, at + 2 * (high - low) + _SLACK)
    fresh = np.empty(len(edges), dtype=np.int64)
    ends = (np.frombuffer(part, dtype=np.uint8, offset=MARGIN) == LINE_END).nonzero()[0][: last - first]
    if len(ends) < last - first:
        return None
    fresh[0] = MARGIN
    np.add(ends, MARGIN + 1, out=fresh[1:])
    np.add(fresh, shift, out=begins[first : last + 1])
    sizes = np.diff(fresh)
    resized = (sizes != np.diff(edges)).nonzero()[0]
    short = sizes[resized] <= cuts[resized]
    keys = np.where(short, 0, cuts[resized])
    changed, odd = differences(_laid_over(part, before, fresh, edges, resized, keys), before, edges, cuts)
    changed[resized] = True
    odd = np.concatenate([odd, resized[short]])
    changed[odd] = False
    return [*(odd + first).tolist(), *put(part, fresh, cuts, changed, first, values)]


def _cut(body: Body, low: int, high: int) -> bytes:
    """A part of a body, behind a margin."""
    return b"".join((MARGIN_TEXT, memoryview(body)[low:high]))


def differences(
    part: bytes, before: bytes, edges: NDArray[np.int64], cuts: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Two texts of one length => by row: does its number differ? And the rows that differ elsewhere."""
    differing = np.frombuffer(part, dtype=np.uint8) != np.frombuffer(before, dtype=np.uint8)
    # Word by word the differences within numbers are noted and taken out; what is left then is odd. (Where lines are so
    # short that words overlap, one may be put back. Then its line is read exactly, for no harm but time.)
    words = words_of(differing.view(np.uint8))
    ends = edges[1:] - 1
    sizes = np.minimum(ends - edges[:-1] - cuts, _LONGEST)
    changed = np.zeros(len(cuts), dtype=np.bool_)
    for done in range(0, int(sizes.max()), WORD):
        places = ends - (WORD + done)
        found = words[places]
        within = found & LAST[np.clip(sizes - done, 0, WORD)]
        rows = within.nonzero()[0]
        words[places[rows]] = (found ^ within)[rows]
        changed[rows] = True
    odd = np.zeros(len(cuts), dtype=np.bool_)
    if differing.any():
        odd[edges.searchsorted(differing.nonzero()[0], side="right") - 1] = True
    return changed, odd.nonzero()[0]


def _laid_over(
    part: bytes,
    before: bytes,
    fresh: NDArray[np.int64],
    edges: NDArray[np.int64],
    resized: NDArray[np.int64],
    keys: NDArray[np.int64],
) -> bytes:
    """The new text as it would be if in the lines of another length what follows the key were still the old."""
    pieces: list[bytes] = []
    done = 0
    for stop, end, old_stop, old_end in zip(
        (fresh[resized] + keys).tolist(),
        fresh[resized + 1].tolist(),
        (edges[resized] + keys).tolist(),
        edges[resized + 1].tolist(),
        strict=True,
    ):
        pieces.append(part[done:stop])
        pieces.append(before[old_stop:old_end])
        done = end
    pieces.append(part[done : int(fresh[-1])])
    return b"".join(pieces)


def put(
    part: bytes,
    edges: NDArray[np.int64],
    cuts: NDArray[np.int32],
    changed: NDArray[np.bool_],
    first: int,
    values: NDArray[np.float64],
) -> list[int]:
    """Set the values of the changed rows; returns the lines whose numbers are not ordinary."""
    places = changed.nonzero()[0]
    begin, end = edges[places] + cuts[places], edges[places + 1] - 1
    found, others = read_decimals(words_of(np.frombuffer(part, dtype=np.uint8)), begin, end)
    places += first
    values[places] = found
    if not others.any():
        return []
    rows: list[int] = places[others].tolist()
    texts = [part[low:high] for low, high in zip(begin[others].tolist(), end[others].tolist(), strict=True)]
    if not b"".join(texts).translate(None, _PLAIN_CHARS):
        try:
            numbers = np.array([*map(float, texts)])
        except ValueError:
            pass
        else:
            if not np.isinf(numbers).any():
                values[rows] = numbers
                return []
    odd: list[int] = []
    for row, text in zip(rows, texts, strict=True):
        number = plain_number(text)
        if number is None:
            odd.append(row)
        else:
            values[row] = number
    return odd
