"""Replaying rules over what was stored: what would have fired, when, and for how long.

The production code runs at the slots that the daemon would have taken, group by group in order of time, in a time of its
own; only querier, sink and stores differ. The replay begins a while before the time that is asked about, so that what was
pending then is; what happened before is not told.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.columns.sink import SampleSink
from monitor.model.alerts import AlertState, AlertTransition
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp
from monitor.rules.evaluating import GroupRun, Surroundings
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.leaving import Leaving
from monitor.rules.ports import Querier
from monitor.rules.slots import offset_of, slot_at
from monitor.rules.texts import World
from monitor.rules.unit_tests import Nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One time that an alert fired."""

    labels: Labels
    active_at: Timestamp
    """Since when its expression had held."""
    fired_at: Timestamp
    """As far as it was asked about: an alert that fired already begins with that time."""
    ended_at: Timestamp | None
    """None: it still fires at the end."""

    def lasted(self, until: Timestamp) -> Millis:
        return (until if self.ended_at is None else self.ended_at) - self.fired_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHistory:
    """What became of one alerting rule."""

    file: str
    group: str
    rule: AlertingRule
    episodes: tuple[Episode, ...]
    """In the order in which they began."""
    only_pending: int
    """How often an alert pended and did not come to fire."""
    failures: int
    """Evaluations that failed."""
    last_error: str


@dataclass(slots=True)
class _Story:
    """One rule's alerts while the replay runs."""

    firing: dict[Labels, tuple[Timestamp, Timestamp]] = field(default_factory=dict[Labels, tuple[Timestamp, Timestamp]])
    """When its expression began to hold, and when it began to fire."""
    episodes: list[Episode] = field(default_factory=list[Episode])
    only_pending: int = 0


async def backtest(
    groups: Sequence[RuleGroup],
    querier: Querier,
    samples: SampleSink,
    *,
    begin: Timestamp,
    since: Timestamp,
    until: Timestamp,
    world: World,
) -> tuple[RuleHistory, ...]:
    """Replay from `begin`; tell what happened in [since, until]. Every alerting rule has its history, in the order of the
    files."""
    told: list[AlertTransition] = []
    nobody = Nobody()
    around = Surroundings(
        querier=querier,
        samples=samples,
        alerts=nobody,
        states=nobody,
        counters=nobody,
        monotonic=lambda: 0.0,
        warn=lambda where, error: None,
        changed=told.extend,
        world=world,
        leaving=Leaving(labels=world.external_labels),
    )
    stories: dict[tuple[str, int], _Story] = {}
    failures: Counter[tuple[str, int]] = Counter()
    errors: dict[tuple[str, int], str] = {}
    runs = [GroupRun(group, around) for group in groups]
    due = [(_first_slot(run.group, begin), number) for number, run in enumerate(runs)]
    heapq.heapify(due)
    while due and due[0][0] <= until:
        slot, number = due[0]
        run = runs[number]
        for place, rule in enumerate(run.rules):
            # one rule at a time, as `slot` does it: a transition does not say which of two rules of one name it is of
            await run.slot_of(rule, slot)
            at = run.group.key, place
            for transition in told:
                _take(stories.setdefault(at, _Story()), transition, since)
            told.clear()
            if rule.last_error and slot >= since:
                failures[at] += 1
                errors[at] = rule.last_error
        heapq.heapreplace(due, (slot + run.group.interval, number))
    return tuple(
        RuleHistory(
            file=group.file,
            group=group.name,
            rule=rule,
            episodes=_episodes(stories.get((group.key, place), _Story())),
            only_pending=stories.get((group.key, place), _Story()).only_pending,
            failures=failures[group.key, place],
            last_error=errors.get((group.key, place), ""),
        )
        for group in groups
        for place, rule in enumerate(group.rules)
        if isinstance(rule, AlertingRule)
    )


def _first_slot(group: RuleGroup, begin: Timestamp) -> Timestamp:
    offset = offset_of(group.file, group.name, group.interval)
    return slot_at(begin - 1, group.interval, offset) + group.interval


def _take(story: _Story, transition: AlertTransition, since: Timestamp) -> None:
    labels, at = transition.labels, transition.at
    if transition.after is AlertState.FIRING:
        story.firing[labels] = transition.active_at, max(at, since)
    elif transition.before is AlertState.FIRING:
        active_at, fired_at = story.firing.pop(labels)
        if at >= since:
            story.episodes.append(Episode(labels=labels, active_at=active_at, fired_at=fired_at, ended_at=at))
    elif transition.before is AlertState.PENDING and at >= since:
        story.only_pending += 1


def _episodes(story: _Story) -> tuple[Episode, ...]:
    going_on = [
        Episode(labels=labels, active_at=active_at, fired_at=fired_at, ended_at=None)
        for labels, (active_at, fired_at) in story.firing.items()
    ]
    return tuple(sorted((*story.episodes, *going_on), key=lambda one: (one.fired_at, one.labels.pairs)))
