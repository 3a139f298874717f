"""Running groups: each on its slots, early looks between them, and what a reload changes.

A group has one task that sleeps until its next slot; there is no ticker. Results of probes and scrapes are announced
through `saw`; the rules they concern are looked at a moment later, all results of that moment together.

When the wall clock is set back, what is counted from an instant moves with it: nothing fires or ends later. Writers of
samples keep their order, so for a while samples are ahead of the clock; until it has caught up, rules read, and write, at the
newest one's time and count by the clock. Rates over that while are too high, since its samples lie close together.

A reload leaves equal groups alone. A changed group is stopped after its current evaluation and its successor takes over
the states; the series of rules that are gone end at its next slot. The series of a removed group end as of its removal, but
that is written two intervals later and only of series that nobody writes by then: a group under another name goes on with
them without a gap. Its alerts end by themselves when nobody reports them any longer, as in Prometheus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from monitor.clock import Clock, Jumps, Wakeup
from monitor.model.errors import QueryLimitError, StoreError
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.rules.early import GATHER, EarlyIndex, RuleAt, next_allowed
from monitor.rules.evaluating import SLICE, GroupRun, RuleRun, Surroundings
from monitor.rules.groups import RuleGroup
from monitor.rules.leaving import AS_THEY_ARE, Leaving
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.restore import restored
from monitor.rules.slots import following, offset_of, slot_at
from monitor.rules.status import GroupStatus
from monitor.rules.texts import World
from monitor.supervise import Supervisor

_NAP: Millis = 30 * SECOND
_BEFORE_THE_END = 2
"""Intervals for which the series of a removed group may find another one that writes them."""
_JUMP: Millis = 10 * SECOND
"""The wall clock stepping forward by more than this is time that nobody observed."""


class RuleScheduler:
    """All groups of the daemon."""

    def __init__(self, clock: Clock, supervisor: Supervisor, around: Surroundings, *, early: bool = True) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._around = replace(around, breathe=self._breathe, later=self._later, crashed=self._crashed)
        self._early = early
        self._runs: dict[str, GroupRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._index = EarlyIndex(())
        self._wanted: dict[RuleAt, Timestamp] = {}
        self._allowed: dict[RuleAt, float] = {}
        self._arrived = Wakeup()
        self._jumps = Jumps(clock)
        self._set_back: tuple[Timestamp, float] | None = None
        """When the wall clock was set back: what it showed before, and the monotonic time then."""
        self._newest: Timestamp = 0
        """Of all results."""

    def __repr__(self) -> str:
        return f"RuleScheduler({list(self._runs.values())}, wanted={len(self._wanted)})"

    async def start(self, groups: Sequence[RuleGroup]) -> None:
        """Restore what is stored and run these groups. Raises StoreError if the states cannot be read."""
        stored = self._around.states.load()
        now = self._clock.now()
        for group in groups:
            self._begin(GroupRun(group, self._around, restored(stored, group, now)))
        self._index = EarlyIndex(groups)
        if self._early:
            self._supervisor.keep("rules/early", self._looks)
        await self._forget(stored)

    async def apply(self, groups: Sequence[RuleGroup], world: World, leaving: Leaving = AS_THEY_ARE) -> None:
        """Run these groups from now on."""
        self._around = replace(self._around, world=world, leaving=leaving)
        wanted = {group.key: group for group in groups}
        for key, old in list(self._runs.items()):
            group = wanted.get(key)
            if group == old.group:
                old.around = self._around
                continue
            async with old.lock:
                self._tasks.pop(key).cancel()
                del self._runs[key]
            if group is None:
                await self._remove(old)
            else:
                run = GroupRun(group, self._around)
                run.follow(old, self._clock.now())
                self._begin(run)
                await self._drop(key, run.follow_forgotten(old))
        for key, group in wanted.items():
            if key not in self._runs:
                self._begin(GroupRun(group, self._around))
        self._index = EarlyIndex(groups)
        self._allowed.clear()

    def saw(self, at: Timestamp, series: Sequence[Labels]) -> None:
        """Results of these series with this time are in the store. Cheap: a look-up when nothing is concerned."""
        self._newest = max(self._newest, at)
        if not self._early:
            return
        rules = self._index.concerned(series)
        if not rules:
            return
        for rule in rules:
            self._wanted[rule] = max(at, self._wanted.get(rule, at))
        self._arrived.set()

    def status(self) -> tuple[GroupStatus, ...]:
        """All groups by file and name."""
        return tuple(self._runs[key].status() for key in sorted(self._runs))

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, let running evaluations end within so many seconds, cut the others off, and store the states as
        observed until now."""
        for key, run in self._runs.items():
            if not run.lock.locked():
                self._tasks[key].cancel()
        try:
            async with asyncio.timeout(seconds):
                for run in self._runs.values():
                    await run.lock.acquire()  # and keep it
        except TimeoutError:
            self._around.warn("rules", QueryLimitError("evaluations were cut off by the stop"))
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for run in self._runs.values():
            await run.save_all(self._clock.now())

    def _begin(self, run: GroupRun) -> None:
        key = run.group.key
        self._runs[key] = run
        self._tasks[key] = self._supervisor.keep(f"rules/{key}", lambda: self._slots(run))

    async def _slots(self, run: GroupRun) -> None:
        interval = run.group.interval
        offset = offset_of(run.group.file, run.group.name, interval)
        slot = slot_at(self._clock.now(), interval, offset) + interval
        while True:
            while (rest := slot - self._clock.now()) > 0:
                if rest > interval:
                    # the wall clock was set back
                    slot = slot_at(self._clock.now(), interval, offset) + interval
                await self._clock.sleep(min(slot - self._clock.now(), _NAP))
            if self._notice_jump() or self._clock.now() - slot > max(_JUMP, interval):
                # What is evaluated after a jump must be the present: the past would end the doubt that `skip` raised.
                newest = slot_at(self._clock.now(), interval, offset)
                self._count_missed(run, (newest - slot) // interval)
                slot = newest
            async with run.lock:
                run.ahead = self._ahead(slot)
                await run.slot(slot)
            due = following(slot, self._clock.now(), interval)
            self._count_missed(run, due.missed)
            slot = due.slot

    def _count_missed(self, run: GroupRun, slots: int) -> None:
        if slots > 0:
            run.missed += slots
            self._around.counters.missed(run.group.key, slots)

    def _notice_jump(self) -> bool:
        skipped = self._jumps.since_last()
        if skipped > _JUMP:
            for run in self._runs.values():
                run.skip(skipped, self._clock.now())
        elif skipped < -_JUMP:
            now = self._clock.now()
            before = (now - skipped, self._clock.monotonic())
            self._set_back = before if self._set_back is None else max(self._set_back, before)
            for run in self._runs.values():
                run.set_back(skipped, now)
        return skipped > _JUMP

    def _ahead(self, at: Timestamp) -> Millis:
        """By how much the newest samples are ahead of the clock because it was set back: their writers keep the order
        rather than lose them. 0 when it has caught up."""
        if self._set_back is None:
            return 0
        before, when = self._set_back
        if at > before:
            self._set_back = None
            return 0
        passed = round((self._clock.monotonic() - when) * 1000)
        return max(min(self._newest, before + passed) - at, 0)

    async def _looks(self) -> None:
        due: Timestamp | None = None
        while True:
            if await self._clock.wait(self._arrived, due):
                await self._clock.sleep(GATHER)
            due = await self._look_round()

    def _later(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Callable[[], object]:
        async def do() -> None:
            await work()

        # Mostly it is called off: no task before its time has come.
        return self._clock.call_later(seconds, lambda: self._supervisor.start(name, do()))

    def _crashed(self, where: str, error: Exception) -> None:
        self._supervisor.report(f"rules/{where}", error)

    async def _breathe(self) -> None:
        """Let others have their turn."""
        await self._clock.sleep(0)

    async def _look_round(self) -> Timestamp | None:
        """Look at every rule that is wanted and allowed; the time when the next of the others is allowed."""
        self._notice_jump()
        wanted, self._wanted = self._wanted, {}
        waits: list[float] = []
        rested = self._clock.monotonic()
        for rule, at in wanted.items():
            run = self._runs.get(rule[0])
            if run is None or rule[1] >= len(run.rules):
                continue
            wait = self._allowed.get(rule, 0.0) - self._clock.monotonic()
            if wait > 0:
                self._wanted[rule] = max(at, self._wanted.get(rule, at))
                waits.append(wait)
                continue
            async with run.lock:
                if self._runs.get(rule[0]) is not run:
                    continue
                began = self._clock.monotonic()
                run.ahead = self._ahead(min(at, self._clock.now()))
                await run.look(rule[1], min(at, self._clock.now()) if run.ahead else at)
                ended = self._clock.monotonic()
            self._allowed[rule] = next_allowed(ended, ended - began)
            if ended - rested > SLICE:
                await self._breathe()
                rested = self._clock.monotonic()
        return self._clock.now() + int(min(waits) * 1000) + 1 if waits else None

    async def _remove(self, run: GroupRun) -> None:
        """Forget a group's alerts, and have its series end."""
        series = run.series()
        if series:
            removed = self._clock.now()
            self._supervisor.start(f"rules/ending {run.group.key}", self._end(series, run.group, removed))
        await self._drop(run.group.key, run.rules)

    async def _end(self, series: tuple[Labels, ...], group: RuleGroup, removed: Timestamp) -> None:
        await self._clock.sleep(_BEFORE_THE_END * group.interval)
        written = {labels for run in self._runs.values() for labels in run.series()}
        ended = [(labels, STALE) for labels in series if labels not in written]
        self._around.samples.append(removed - group.query_offset, ended)

    async def _drop(self, group: str, rules: Sequence[RuleRun]) -> None:
        keys = [StoredKey(run.identity, run.number, labels) for run in rules for labels in run.saved]
        await self._delete(group, keys)

    async def _forget(self, stored: Sequence[StoredAlert]) -> None:
        """Delete what no rule has taken."""
        taken = {
            (key, run.identity, run.number, labels)
            for key, group in self._runs.items()
            for run in group.rules
            for labels in run.active
        }
        orphans: dict[str, list[StoredKey]] = {}
        for row in stored:
            if (row.group, row.rule, row.number, row.alert.labels) not in taken:
                orphans.setdefault(row.group, []).append(StoredKey(row.rule, row.number, row.alert.labels))
        for group, keys in orphans.items():
            await self._delete(group, keys)

    async def _delete(self, group: str, keys: Sequence[StoredKey]) -> None:
        if not keys:
            return
        try:
            await self._around.states.save(group, (), keys)
        except StoreError as error:
            self._around.warn(group, error)
