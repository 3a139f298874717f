"""The prober: runs all checks, judges what comes back, writes the samples, and tells.

A check is one entry: its place on the wheel, its prepared target, its verdict, its row writer. One attempt of a check is
under way at most; a slot that finds one skips its turn. While a verdict is pending, a confirming attempt starts one
second after the last one ended and leaves the check's slot where it is; a slot that comes first takes its place.

Everything that follows a result happens at once and in one call: judge, write the row, `on_result`, then `on_event` for
what changed. The sample's time is the start of the attempt, as Prometheus stamps a scrape: attempts of a check never
overlap, so times ascend, and because an instant query looks back, whoever evaluates at the result's time sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from monitor.columns.sink import SampleSink
from monitor.model.checks import Check, HealthState, Outcome, Verdict
from monitor.model.errors import ConfigError, Finding, NotFoundError, RequestError, StoreError
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.net.wheel import Wheel
from monitor.probe.entry import Entry
from monitor.probe.heartbeat import HeartbeatState, Ping, pinged
from monitor.probe.kinds import CATALOGUE, CatalogueEntry
from monitor.probe.kinds.heartbeat import HeartbeatTarget
from monitor.probe.kinds.kind import Instruments, Kind
from monitor.probe.memory import CheckStateStore, SavedCheck
from monitor.probe.verdict import CONFIRM_AFTER, Event, judge

OnResult = Callable[[Check, Outcome, Verdict], None]
OnEvent = Callable[[Event], None]

_FIRST_STARTS: Final = 10
_FIRST_PAUSE: Final = 0.02
"""New checks are tried at once, ten each 20 ms, before they fall into their slots."""
_SAVE_PAUSE: Final[Millis] = SECOND
"""Before a verdict that could not be saved is saved again."""


class Probing:
    """All checks of one daemon, on one loop.

    `on_result(check, outcome, verdict)` and `on_event(event)` are called synchronously and must neither block nor raise.
    `attempts`, `skipped` (a slot found the previous attempt still under way) and `missed` (the loop was held up for a
    whole interval) only grow.
    """

    def __init__(
        self,
        instruments: Instruments,
        sink: SampleSink,
        *,
        on_result: OnResult,
        on_event: OnEvent,
        store: CheckStateStore,
        eager: bool = True,
        catalogue: Mapping[str, CatalogueEntry] = CATALOGUE,
    ) -> None:
        self._instruments = instruments
        self._loop = instruments.loop
        self._sink = sink
        self._on_result = on_result
        self._on_event = on_event
        self._store = store
        self._eager = eager
        self._catalogue = catalogue
        self._wheel: Wheel[Entry] = Wheel(instruments.loop, self._fire)
        self._kinds: dict[str, Kind[object]] = {}
        self._entries: dict[str, Entry] = {}
        self._running: dict[int, Entry] = {}
        self._last_number = 0
        self._saved: dict[str, SavedCheck] = {}
        self._unsaved: dict[str, SavedCheck] = {}
        self._saving = False
        self._first: list[Entry] = []
        self._first_timer: asyncio.TimerHandle | None = None
        self._away: tuple[Timestamp, Timestamp] | None = None
        self._closed = False
        self.attempts = 0
        self.skipped = 0

    # -- configuration -----------------------------------------------------------------------------------------------

    async def restore(self, last_alive: Timestamp | None) -> None:
        """Take over what was saved; call once before `configure`. `last_alive`: when the daemon last ran, if known, so
        that heartbeats due since then get their extra grace."""
        self._saved = dict(await self._store.load())
        if last_alive is None:
            return
        now = self._instruments.clock.now()
        self._away = (last_alive, now)

    def findings(self, checks: Iterable[Check]) -> list[Finding]:
        """What is wrong with these checks, all of it; nothing is started."""
        found: list[Finding] = []
        seen: set[str] = set()
        for check in checks:
            problem = self._problem(check, seen)
            if problem:
                found.append(Finding(file="checks", line=0, path=check.name, problem=problem))
        return found

    def configure(self, checks: Sequence[Check]) -> None:
        """Run exactly these checks from now on. Unchanged ones go on undisturbed; a changed one keeps its verdict if
        kind and target are the same. Raises ConfigError with every finding, and then changes nothing."""
        found = self.findings(checks)
        if found:
            raise ConfigError(found)
        wanted = {check.name: check for check in checks}
        same = {name for name, check in wanted.items() if name in self._entries and self._entries[name].check == check}
        removed = set(self._entries) - set(wanted)
        for name in removed:
            self._retire(self._entries.pop(name), self._instruments.clock.now())
        added: dict[str, tuple[int, Entry]] = {}
        for name, check in wanted.items():
            if name not in same:
                added[name] = (check.interval, self._admit(check))
        self._wheel.update(added, removed)
        if self._eager and added:
            self._first.extend(entry for _, entry in added.values() if entry.outcome is None)
            if self._first_timer is None:
                self._begin_first()

    def close(self) -> None:
        """Stop at once. Series are not ended: a restart goes on with them."""
        self._closed = True
        self._wheel.close()
        if self._first_timer is not None:
            self._first_timer.cancel()
        for entry in self._entries.values():
            if entry.soon is not None:
                entry.soon.cancel()
            if entry.writer is not None:
                entry.writer.close(None)
        for kind in self._kinds.values():
            kind.close()
        self._entries.clear()
        self._running.clear()

    # -- looking -----------------------------------------------------------------------------------------------------

    @property
    def missed(self) -> int:
        return self._wheel.missed

    @property
    def checks(self) -> list[Check]:
        """In configured order of arrival."""
        return [entry.check for entry in self._entries.values()]

    def verdict(self, name: str) -> Verdict:
        """Raises NotFoundError."""
        return self._entry(name).verdict

    def outcome(self, name: str) -> Outcome | None:
        """The last attempt's; None before the first. Raises NotFoundError."""
        return self._entry(name).outcome

    def heartbeat(self, name: str) -> HeartbeatState:
        """Raises NotFoundError, also for a check of another kind."""
        return self._heartbeat(name)[1].state

    def __repr__(self) -> str:
        under_way = sum(entry.under_way for entry in self._entries.values())
        return f"<Probing checks={len(self._entries)} under_way={under_way} {self._wheel!r}>"

    # -- acting ------------------------------------------------------------------------------------------------------

    async def ping(self, name: str, ping: Ping) -> None:
        """A job reports. Durable when this returns. Raises NotFoundError, or StoreError if it could not be kept (it
        counts in memory all the same)."""
        entry, target = self._heartbeat(name)
        target.state = pinged(target.state, ping, self._instruments.clock.now())
        self._fire([entry])
        self._unsaved.pop(name, None)
        await self._store.save({name: entry.memory()})

    def probe_now(self, name: str) -> None:
        """Start an attempt out of turn, unless one is under way. Raises NotFoundError."""
        self._fire([self._entry(name)])

    async def once(self, check: Check) -> Outcome:
        """One attempt of a check that need not be configured; nothing is written or judged. Raises RequestError for a
        check that cannot work."""
        problem = self._problem(check, set())
        if problem:
            raise RequestError(problem)
        kind = self._kind(check.kind)
        ended: asyncio.Future[Outcome] = self._loop.create_future()

        def done(slot: int, outcome: Outcome) -> None:
            if not ended.done():
                ended.set_result(outcome)

        kind.start([(0, kind.prepare(check))], self._loop.time() + check.timeout / 1000, done)
        return await ended

    # -- the life of a check -----------------------------------------------------------------------------------------

    def _kind(self, name: str) -> Kind[object]:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._catalogue[name].make(self._instruments)
        return kind

    def _problem(self, check: Check, seen: set[str]) -> str:
        if check.name in seen:
            return "another check has the same name"
        seen.add(check.name)
        if check.kind not in self._catalogue:
            return f"kind {check.kind!r} is not one of {', '.join(sorted(self._catalogue))}"
        if check.interval <= 0 or check.timeout <= 0 or check.failure_threshold < 1 or check.success_threshold < 1:
            return "interval, timeout and thresholds must be more than nothing"
        running = self._entries.get(check.name)
        if running is not None and running.check == check:
            return ""
        try:
            self._kind(check.kind).prepare(check)
        except ValueError as error:
            return str(error)
        return ""

    def _admit(self, check: Check) -> Entry:
        old = self._entries.pop(check.name, None)
        self._last_number += 1
        kind = self._kind(check.kind)
        entry = Entry(self._last_number, check, self._catalogue[check.kind], kind, kind.prepare(check))
        saved = self._saved.pop(check.name, None)
        moved = False
        if old is not None:
            entry.inherit(old)
            self._retire(old, self._instruments.clock.now())
            entry.continue_series(old)
        elif saved is not None:
            moved = entry.resume(saved, self._away)
        self._entries[check.name] = entry
        self._running[entry.number] = entry
        if moved:
            self._remember(entry)  # the extra grace must outlive another restart
        return entry

    def _retire(self, entry: Entry, now: Timestamp) -> None:
        del self._running[entry.number]
        entry.end(now)

    def _begin_first(self) -> None:
        self._first_timer = None
        batch, self._first = self._first[:_FIRST_STARTS], self._first[_FIRST_STARTS:]
        if self._first:
            self._first_timer = self._loop.call_later(_FIRST_PAUSE, self._begin_first)
        self._fire([entry for entry in batch if entry.outcome is None and not entry.under_way])

    def _fire(self, members: Sequence[Entry]) -> None:
        batches: dict[tuple[int, int], tuple[Entry, list[tuple[int, object]]]] = {}
        running = self._running
        for entry in members:
            if entry.under_way or entry.number not in running:
                self.skipped += entry.under_way
                continue
            entry.under_way = True
            if entry.soon is not None:
                entry.soon.cancel()
                entry.soon = None
            key = (id(entry.kind), entry.check.timeout)
            if key not in batches:
                batches[key] = (entry, [])
            batches[key][1].append((entry.number, entry.target))
        for first, batch in batches.values():
            self.attempts += len(batch)
            first.kind.start(batch, self._loop.time() + first.check.timeout / 1000, self._done)

    def _done(self, number: int, outcome: Outcome) -> None:
        entry = self._running.get(number)
        if entry is None or self._closed:
            return
        entry.under_way = False
        entry.outcome = outcome
        check = entry.check
        now = outcome.started if outcome.definite else outcome.started + int(outcome.took * 1000)
        verdict, events = judge(check, entry.verdict, outcome, now)
        entry.verdict = verdict
        if outcome.state is not HealthState.UNKNOWN:
            entry.write(self._sink, outcome, verdict)
        self._look_again(entry, outcome, verdict)
        if events:
            self._remember(entry)
        self._on_result(check, outcome, verdict)
        for event in events:
            self._on_event(event)

    def _look_again(self, entry: Entry, outcome: Outcome, verdict: Verdict) -> None:
        delay: int | None = None
        if verdict.pending:
            delay = CONFIRM_AFTER
        elif outcome.again_at is not None:
            delay = max(outcome.again_at - self._instruments.clock.now(), 1)
        if delay is not None and delay < entry.check.interval:
            entry.soon = self._loop.call_later(delay / 1000, self._again, entry)

    def _again(self, entry: Entry) -> None:
        entry.soon = None
        self._fire([entry])

    # -- memory ------------------------------------------------------------------------------------------------------

    def _remember(self, entry: Entry) -> None:
        self._unsaved[entry.check.name] = entry.memory()
        if not self._saving:
            self._saving = True
            self._instruments.spawn("probe state", self._save())

    async def _save(self) -> None:
        try:
            while self._unsaved:
                changes, self._unsaved = self._unsaved, {}
                try:
                    await self._store.save(changes)
                except StoreError:
                    # what is down there tells of itself; here is only what must not be forgotten
                    self._unsaved = {**changes, **self._unsaved}
                    await self._instruments.clock.sleep(_SAVE_PAUSE)
        finally:
            self._saving = False

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise NotFoundError(f"there is no check {name!r}")
        return entry

    def _heartbeat(self, name: str) -> tuple[Entry, HeartbeatTarget]:
        entry = self._entry(name)
        if not isinstance(entry.target, HeartbeatTarget):
            raise NotFoundError(f"check {name!r} is no heartbeat")
        return entry, entry.target
