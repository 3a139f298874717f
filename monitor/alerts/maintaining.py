"""The shell of maintenance windows: adds, edits and ends them, and announces them when it is time.

A window mutes by being in the book; nothing has to happen when it begins. The loop is there for announcements only: between
two that are due it sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

from monitor.alerts.announcements import Announcing, announce, rows
from monitor.alerts.maintenance import (
    RETENTION,
    MaintenanceWindow,
    Occurrence,
    cut_next,
    cut_running,
    ended_now,
    has_ended,
    kept,
    running,
    upcoming,
)
from monitor.alerts.maintenance_book import Entry, file_key, own_key, times
from monitor.clock import Clock, Wakeup
from monitor.model.changes import AuditEntry
from monitor.model.errors import ConflictError, NotFoundError, StoreError
from monitor.model.incidents import Actor
from monitor.model.notifications import Destination, OutboxRow
from monitor.model.times import DAY, SECOND, Millis, Timestamp, spoken_instant

MOST_WINDOWS: Final = 200
"""That can be added at run time."""
_FORGET: Final[Millis] = RETENTION
_PAUSE: Final[Millis] = 10 * SECOND
"""Before a decision that could not be stored is tried again."""
_LONG_SLEEP: Final[Millis] = 30 * DAY
"""Before a window that does not come within a year is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceStep:
    """What a decision writes."""

    put: tuple[Entry, ...] = ()
    removed: tuple[str, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()


class MaintenanceStore(Protocol):
    """Where windows live that were added at run time, and what became of all. One writer."""

    async def transact(
        self,
        decide: Callable[[Mapping[str, Entry]], MaintenanceStep],
        audit: Callable[[MaintenanceStep], AuditEntry | None],
    ) -> MaintenanceStep:
        """In one write transaction: call `decide` with all entries by key, write and remove what it says, insert outbox
        rows (a row whose `dedupe_key` exists is left alone) and the entry that `audit` makes of it. Returns what was
        decided once it is committed and in force. Raises StoreError, and what `decide` raises; then nothing was
        written."""
        ...

    async def entries(self) -> Mapping[str, Entry]:
        """All of them by key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A window as it stands."""

    window: MaintenanceWindow
    running: Occurrence | None
    upcoming: tuple[Occurrence, ...]
    created_at: Timestamp = 0
    """0: it stands in the configuration file."""
    updated_at: Timestamp = 0

    @property
    def own(self) -> bool:
        """Was it added at run time?"""
        return not self.window.place


class Maintaining:
    """Adds, edits, ends and announces windows."""

    def __init__(
        self,
        store: MaintenanceStore,
        clock: Clock,
        *,
        windows: Callable[[], Sequence[MaintenanceWindow]],
        destinations: Callable[[str], Sequence[Destination]],
        external_url: Callable[[], str],
        changed: Callable[[], None],
        on_outbox: Callable[[Collection[str]], None],
    ) -> None:
        """`windows` are those of the configuration in force, `destinations(receiver)` is who hears an announcement.
        `changed` is called after a commit that changed what is muted, `on_outbox` after one that left something in the
        outbox for these integrations."""
        self._store = store
        self._clock = clock
        self._windows = windows
        self._destinations = destinations
        self._external_url = external_url
        self._changed = changed
        self._on_outbox = on_outbox
        self._wake = Wakeup()

    async def planned(self, occurrences: int) -> list[Planned]:
        """All windows: those that are running by their end, then those to come, then those that are over; with so many of
        their next occurrences. Raises StoreError."""
        entries, now = await self._store.entries(), self._clock.now()
        file = {file_key(one.name): one for one in self._windows()}
        own = {key: entry.window for key, entry in entries.items() if entry.window is not None}
        found: list[Planned] = []
        for key, window in {**file, **own}.items():
            found.append(_planned(window, entries.get(key, Entry(key=key)), occurrences, now))
            await self._clock.sleep(0)  # each may take some milliseconds
        return sorted(found, key=_order)

    async def find(self, name: str, occurrences: int) -> Planned:
        """One window. Raises NotFoundError or StoreError."""
        entries = await self._store.entries()
        key, window = self._known(name, entries)
        return _planned(window, entries.get(key, Entry(key=key)), occurrences, self._clock.now())

    async def preview(self, window: MaintenanceWindow, occurrences: int) -> Planned:
        """What `add` would make of it. Raises what `add` raises."""
        entries, now = await self._store.entries(), self._clock.now()
        self._refuse_new(window, entries, now)
        return _planned(window, Entry(key=own_key(window.name)), occurrences, now)

    async def add(self, window: MaintenanceWindow, actor: Actor) -> None:
        """Raises ConflictError when there is one of this name, or too many, or it would be over at once; StoreError."""

        def decide(entries: Mapping[str, Entry]) -> MaintenanceStep:
            now, key = self._clock.now(), own_key(window.name)
            self._refuse_new(window, entries, now)
            return self._announced([Entry(key=key, window=window, created_at=now, updated_at=now)], entries, now)

        await self._do(decide, actor, "add maintenance", window.name, lambda: window.comment)

    async def edit(self, name: str, edit: Callable[[MaintenanceWindow], MaintenanceWindow], actor: Actor) -> None:
        """`edit` makes the new window of the stored one; the name stays. What was cut of the old one counts no more if its
        times change. Raises NotFoundError, ConflictError for one of the configuration file, StoreError, and what `edit`
        raises."""

        changed: list[str] = []

        def decide(entries: Mapping[str, Entry]) -> MaintenanceStep:
            now, entry, window = self._clock.now(), *self._own(name, entries)
            after = replace(edit(window), name=window.name)
            changed[:] = [one.name for one in fields(window) if getattr(window, one.name) != getattr(after, one.name)]
            _refuse_past(after, now)
            cuts = kept(entry.cuts, now) if after.spans == window.spans else ()
            return self._announced([replace(entry, window=after, cuts=cuts, updated_at=now)], entries, now)

        await self._do(decide, actor, "edit maintenance", name, lambda: ", ".join(changed))

    async def end(self, name: str, actor: Actor, *, skip_next: bool = False) -> None:
        """The occurrence that is under way ends now; with `skip_next` the next one does not take place instead. That can be
        done to windows of the configuration file as well. Raises NotFoundError, ConflictError when there is no such
        occurrence, StoreError."""

        def decide(entries: Mapping[str, Entry]) -> MaintenanceStep:
            now = self._clock.now()
            key, window = self._known(name, entries)
            entry = entries.get(key, Entry(key=key))
            cuts = (cut_next if skip_next else cut_running)(window, entry.cuts_of(window), now)
            if cuts is None:
                raise ConflictError(_nothing_to_end(window, entry, skip_next=skip_next, now=now))
            if entry.window is not None and window.once and not (window.repeated or window.intervals):
                after = replace(entry, window=ended_now(window, now), updated_at=now)
            else:
                cut_of = times(window) if entry.window is None else ""
                after = replace(entry, cuts=cuts, cut_of=cut_of, updated_at=now)
            return self._announced([after], entries, now)

        await self._do(decide, actor, "skip maintenance" if skip_next else "end maintenance", name)

    async def remove(self, name: str, actor: Actor) -> None:
        """It does not come any more, and ends if it is running. Raises NotFoundError, ConflictError for one of the
        configuration file, StoreError."""

        def decide(entries: Mapping[str, Entry]) -> MaintenanceStep:
            now, entry, window = self._clock.now(), *self._own(name, entries)
            gone = announce(None, entry, now)
            said = [
                row
                for notice in gone.notices
                for row in rows(entry.key, window, notice, self._destinations(notice.to), self._external_url(), now)
            ]
            return MaintenanceStep(removed=(entry.key,), outbox=tuple(said))

        await self._do(decide, actor, "remove maintenance", name)

    async def clashes(self) -> tuple[MaintenanceWindow, ...]:
        """Windows of the file whose name one has that was added at run time. Raises StoreError."""
        entries = await self._store.entries()
        own = (entries.get(own_key(one.name)) for one in self._windows())
        return tuple(one for one, entry in zip(self._windows(), own, strict=True) if entry is not None and entry.window)

    def nudge(self) -> None:
        """The configuration has changed."""
        self._wake.set()

    async def forget(self) -> None:
        """Throw away windows that were over long ago. Raises StoreError."""

        def old(entries: Mapping[str, Entry]) -> tuple[str, ...]:
            before = self._clock.now() - _FORGET
            return tuple(
                key
                for key, entry in entries.items()
                if entry.window is not None
                and entry.told is None
                and entry.updated_at < before
                and has_ended(entry.window, before)
            )

        if old(await self._store.entries()):
            await self._store.transact(lambda entries: MaintenanceStep(removed=old(entries)), lambda _: None)

    async def run(self) -> None:
        """Announce what is due, for ever; and throw away what was over long ago, as a look comes by."""
        while True:
            try:
                await self.forget()
                due = await self._look()
            except StoreError:
                due = self._clock.now() + _PAUSE
            await self._clock.wait(self._wake, due)

    async def _look(self) -> Timestamp | None:
        """Announce what is due; when to look again."""
        entries, now = await self._store.entries(), self._clock.now()
        found: list[Announcing] = []
        for key, window in self._all_windows(entries).items():
            entry = entries.get(key, Entry(key=key))
            if entry.told is not None or (window is not None and window.announce_to):
                found.append(announce(window, entry, now))
                await self._clock.sleep(0)  # each may take some milliseconds
        if any(one.notices for one in found):
            await self._commit(
                lambda entries: self._announced(
                    [entries.get(key, Entry(key=key)) for key in self._all_windows(entries)], entries, self._clock.now()
                ),
                lambda _: None,
            )
        if not found:
            return None
        return min((one.wake_at for one in found if one.wake_at is not None), default=now + _LONG_SLEEP)

    def _announced(self, changed: Sequence[Entry], entries: Mapping[str, Entry], now: Timestamp) -> MaintenanceStep:
        """These entries, with what is to be announced of them now."""
        windows = self._all_windows({**entries, **{one.key: one for one in changed}})
        put: list[Entry] = []
        removed: list[str] = []
        said: list[OutboxRow] = []
        for entry in changed:
            window = windows[entry.key] if entry.window is None else entry.window
            found = announce(window, entry, now)
            for notice in found.notices:
                to = self._destinations(notice.to)
                said += rows(entry.key, window, notice, to, self._external_url(), now)
            after = replace(entry, told=found.told, cuts=kept(entry.cuts_of(window), now))
            if after.empty:
                removed += [entry.key] if entry.key in entries else []
            elif after != entries.get(entry.key):
                put.append(after)
        return MaintenanceStep(put=tuple(put), removed=tuple(removed), outbox=tuple(said))

    def _all_windows(self, entries: Mapping[str, Entry]) -> dict[str, MaintenanceWindow | None]:
        """By key; None for one that was announced and has gone from the configuration."""
        return {
            **{key: entry.window for key, entry in entries.items()},
            **{file_key(one.name): one for one in self._windows()},
        }

    def _known(self, name: str, entries: Mapping[str, Entry]) -> tuple[str, MaintenanceWindow]:
        """Key and window. Raises NotFoundError."""
        entry = entries.get(own_key(name))
        if entry is not None and entry.window is not None:
            return entry.key, entry.window
        for window in self._windows():
            if window.name == name:
                return file_key(name), window
        raise NotFoundError(f'no maintenance window is named "{name}"')

    def _own(self, name: str, entries: Mapping[str, Entry]) -> tuple[Entry, MaintenanceWindow]:
        """One that was added at run time. Raises NotFoundError, or ConflictError for one of the configuration file."""
        entry = entries.get(own_key(name))
        if entry is not None and entry.window is not None:
            return entry, entry.window
        self._refuse_file(name)
        raise NotFoundError(f'no maintenance window is named "{name}"')

    def _refuse_new(self, window: MaintenanceWindow, entries: Mapping[str, Entry], now: Timestamp) -> None:
        if own_key(window.name) in entries:
            raise ConflictError(
                f'there is a maintenance window "{window.name}" already: edit that, or take another name'
            )
        self._refuse_file(window.name)
        if len(entries) >= MOST_WINDOWS:
            raise ConflictError(f"there are {len(entries)} maintenance windows already: remove some")
        _refuse_past(window, now)

    def _refuse_file(self, name: str) -> None:
        for window in self._windows():
            if window.name == name:
                raise ConflictError(
                    f'the maintenance window "{name}" stands in {window.place}: change it there and reload. '
                    "Here only an occurrence of it can be ended or skipped"
                )

    async def _do(
        self,
        decide: Callable[[Mapping[str, Entry]], MaintenanceStep],
        actor: Actor,
        action: str,
        name: str,
        detail: Callable[[], str] = str,
    ) -> None:
        """`detail` is asked for after the decision."""

        def audit(_: MaintenanceStep) -> AuditEntry:
            return AuditEntry(
                at=self._clock.now(), actor=actor, action=action, subject=f"maintenance:{name}", detail=detail()
            )

        await self._commit(decide, audit)
        self._changed()
        self._wake.set()

    async def _commit(
        self,
        decide: Callable[[Mapping[str, Entry]], MaintenanceStep],
        audit: Callable[[MaintenanceStep], AuditEntry | None],
    ) -> None:
        step = await self._store.transact(decide, audit)
        if step.outbox:
            self._on_outbox({row.destination.integration for row in step.outbox})


def _planned(window: MaintenanceWindow, entry: Entry, occurrences: int, now: Timestamp) -> Planned:
    return Planned(
        window=window,
        running=running(window, entry.cuts_of(window), now),
        upcoming=upcoming(window, entry.cuts_of(window), now, occurrences),
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )


def _order(one: Planned) -> tuple[int, Timestamp, str]:
    if one.running is not None:
        ends_at = one.running.ends_at
        return 0, ends_at if ends_at is not None else 2**62, one.window.name
    return (1, one.upcoming[0].starts_at, one.window.name) if one.upcoming else (2, 0, one.window.name)


def _refuse_past(window: MaintenanceWindow, now: Timestamp) -> None:
    if has_ended(window, now):
        raise ConflictError(f'the maintenance window "{window.name}" would be over already')


def _nothing_to_end(window: MaintenanceWindow, entry: Entry, *, skip_next: bool, now: Timestamp) -> str:
    if skip_next:
        return f'"{window.name}" does not come again, so there is nothing to skip'
    ahead = upcoming(window, entry.cuts_of(window), now, 1)
    when = f"it begins next at {spoken_instant(ahead[0].starts_at)}" if ahead else "and does not come again"
    return f'"{window.name}" is not running: {when}' if ahead else f'"{window.name}" is not running {when}'
