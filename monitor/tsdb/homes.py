"""Which frames hold which series, and the planning of selections over them.

Nearly every series lives in one frame. One that was written through several (its target moved between two scrape jobs,
say) has several homes until retention empties the older ones; it is merged when it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import Timestamp
from monitor.tsdb.chunks import Layout
from monitor.tsdb.frames import FrameKind, StoredFrame, missing_row
from monitor.tsdb.index import SeriesIndex
from monitor.tsdb.newest import NEVER, UNSURE, NewestSamples
from monitor.tsdb.selection import Group, Selection

_NONE: Final = -1
_SEVERAL: Final = -2
_SELECTIONS_REMEMBERED: Final = 1024
_NAME_BUCKETS: Final = 1024
_FEW_SERIES: Final = 256
"""Of so many the names are looked at; more are taken for a change of everything."""


@dataclass(frozen=True, slots=True)
class Contested:
    """Series of one frame that have other homes too."""

    columns: NDArray[np.int64]
    """In the frame's layout."""
    sids: Sequence[int]
    others: tuple[StoredFrame, ...]
    """Their other homes."""


class Homes:
    """Frames by number, homes by sid, and remembered selections. Safe to read in a worker thread."""

    __slots__ = (
        "_changed",
        "_changed_all",
        "_contested",
        "_home",
        "_lock",
        "_remembered",
        "_several",
        "_version",
        "frames",
        "index",
        "newest",
    )

    def __init__(self) -> None:
        self.index = SeriesIndex()
        self.newest = NewestSamples()
        self.frames: dict[int, StoredFrame] = {}
        self._version = 0
        """Rises whenever a selection could come out differently."""
        self._changed_all = 0
        """The version at which any selection could last come out differently, whatever the metric."""
        self._changed = [0] * _NAME_BUCKETS
        """The same for metrics with a name of this hash. An alert that begins to fire is a new series of ALERTS; the many
        selections of other metrics need not be made anew for that."""
        self._home = np.full(64, _NONE, dtype=np.int32)
        self._several: dict[int, tuple[int, ...]] = {}
        self._contested: dict[int, tuple[int, Layout, Contested]] = {}
        """By the number of the frame: of which version and layout that is."""
        self._remembered: dict[tuple[Matcher, ...], Selection] = {}
        self._lock = RLock()

    def intern(self, labels: Iterable[Labels]) -> NDArray[np.int32]:
        """The sids of these label sets, in order, int32; new ones for new sets."""
        intern = self.index.intern
        return np.array([intern(each) for each in labels], dtype=np.int32)

    def move_in(self, frame: StoredFrame, sids: NDArray[np.int32]) -> None:
        """From now on this frame is a home of these series too."""
        with self._lock:
            size = len(self.index.labels)
            if size > len(self._home):
                grown = np.full(max(size, 2 * len(self._home)), _NONE, dtype=np.int32)
                grown[: len(self._home)] = self._home
                self._home = grown
            self.newest.reserve(len(self._home))
            self.frames[frame.number] = frame
            here = self._home[sids]
            changed = here != frame.number
            self._home[sids[here == _NONE]] = frame.number
            elsewhere = changed & (here != _NONE)
            for sid, home in zip(sids[elsewhere].tolist(), here[elsewhere].tolist(), strict=True):
                if home != _SEVERAL:
                    self._home[sid] = _SEVERAL
                    self._several[sid] = (home, frame.number)
                elif frame.number not in self._several[sid]:
                    self._several[sid] = (*self._several[sid], frame.number)
            if changed.any():
                self._note_change(sids[changed].tolist())

    def move_out(self, frame: StoredFrame, sids: NDArray[np.int32]) -> None:
        """This frame holds nothing of these series any more. Those without any home are forgotten."""
        with self._lock:
            self._note_change(sids.tolist())
            homeless: list[int] = []
            for sid in sids.tolist():
                home = int(self._home[sid])
                if home == frame.number:
                    self._home[sid] = _NONE
                    homeless.append(sid)
                elif home == _SEVERAL:
                    rest = tuple(number for number in self._several[sid] if number != frame.number)
                    if len(rest) == 1:
                        self._home[sid] = rest[0]
                        del self._several[sid]
                        self.newest.mark([sid], UNSURE)
                    else:
                        self._several[sid] = rest
            if homeless:
                self.index.drop(homeless)
                self.newest.mark(homeless, NEVER)

    def remove(self, frame: StoredFrame) -> None:
        """Forget an empty frame."""
        with self._lock:
            self.frames.pop(frame.number, None)
            self._contested.pop(frame.number, None)

    def closed_home(self, sids: NDArray[np.int32]) -> StoredFrame | None:
        """The frame without a writer that holds most of these series; None if none holds any."""
        sids = sids[sids < len(self._home)]
        homes = self._home[sids]
        alone = np.sort(homes[homes >= 0])
        edges = np.flatnonzero(np.diff(alone, prepend=np.int32(-9), append=np.int32(-9)))
        held = Counter(dict(zip(alone[edges[:-1]].tolist(), np.diff(edges).tolist(), strict=True)))
        for sid in sids[homes == _SEVERAL].tolist():
            held.update(self._several[sid])
        for number, _ in held.most_common():
            frame = self.frames[number]
            if not frame.open and not frame.held and frame.kind is FrameKind.ROWS:
                return frame
        return None

    def frames_of(self, sid: int) -> tuple[StoredFrame, ...]:
        """The frames that hold this series."""
        home = int(self._home[sid]) if sid < len(self._home) else _NONE
        if home == _NONE:
            return ()
        return tuple([self.frames[number] for number in (self._several[sid] if home == _SEVERAL else (home,))])

    def newest_of(self, sid: int) -> tuple[Timestamp, float]:
        """This series' newest sample, stale markers included; with a time before all times if there is none. It is in none
        of the frames of late samples."""
        frames = [frame for frame in self.frames_of(sid) if frame.kind is not FrameKind.LATE]
        if len(frames) == 1:
            known = self.newest.of(sid)
            if known is not None:
                return known
        return max([frame.last_of(sid) for frame in frames], key=_time, default=(NEVER, 0.0))

    def is_contested(self, sid: int) -> bool:
        """Has this series samples of several writers? Then the frame of none of them tells alone what is newest."""
        if sid not in self._several:
            return False
        return sum([frame.kind is not FrameKind.LATE for frame in self.frames_of(sid)]) > 1

    def contested(self, frame: StoredFrame) -> Contested | None:
        """What of a frame's next row others write, or wrote, as well; None if nothing. Remembered: asked for at each row."""
        if not self._several:
            return None
        known = self._contested.get(frame.number)
        if known is None or known[0] != self._version or known[1] is not frame.layout:
            columns = np.flatnonzero(self._home[frame.layout.sids] == _SEVERAL)
            sids: list[int] = frame.layout.sids[columns].tolist()
            numbers = {number for sid in sids for number in self._several[sid]} - {frame.number}
            found = Contested(columns, sids, tuple([self.frames[number] for number in sorted(numbers)]))
            known = self._contested[frame.number] = (self._version, frame.layout, found)
        return known[2] if known[2].sids else None

    def samples_at(self, at: Timestamp, sids: Sequence[int]) -> NDArray[np.float64]:
        """What these series have at this very time, (S,); MISSING where there is nothing."""
        found = missing_row(len(sids))
        places: dict[StoredFrame, list[int]] = {}
        for place, sid in enumerate(sids):
            for frame in self.frames_of(sid):
                places.setdefault(frame, []).append(place)
        numbers = np.array(sids, dtype=np.int64)
        for frame, own in places.items():
            there = frame.samples_at(at, numbers[own])
            found[own] = np.where(missing(there), found[own], there)
        return found

    def select(self, matchers: Sequence[Matcher]) -> Selection:
        """The selection for these matchers in the present state of the series set."""
        key = tuple(matchers)
        known = self._remembered.get(key)
        if known is not None and known.version == self._version_of(key):
            return known
        with self._lock:
            version = self._version_of(key)
        sids = self.index.resolve(matchers)
        with self._lock:
            selection = Selection(version, self._grouped(sids, known), known)
            if len(self._remembered) >= _SELECTIONS_REMEMBERED and key not in self._remembered:
                for old in list(self._remembered)[: _SELECTIONS_REMEMBERED // 2]:
                    del self._remembered[old]
            self._remembered[key] = selection
        return selection

    def _note_change(self, sids: list[int]) -> None:
        """These series came, went or moved."""
        if not sids:
            return
        self._version += 1
        if len(sids) > _FEW_SERIES:
            self._changed_all = self._version
            return
        for sid in sids:
            labels = self.index.labels[sid]
            name = labels.get(METRIC_NAME, "") if labels is not None else ""
            self._changed[hash(name) % _NAME_BUCKETS] = self._version

    def _version_of(self, matchers: tuple[Matcher, ...]) -> int:
        """Rises whenever this selection could come out differently."""
        for matcher in matchers:
            if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL and matcher.value:
                return max(self._changed[hash(matcher.value) % _NAME_BUCKETS], self._changed_all)
        return self._version

    def _grouped(self, sids: NDArray[np.int64], known: Selection | None) -> dict[tuple[int, ...], Group]:
        sids = sids[sids < len(self._home)]
        homes = self._home[sids]
        order = np.argsort(homes, kind="stable")
        homes, sids = homes[order], sids[order]
        edges = np.flatnonzero(np.diff(homes, prepend=np.int32(-9), append=np.int32(-9)))
        groups: dict[tuple[int, ...], Group] = {}
        several: dict[tuple[int, ...], list[int]] = {}
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            home = int(homes[low])
            if home == _SEVERAL:
                for sid in sids[low:high].tolist():
                    several.setdefault(self._several[sid], []).append(sid)
            elif home != _NONE:
                self._add_group((home,), sids[low:high], known, groups)
        for numbers, members in several.items():
            self._add_group(numbers, np.array(members, dtype=np.int64), known, groups)
        return groups

    def _add_group(
        self,
        numbers: tuple[int, ...],
        sids: NDArray[np.int64],
        known: Selection | None,
        groups: dict[tuple[int, ...], Group],
    ) -> None:
        old = known.groups.get(numbers) if known is not None else None
        births = self.index.births_of(sids)
        if old is not None and np.array_equal(old.sids, sids) and np.array_equal(old.births, births):
            groups[numbers] = old
            return
        numbered: list[int] = sids.tolist()
        every = [self.index.labels[sid] for sid in numbered]
        labels = tuple(each for each in every if each is not None)
        # A series that was forgotten between resolving and here leaves no label set behind.
        if len(labels) == len(sids):
            groups[numbers] = Group(tuple(self.frames[number] for number in numbers), sids, births, labels)


def _time(sample: tuple[Timestamp, float]) -> Timestamp:
    return sample[0]
