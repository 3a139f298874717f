"""The shell around `escalation.step`: who is looked at, when, and in which transaction.

Woken by an event (somebody put a row into the inbox) or by the next stored timer, never by a ticker. Each pass takes the
keys that have something to do, reads them in one transaction, feeds every key its inbox rows in order and then the one
timer that is due, and commits state, rows, timers and the deletion of the inbox rows together. A crash before the commit
repeats the decision on the same rows; after it, nothing is left to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from monitor.chance import Chance
from monitor.clock import Clock, Wakeup
from monitor.model.changes import Deployment
from monitor.model.errors import BugError, ConflictError, CorruptionError, NotFoundError, StoreError
from monitor.model.incidents import Actor, IncidentEvent, Severity, TimelineEntry
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.oncall.effects import Answer, Step
from monitor.oncall.escalation import step
from monitor.oncall.events import (
    Acknowledge,
    Action,
    Audited,
    DeliveryReported,
    EscalateNow,
    Event,
    GroupChanged,
    PolicyRemoved,
    Rebase,
    Resolve,
    Setting,
    Snooze,
    TimerFired,
    Unacknowledge,
)
from monitor.oncall.incident import Incident, IncidentKey, TimerKind
from monitor.oncall.moves import REPAIRED
from monitor.oncall.policies import Directory, Policy, Target
from monitor.oncall.stores import Decision, InboxRow, IncidentQueries, IncidentStore, Snapshot, raised

_BATCH = 50
"""Keys that share a transaction."""
_ASIDE: Millis = MINUTE
"""A key whose decision broke is tried again after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """What configuration says about paging. Replaced as a whole by a reload."""

    policies: Mapping[str, Policy]
    directory: Directory
    fallback: tuple[Target, ...] = ()
    """For policies without their own."""
    external_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What the minute audit found."""

    open: int
    repaired: tuple[str, ...]
    """Ids of incidents that were not going to be looked at as they should, and now are."""
    without_timer: Mapping[str, str] = field(default_factory=dict[str, str])
    """Id of each open incident that waits for an event only → why."""
    unattended: int = 0
    """Open criticals with neither timer nor reason after the repair, and open incidents that cannot be read, which may be
    such; always 0 unless something is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An incident with its history."""

    incident: Incident
    timeline: tuple[TimelineEntry, ...]


def _no_deployments(now: Timestamp) -> tuple[Deployment, ...]:
    return ()


def _nothing(decision: Decision) -> None:
    return None


class Escalating:
    """Walks all incidents. One instance decides for one database at a time.

    `deployments` gives the recent ones at an instant; it is called on the loop before each transaction, while decisions may
    run on the store's thread. `committed` is called on the loop after each commit that wrote something: it wakes the
    delivery of `rows` and counts `timeline` kinds (`nobody`, `fallback`, `exhausted`, `delivery_failed`, ... are worth a
    metric). It must not raise.
    `broken(key, error)` hears of an incident that could not be read or decided upon, and the others go on; without it the
    error ends the call.
    """

    def __init__(
        self,
        *,
        store: IncidentStore,
        queries: IncidentQueries,
        clock: Clock,
        chance: Chance,
        playbook: Playbook,
        deployments: Callable[[Timestamp], tuple[Deployment, ...]] = _no_deployments,
        committed: Callable[[Decision], None] = _nothing,
        broken: Callable[[IncidentKey, Exception], None] = raised,
    ) -> None:
        self._store = store
        self._queries = queries
        self._clock = clock
        self._chance = chance
        self._playbook = playbook
        self._deployments = deployments
        self._committed = committed
        self._broken = broken
        self._aside: dict[IncidentKey, Timestamp] = {}
        self._recent: tuple[Deployment, ...] = ()
        self._wake = Wakeup()

    def nudge(self) -> None:
        """Something was committed to the inbox. Call it on the loop."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled. Raises StoreError; starting again loses nothing."""
        while True:
            await self.advance()
            due = [await self._store.next_due(self._aside.keys()), *self._aside.values()]
            await self._clock.wait(self._wake, min((at for at in due if at is not None), default=None))

    async def advance(self) -> int:
        """Do everything that is to be done now. Returns the number of keys that were decided upon, with repetition."""
        decided = 0
        while keys := await self._ready():
            decided += await self._decide(keys)
        return decided

    async def reload(self, playbook: Playbook) -> None:
        """Take over a new configuration. Open incidents keep their policy version; those whose policy is gone say so."""
        self._playbook = playbook
        for incident, _ in await self._store.open_incidents(self._broken):
            if incident.policy not in playbook.policies and not incident.policy_removed:
                await self._tell(incident, PolicyRemoved())
        self.nudge()

    async def acknowledge(self, reference: str, actor: Actor) -> Answer:
        return await self._act(reference, Acknowledge(actor))

    async def unacknowledge(self, reference: str, actor: Actor) -> Answer:
        return await self._act(reference, Unacknowledge(actor))

    async def resolve(self, reference: str, actor: Actor) -> Answer:
        return await self._act(reference, Resolve(actor))

    async def snooze(self, reference: str, actor: Actor, until: Timestamp) -> Answer:
        return await self._act(reference, Snooze(actor, until))

    async def escalate(self, reference: str, actor: Actor) -> Answer:
        return await self._act(reference, EscalateNow(actor))

    async def rebase(self, reference: str, actor: Actor) -> Answer:
        return await self._act(reference, Rebase(actor))

    async def incidents(self, limit: int = 100, *, open_only: bool = False) -> tuple[Incident, ...]:
        """The newest first."""
        return await self._queries.recent(limit, open_only=open_only, unreadable=self._broken)

    async def show(self, reference: str) -> Shown:
        """By id or number. Raises NotFoundError."""
        incident = await self._find(reference)
        return Shown(incident=incident, timeline=await self._queries.timeline(incident.id))

    async def audit_open(self) -> AuditReport:
        """Will every open incident be looked at again? Repairs those that will not: missing or wrong timers, and ones
        that lie too far ahead because the clock was put back. To be run once a minute."""
        unreadable: dict[IncidentKey, CorruptionError] = {}
        found = await self._store.open_incidents(unreadable.__setitem__)
        for key, error in unreadable.items():
            self._broken(key, error)
        now = self._clock.now()  # only now: next to an older instant, what was decided since lies too far ahead
        repaired: list[str] = []
        for incident, stored in found:
            lost = stored != incident.timers
            if not lost and self._audited(incident, now).incident == incident:
                continue
            decision = await self._tell(incident, Audited())
            if decision is not None and (lost or any(entry.kind == REPAIRED for entry in decision.timeline)):
                repaired.append(incident.id)
        if repaired:
            found = await self._store.open_incidents(unreadable.__setitem__)
            self.nudge()
        return AuditReport(
            open=len(found) + len(unreadable),
            repaired=tuple(repaired),
            without_timer={incident.id: incident.waits_for for incident, stored in found if not stored},
            unattended=len(unreadable)
            + sum(
                1
                for incident, stored in found
                if incident.severity is Severity.CRITICAL and not stored and not incident.waits_for
            ),
        )

    async def _ready(self) -> tuple[IncidentKey, ...]:
        now = self._clock.now()
        self._aside = {key: until for key, until in self._aside.items() if now < until <= now + _ASIDE}
        limit = _BATCH + len(self._aside)
        waiting = await self._store.waiting(limit)
        due = await self._store.due(now, limit)
        return tuple(key for key in dict.fromkeys((*waiting, *due)) if key not in self._aside)[:_BATCH]

    async def _decide(self, keys: tuple[IncidentKey, ...]) -> int:
        """Decide upon these together; if that breaks, one by one, so that one broken incident does not stop the others.
        What breaks alone is set aside for a minute and reported. Raises StoreError when the store itself fails."""
        try:
            await self._transact(keys, self._look)
        except Exception as error:
            if _of_the_store(error):
                raise
            first, *others = keys
            if others:
                return sum([await self._decide((key,)) for key in keys])
            self._aside[first] = self._clock.now() + _ASIDE
            self._broken(first, error)
            return 0
        return len(keys)

    async def _tell(self, incident: Incident, event: PolicyRemoved | Audited) -> Decision | None:
        """None if that could not be decided, which is reported. Raises StoreError when the store itself fails."""
        try:
            return await self._transact((incident.key,), self._apply(incident.id, event))
        except Exception as error:
            if _of_the_store(error):
                raise
            self._broken(incident.key, error)
            return None

    async def _act(self, reference: str, action: Action) -> Answer:
        incident = await self._find(reference)
        decision = await self._transact((incident.key,), self._apply(incident.id, action))
        self.nudge()
        if decision.answer is None:
            raise BugError(f"{type(action).__name__} on incident {incident.number} had no answer")
        if decision.answer.refused:
            raise ConflictError(f"incident #{incident.number}: {decision.answer.text}")
        return decision.answer

    async def _find(self, reference: str) -> Incident:
        incident = await self._queries.find(reference.strip())
        if incident is None:
            raise NotFoundError(f'there is no incident "{reference}": give its id or its number')
        return incident

    async def _transact(
        self, keys: tuple[IncidentKey, ...], decide: Callable[[Snapshot, Timestamp], Decision]
    ) -> Decision:
        self._recent = self._deployments(self._clock.now())
        decision = await self._store.transact(keys, lambda snapshot: decide(snapshot, self._clock.now()))
        if decision.incidents or decision.consumed:
            self._committed(decision)
        return decision

    def _look(self, snapshot: Snapshot, now: Timestamp) -> Decision:
        """Feed every key its inbox, then the timer that its state wants by then. A key that has nothing to do is written
        all the same, so that a stored timer which its state does not know cannot come due for ever."""
        pass_ = self._pass(snapshot, now)
        pass_.read_inbox()
        pass_.fire_due()
        return pass_.decision(also=tuple(snapshot.incidents))

    def _apply(self, id_: str, event: Action | PolicyRemoved | Audited) -> Callable[[Snapshot, Timestamp], Decision]:
        """One event for one incident. What waits in the inbox comes first, so that a person acts on the newest state; an
        incident that has a successor is over, whatever is asked of it."""

        def decide(snapshot: Snapshot, now: Timestamp) -> Decision:
            pass_ = self._pass(snapshot, now)
            pass_.read_inbox()
            pass_.feed_incident(id_, event)
            return pass_.decision(also=tuple(snapshot.incidents) if isinstance(event, Audited) else ())

        return decide

    def _pass(self, snapshot: Snapshot, now: Timestamp) -> _Pass:
        return _Pass(snapshot, lambda number: self._setting(number, now), now)

    def _audited(self, incident: Incident, now: Timestamp) -> Step:
        return step(incident, Audited(), self._setting(0, now), now)

    def _setting(self, number: int, now: Timestamp) -> Setting:
        return Setting(
            policies=self._playbook.policies,
            directory=self._playbook.directory,
            new_id=self._chance.ulid(now),
            next_number=number,
            fallback=self._playbook.fallback,
            deployments=self._recent,
            external_url=self._playbook.external_url,
        )


