"""Taking mistakes out of a document, so that the rest of it can be judged in the same run.

A value of the wrong form is taken out alone, and its key has its default then. Where a key must be there, nothing (`null`)
stands in for it; where even that does not do, whatever holds the key is taken out. Items of a list are never taken out
alone, since all behind them would have other places than in the file: then the list goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from monitor.config.yamltree import Path, Scalar, Tree

_NOTHING = Scalar("")


class _State(Enum):
    GONE = "gone"
    NOTHING = "nothing"


class Pruning:
    """A tree that loses what is wrong in it."""

    def __init__(self, tree: Tree) -> None:
        self.tree: Tree | None = tree
        """What is left; None if that is nothing."""
        self._states: dict[Path, _State] = {}

    def __repr__(self) -> str:
        return f"Pruning({len(self._states)} places taken out)"

    @property
    def places(self) -> Iterable[Path]:
        """What was taken out."""
        return self._states

    def concerns(self, place: Path) -> bool:
        """Does a mistake at this place come from what was taken out?"""
        return any(place[: len(gone)] == gone for gone in self._states)

    def take_out(self, place: Path, *, missing: bool) -> None:
        """Take out what stands there. `missing`: nothing stands there, and something must."""
        if self.tree is None:
            return
        if not place:
            self.tree = None
            return
        state = self._states.get(place)
        holder = _at(self.tree, place[:-1])
        if state is _State.NOTHING or not isinstance(holder, dict) or not isinstance(place[-1], str):
            if state is None or state is _State.NOTHING:
                self.take_out(place[:-1], missing=False)
        elif missing:
            self._states[place] = _State.NOTHING
            self.tree = _replaced(self.tree, place, _NOTHING)
        elif state is None:
            self._states[place] = _State.GONE
            self.tree = _replaced(self.tree, place, None)


def is_echo(place: Path, taken_out: Iterable[Path]) -> bool:
    """Is what is said of this place about something that was taken out, or about what directly holds it?"""
    return any(place[: len(gone)] == gone or (place and place == gone[:-1]) for gone in taken_out)


def _at(tree: Tree, place: Path) -> Tree | None:
    current: Tree | None = tree
    for part in place:
        if isinstance(current, dict) and isinstance(part, str):
            current = current.get(part)
        elif isinstance(current, list) and isinstance(part, int) and part < len(current):
            current = current[part]
        else:
            return None
    return current


def _replaced(tree: Tree, place: Path, value: Tree | None) -> Tree:
    """The tree with another value at a place that a mapping holds; None: without it."""
    part, rest = place[0], place[1:]
    if isinstance(tree, list) and isinstance(part, int):
        return [_replaced(item, rest, value) if number == part else item for number, item in enumerate(tree)]
    if not isinstance(tree, dict) or not isinstance(part, str):
        return tree
    if rest:
        return {**tree, part: _replaced(tree[part], rest, value)}
    kept = {key: item for key, item in tree.items() if key != part}
    return kept if value is None else {**kept, part: value}
