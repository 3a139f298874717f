"""Samples from elsewhere become blocks.

They come in any order and may be more than memory holds. So they are first sorted by stretches of time: each stretch is a
file of rows (series, time, value), appended to as samples come. Then, one stretch after another, rows are sorted by series
and time, series with the same times are put together, and parts are written. What is in memory is the label sets and a few
million rows.

What is in the store already stays: imported blocks have the lowest rank, so that where the same series has a sample at the
same time the store's own is right, and of two imports the later one. Within an import the first of two samples for the
same time stays. A block is whole or not there; an import that fails takes back the blocks that it has made.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.distinct import distinct
from monitor.model.errors import RequestError
from monitor.model.labels import Labels
from monitor.model.times import Millis
from monitor.tsdb.blocks import EARLIEST, LATEST, Block, BlockHead, BlockWriter
from monitor.tsdb.merging import LEVELS
from monitor.tsdb.parts import SERIES_AT_MOST, SLOTS_AT_MOST, encode_part
from monitor.tsdb.sealing import SPAN
from monitor.tsdb.shelf import Shelf

RANK: Final = 0
"""Below all blocks of the store's own."""

_ROW: Final = np.dtype([("series", "<u4"), ("at", "<i8"), ("bits", "<u8")])
_ROWS_AT_ONCE: Final = 1 << 20
"""Twenty megabytes; sorting them takes some times that."""
_STRETCHES_AT_MOST: Final = 5_000

_Rows = NDArray[np.void]


@dataclass(slots=True)
class Imported:
    """What an import has come to."""

    samples: int = 0
    duplicates: int = 0
    """Samples for a time for which the import has another value."""
    blocks: int = 0
    bytes: int = 0


