"""What people do to an incident: each takes a `Draft`, leaves it as the next state, and gives the answer.

None of them asks whether the state allows it; the table has decided that, and `refusal` says what a person is told where it
does not.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.model.incidents import Actor, IncidentState
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import Timestamp, spoken_duration
from monitor.oncall.effects import Answer
from monitor.oncall.events import (
    Acknowledge,
    Audited,
    DeliveryReported,
    Event,
    GroupChanged,
    PolicyRemoved,
    Resolve,
    Snooze,
    TimerFired,
)
from monitor.oncall.incident import Incident
from monitor.oncall.membership import explained, heard, mark
from monitor.oncall.messages import counted
from monitor.oncall.policies import PolicyVersion
from monitor.oncall.run import Draft, until


def acknowledge(draft: Draft, actor: Actor) -> Answer:
    """Somebody has it."""
    timeout = draft.policy.ack_timeout
    _settle_down(draft, actor, IncidentState.ACKNOWLEDGED)
    draft.incident = replace(draft.incident, ack_expires_at=draft.now + timeout if timeout is not None else None)
    return _announce(draft, "acknowledged", "acknowledge", actor, f"acknowledged by {actor.name}")


def snooze(draft: Draft, event: Snooze) -> Answer:
    """Somebody has it until an instant."""
    if event.until <= draft.now:
        return Answer(text="a snooze ends in the future", changed=False, refused=True)
    _settle_down(draft, event.actor, IncidentState.SNOOZED)
    draft.incident = replace(draft.incident, snoozed_until=event.until)
    text = f"snoozed by {event.actor.name} {until(event.until)}"
    return _announce(draft, "snoozed", "snooze", event.actor, text)


def give_back(draft: Draft, actor: Actor) -> Answer:
    """Its holder gives it back: the step taken last is taken again."""
    text = f"given back by {actor.name}, after {draft.incident.acked_by} had it"
    draft.note("unacknowledged", text, actor)
    draft.audit("unacknowledge", actor)
    draft.take_again(NotifyReason.STATE_CHANGE, also="")
    draft.tell(MessageKind.UPDATE, NotifyReason.STATE_CHANGE, note=text)
    return Answer(text=text)


def escalate(draft: Draft, actor: Actor) -> Answer:
    """The next step is taken now."""
    if not draft.policy.steps:
        return Answer(text="the policy has no steps", changed=False, refused=True)
    text = f"escalated by {actor.name}"
    draft.note("escalated", text, actor)
    draft.audit("escalate", actor)
    draft.escalate()
    draft.tell(MessageKind.UPDATE, NotifyReason.MANUAL, note=text)
    return Answer(text=f"{text}: step {draft.incident.step + 1} of {len(draft.policy.steps)} is paged")


def resolve_by_hand(draft: Draft, actor: Actor) -> Answer:
    """A person ends it; alerts that still fire are believed to be dealt with for a while, but not what a silence or maintenance
    keeps quiet: it is news when that ends."""
    members = draft.incident.members
    known = tuple(member.fingerprint for member in heard(members))
    still = known + tuple(member.fingerprint for member in explained(members, known))
    wait = draft.policy.reopen_if_still_firing
    draft.close(actor.name)
    draft.incident = replace(draft.incident, still_firing=still, reopen_at=draft.now + wait if still and wait else None)
    text = f"resolved by {actor.name}"
    if still and wait:
        text += f"; {counted(len(still))} still, it opens again if they do so in {spoken_duration(wait)}"
    if quiet := len(draft.incident.firing) - len(still):
        text += f"; {'1 alert is' if quiet == 1 else f'{quiet} alerts are'} muted, to be told when that ends"
    draft.note("resolved", text, actor)
    draft.audit("resolve", actor, text)
    draft.tell(MessageKind.RESOLVE, NotifyReason.STATE_CHANGE)
    return Answer(text=text)


def rebase(draft: Draft, actor: Actor) -> Answer:
    """The newest version of the policy is taken up now."""
    newest = draft.setting.policies.get(draft.incident.policy)
    if newest is None:
        return Answer(text=f"there is no policy {draft.incident.policy} any more", changed=False, refused=True)
    if newest == draft.policy:
        return Answer(text="it is on the newest version already", changed=False)
    pinned = PolicyVersion.of(newest)
    draft.incident = replace(draft.incident, pinned=pinned, policy_removed=False, loop=0, step=-1, exhausted=False)
    text = f"moved to policy version {draft.incident.pinned.hash} by {actor.name}"
    draft.note("rebased", text, actor)
    draft.audit("rebase", actor, text)
    if draft.incident.state is IncidentState.TRIGGERED:
        draft.restart(NotifyReason.MANUAL)
        draft.tell(MessageKind.UPDATE, NotifyReason.MANUAL, note=text)
    return Answer(text=text)


def refusal(incident: Incident | None, event: Event, now: Timestamp) -> Answer | None:
    """What a person is told when there is nothing to do; None for events that nobody waits on."""
    if isinstance(event, (GroupChanged, TimerFired, PolicyRemoved, DeliveryReported, Audited)):
        return None
    if incident is None:
        return Answer(text="there is no such incident", changed=False, refused=True)
    if incident.state is IncidentState.RESOLVED:
        ago = spoken_duration(now - incident.resolved_at) if incident.resolved_at is not None else "some time"
        by = f" by {incident.resolved_by}" if incident.resolved_by else ""
        late = not isinstance(event, (Acknowledge, Resolve))
        return Answer(text=f"already resolved{by} {ago} ago", changed=False, refused=late)
    if isinstance(event, Acknowledge):
        ago = spoken_duration(now - incident.acked_at) if incident.acked_at is not None else "some time"
        return Answer(text=f"already acknowledged by {incident.acked_by} {ago} ago", changed=False)
    return Answer(text="nobody has acknowledged it", changed=False)


def _settle_down(draft: Draft, actor: Actor, state: IncidentState) -> None:
    """Somebody has it: nothing more goes out by itself. They know what is heard now and what that explains, but not
    what a silence or maintenance keeps quiet: it is news when that ends; nor, if somebody had it before, what outlives its
    explanation and is still to be told."""
    incident = draft.incident
    draft.incident = replace(
        incident,
        state=state,
        acked_by=actor.name,
        acked_at=draft.now,
        ack_expires_at=None,
        snoozed_until=None,
        due_at=None,
        due_span=0,
    )
    draft.take_on(tuple(one for one in heard(incident.members) if mark(one) not in incident.unspoken))
    draft.new_epoch()


def _announce(draft: Draft, kind: str, action: str, actor: Actor, text: str) -> Answer:
    draft.note(kind, text, actor)
    draft.audit(action, actor, text)
    draft.tell(MessageKind.ACKNOWLEDGE, NotifyReason.STATE_CHANGE)
    return Answer(text=text)
