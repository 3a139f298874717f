"""Words for stories about incidents: alerts, policies, a roster, and a run that feeds `step` one event after another."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

from monitor.model.alerts import MuteReason
from monitor.model.incidents import Actor, Door, IncidentEvent, Member, TimelineEntry
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, MessageKind, OutboxRow
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.oncall.effects import Cancel, Step
from monitor.oncall.escalation import step
from monitor.oncall.events import Event, Setting, TimerFired
from monitor.oncall.incident import Incident, TimerKind
from monitor.oncall.policies import Directory, Person, Policy, PolicyStep, Target
from monitor.oncall.roster import Roster

T = TypeVar("T")
START: Timestamp = 1_800_000_000_000
ANA = Actor(name="ana", door=Door.CLI)
BO = Actor(name="bo", door=Door.API)


def to(person: str, kind: str = "pagerduty") -> Destination:
    return Destination(f"user:{person}", kind)


def person(name: str, *kinds: str) -> Person:
    return Person(name=name, contacts=tuple(to(name, kind) for kind in kinds or ("pagerduty", "email")))


PEOPLE = (person("ana"), person("bo"), person("cy"), person("lead", "slack", "email"))
ROSTER = Roster(PEOPLE, {"ops": (Destination("ops", "slack"), Destination("ops", "email"))})


def targets(*texts: str) -> tuple[Target, ...]:
    return tuple(Target.parse(text) for text in texts)


def policy_step(*texts: str, after: Millis = 0) -> PolicyStep:
    return PolicyStep(notify=targets(*texts), after=after)


PAYMENTS = Policy(
    name="payments",
    steps=(
        policy_step("user:ana"),
        policy_step("user:bo", after=5 * MINUTE),
        policy_step("user:cy", after=10 * MINUTE),
    ),
    repeat=1,
    fallback=targets("user:lead"),
)


def alert(
    name: str = "Down",
    *,
    instance: str = "a",
    severity: str = "critical",
    firing: bool = True,
    muted_by: tuple[MuteReason, ...] = (),
    starts_at: Timestamp = START,
    **annotations: str,
) -> Member:
    labels = Labels({"alertname": name, "instance": instance, "severity": severity})
    return Member(
        fingerprint=Labels({"alertname": name, "instance": instance}).fingerprint,
        labels=labels,
        annotations=Labels(annotations),
        firing=firing,
        starts_at=starts_at,
        ends_at=None if firing else starts_at + MINUTE,
        muted_by=muted_by,
    )


def over(member: Member) -> Member:
    return replace(member, firing=False, ends_at=member.starts_at + MINUTE)


def muted(member: Member, reason: MuteReason = MuteReason.SILENCE) -> Member:
    return replace(member, muted_by=(reason,))


def seen_by(check: str, member: Member) -> Member:
    """Another alert of this name, of a check."""
    labels = Labels({**dict(member.labels.pairs), "check": check})
    return replace(member, labels=labels, fingerprint=labels.without("severity").fingerprint)


def explained(member: Member, by: Member) -> Member:
    """Inhibited by this other alert."""
    return replace(member, muted_by=(MuteReason.INHIBITION,), explained_by=by.fingerprint)


def group(
    *members: Member, held_until: Timestamp | None = None, policy: str = "payments", key: str = "{}:{}"
) -> IncidentEvent:
    return IncidentEvent(
        at=START, policy=policy, group_key=key, receiver="page", members=members, held_until=held_until
    )


class Story:
    """One incident key and what was decided about it so far. Rows are kept once per dedupe key, as the outbox does."""

    def __init__(self, *policies: Policy, directory: Directory = ROSTER, fallback: tuple[Target, ...] = ()) -> None:
        self.policies = {policy.name: policy for policy in policies or (PAYMENTS,)}
        self.directory = directory
        self.fallback = fallback
        self.now = START
        self.incident: Incident | None = None
        self.steps: list[Step] = []
        self.rows: dict[str, OutboxRow] = {}
        self.opened = 0

    def at(self, offset: Millis) -> Story:
        self.now = START + offset
        return self

    def feed(self, event: Event) -> Step:
        taken = step(self.incident, event, self.setting(), self.now)
        if taken.incident is not None and taken.incident.number == self.opened + 1:
            self.opened += 1
        self.incident = taken.incident
        self.steps.append(taken)
        for effect in taken.effects:
            if isinstance(effect, OutboxRow):
                self.rows.setdefault(effect.dedupe_key, effect)
        return taken

    def fire(self) -> Step:
        """The one timer that the incident has, at the present time."""
        (timer,) = self.state.timers
        return self.feed(TimerFired(TimerKind(timer.kind), timer.epoch))

    def setting(self) -> Setting:
        return Setting(
            policies=self.policies,
            directory=self.directory,
            new_id=f"ID{self.opened + 1}",
            next_number=self.opened + 1,
            fallback=self.fallback,
        )

    @property
    def state(self) -> Incident:
        assert self.incident is not None
        return self.incident

    @property
    def answer(self) -> str:
        answer = self.steps[-1].answer
        assert answer is not None
        return answer.text


def sent(taken: Step, *kinds: MessageKind) -> list[str]:
    """Who gets a row of these kinds by this decision, in order; pages of any kind when none is named."""
    return [
        row.destination.receiver.removeprefix("user:")
        for row in taken.effects
        if isinstance(row, OutboxRow) and (row.message.kind in kinds if kinds else row.message.kind.wakes)
    ]


def noted(taken: Step) -> list[str]:
    """The kinds of timeline entries of this decision."""
    return [effect.kind for effect in taken.effects if isinstance(effect, TimelineEntry)]


def cancels(taken: Step) -> list[int]:
    return [effect.below_epoch for effect in taken.effects if isinstance(effect, Cancel)]


def run_now(work: Coroutine[None, None, T]) -> T:
    """The result of a coroutine that waits for nothing, without a loop."""
    try:
        work.send(None)
    except StopIteration as finished:
        return finished.value
    raise AssertionError("it waits for something")
