"""The maintenance windows in force, found by the alerts that they concern.

Two sets of windows mute: those of the configuration file, which come and go with it, and those that were added at run time,
which outlive it. What became of either (cuts, announcements) is stored by key. The book is a cache over what is stored:
whoever stores tells it of each change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.alerts.maintenance import Cut, MaintenanceWindow
from monitor.alerts.spans import Watched
from monitor.matching.index import MatcherIndex
from monitor.model.labels import Labels
from monitor.model.times import Timestamp

_FILE: Final = "file/"
_OWN: Final = "own/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was announced last, of an occurrence that is not over yet as far as its listeners know."""

    to: str
    starts_at: Timestamp
    ends_at: Timestamp | None
    begun: bool = False
    before: Timestamp = 0
    """The shortest notice that was given before its begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is stored of a window."""

    key: str
    window: MaintenanceWindow | None = None
    """One that was added at run time; None: it stands in the configuration file."""
    cuts: tuple[Cut, ...] = ()
    told: Told | None = None
    created_at: Timestamp = 0
    updated_at: Timestamp = 0
    cut_of: str = ""
    """What times the window of the file had when it was cut (`times`); empty: it is not known."""

    def cuts_of(self, window: MaintenanceWindow | None) -> tuple[Cut, ...]:
        """The cuts that count. A reload may have moved a window of the file: then what was cut does not come any more."""
        if window is None or self.window is not None or self.cut_of in ("", times(window)):
            return self.cuts
        return ()

    @property
    def empty(self) -> bool:
        """Is there nothing to remember?"""
        return self.window is None and not self.cuts and self.told is None


def times(window: MaintenanceWindow) -> str:
    """A digest of when a window comes."""
    # values of plain dataclasses: the same in every process
    return hashlib.sha256(repr(window.spans).encode()).hexdigest()[:16]


def file_key(name: str) -> str:
    """The key of a window of the configuration file."""
    return _FILE + name


def own_key(name: str) -> str:
    """The key of a window that was added at run time."""
    return _OWN + name


def name_of(key: str) -> str:
    """The window's name."""
    return key.partition("/")[2]


class MaintenanceBook:
    """All entries by key, and an index over the windows that were added at run time."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.all: dict[str, Entry] = {}
        self.own = WindowIndex(self)
        self.begin_again(entries)

    def __repr__(self) -> str:
        return f"MaintenanceBook({len(self.all)} entries, {self.own})"

    def begin_again(self, entries: Iterable[Entry]) -> None:
        """This is all that is stored."""
        self.all = {}
        self.own = WindowIndex(self)
        self.take(entries, ())

    def take(self, put: Iterable[Entry], removed: Iterable[str]) -> None:
        """This was stored."""
        for key in removed:
            self.all.pop(key, None)
            self.own.drop(key)
        for entry in put:
            before = self.all.get(entry.key)
            self.all[entry.key] = entry
            if entry.window is not None and (before is None or before.window != entry.window):
                self.own.put(entry.key, entry.window)

    def is_cut(self, key: str, window: MaintenanceWindow, now: Timestamp) -> bool:
        """Was the window's occurrence that is under way cut short?"""
        entry = self.all.get(key)
        return entry is not None and any(cut.covers(now) for cut in entry.cuts) and bool(entry.cuts_of(window))


@dataclass(frozen=True, slots=True)
class Held:
    """A window that mutes."""

    window: MaintenanceWindow
    until: Timestamp | None


class WindowIndex:
    """Windows by key, found by labels. The clock is asked only of those that match."""

    def __init__(self, book: MaintenanceBook, windows: Mapping[str, MaintenanceWindow] | None = None) -> None:
        self._book = book
        self._windows: dict[str, tuple[MaintenanceWindow, Watched]] = {}
        self._index = MatcherIndex[str]()
        for key, window in (windows or {}).items():
            self.put(key, window)

    def __repr__(self) -> str:
        return f"WindowIndex({len(self._windows)} windows)"

    def __bool__(self) -> bool:
        """May any window mute something?"""
        return bool(self._windows)

    def put(self, key: str, window: MaintenanceWindow) -> None:
        self._windows[key] = (window, Watched(window.spans))
        self._index.put(key, (window.matchers,))

    def drop(self, key: str) -> None:
        self._windows.pop(key, None)
        self._index.drop(key)

    def muting(self, labels: Labels, now: Timestamp) -> list[Held]:
        """Those that keep an alert with these labels quiet, by their keys."""
        if not self._windows:
            return []
        return [
            Held(self._windows[key][0], self._windows[key][1].next_change(now))
            for key in sorted(self._index.matching(labels))
            if self._windows[key][1].holds(now) and not self._book.is_cut(key, self._windows[key][0], now)
        ]

    def next_change(self, labels: Labels, now: Timestamp) -> Timestamp | None:
        """The next instant at which one may begin or end to keep such an alert quiet."""
        if not self._windows:
            return None
        changes = [self._windows[key][1].next_change(now) for key in self._index.matching(labels)]
        return min((at for at in changes if at is not None), default=None)
