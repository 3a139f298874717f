"""Renewing several small bodies in one go.

What numpy does costs as much for a few numbers as for a thousand, and the answers of several targets often wait side by
side. So a reader does not compare its bodies at once: it says what there is to compare, and whoever takes its steps may do
that for several readers together. Laid end to end, their bodies are one body, and its lines are theirs.

Together go only those parts that have kept their length. A body with lines that do not end in their number (a time follows, or
an exemplar) is left out from the start: such lines move all the time, and it would be compared a second time, alone. What is
odd in one body is no reason for the others: that one is left to its own reader, which goes about it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.scrape.exposition.decimals import MARGIN
from monitor.scrape.exposition.native import Renew
from monitor.scrape.exposition.renewing import LINE_END, MARGIN_TEXT, Body, differences, put, renew

ENOUGH: Final = 4096
"""Lines that go together: half a millisecond."""


class Renewal:
    """What one reader has to compare; the arguments of `renewing.renew`, and what came of it."""

    __slots__ = (
        "alone",
        "at",
        "begins",
        "done",
        "first",
        "last",
        "new",
        "numbers",
        "odd",
        "old",
        "renew",
        "starts",
        "values",
    )

    def __init__(
        self,
        renew: Renew,
        old: Body,
        starts: NDArray[np.int64],
        numbers: NDArray[np.int32],
        first: int,
        last: int,
        new: Body,
        at: int,
        values: NDArray[np.float64],
        begins: NDArray[np.int64],
        *,
        alone: bool,
    ) -> None:
        self.renew = renew
        self.old = old
        self.starts = starts
        self.numbers = numbers
        self.first = first
        self.last = last
        self.new = new
        self.at = at
        self.values = values
        self.begins = begins
        self.alone = alone
        """It would be in vain to compare it with others."""
        self.done = False
        self.odd: list[int] | None = None
        """As `renew` gives it, once it is done."""

    @property
    def lines(self) -> int:
        return self.last - self.first

    def odd_lines(self) -> list[int] | None:
        """What `renew` gives; it is called unless somebody has done its work."""
        if not self.done:
            self.odd = self.renew(
                self.old,
                self.starts,
                self.numbers,
                self.first,
                self.last,
                self.new,
                self.at,
                self.values,
                self.begins,
            )
            self.done = True
        return self.odd


def renew_together(asked: Iterable[Renewal]) -> None:
    """Do those of them that are done sooner together than one by one."""
    parts = [_Part(each) for each in asked if each.renew is renew and not (each.alone or each.done)]
    alike = [part for part in parts if part.as_long]
    if len(alike) > 1:
        _renew(alike)


class _Part:
    """Where the lines of one lie."""

    __slots__ = ("as_long", "asked", "low", "size")

    def __init__(self, asked: Renewal) -> None:
        self.asked = asked
        self.low = int(asked.starts[asked.first])
        self.size = int(asked.starts[asked.last]) - self.low
        end = asked.at + self.size
        self.as_long = self.size > 0 and end <= len(asked.new) and asked.new[end - 1] == LINE_END


def _renew(parts: Sequence[_Part]) -> None:
    new: list[bytes | memoryview] = [MARGIN_TEXT]
    old: list[bytes | memoryview] = [MARGIN_TEXT]
    edges: list[NDArray[np.int64]] = []
    at = MARGIN
    for part in parts:
        asked = part.asked
        new.append(memoryview(asked.new)[asked.at : asked.at + part.size])
        old.append(memoryview(asked.old)[part.low : part.low + part.size])
        edges.append(asked.starts[asked.first : asked.last] + (at - part.low))
        at += part.size
    edges.append(np.array([at], dtype=np.int64))
    text = b"".join(new)
    ends = np.concatenate(edges)
    cuts = np.concatenate([part.asked.numbers[part.asked.first : part.asked.last] for part in parts])
    changed, odd = differences(text, b"".join(old), ends, cuts)
    changed[odd] = False
    values = np.empty(len(cuts), dtype=np.float64)
    strange = put(text, ends, cuts, changed, 0, values)
    bounds = np.cumsum([0, *(part.asked.lines for part in parts)])
    broken_before = odd.searchsorted(bounds).tolist()
    strange_before = np.array(strange, dtype=np.int64).searchsorted(bounds).tolist()
    rows: list[int] = bounds.tolist()
    for place, part in enumerate(parts):
        if broken_before[place] != broken_before[place + 1]:
            continue
        asked, begin, end = part.asked, rows[place], rows[place + 1]
        np.copyto(asked.values[asked.first : asked.last], values[begin:end], where=changed[begin:end])
        np.add(
            asked.starts[asked.first : asked.last + 1],
            asked.at - part.low,
            out=asked.begins[asked.first : asked.last + 1],
        )
        odd_ones = strange[strange_before[place] : strange_before[place + 1]]
        asked.odd = [row - begin + asked.first for row in odd_ones]
        asked.done = True
