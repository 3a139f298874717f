"""The incident as it is stored: one value, replaced by every decision.

Timers are not kept beside the state but *read off* it (`Incident.timers`): a state and its timers cannot disagree, and
whoever writes the one writes the other. Muting is no state but an overlay: while `held`, the step that is due stays due
and is taken when the overlay ends.

Everything in here is plain data (texts, numbers, enums, tuples, label sets, nested dataclasses), so that one generic
codec stores it; fields are only ever added, with a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from monitor.model.changes import Timer
from monitor.model.incidents import IncidentEvent, IncidentState, Member, Severity
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination
from monitor.model.times import Millis, Timestamp
from monitor.oncall.policies import PolicyVersion


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class IncidentKey:
    """What an incident is about. At most one generation of a key is open."""

    policy: str
    group_key: str


class TimerKind(Enum):
    """Why an incident is looked at again. The values stand in the `kind` of stored timers."""

    STEP = "step"
    """The next step, the next walk, or being exhausted."""
    REMINDER = "reminder"
    """The slow reminder of an exhausted policy."""
    HOLD = "hold"
    """The overlay that keeps all alerts quiet is expected to end."""
    OUTLIVED = "outlived"
    """What was known by its explanation alone goes on after that: is it still there?"""
    ACK_TIMEOUT = "ack_timeout"
    SNOOZE = "snooze"
    REOPEN = "reopen"
    """A person resolved it while alerts were firing: do they still?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A destination that got a page, and with which step last. It gets every later change of state."""

    destination: Destination
    person: str = ""
    epoch: int
    loop: int
    step: int
    at: Timestamp
    wake: int = 0
    """`Incident.wakes` at its last page."""

    def __str__(self) -> str:
        return self.person or self.destination.receiver.rstrip(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One generation of an incident, from the first firing alert to its resolve."""

    id: str
    """A ULID, never used again."""
    number: int
    """Short, for people."""
    policy: str
    group_key: str
    generation: int
    """From 1, counted per key."""
    pinned: PolicyVersion
    opened_at: Timestamp
    receiver: str = ""
    group_labels: Labels = EMPTY
    epoch: int = 1
    """Raised by everything that makes earlier pages moot. Pages and timers of an older epoch do nothing."""
    state: IncidentState = IncidentState.TRIGGERED
    severity: Severity = Severity.WARNING
    """The worst so far; it never falls while the incident is open."""
    urgent: bool = True
    """Do its steps follow one another? Once true it stays so."""
    members: tuple[Member, ...] = ()
    names: tuple[str, ...] = ()
    """What people were told of (`membership.mark`); another one pages again after an acknowledgement. A name without a check
    stands for whatever bears it."""
    unspoken: tuple[str, ...] = ()
    """Of these, what nobody was told of: whoever has the incident knows it by what explains it."""
    outliving: tuple[str, ...] = ()
    """Of these, what was heard without its explanation and not been explained since, though it may be over for a moment."""
    outlives_at: Timestamp | None = None
    """When such a one is told; None if there is none."""
    loop: int = 0
    """How often the list of steps has been walked to its end."""
    step: int = -1
    """The step taken last, from 0; -1 before the first."""
    due_at: Timestamp | None = None
    """When the next step or reminder is due; None when nothing more is to come by itself."""
    due_span: Millis = 0
    """How far ahead `due_at` was when it was set; tells that the clock was put back."""
    begun: bool = False
    """Has a step ever been taken? From then on maintenance does not hold it."""
    exhausted: bool = False
    held: bool = False
    held_until: Timestamp | None = None
    policy_removed: bool = False
    acked_by: str = ""
    acked_at: Timestamp | None = None
    ack_expires_at: Timestamp | None = None
    snoozed_until: Timestamp | None = None
    resolved_at: Timestamp | None = None
    resolved_by: str = ""
    """A person, or empty when its alerts ended by themselves."""
    still_firing: tuple[str, ...] = ()
    """Fingerprints of what was heard when a person resolved it, and of what that explains, that have not stopped since."""
    reopen_at: Timestamp | None = None
    notified: tuple[Notified, ...] = ()
    """Each destination once, in the order of its first page."""
    pages: int = 0
    """Steps and reminders taken so far; every page shows it."""
    reminders: int = 0
    updates: int = 0
    repages: int = 0
    wakes: int = 0
    """How often it pages again after somebody had it."""
    nobody: int = 0
    """Steps that reached nobody."""
    fallbacks: int = 0
    alerts_joined: int = 0
    """Alerts that were ever a member."""
    alerts_cleared: int = 0

    @property
    def key(self) -> IncidentKey:
        return IncidentKey(policy=self.policy, group_key=self.group_key)

    @property
    def firing(self) -> tuple[Member, ...]:
        """Members that fire, muted ones included."""
        return tuple(member for member in self.members if member.firing)

    @property
    def timers(self) -> tuple[Timer, ...]:
        """What the state waits for. At most one timer; none means that it waits for an event, see `waits_for`."""
        kind, due = self._next_look()
        if due is None:
            return ()
        return (Timer(owner=f"incident:{self.id}", kind=kind.value, due_at=due, epoch=self.epoch),)

    @property
    def waits_for(self) -> str:
        """Why it has no timer, in words for people; empty when it has one or is resolved for good."""
        if self.timers or not self.state.is_open:
            return ""
        match self.state:
            case IncidentState.ACKNOWLEDGED:
                return f"acknowledged by {self.acked_by}, without a time limit"
            case IncidentState.TRIGGERED if self.held:
                return "held while all of its alerts are muted, until that ends"
            case IncidentState.TRIGGERED if not self.urgent:
                return "only warnings: its policy does not escalate those"
            case _:
                return ""

    def as_event(self, now: Timestamp) -> IncidentEvent:
        """The group as last reported."""
        return IncidentEvent(
            at=now,
            policy=self.policy,
            group_key=self.group_key,
            receiver=self.receiver,
            group_labels=self.group_labels,
            members=self.members,
            held_until=self.held_until,
        )

    def _next_look(self) -> tuple[TimerKind, Timestamp | None]:
        match self.state:
            case IncidentState.TRIGGERED if self.held:
                return TimerKind.HOLD, self.held_until
            case IncidentState.TRIGGERED:
                return TimerKind.REMINDER if self.exhausted else TimerKind.STEP, self.due_at
            case IncidentState.ACKNOWLEDGED:
                return self._sooner(TimerKind.ACK_TIMEOUT, self.ack_expires_at)
            case IncidentState.SNOOZED:
                return self._sooner(TimerKind.SNOOZE, self.snoozed_until)
            case IncidentState.RESOLVED:
                return TimerKind.REOPEN, self.reopen_at

    def _sooner(self, kind: TimerKind, at: Timestamp | None) -> tuple[TimerKind, Timestamp | None]:
        """The end of somebody's time, or what is told before."""
        if self.outlives_at is not None and (at is None or self.outlives_at < at):
            return TimerKind.OUTLIVED, self.outlives_at
        return kind, at


_LOW = frozenset({"warning", "warn", "minor", "low", "info", "none"})


def is_urgent(members: tuple[Member, ...]) -> bool:
    """Does any of them deserve more than the first step? Only a severity that plainly says "low" does not: a missing or
    unknown one escalates, since its receiver was chosen to."""
    return any(member.labels.get("severity", "").strip().lower() not in _LOW for member in members)
