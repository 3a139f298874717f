"""When a group is due: slots of its interval, moved by an offset of its own so that groups do not all start together.

The time of an evaluation is its slot, however late it runs. Source: prometheus rules/group.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp


def offset_of(file: str, name: str, interval: Millis) -> Millis:
    """Where in each interval the group's slots lie: the same wherever the folder of the file lies, so that what was seen of
    a configuration in one place, or in a story, is what happens in another."""
    return int(Labels({"file": PurePath(file).name, "name": name}).fingerprint, 16) % interval


def slot_at(now: Timestamp, interval: Millis, offset: Millis) -> Timestamp:
    """The newest slot that is not after `now`."""
    return now - (now - offset) % interval


@dataclass(frozen=True, slots=True)
class Due:
    """The next slot to evaluate, and how many were passed over."""

    slot: Timestamp
    missed: int


def following(slot: Timestamp, now: Timestamp, interval: Millis) -> Due:
    """After the evaluation of `slot`: the slot behind it, or, when more than one is due already, the newest of them."""
    behind = max((now - slot) // interval - 1, 0)
    return Due(slot + (behind + 1) * interval, behind)
