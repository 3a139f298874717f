"""Evaluating one group: its rules in order, each one's samples written before the next one reads.

`slot` is the evaluation that Prometheus knows. `look` is the early one: it steps the alerts of one rule and writes no
samples. When a look was later than a slot that is evaluated only now, the slot writes its samples and leaves the alert
states, which know more, as they are. Callers see to it that a group is evaluated by one at a time (`GroupRun.lock`).

The same code runs in the daemon, in unit tests of rules and in backtests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitor.model.alerts import AlertState
from monitor.model.errors import PeerError, StoreError, UserError
from monitor.model.labels import Labels
from monitor.model.samples import STALE, Vector
from monitor.model.times import Millis, Timestamp
from monitor.rules import handing_over, recording, states
from monitor.rules.dependencies import batches
from monitor.rules.groups import AlertingRule, RecordingRule, RuleGroup
from monitor.rules.holding import held, judged_again
from monitor.rules.options import Hold
from monitor.rules.rendering import Rendering
from monitor.rules.restore import identities, matched, set_back, unobserved
from monitor.rules.standing import RuleRun, Surroundings
from monitor.rules.states import Active, LimitError
from monitor.rules.status import GroupStatus, Health, RuleStatus, worst
from monitor.rules.texts import Rendered
from monitor.rules.written import Written

_BLIND_INTERVALS = 2
"""That a rule finds no data at all must be seen for so long: a restart is not an outage."""

_OURS = "a fault of Watchkeeper and not of the rule, please report it"

SLICE = 0.005
"""Seconds of work after which others get their turn."""


class GroupRun:
    """One group and where it stands."""

    def __init__(self, group: RuleGroup, around: Surroundings, alerts: Mapping[int, Active] | None = None) -> None:
        """`alerts`: what was restored, by the rule's place."""
        self.group = group
        self.around = around
        self.lock = asyncio.Lock()
        self.rules = [
            RuleRun(
                rule=rule,
                identity=identity,
                number=number,
                texts=Rendering(rule) if isinstance(rule, AlertingRule) else None,
            )
            for rule, (identity, number) in zip(group.rules, identities(group.rules), strict=True)
        ]
        for place, active in (alerts or {}).items():
            self.rules[place].active = self.rules[place].saved = active
        self._batches = batches(group.rules) if group.parallel > 1 else ()
        self.leftover: tuple[Labels, ...] = ()
        """Series of rules that a reload removed; those that no rule has taken over end with the next slot."""
        self.ahead: Millis = 0
        """By how much the times of the samples are ahead of the clock, which was set back; else 0."""
        self.last_evaluation: Timestamp | None = None
        self.evaluation_seconds = 0.0
        self.missed = 0

    def __repr__(self) -> str:
        counts = {
            state: sum(alert.state is state for run in self.rules for alert in run.active.values())
            for state in AlertState
        }
        return f"GroupRun({self.group.key!r}, last={self.last_evaluation}, {counts})"

    def follow(self, old: GroupRun, now: Timestamp) -> None:
        """Take over from the group as it was before a reload."""
        places = matched([run.rule for run in old.rules], self.group.rules)
        for place, run in enumerate(self.rules):
            if place not in places:
                continue
            before = old.rules[places[place]]
            run.series, run.looked_at = before.series, before.looked_at
            run.health, run.last_error, run.crash = before.health, before.last_error, before.crash
            run.last_evaluation, run.evaluation_seconds = before.last_evaluation, before.evaluation_seconds
            run.saved, run.saved_at = before.saved, before.saved_at
            if isinstance(run.rule, AlertingRule):
                run.stand(states.carried(before.active, run.rule, now), None)
        kept = set(places.values())
        self.leftover = (
            *old.leftover,
            *(labels for place, run in enumerate(old.rules) if place not in kept for labels in run.series),
        )
        self.last_evaluation, self.evaluation_seconds, self.missed = (
            old.last_evaluation,
            old.evaluation_seconds,
            old.missed,
        )

    def follow_forgotten(self, old: GroupRun) -> Sequence[RuleRun]:
        """The rules of the old group that have no successor here."""
        kept = set(matched([run.rule for run in old.rules], self.group.rules).values())
        return [run for place, run in enumerate(old.rules) if place not in kept]

    def series(self) -> tuple[Labels, ...]:
        """All series that this group has written and not ended."""
        return (*self.leftover, *(labels for run in self.rules for labels in run.series))

    async def slot(self, slot: Timestamp) -> None:
        """Evaluate every rule at this slot. What fails is noted at the rule; the others go on."""
        began = self.around.monotonic()
        if self.group.parallel > 1:
            await self._slot_in_batches(slot)
        else:
            await self._slot_in_order(slot)
        self._end_leftover(self._of_samples(slot))
        self.last_evaluation = slot
        self.evaluation_seconds = self.around.monotonic() - began
        self.around.counters.evaluated(self.group.key)

    def _of_samples(self, at: Timestamp) -> Timestamp:
        """The time of the samples that an evaluation at this instant reads, and of those that it writes."""
        return at + self.ahead - self.group.query_offset

    def _end_leftover(self, at: Timestamp) -> None:
        if self.leftover:
            written = {labels for run in self.rules for labels in run.series}
            self.around.samples.append(at, [(labels, STALE) for labels in self.leftover if labels not in written])
            self.leftover = ()

    async def _slot_in_order(self, slot: Timestamp) -> None:
        waiting = handing_over.Waiting(self.around, self.group, slot)
        rested = self.around.monotonic()
        try:
            for run in self.rules:
                if waiting.is_due_before(run):
                    await waiting.hand_over()
                if await self._evaluate(run, slot):
                    waiting.add(run)
                rested = await self._rest(rested)
        finally:  # a rule that crashed is no reason to keep what the others found
            await waiting.hand_over()

    async def _slot_in_batches(self, slot: Timestamp) -> None:
        turns = asyncio.Semaphore(self.group.parallel)

        async def one(run: RuleRun) -> None:
            async with turns:
                await self.slot_of(run, slot)

        for batch in self._batches:
            await asyncio.gather(*(one(self.rules[place]) for place in batch))
            await self.around.breathe()

    async def slot_of(self, run: RuleRun, slot: Timestamp) -> None:
        """Evaluate one rule at this slot."""
        if await self._evaluate(run, slot):
            await handing_over.hand_over(self.around, self.group, (run,), slot)

    async def _evaluate(self, run: RuleRun, slot: Timestamp) -> bool:
        """Evaluate one rule at this slot and write its samples; is there anything to hand over?"""
        stepped = False
        began = self.around.monotonic()
        try:
            written = await self._slot_samples(run, slot)
            stepped = isinstance(run.rule, AlertingRule) and run.looked_at <= slot
            await self._write(run, self._of_samples(slot), written)
        except (UserError, PeerError, StoreError) as error:
            if isinstance(error, LimitError):
                run.stand({}, None)
                stepped = isinstance(run.rule, AlertingRule)  # the store must not keep what a restart would go on with
            self._failed(run, str(error))
            self.around.warn(f"{self.group.key};{run.rule.name}", error)
        except Exception as error:  # noqa: BLE001 - whatever we do wrong in one rule, the pages of the others must not wait
            self._failed(run, f"{_OURS}: {type(error).__name__}: {error}")
            self._crashed(run, error)
        else:
            run.health, run.last_error, run.crash = Health.OK, "", ""
        run.last_evaluation = slot
        run.evaluation_seconds = self.around.monotonic() - began
        return stepped

    def _failed(self, run: RuleRun, problem: str) -> None:
        run.health, run.last_error = Health.BAD, problem
        self.around.counters.failed(self.group.key)

    def _crashed(self, run: RuleRun, error: Exception) -> None:
        """Told once, and not with every evaluation."""
        crash = f"{type(error).__name__}: {error}"
        if run.crash != crash:
            run.crash = crash
            self.around.crashed(f"{self.group.key};{run.rule.name}", error)

    async def look(self, place: int, at: Timestamp) -> None:
        """An early look at one alerting rule. A failure is left to the slot to tell."""
        run = self.rules[place]
        rule = run.rule
        if not isinstance(rule, AlertingRule):
            return
        # A result's time is its beginning: a slow one, or one of a clock that was set back, is older than what was
        # evaluated meanwhile without it. It counts all the same, a moment after that.
        at = max(at, run.looked_at + 1, (run.last_evaluation or 0) + 1)
        try:
            step = await self._step(run, rule, at)
        except (UserError, PeerError, StoreError):
            return
        except Exception as error:  # noqa: BLE001 - as in a slot
            self._crashed(run, error)
            return
        run.looked_at = at
        run.advance(step)
        self._tell(step)
        await handing_over.hand_over(self.around, self.group, (run,), at)

    def skip(self, span: Millis, now: Timestamp) -> None:
        """The wall clock jumped forward by `span`: the samples are that much older at once, and nothing is known of the
        time between."""
        for run in self.rules:
            active = {labels: unobserved(alert, span, self.group.interval, now) for labels, alert in run.active.items()}
            run.stand(active, None)

    def set_back(self, span: Millis, now: Timestamp) -> None:
        """The wall clock was set back by `span`, which is negative: whatever is counted from an instant goes on."""
        for run in self.rules:
            run.stand({labels: set_back(alert, span, now) for labels, alert in run.active.items()}, None)
            run.saved_at = 0
            run.looked_at += span if run.looked_at else 0
            run.last_evaluation = None if run.last_evaluation is None else run.last_evaluation + span
        self.last_evaluation = None if self.last_evaluation is None else self.last_evaluation + span

    def status(self) -> GroupStatus:
        """Plain data for the API."""
        return GroupStatus(
            group=self.group,
            last_evaluation=self.last_evaluation,
            evaluation_seconds=self.evaluation_seconds,
            missed=self.missed,
            rules=tuple(map(_status, self.rules)),
        )

    async def save_all(self, at: Timestamp) -> None:
        """Store everything as observed until now, before a stop."""
        known = [run for run in self.rules if run.active or run.saved]
        for run in known:
            run.saved_at = 0
        await handing_over.save(self.around, self.group, known, at)

    async def _write(self, run: RuleRun, at: Timestamp, written: Written) -> None:
        samples = self.around.samples
        ended = recording.ended(run.series, written.labels)
        if ended:
            labels = (*written.labels, *[each for each, _ in ended])
            steps = samples.appending(at, labels, [*written.values, *[value for _, value in ended]])
        else:
            steps = samples.appending_again(at, written.labels, written.values)
        for _ in steps:
            await self.around.breathe()
        run.series = written.labels

    async def _slot_samples(self, run: RuleRun, slot: Timestamp) -> Written:
        rule = run.rule
        if isinstance(rule, RecordingRule):
            answer = await self.around.querier.instant(rule.expr, self._of_samples(slot))
            written, run.named = recording.record(rule, answer, run.named, limit=self.group.limit)
            return written
        step = await self._step(run, rule, slot)
        if run.looked_at <= slot:
            run.advance(step)
            self._tell(step)
        return step.written

    async def _step(self, run: RuleRun, rule: AlertingRule, at: Timestamp) -> states.Step:
        group, querier = self.group, self.around.querier
        if rule.options.closed(at):
            return states.step(group.key, rule, run.active, (), at)
        answer = await querier.instant(rule.expr, self._of_samples(at))
        seen = await self._render(run, answer, at)
        active = await judged_again(querier, rule, run.active, seen, self._of_samples(at))
        if rule.options.plain:
            return states.step(group.key, rule, active, seen, at, limit=group.limit, written=run.written)
        least = _BLIND_INTERVALS * group.interval
        more = await held(querier, rule, active, seen, self._of_samples(at), least)
        seen = [*seen, *more.seen]
        if more.blind is not None:
            blind = await self._render(run, (more.blind,), at)
            seen += [replace(one, held=Hold.BLIND, least=least) for one in blind]
        return states.step(group.key, rule, active, seen, at, limit=group.limit, kept=more.kept, written=run.written)

    async def _render(self, run: RuleRun, answer: Vector, at: Timestamp) -> Sequence[Rendered]:
        rested = self.around.monotonic()

        async def rest() -> None:
            nonlocal rested
            rested = await self._rest(rested)

        assert run.texts is not None
        return await run.texts.of(answer, at + self.ahead, self.around.world, self.around.querier, rest)

    async def _rest(self, rested: float) -> float:
        """Let others have their turn if the last time is long ago; when that was."""
        if self.around.monotonic() - rested <= SLICE:
            return rested
        await self.around.breathe()
        return self.around.monotonic()

    def _tell(self, step: states.Step) -> None:
        if step.transitions:
            self.around.changed(step.transitions)


def _status(run: RuleRun) -> RuleStatus:
    alerts = tuple(alert for alert in run.active.values() if alert.state is not AlertState.INACTIVE)
    return RuleStatus(
        rule=run.rule,
        health=run.health,
        last_error=run.last_error,
        last_evaluation=run.last_evaluation,
        evaluation_seconds=run.evaluation_seconds,
        state=worst(alerts) if isinstance(run.rule, AlertingRule) else None,
        alerts=alerts,
    )
