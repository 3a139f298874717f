"""Two replays of one history, message by message: what is the same, what comes at another time or to somebody else, what is
new and what is gone.

Messages are the same when receiver, integration, kind and alerts are, at the same instant. Of the others, each is paired
with the nearest in time that tells the same of the same alerts: first to the same receiver, then to another. What finds no
partner is new or gone, also where alerts are grouped otherwise: then it is no longer the same message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from monitor.model.times import HOUR, Timestamp
from monitor.simulate.replay import Telling

_NEAR = 4 * HOUR
"""What lies further apart is not called the same message at another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a change of the configuration does to a history."""

    same: int
    moved: tuple[tuple[Telling, Telling], ...]
    """To the same receiver at another time: before and after."""
    elsewhere: tuple[tuple[Telling, Telling], ...]
    """To somebody else: before and after."""
    gone: tuple[Telling, ...]
    new: tuple[Telling, ...]

    @property
    def is_none(self) -> bool:
        return not (self.moved or self.elsewhere or self.gone or self.new)


def compare(before: Sequence[Telling], after: Sequence[Telling]) -> Difference:
    """From one to the other."""
    gone, new, same = _paired(before, after, lambda one: (_content(one), one.to, one.by, one.at))
    gone, new, moved = _paired(gone, new, lambda one: (_content(one), one.to, one.by))
    gone, new, elsewhere = _paired(gone, new, _content)
    return Difference(same=len(same), moved=tuple(moved), elsewhere=tuple(elsewhere), gone=tuple(gone), new=tuple(new))


def _content(one: Telling) -> Hashable:
    return one.kind, one.firing, one.resolved


def _paired(
    before: Sequence[Telling], after: Sequence[Telling], key: Callable[[Telling], Hashable]
) -> tuple[list[Telling], list[Telling], list[tuple[Telling, Telling]]]:
    """Those of either side without a partner, and the pairs, all in order of time."""
    waiting: dict[Hashable, list[Telling]] = {}
    for one in after:
        waiting.setdefault(key(one), []).append(one)
    left: list[Telling] = []
    pairs: list[tuple[Telling, Telling]] = []
    for one in before:
        candidates = waiting.get(key(one), [])
        place = _nearest(candidates, one.at)
        if place is None:
            left.append(one)
        else:
            pairs.append((one, candidates.pop(place)))
    taken = {id(other) for _, other in pairs}
    return left, [one for one in after if id(one) not in taken], pairs


def _nearest(candidates: Sequence[Telling], at: Timestamp) -> int | None:
    """The place of the nearest of these, which are in order of time, if it is near."""
    place = bisect_left(candidates, at, key=lambda one: one.at)
    near = [one for one in (place - 1, place) if 0 <= one < len(candidates) and abs(candidates[one].at - at) <= _NEAR]
    return min(near, key=lambda one: abs(candidates[one].at - at), default=None)
