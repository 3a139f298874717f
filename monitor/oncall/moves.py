"""What each move of the transition table does that no person makes (theirs are `actions`).

A move takes a `Draft` and leaves it as the next state with all that is to be written. None of them asks which state it is in
for: the table has decided that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.model.incidents import IncidentState, Member
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import Timestamp, spoken_duration
from monitor.oncall.effects import Step
from monitor.oncall.events import DeliveryReported, GroupChanged, Setting
from monitor.oncall.incident import Incident, is_urgent
from monitor.oncall.membership import (
    FORGOTTEN,
    ONE_OUTAGE,
    OUTLIVES,
    Overlay,
    explained,
    has_outgrown,
    heard,
    is_ahead,
    is_of_one_outage,
    is_told,
    joined,
    kept_quiet,
    long_over,
    mark,
    merged,
    names_of,
    overlay,
    told_of,
    worst,
)
from monitor.oncall.messages import changes_before, counted, headline
from monitor.oncall.policies import OnNewAlert, Policy, PolicyVersion
from monitor.oncall.run import Draft, until

REPAIRED: Final = "repaired"
"""What `repair` writes down when there was something to do."""


def open_incident(
    previous: Incident | None,
    event: GroupChanged,
    members: tuple[Member, ...],
    setting: Setting,
    now: Timestamp,
) -> Step:
    """Open the next generation (`previous` is the one before) and take its first step, if nothing forbids it."""
    news = event.event
    policy = setting.policies.get(news.policy)
    if policy is not None:
        pinned = PolicyVersion.of(policy)
    elif previous is not None:
        pinned = previous.pinned
    else:
        pinned = PolicyVersion.of(Policy(name=news.policy, steps=()))
    # What ended before this generation began is not its business.
    members = firing = tuple(member for member in members if member.firing)
    over = overlay(members, news.held_until, begun=False)
    told = over.loud or firing
    first = pinned.policy.steps[0].after if pinned.policy.steps else 0
    opened = Incident(
        id=setting.new_id,
        number=setting.next_number,
        policy=news.policy,
        group_key=news.group_key,
        generation=previous.generation + 1 if previous is not None else 1,
        pinned=pinned,
        opened_at=now,
        receiver=news.receiver,
        group_labels=news.group_labels,
        severity=worst(told),
        urgent=is_urgent(told),
        members=members,
        names=told_of((), over.loud),
        due_at=now + first,
        due_span=first,
        policy_removed=policy is None,
        alerts_joined=len(members),
    )
    superseded = replace(previous, still_firing=(), reopen_at=None) if previous is not None else None
    draft = Draft(opened, setting, now, superseded)
    what = f"{counted(len(firing))}: {', '.join(names_of((), told))}"
    draft.note("opened" if previous is None else "reopened", f"{what} ({headline(opened)})" if firing else what)
    for change in changes_before(opened, setting.deployments, now):
        draft.note("changed", change)
    if policy is None:
        draft.note("policy_removed", f"there is no policy {news.policy}")
    _lay_over(draft, over)
    draft.settle()
    return draft.done()


def follow(draft: Draft, event: GroupChanged) -> None:
    """The group changed while the walk goes on. Of what came or went muted nobody is told: it was not heard either. New is
    what nobody was told of by its name, and what joined under a known one; what flaps is not."""
    before, known = draft.incident.pages, draft.incident.members
    came, went = _take_over(draft, event)
    if not draft.incident.firing:
        _resolve_by_source(draft)
        return
    over = overlay(draft.incident.members, event.event.held_until, begun=_counts_as_open(draft.incident))
    _lay_over(draft, over)
    was_urgent = draft.incident.urgent
    told = tuple(one for one in draft.incident.names if one not in draft.incident.unspoken)
    loud, seen = heard(draft.incident.members), {member.fingerprint for member in known}
    draft.learn(loud)
    changed = tuple(member for member in loud if member in came or not is_told(member, told))
    if draft.incident.begun:
        draft.news = tuple(one for one in changed if not is_told(one, told) or one.fingerprint not in seen)
    if draft.incident.urgent and not was_urgent and draft.incident.begun:
        draft.note("raised", f"severity is now {draft.incident.severity.value}: the walk starts from its first step")
        draft.restart(NotifyReason.NEW_ALERTS)
        return
    draft.settle()
    quiet = {member.fingerprint for member in known if member.muted_by}
    cleared = any(member.fingerprint not in quiet for member in went)
    if draft.incident.pages == before and (changed or cleared) and not draft.incident.held:
        draft.tell(MessageKind.UPDATE, NotifyReason.NEW_ALERTS if changed else NotifyReason.SOME_RESOLVED)


def join(draft: Draft, event: GroupChanged) -> None:
    """The group changed while somebody has it: is it worth waking them again? Not for what another member explains, then or
    when that one is over: whoever has the cause has what it does. Nor for what flaps under a name that they know, or is seen
    by one check after another."""
    before = draft.incident.members
    came, _ = _take_over(draft, event)
    if not draft.incident.firing:
        _resolve_by_source(draft)
        return
    over = overlay(draft.incident.members, event.event.held_until, begun=_counts_as_open(draft.incident))
    _lay_over(draft, over)
    incident = draft.incident
    loud = heard(incident.members)
    told = tuple(one for one in incident.names if one not in incident.unspoken)

    def is_news(member: Member) -> bool:
        if is_told(member, told):
            return False
        if is_told(member, incident.names):
            return member in came and has_outgrown(member, before, incident.members)
        return not (member in came and is_of_one_outage(member, told, incident.acked_at, draft.now))

    news = tuple(member for member in loud if is_news(member))
    worse = tuple(one for one in loud if one.severity.rank > incident.severity.rank)
    if not news and not worse:
        draft.take_on(tuple(one for one in loud if mark(one) not in incident.unspoken))
        return
    draft.take_on(loud)
    strange = sorted({mark(member) for member in news})
    why = f"{', '.join(strange)} joined" if strange else f"severity rose to {worst(loud).value}"
    _repage(draft, news or worse, why)


def outlive(draft: Draft) -> None:
    """What was explained goes on: whoever has the incident may believe that all is well since its explanation is over. What is
    over just now is news if it comes back."""
    incident = draft.incident
    loud = heard(incident.members)
    going_on = tuple(member for member in loud if mark(member) in incident.unspoken)
    names = sorted({mark(member) for member in going_on})
    draft.forget(one for one in incident.outliving if one not in names)
    draft.take_on(loud)
    if going_on:
        _repage(draft, going_on, f"{', '.join(names)} goes on, unexplained for {spoken_duration(OUTLIVES)}")


def _repage(draft: Draft, news: tuple[Member, ...], why: str) -> None:
    """Somebody has it, and is paged again because of these alerts."""
    incident = draft.incident
    draft.news = news
    draft.taken = (incident.acked_by, incident.acked_at)
    if draft.policy.on_new_alert is OnNewAlert.NOTE:
        draft.note("joined", f"{why}; the policy only notes it")
        return
    draft.incident = replace(incident, repages=incident.repages + 1)
    draft.note("repaged", f"{why}: pages again although {incident.acked_by} has acknowledged")
    draft.restart(NotifyReason.NEW_ALERT_AFTER_ACK)
    draft.tell(MessageKind.UPDATE, NotifyReason.NEW_ALERT_AFTER_ACK)


def watch(incident: Incident, event: GroupChanged, setting: Setting, now: Timestamp) -> Step:
    """A resolved incident sees its group change: only what was not dealt with opens the next generation. What an alert
    explains that was dealt with is so too, and goes on being so after it where alerts that never stop open it again. What a
    person resolved is opened by nothing that is kept quiet: it is news when that ends."""
    news = event.event
    members = merged(incident.members, news.members, incident.opened_at)
    still = tuple(
        member.fingerprint for member in members if member.firing and member.fingerprint in incident.still_firing
    )
    symptoms = tuple(one.fingerprint for one in explained(members, still) if one.fingerprint not in still)
    opening = heard(members) if incident.resolved_by else (one for one in members if one.firing)
    if any(member.fingerprint not in still + symptoms for member in opening):
        reported = {member.fingerprint for member in news.members}
        left = tuple(one for one in members if one.firing and one.fingerprint not in reported)
        return open_incident(incident, event, news.members + left, setting, now)
    if incident.reopen_at is not None:
        still += symptoms
    watched = replace(
        incident,
        members=members,
        still_firing=still,
        reopen_at=incident.reopen_at if still else None,
        held_until=news.held_until,
    )
    return Step(incident=watched)


def reopen(incident: Incident, setting: Setting, now: Timestamp) -> Step:
    """A person resolved it, and long enough after that alerts fire which never stopped."""
    if not any(one.fingerprint in incident.still_firing for one in incident.firing):
        return Step(incident=replace(incident, still_firing=(), reopen_at=None))
    return open_incident(incident, GroupChanged(incident.as_event(now)), incident.firing, setting, now)


def time_out(draft: Draft) -> None:
    """An acknowledgement or a snooze ran out: its holder and the step taken last are paged again."""
    incident = draft.incident
    who = incident.acked_by
    if incident.state is IncidentState.SNOOZED:
        draft.note("snooze_ended", f"the snooze by {who} is over")
        reason = NotifyReason.STATE_CHANGE
    else:
        since = spoken_duration(draft.now - incident.acked_at) if incident.acked_at is not None else "long"
        draft.note("ack_timeout", f"acknowledged by {who} for {since} and still open")
        reason = NotifyReason.ACK_TIMEOUT
    draft.take_again(reason, also=who)
    draft.tell(MessageKind.UPDATE, reason)


def _resolve_by_source(draft: Draft) -> None:
    draft.close("")
    draft.note("resolved", f"all alerts are over after {spoken_duration(draft.now - draft.incident.opened_at)}")
    draft.tell(MessageKind.RESOLVE, NotifyReason.ALL_RESOLVED)


def mark_removed(draft: Draft) -> None:
    """Its policy is gone from the configuration: written down once."""
    if not draft.incident.policy_removed:
        draft.incident = replace(draft.incident, policy_removed=True)
        draft.note(
            "policy_removed",
            f"policy {draft.incident.policy} was removed; version {draft.incident.pinned.hash} goes on",
        )


def reroute(draft: Draft, event: DeliveryReported) -> None:
    """A page arrived, or could not be delivered and is taken elsewhere."""
    report = event.report
    if report.incident != draft.incident.id or not report.kind.wakes:
        return
    if report.arrived:
        draft.note("delivered", f"{report.kind.value} arrived at {report.destination}")
        return
    waiting = draft.incident.state is IncidentState.TRIGGERED and report.epoch == draft.incident.epoch
    if not waiting:
        draft.note("delivery_failed", f"{report.destination}: {report.why}; the page is no longer wanted")
        return
    prefix, tail = f"{report.incident}:{report.epoch}:", f":{report.destination}"
    place = report.dedupe_key.removeprefix(prefix).removesuffix(tail)
    draft.send_elsewhere(report, place)


def repair(draft: Draft) -> None:
    """The minute audit: nothing may lie further ahead than it was ever meant to, or wait for nothing."""
    incident = draft.incident
    if incident.due_at is not None and incident.due_at - draft.now > incident.due_span:
        draft.incident = replace(incident, due_at=draft.now + incident.due_span)
        draft.note(REPAIRED, "the clock was put back: the next step is counted from now")
    limit = incident.pinned.policy.ack_timeout
    if incident.ack_expires_at is not None and limit is not None and incident.ack_expires_at - draft.now > limit:
        draft.incident = replace(draft.incident, ack_expires_at=draft.now + limit)
        draft.note(REPAIRED, "the clock was put back: the acknowledgement is counted from now")
    if incident.outlives_at is not None and incident.outlives_at - draft.now > OUTLIVES:
        draft.incident = replace(draft.incident, outlives_at=draft.now + OUTLIVES)
        draft.note(REPAIRED, "the clock was put back: what goes on is told that much later")
    if incident.acked_at is not None and incident.acked_at > draft.now:
        draft.incident = replace(draft.incident, acked_at=draft.now - ONE_OUTAGE - 1)
        draft.note(REPAIRED, "the clock was put back: nothing counts as seen right after the acknowledgement any more")
    if any(is_ahead(member, draft.now) for member in incident.members):
        ended = draft.now - FORGOTTEN
        members = tuple(replace(one, ends_at=ended) if is_ahead(one, draft.now) else one for one in incident.members)
        draft.incident = replace(draft.incident, members=members)
        draft.note(REPAIRED, "the clock was put back: what was over before is news if it comes back")
    if not draft.incident.timers and not draft.incident.waits_for:
        draft.incident = replace(draft.incident, due_at=draft.now, due_span=0)
        draft.note(REPAIRED, "nothing was to come although nobody has it: the walk goes on now")


def _take_over(draft: Draft, event: GroupChanged) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    """Replace the members by the news and write down who came and went; a name that comes back after long is forgotten, and
    so news again; and so is one that only its explanation told of, when a silence keeps it quiet. Gives both."""
    news = event.event
    before = draft.incident.members
    members = merged(before, news.members, draft.incident.opened_at)
    came, went = joined(before, members)
    back = {known for one in came for known in (one.name, mark(one)) if long_over(known, before, draft.now)}
    draft.forget(back | kept_quiet(members).intersection(draft.incident.unspoken))
    draft.incident = replace(
        draft.incident,
        members=members,
        receiver=news.receiver,
        group_labels=news.group_labels,
        alerts_joined=draft.incident.alerts_joined + len(came),
        alerts_cleared=draft.incident.alerts_cleared + len(went),
    )
    if came:
        alerts = "1 alert" if len(came) == 1 else f"{len(came)} alerts"
        draft.note("joined", f"{alerts} joined: {', '.join(names_of((), came))}{_explanation(came, members)}")
    if went:
        draft.note(
            "cleared",
            f"{'1 alert is' if len(went) == 1 else f'{len(went)} alerts are'} over: {', '.join(names_of((), went))}",
        )
    return came, went


def _explanation(came: tuple[Member, ...], members: tuple[Member, ...]) -> str:
    """Which other members explain these, if each is explained by one."""
    causes = {member.fingerprint: member.name for member in members if member.firing}
    names = [causes.get(member.explained_by, "") for member in came]
    return f" (explained by {', '.join(dict.fromkeys(names))})" if all(names) else ""


def _lay_over(draft: Draft, over: Overlay) -> None:
    incident = draft.incident
    if over.reasons:
        if not incident.held:
            why = "; ".join(reason.sentence for reason in over.reasons)
            draft.note("held", f"every alert is muted ({why}): held {until(over.until)}")
        draft.incident = replace(incident, held=True, held_until=over.until)
    elif incident.held:
        draft.release("not every alert is muted any more")


def _counts_as_open(incident: Incident) -> bool:
    """Does maintenance come too late to hold it? Not for one that has been held ever since it opened."""
    return incident.begun or not incident.held


def any_firing(members: tuple[Member, ...]) -> bool:
    return any(member.firing for member in members)
