"""The blocks of a folder: which there are, which are to go, and what was found damaged.

The list is a tuple that is replaced, never changed: a view keeps the one it began with. So the file of a block that is no
longer listed stays for as long as a query may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from monitor.model.errors import CorruptionError
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.tsdb.blocks import UNFINISHED, Block, block_paths, open_block
from monitor.tsdb.parts import Stripes

GRACE: Millis = 3 * MINUTE
"""What a view may still read is kept so long: longer than any query takes."""
_PROBLEMS_REMEMBERED: Final = 100


class Shelf:
    """All blocks. Listed and unlisted by one thread at a time, read by any."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stripes = Stripes()
        self.blocks: tuple[Block, ...] = ()
        """By rank, the lowest first."""
        self.problems: dict[str, Path] = {}
        """A sentence for each damaged part, or whole block, and its file; the first hundred."""
        self._leaving: list[tuple[Path, Timestamp]] = []
        self._unreadable: list[Path] = []
        self._newest = 0
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Shelf({len(self.blocks)} blocks)"

    @property
    def size(self) -> int:
        """Bytes of the listed blocks."""
        return sum(block.size for block in self.blocks)

    @property
    def damaged(self) -> int:
        """Parts, or whole blocks, that are damaged, and are still there."""
        return len(self.problems)

    @property
    def floor(self) -> Timestamp | None:
        """All samples of the log before this are in blocks; None if there is no such block."""
        return max((block.head.floor for block in self.blocks if block.head.floor is not None), default=None)

    def open(self) -> None:
        """List what the folder holds; delete what was not finished and what was merged into others. What cannot be read
        is noted and left where it is. Raises OSError if the folder cannot be listed."""
        found: list[Block] = []
        for path in block_paths(self.folder):
            self._newest = max(self._newest, int(path.stem))
            try:
                block = open_block(path)
            except (OSError, CorruptionError) as error:
                self.note(path, str(error), cost="all its samples are lost")
                self._unreadable.append(path)
                continue
            if block.problem:
                self.note(path, block.problem, cost="its parts were found without it")
            found.append(block)
        replaced = {number for block in found for number in block.head.replaces}
        for path in (*self.folder.glob(f"*{UNFINISHED}"), *(self._path(found, number) for number in replaced)):
            if path is not None and path.stem.isdecimal():
                path.unlink(missing_ok=True)
        self._list([block for block in found if block.head.number not in replaced])

    def next_number(self) -> int:
        """A number for a new block."""
        with self._lock:
            self._newest += 1
            return self._newest

    def put(self, block: Block, now: Timestamp) -> None:
        """List a new block instead of those that it replaces."""
        replaced = set(block.head.replaces)
        stay = [own for own in self.blocks if own.head.number not in replaced]
        self._leave([own for own in self.blocks if own.head.number in replaced], now)
        self._list([*stay, block])

    def retain(self, horizon: Timestamp, bytes_at_most: int | None, now: Timestamp) -> None:
        """Unlist blocks that end before `horizon`, and then the oldest until the others fit. One of which nothing can be
        told goes when it was last written before the horizon; once it is gone, in whatever way, nobody need hear of it."""
        stay = [block for block in self.blocks if block.head.end > horizon]
        if bytes_at_most is not None:
            stay.sort(key=lambda block: block.head.end)
            while stay and sum(block.size for block in stay) > bytes_at_most:
                stay.pop(0)
        if len(stay) < len(self.blocks):
            numbers = {block.head.number for block in stay}
            self._leave([block for block in self.blocks if block.head.number not in numbers], now)
            self._list(stay)
        for path in list(self._unreadable):
            try:
                old = path.stat().st_mtime * 1000 < horizon
            except OSError:
                self._unreadable.remove(path)
                self._forget_problems([path])
            else:
                if old:
                    self._unreadable.remove(path)
                    self._leaving.append((path, now))
                    self._forget_problems([path])

    def sweep(self, now: Timestamp) -> None:
        """Delete the files that no view reads any more. Raises OSError."""
        for path, since in list(self._leaving):
            # A clock that was set back must not keep files for ever.
            if not 0 <= now - since < GRACE:
                path.unlink(missing_ok=True)
                self._leaving.remove((path, since))

    def note(self, path: Path, problem: str, cost: str) -> None:
        """Something is damaged. Each place is counted once."""
        sentence = f"{path.name}: {problem}; {cost}"
        with self._lock:
            if sentence not in self.problems and len(self.problems) < _PROBLEMS_REMEMBERED:
                self.problems[sentence] = path

    def _leave(self, blocks: Sequence[Block], now: Timestamp) -> None:
        paths = [block.path for block in blocks]
        self._leaving += [(path, now) for path in paths]
        self._forget_problems(paths)

    def _forget_problems(self, paths: Sequence[Path]) -> None:
        with self._lock:
            self.problems = {sentence: path for sentence, path in self.problems.items() if path not in paths}

    def _list(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(sorted(blocks, key=lambda block: (block.head.rank, block.head.number)))

    def _path(self, found: Sequence[Block], number: int) -> Path | None:
        return next((block.path for block in found if block.head.number == number), None)