class _Pass:
    """The decisions of one transaction, made one after another on what it read."""

    __slots__ = ("_latest", "_now", "_number", "_setting", "_snapshot", "_steps")

    def __init__(self, snapshot: Snapshot, setting: Callable[[int], Setting], now: Timestamp) -> None:
        self._snapshot = snapshot
        self._setting = setting
        self._now = now
        self._latest = dict(snapshot.incidents)
        self._number = snapshot.next_number
        self._steps: list[Step] = []

    def read_inbox(self) -> None:
        for row in self._snapshot.inbox:
            self._feed(row.key, _event(row))

    def fire_due(self) -> None:
        """One timer a key: what it makes due at once is found by the next pass."""
        for key, incident in list(self._latest.items()):
            for timer in incident.timers:
                if timer.due_at <= self._now:
                    self._feed(key, TimerFired(TimerKind(timer.kind), timer.epoch))

    def feed_incident(self, id_: str, event: Action | PolicyRemoved | Audited) -> None:
        key = next((key for key, one in self._snapshot.incidents.items() if one.id == id_), None)
        incident = self._latest.get(key) if key is not None else None
        if key is not None and incident is not None and incident.id == id_:
            self._feed(key, event)
        elif isinstance(event, (PolicyRemoved, Audited)):
            return
        else:
            harmless = isinstance(event, (Acknowledge, Resolve))
            answer = Answer(
                text="already resolved; a newer incident took its place", changed=False, refused=not harmless
            )
            self._steps.append(Step(incident=None, answer=answer))

    def decision(self, also: tuple[IncidentKey, ...]) -> Decision:
        """All of it; the latest states of `also` are written even if they did not change."""
        again = [Step(incident=self._latest[key]) for key in also]
        return Decision.of([*self._steps, *again], [row.id for row in self._snapshot.inbox])

    def _feed(self, key: IncidentKey, event: Event) -> None:
        before = self._latest.get(key)
        taken = step(before, event, self._setting(self._number), self._now)
        if taken.incident is not None:
            if taken.incident is not before and taken.incident.number == self._number:
                self._number += 1
            self._latest[key] = taken.incident
        if taken.effects or taken.answer is not None or taken.incident is not before:
            self._steps.append(taken)


def _of_the_store(error: Exception) -> bool:
    """Would every other incident fail as well?"""
    return isinstance(error, StoreError) and not isinstance(error, CorruptionError)


def _event(row: InboxRow) -> Event:
    return GroupChanged(row.content) if isinstance(row.content, IncidentEvent) else DeliveryReported(row.content)
