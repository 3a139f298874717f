"""What every event does to an incident in every state: one table, and one pure function over it.

`step` is the whole of it: no clock, no dice, no store. It is safe to call twice with the same arguments (the rows that it
gives are keyed by what they say, not by when), and a timer that the incident no longer wants does nothing. Overlays
(silence, inhibition, intervals, maintenance) are no states: they are looked at whenever something is due, so that their
end cannot lose what they held up.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeAlias, assert_never

from monitor.model.incidents import IncidentState
from monitor.model.times import Timestamp
from monitor.oncall import actions, moves
from monitor.oncall.effects import Step
from monitor.oncall.events import (
    Acknowledge,
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
from monitor.oncall.incident import Incident, TimerKind
from monitor.oncall.run import Draft


class Move(Enum):
    """What a decision does; each has one function in `moves`, or in `actions` if a person makes it."""

    IGNORE = auto()
    """Nothing: too late, too early, or not for this state."""
    REFUSE = auto()
    """Nothing, and the person is told why."""
    OPEN = auto()
    FOLLOW = auto()
    """Take over the group's news while the walk goes on."""
    JOIN = auto()
    """Take over the group's news while somebody has it: is it worth waking them again?"""
    WATCH = auto()
    """Resolved: does something fire that was not dealt with?"""
    TAKE_DUE = auto()
    LIFT_HOLD = auto()
    OUTLIVE = auto()
    """What was explained goes on long after its explanation: whoever has the incident is told."""
    TIME_OUT = auto()
    REOPEN = auto()
    ACKNOWLEDGE = auto()
    GIVE_BACK = auto()
    RESOLVE = auto()
    SNOOZE = auto()
    ESCALATE = auto()
    REBASE = auto()
    MARK_REMOVED = auto()
    REROUTE = auto()
    AUDIT = auto()


Trigger: TypeAlias = type[Event] | TimerKind
"""The kind of an event; each kind of timer is one of its own."""

_T: Final = IncidentState.TRIGGERED
_A: Final = IncidentState.ACKNOWLEDGED
_S: Final = IncidentState.SNOOZED
_R: Final = IncidentState.RESOLVED

_COLUMNS: Final = (None, _T, _A, _S, _R)
_ROWS: Final[Mapping[Trigger, tuple[Move, Move, Move, Move, Move]]] = {
    # event             no incident   triggered          acknowledged       snoozed            resolved
    GroupChanged:          (Move.OPEN, Move.FOLLOW, Move.JOIN, Move.JOIN, Move.WATCH),
    TimerKind.STEP:        (Move.IGNORE, Move.TAKE_DUE, Move.IGNORE, Move.IGNORE, Move.IGNORE),
    TimerKind.REMINDER:    (Move.IGNORE, Move.TAKE_DUE, Move.IGNORE, Move.IGNORE, Move.IGNORE),
    TimerKind.HOLD:        (Move.IGNORE, Move.LIFT_HOLD, Move.IGNORE, Move.IGNORE, Move.IGNORE),
    TimerKind.OUTLIVED:    (Move.IGNORE, Move.IGNORE, Move.OUTLIVE, Move.OUTLIVE, Move.IGNORE),
    TimerKind.ACK_TIMEOUT: (Move.IGNORE, Move.IGNORE, Move.TIME_OUT, Move.IGNORE, Move.IGNORE),
    TimerKind.SNOOZE:      (Move.IGNORE, Move.IGNORE, Move.IGNORE, Move.TIME_OUT, Move.IGNORE),
    TimerKind.REOPEN:      (Move.IGNORE, Move.IGNORE, Move.IGNORE, Move.IGNORE, Move.REOPEN),
    Acknowledge:           (Move.REFUSE, Move.ACKNOWLEDGE, Move.REFUSE, Move.ACKNOWLEDGE, Move.REFUSE),
    Unacknowledge:         (Move.REFUSE, Move.REFUSE, Move.GIVE_BACK, Move.GIVE_BACK, Move.REFUSE),
    Resolve:               (Move.REFUSE, Move.RESOLVE, Move.RESOLVE, Move.RESOLVE, Move.REFUSE),
    Snooze:                (Move.REFUSE, Move.SNOOZE, Move.SNOOZE, Move.SNOOZE, Move.REFUSE),
    EscalateNow:           (Move.REFUSE, Move.ESCALATE, Move.ESCALATE, Move.ESCALATE, Move.REFUSE),
    Rebase:                (Move.REFUSE, Move.REBASE, Move.REBASE, Move.REBASE, Move.REFUSE),
    PolicyRemoved:         (Move.IGNORE, Move.MARK_REMOVED, Move.MARK_REMOVED, Move.MARK_REMOVED, Move.IGNORE),
    DeliveryReported:      (Move.IGNORE, Move.REROUTE, Move.REROUTE, Move.REROUTE, Move.REROUTE),
    Audited:               (Move.IGNORE, Move.AUDIT, Move.AUDIT, Move.AUDIT, Move.IGNORE),
}  # fmt: skip

