"""The transition table is complete, and every cell does what its move says."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import fields, is_dataclass
from itertools import product

import pytest

from monitor.model.incidents import IncidentState
from monitor.model.labels import Labels
from monitor.model.notifications import DeliveryReport, MessageKind
from monitor.model.times import HOUR, MINUTE
from monitor.oncall.escalation import TRANSITIONS, Move, Trigger
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
    Snooze,
    TimerFired,
    Unacknowledge,
)
from monitor.oncall.incident import Incident, TimerKind
from tests.support.incidents import ANA, BO, START, Story, alert, group, to

EVENTS: tuple[type[Event], ...] = (
    GroupChanged,
    Acknowledge,
    Unacknowledge,
    Resolve,
    Snooze,
    EscalateNow,
    Rebase,
    PolicyRemoved,
    DeliveryReported,
    Audited,
)
TRIGGERS: tuple[Trigger, ...] = (*EVENTS, *TimerKind)
STATES: tuple[IncidentState | None, ...] = (None, *IncidentState)


def story_in(state: IncidentState | None) -> Story:
    """A story whose incident has come to this state, two minutes after the start."""
    story = Story()
    if state is not None:
        story.feed(GroupChanged(group(alert())))
        story.at(MINUTE)
    match state:
        case IncidentState.ACKNOWLEDGED:
            story.feed(Acknowledge(ANA))
        case IncidentState.SNOOZED:
            story.feed(Snooze(ANA, START + HOUR))
        case IncidentState.RESOLVED:
            story.feed(Resolve(ANA))
        case None | IncidentState.TRIGGERED:
            pass
    return story.at(2 * MINUTE)


def event_for(trigger: Trigger, story: Story) -> Event:
    if isinstance(trigger, TimerKind):
        return TimerFired(trigger, story.incident.epoch if story.incident is not None else 1)
    report = DeliveryReport(
        dedupe_key="ID1:1:0:0:user:ana/pagerduty[0]",
        destination=to("ana"),
        kind=MessageKind.TRIGGER,
        at=story.now,
        arrived=False,
        incident="ID1",
        epoch=1,
        why="no such key",
    )
    made: dict[type[Event], Event] = {
        GroupChanged: GroupChanged(group(alert())),
        Acknowledge: Acknowledge(BO),
        Unacknowledge: Unacknowledge(BO),
        Resolve: Resolve(BO),
        Snooze: Snooze(BO, START + 2 * HOUR),
        EscalateNow: EscalateNow(BO),
        Rebase: Rebase(BO),
        PolicyRemoved: PolicyRemoved(),
        DeliveryReported: DeliveryReported(report),
        Audited: Audited(),
    }
    return made[trigger]


def name_of(trigger: Trigger) -> str:
    return trigger.value if isinstance(trigger, TimerKind) else trigger.__name__


def test_every_state_meets_every_event() -> None:
    """And no cell is for anything else."""
    assert set(TRANSITIONS) == set(product(STATES, TRIGGERS))


def test_every_move_is_made_somewhere() -> None:
    """The table has no word without a use."""
    assert set(TRANSITIONS.values()) == set(Move)


AFTER: dict[Move, set[IncidentState]] = {
    Move.OPEN: {IncidentState.TRIGGERED},
    Move.ACKNOWLEDGE: {IncidentState.ACKNOWLEDGED},
    Move.SNOOZE: {IncidentState.SNOOZED},
    Move.RESOLVE: {IncidentState.RESOLVED},
    Move.ESCALATE: {IncidentState.TRIGGERED},
    Move.GIVE_BACK: {IncidentState.TRIGGERED},
}
"""States that a move leads to whenever it is made; all others keep the state here, since no timer is due and the group
reports nothing new."""


@pytest.mark.parametrize("trigger", TRIGGERS, ids=name_of)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.value if state else "none")
def test_each_cell_leads_where_its_move_says(state: IncidentState | None, trigger: Trigger) -> None:
    """Refusals and ignored events change nothing; actions always answer; deciding twice gives the same."""
    story = story_in(state)
    before = story.incident
    move = TRANSITIONS[(state, trigger)]
    event = event_for(trigger, story)
    taken = story.feed(event)
    after = taken.incident.state if taken.incident is not None else None
    if move in AFTER:
        assert after in AFTER[move]
    else:
        assert after is state
    if move in (Move.IGNORE, Move.REFUSE):
        assert (taken.incident, taken.effects) == (before, ())
    acts = isinstance(event, (Acknowledge, Unacknowledge, Resolve, Snooze, EscalateNow, Rebase))
    assert (taken.answer is not None) == acts
    assert story_in(state).feed(event) == taken


def test_whatever_changes_who_has_it_raises_the_epoch() -> None:
    """So that what was decided before can be told from what holds."""
    raising = {Move.ACKNOWLEDGE, Move.SNOOZE, Move.RESOLVE, Move.ESCALATE, Move.GIVE_BACK}
    for (state, trigger), move in TRANSITIONS.items():
        if state is None or move not in raising:
            continue
        story = story_in(state)
        epoch = story.state.epoch
        story.feed(event_for(trigger, story))
        assert story.state.epoch == epoch + 1, f"{state} {name_of(trigger)}"


def test_the_stored_state_is_plain_data() -> None:
    """A generic codec can store it: texts, numbers, enums, tuples, label sets, and dataclasses of those."""
    unknown = list(unstorable(Incident, "incident"))
    assert unknown == []


PLAIN: frozenset[object] = frozenset((str, int, float, bool, type(None), Labels))


def unstorable(kind: object, path: str) -> typing.Iterator[str]:
    if kind in PLAIN:
        return
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        for field in fields(kind):
            yield from unstorable(hints[field.name], f"{path}.{field.name}")
        return
    if typing.get_origin(kind) in (tuple, types.UnionType):
        for part in typing.get_args(kind):
            if part is not Ellipsis:
                yield from unstorable(part, path)
        return
    yield f"{path}: {kind}"
