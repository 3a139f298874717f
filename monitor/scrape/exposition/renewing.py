"""A body like the last one: which of its numbers have moved, found without taking its lines apart.

Two bodies of one target mostly differ in digits alone. So the two are compared as they lie, byte by byte, in one go: if all
that differs stands where numbers stand, the layout is the same, and only those numbers are read. A number that has grown
by a digit moves everything behind it; then the lines are counted off, those of another length are compared singly, and the
rest is laid over the last body as if they had kept theirs.

Whatever is not surely the same series with another ordinary number is reported as odd, for somebody who knows the grammar.
Nothing here accepts what the grammar would refuse or read differently; a test holds the two together, on garbage too.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from monitor.scrape.exposition.numbers import plain_number

Body: TypeAlias = bytes | bytearray

NO_NUMBER: Final = 1 << 30
"""Where a number begins that is not there: behind the end of any line."""

_PLAIN_CHARS: Final = b"0123456789.eE+-"
_LINE_END: Final = 10
_SLACK: Final = 1 << 16


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
    before = bytes(old[low:high])
    part = bytes(new[at : at + len(before)])
    if part == before:
        begins[first : last + 1] = starts[first : last + 1] + (at - low)
        return []
    edges = starts[first : last + 1] - low
    cuts = numbers[first:last]
    if part[-1:] == b"\n" and len(part) == len(before):
        changed, odd = _differences(part, before, edges, cuts)
        if not len(odd):
            begins[first : last + 1] = starts[first : last + 1] + (at - low)
            return _put(part, edges, cuts, changed, first, values)
    part = bytes(new[at : at + 2 * len(before) + _SLACK])
    ends = np.flatnonzero(np.frombuffer(part, dtype=np.uint8) == _LINE_END)[: last - first] + 1
    if len(ends) < last - first:
        return None
    fresh = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    begins[first : last + 1] = fresh + at
    resized = np.flatnonzero(np.diff(fresh) != np.diff(edges))
    changed, odd = _differences(_laid_over(part, before, fresh, edges, resized), before, edges, cuts)
    same = [
        row for row in resized.tolist() if _same_key(part, before, int(fresh[row]), int(edges[row]), int(cuts[row]))
    ]
    strange = [*odd.tolist(), *set(resized.tolist()).difference(same)]
    changed = np.concatenate([changed, np.array(same, dtype=np.int64)])
    return [*(row + first for row in strange), *_put(part, fresh, cuts, changed, first, values)]


def _differences(
    part: bytes, before: bytes, edges: NDArray[np.int64], cuts: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two texts of one length => rows that differ in their numbers only, and rows that differ elsewhere."""
    where = np.flatnonzero(np.frombuffer(part, dtype=np.uint8) != np.frombuffer(before, dtype=np.uint8))
    if not len(where):
        return where, where
    rows = edges.searchsorted(where, side="right") - 1
    outside = (where - edges[rows] < cuts[rows]) | (where >= edges[rows + 1] - 1)
    new_row = np.empty(len(rows), dtype=np.bool_)
    new_row[0] = True
    np.not_equal(rows[1:], rows[:-1], out=new_row[1:])
    if not outside.any():
        return rows[new_row], rows[:0]
    odd = np.unique(rows[outside])
    return np.setdiff1d(rows[new_row], odd, assume_unique=True), odd


def _laid_over(
    part: bytes, before: bytes, fresh: NDArray[np.int64], edges: NDArray[np.int64], resized: NDArray[np.int64]
) -> bytes:
    """The new text as it would be if the lines of another length were still the old ones."""
    pieces: list[bytes] = []
    done = 0
    for start, end, old_start, old_end in zip(
        fresh[resized].tolist(),
        fresh[resized + 1].tolist(),
        edges[resized].tolist(),
        edges[resized + 1].tolist(),
        strict=True,
    ):
        pieces.append(part[done:start])
        pieces.append(before[old_start:old_end])
        done = end
    pieces.append(part[done : int(fresh[-1])])
    return b"".join(pieces)


def _same_key(part: bytes, before: bytes, start: int, old_start: int, cut: int) -> bool:
    return cut != NO_NUMBER and part[start : start + cut] == before[old_start : old_start + cut]


def _put(
    part: bytes,
    edges: NDArray[np.int64],
    cuts: NDArray[np.int32],
    changed: NDArray[np.int64],
    first: int,
    values: NDArray[np.float64],
) -> list[int]:
    """Set the values of these rows; returns the lines whose numbers are not ordinary."""
    begin = (edges[changed] + cuts[changed]).tolist()
    end = (edges[changed + 1] - 1).tolist()
    texts = [part[low:high] for low, high in zip(begin, end, strict=True)]
    if not b"".join(texts).translate(None, _PLAIN_CHARS):
        try:
            numbers = np.array([*map(float, texts)])
        except ValueError:
            pass
        else:
            if not np.isinf(numbers).any():
                values[changed + first] = numbers
                return []
    odd: list[int] = []
    for row, text in zip(changed.tolist(), texts, strict=True):
        number = plain_number(text)
        if number is None:
            odd.append(row + first)
        else:
            values[row + first] = number
    return odd
