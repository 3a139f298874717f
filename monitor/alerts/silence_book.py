"""The silences in force, found by the alerts that they concern.

A cache over what is stored: whoever stores silences tells it of each change. Only silences that have not ended are filed,
so a long history costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.alerts.silences import Silence, SilenceState, SilenceStep
from monitor.matching.index import MatcherIndex
from monitor.model.labels import Labels
from monitor.model.times import HOUR, Millis, Timestamp

_SET_BACK: Final[Millis] = HOUR
"""By so much the clock may be set back and what had ended is found again."""


class SilenceBook:
    """All silences by id, and an index over those that are pending or active."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self.all: dict[str, Silence] = {}
        self._index = MatcherIndex[str]()
        self.begin_again(silences)

    def __repr__(self) -> str:
        return f"SilenceBook({len(self.all)} silences, {len(self._index)} filed)"

    def __bool__(self) -> bool:
        """May any silence mute something?"""
        return len(self._index) > 0

    def begin_again(self, silences: Iterable[Silence]) -> None:
        """This is all that is stored."""
        self.all, self._index = {}, MatcherIndex[str]()
        self.take(SilenceStep(put=tuple(silences)))

    def take(self, step: SilenceStep) -> None:
        """This was stored."""
        for id_ in step.removed:
            self.all.pop(id_, None)
            self._index.drop(id_)
        for silence in step.put:
            self.all[silence.id] = silence
            self._index.put(silence.id, silence.matcher_sets)

    def muting(self, labels: Labels, now: Timestamp) -> tuple[Silence, ...]:
        """The active silences that concern an alert with these labels, by id."""
        return tuple([one for one in self._concerning(labels, now) if one.starts_at <= now])

    def next_change(self, labels: Labels, now: Timestamp) -> Timestamp | None:
        """The next instant at which one begins or ends to concern such an alert, as things stand."""
        times = [one.starts_at if one.starts_at > now else one.ends_at for one in self._concerning(labels, now)]
        return min(times, default=None)

    def _concerning(self, labels: Labels, now: Timestamp) -> list[Silence]:
        found: list[Silence] = []
        matching = self._index.matching(labels)
        for id_ in sorted(matching) if matching else ():
            silence = self.all[id_]
            if silence.state(now) is not SilenceState.EXPIRED:
                found.append(silence)
            elif silence.ends_at + _SET_BACK <= now:
                self._index.drop(id_)
        return found