TRANSITIONS: Final[Mapping[tuple[IncidentState | None, Trigger], Move]] = {
    (state, trigger): move for trigger, moves in _ROWS.items() for state, move in zip(_COLUMNS, moves, strict=True)
}
"""Complete: every state, and no incident at all, against every kind of event."""


def step(incident: Incident | None, event: Event, setting: Setting, now: Timestamp) -> Step:
    """Decide what `event` does to the latest generation of an incident (None: its key never had one)."""
    trigger = event.kind if isinstance(event, TimerFired) else type(event)
    move = TRANSITIONS[(incident.state if incident is not None else None, trigger)]
    if isinstance(event, GroupChanged):
        return _group_changed(incident, event, move, setting, now)
    if incident is None:
        return Step(incident=None, answer=actions.refusal(None, event, now))
    draft = Draft(incident, setting, now)
    match event:
        case TimerFired():
            wanted = any(
                timer.kind == event.kind.value and timer.epoch == event.epoch and timer.due_at <= now
                for timer in incident.timers
            )
            return _timer_fired(draft, move) if wanted else Step(incident=incident)
        case PolicyRemoved() | DeliveryReported() | Audited():
            return _told(draft, event, move)
        case _:
            return _acted(draft, event, move)


def _group_changed(
    incident: Incident | None, event: GroupChanged, move: Move, setting: Setting, now: Timestamp
) -> Step:
    if incident is None or move is Move.OPEN:
        members = event.event.members
        return (
            moves.open_incident(None, event, members, setting, now)
            if moves.any_firing(members)
            else Step(incident=None)
        )
    if move is Move.WATCH:
        return moves.watch(incident, event, setting, now)
    draft = Draft(incident, setting, now)
    if move is Move.FOLLOW:
        moves.follow(draft, event)
    else:
        moves.join(draft, event)
    return draft.done()


def _timer_fired(draft: Draft, move: Move) -> Step:
    if move is Move.REOPEN:
        return moves.reopen(draft.incident, draft.setting, draft.now)
    if move is Move.LIFT_HOLD:
        draft.release("the overlay that kept its alerts quiet has ended")
    if move is Move.TIME_OUT:
        moves.time_out(draft)
    elif move is Move.OUTLIVE:
        moves.outlive(draft)
    else:
        draft.settle()
    return draft.done()


def _told(draft: Draft, event: PolicyRemoved | DeliveryReported | Audited, move: Move) -> Step:
    if move is Move.IGNORE:
        return Step(incident=draft.incident)
    match event:
        case PolicyRemoved():
            moves.mark_removed(draft)
        case DeliveryReported():
            moves.reroute(draft, event)
        case Audited():
            moves.repair(draft)
        case _:
            assert_never(event)
    return draft.done()


def _acted(
    draft: Draft, event: Acknowledge | Unacknowledge | Resolve | Snooze | EscalateNow | Rebase, move: Move
) -> Step:
    if move is Move.REFUSE:
        return Step(incident=draft.incident, answer=actions.refusal(draft.incident, event, draft.now))
    match event:
        case Acknowledge():
            answer = actions.acknowledge(draft, event.actor)
        case Unacknowledge():
            answer = actions.give_back(draft, event.actor)
        case Resolve():
            answer = actions.resolve_by_hand(draft, event.actor)
        case Snooze():
            answer = actions.snooze(draft, event)
        case EscalateNow():
            answer = actions.escalate(draft, event.actor)
        case Rebase():
            answer = actions.rebase(draft, event.actor)
        case _:
            assert_never(event)
    return draft.done(answer)
