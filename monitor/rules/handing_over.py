"""Handing over what evaluations made of a group's alerts: states to the store, reports to whoever groups alerts.

Either ends in a commit, which costs more than most evaluations do. So the rules of one slot share one save and one report,
and a slot that changed nothing needs neither. What could not be handed over stays as it is and comes again with the next
evaluation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from monitor.model.alerts import Alert
from monitor.model.errors import StoreError
from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.rules import reports
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.restore import changes
from monitor.rules.standing import RuleRun, Surroundings
from monitor.rules.states import Active
from monitor.rules.template_functions import graph_link

REFRESH: Millis = MINUTE
"""Stored states are written anew after this, so that the store knows until when they were observed."""

PATIENCE = 0.1
"""Seconds for which the alerts of one rule wait for those of the next, to be handed over together; they do not wait for a
rule that took longer the last time, or was never evaluated."""


class Waiting:
    """The rules of one slot whose alerts wait to be handed over together. One that hangs holds up nobody: when the time
    has come they go while it is still being evaluated."""

    def __init__(self, around: Surroundings, group: RuleGroup, at: Timestamp) -> None:
        self._around = around
        self._group = group
        self._at = at
        self._runs: list[RuleRun] = []
        self._one_at_a_time = asyncio.Lock()
        self._call_off: Callable[[], object] | None = None
        """Only until the time has come: what has begun to be handed over is not cut off."""
        self._handed = around.monotonic()

    def add(self, run: RuleRun) -> None:
        """This rule was evaluated."""
        self._runs.append(run)
        if self._call_off is None and (run.active or run.saved):
            rest = self._handed + PATIENCE - self._around.monotonic()
            self._call_off = self._around.later(
                f"rules/handing over {self._group.key}", max(rest, 0.0), self._time_is_up
            )

    def is_due_before(self, run: RuleRun) -> bool:
        """Must those who wait go before this rule is evaluated?"""
        slow = run.last_evaluation is None or run.evaluation_seconds > PATIENCE
        return bool(self._runs) and (slow or self._around.monotonic() - self._handed > PATIENCE)

    async def hand_over(self) -> None:
        """Hand over who waits, after those who are on their way."""
        if self._call_off is not None:
            self._call_off()
            self._call_off = None
        async with self._one_at_a_time:
            runs, self._runs = self._runs, []
            if runs:
                await hand_over(self._around, self._group, runs, self._at)
                self._handed = self._around.monotonic()

    async def _time_is_up(self) -> None:
        self._call_off = None
        await self.hand_over()


async def hand_over(around: Surroundings, group: RuleGroup, runs: Sequence[RuleRun], at: Timestamp) -> None:
    """Store and tell at once: what is asked for in one moment shares a commit, and neither waits for the other's."""
    saving = _begin_to_save(around, group, runs, at)
    try:
        await send(around, group, runs, at)
    finally:
        await saving.end(around, group)


async def save(around: Surroundings, group: RuleGroup, runs: Sequence[RuleRun], at: Timestamp) -> None:
    """Store what has changed of these rules' alerts."""
    await _begin_to_save(around, group, runs, at).end(around, group)


@dataclass(frozen=True, slots=True)
class _Saving:
    """What the store was asked to keep."""

    answer: Awaitable[None] | None
    written: Sequence[tuple[RuleRun, Active]]
    """As they were then: while this is stored the clock may jump, which changes every alert."""
    before: Sequence[tuple[RuleRun, Timestamp]]

    async def end(self, around: Surroundings, group: RuleGroup) -> None:
        """Wait for the answer and note it."""
        if self.answer is not None:
            try:
                await self.answer
            except StoreError as error:
                for run, saved_at in self.before:
                    run.saved_at = min(run.saved_at, saved_at)
                around.warn(group.key, error)
                return
        for run, active in self.written:
            run.saved = active  # the same but for what is not worth a write


def _begin_to_save(around: Surroundings, group: RuleGroup, runs: Sequence[RuleRun], at: Timestamp) -> _Saving:
    changed: list[StoredAlert] = []
    removed: list[StoredKey] = []
    whole: list[RuleRun] = []
    written = [(run, run.active) for run in runs if run.active is not run.saved]
    for run in runs:
        old = at - run.saved_at >= REFRESH and bool(run.active)
        if old:
            whole.append(run)
        elif run.active is run.saved:
            continue
        own_changed, own_removed = changes(group.key, run.identity, run.number, run.saved, run.active, at, whole=old)
        changed += own_changed
        removed += own_removed
    before = [(run, run.saved_at) for run in whole]
    for run in whole:  # not afterwards: what says meanwhile that all must be stored anew is to be believed
        run.saved_at = at
    answer = around.states.save(group.key, changed, removed) if changed or removed else None
    return _Saving(answer, written, before)


async def send(around: Surroundings, group: RuleGroup, runs: Sequence[RuleRun], at: Timestamp) -> None:
    """Tell of these rules' alerts that are due."""
    telling: list[tuple[RuleRun, Active, Sequence[Labels]]] = []
    alerts: list[Alert] = []
    for run in runs:
        rule = run.rule
        if not run.active or not isinstance(rule, AlertingRule):
            continue
        if around.monotonic() - run.told > (around.resend + group.interval) / 1000:
            # While the wall clock is behind what was evaluated, `at` hardly moves, and whoever was told forgets.
            run.stand(reports.unsent(run.active), run.written)
        if at <= run.quiet_until:
            continue
        chosen = reports.due(run.active, at, resend=around.resend)
        if not chosen:
            run.quiet_until = reports.quiet_until(run.active, resend=around.resend)
        else:
            telling.append((run, run.active, chosen))
            alerts += reports.report(
                run.active,
                chosen,
                at,
                interval=group.interval,
                generator_url=around.world.external_url.rstrip("/") + graph_link(rule.query, 1),
                leaving=around.leaving,
                resend=around.resend,
            )
    if not telling:
        return
    try:
        await around.alerts.accept(alerts)
    except StoreError as error:
        around.warn(group.key, error)
        return
    for run, told, chosen in telling:
        run.told = around.monotonic()
        if run.active is not told:
            continue  # The clock jumped meanwhile: by that clock nothing was told, so it is told again.
        active = reports.sent(run.active, chosen, at, interval=group.interval, resend=around.resend)
        if run.saved is run.active:
            run.saved = active
        run.stand(active, run.written)