class Import:
    """Take samples with `add`, then make blocks of them with `finish`. `rows_at_once` bounds the memory."""

    def __init__(self, folder: Path, retention: Millis, rows_at_once: int = _ROWS_AT_ONCE) -> None:
        """`folder` is that of the samples; nobody else may write to it. Raises OSError."""
        self.told = Imported()
        self._shelf = Shelf(folder / "blocks")
        self._shelf.open()
        self._scratch = folder / "importing"
        self._at_once = rows_at_once
        # A block goes as a whole when it is past the retention.
        self._stretch = max([level for level in LEVELS[:2] if level <= retention // 8], default=SPAN)
        self._held: list[_Rows] = []
        self._rows = 0
        self._stretches: set[int] = set()
        shutil.rmtree(self._scratch, ignore_errors=True)  # of an import that was killed
        self._scratch.mkdir(parents=True)

    def __enter__(self) -> Import:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def add(self, series: NDArray[np.uint32], times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Samples of the series with these numbers. Raises OSError, and RequestError if they lie too far apart."""
        rows = np.empty(len(series), dtype=_ROW)
        rows["series"], rows["at"], rows["bits"] = series, times, values.view(np.uint64)
        self._held.append(rows)
        self._rows += len(rows)
        if self._rows >= self._at_once:
            self._spill()

    def finish(self, labels: Sequence[Labels]) -> Generator[Block]:
        """The blocks, as they are made; `labels` are the series by number. Raises OSError, and then there are none."""
        self._spill()
        made: list[Block] = []
        try:
            for stretch in sorted(self._stretches):
                block = self._block(self._path(stretch), labels)
                made.append(block)
                self.told.blocks += 1
                self.told.bytes += block.size
                yield block
        except BaseException:
            for block in made:
                block.path.unlink(missing_ok=True)
            raise

    def _spill(self) -> None:
        if not self._rows:
            return
        rows = np.concatenate(self._held)
        self._held, self._rows = [], 0
        stretches = rows["at"] // self._stretch
        found: list[int] = distinct(stretches).tolist()
        self._stretches.update(found)
        if len(self._stretches) > _STRETCHES_AT_MOST:
            raise RequestError("the samples lie too far apart for one import: divide the file by time")
        for stretch in found:
            _append(self._path(stretch), rows[stretches == stretch])

    def _path(self, stretch: int) -> Path:
        return self._scratch / str(stretch)

    def _block(self, path: Path, labels: Sequence[Labels]) -> Block:
        counts = np.zeros(len(labels), dtype=np.int64)
        first, last = LATEST, EARLIEST
        for piece in self._pieces(path):
            counts += np.bincount(piece["series"], minlength=len(labels))
            first, last = min(first, int(piece["at"].min())), max(last, int(piece["at"].max()))
        head = BlockHead(number=self._shelf.next_number(), rank=RANK, start=first, end=last + 1, floor=None)
        with BlockWriter(self._shelf.folder, head) as writer:
            for own in self._by_series(path, _bounds(counts, self._at_once)):
                for part in self._parts(np.fromfile(own, dtype=_ROW), labels):
                    writer.add(part)
                own.unlink()
            return writer.finish()

    def _by_series(self, path: Path, bounds: NDArray[np.int64]) -> Sequence[Path]:
        """The rows in files of so few that they can be sorted: each series is in one of them."""
        if len(bounds) == 1:
            return [path]
        paths = [path.with_suffix(f".{number}") for number in range(len(bounds))]
        for piece in self._pieces(path):
            places = bounds.searchsorted(piece["series"], side="right") - 1
            found: list[int] = distinct(places).tolist()
            for place in found:
                _append(paths[place], piece[places == place])
        path.unlink()
        return [own for own in paths if own.exists()]

    def _pieces(self, path: Path) -> Iterator[_Rows]:
        with path.open("rb") as file:
            while len(rows := np.fromfile(file, dtype=_ROW, count=self._at_once)):
                yield rows

    def _parts(self, rows: _Rows, labels: Sequence[Labels]) -> Iterator[bytes]:
        rows = self._distinct(rows[np.lexsort((rows["at"], rows["series"]))])
        series, times, bits = rows["series"], np.ascontiguousarray(rows["at"]), rows["bits"]
        edges: list[int] = np.flatnonzero(np.diff(series.astype(np.int64), prepend=-1, append=-1)).tolist()
        alike: dict[bytes, list[int]] = {}
        for low, high in pairwise(edges):
            alike.setdefault(times[low:high].tobytes(), []).append(low)
        for stamps, lows in alike.items():
            own = np.frombuffer(stamps, dtype=np.int64)
            for first in range(0, len(lows), SERIES_AT_MOST):
                members = lows[first : first + SERIES_AT_MOST]
                matrix = np.stack([bits[low : low + len(own)] for low in members]).view(np.float64)
                names = [labels[int(series[low])] for low in members]
                for begin in range(0, len(own), SLOTS_AT_MOST):
                    end = begin + SLOTS_AT_MOST
                    yield encode_part(names, own[begin:end], np.ascontiguousarray(matrix[:, begin:end]))

    def _distinct(self, rows: _Rows) -> _Rows:
        """One sample for each series and time. (The sort was stable, so the first is the one that came first.)"""
        again = (rows["series"][1:] == rows["series"][:-1]) & (rows["at"][1:] == rows["at"][:-1])
        first = np.flatnonzero(np.append(True, ~again))
        which: NDArray[np.int64] = np.cumsum(np.append(True, ~again)) - 1
        self.told.duplicates += int(np.count_nonzero(rows["bits"] != rows["bits"][first][which]))
        self.told.samples += len(first)
        return rows[first]


def _append(path: Path, rows: _Rows) -> None:
    with path.open("ab") as file:
        file.write(rows.tobytes())


def _bounds(counts: NDArray[np.int64], at_once: int) -> NDArray[np.int64]:
    """The first series of each range that has so many rows at most, or one series."""
    bounds = [0]
    held = 0
    numbers: list[int] = counts.tolist()
    for number, count in enumerate(numbers):
        if held and held + count > at_once:
            bounds.append(number)
            held = 0
        held += count
    return np.array(bounds, dtype=np.int64)
