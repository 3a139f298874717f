"""The walk through a policy: one decision in the making.

A `Draft` holds the next state while a decision is put together and collects what is to be written with it. It lives no
longer than the decision; what comes out is a frozen `Step`.

Rules of the walk. A step is taken once: its rows are keyed by incident, epoch, loop, step and destination, and its
successor is due counted from *now*, so a run that was asleep goes on with one step and does not catch up in a burst. A
step that reaches nobody is passed over at once; the last one of the list falls back. When the list is over it is walked
again as often as the policy says, each time in its newest version, and after that a slow reminder goes on for as long as
the incident is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from monitor.model.changes import AuditEntry
from monitor.model.incidents import SYSTEM, Actor, IncidentState, Member, TimelineEntry
from monitor.model.notifications import DeliveryReport, Destination, MessageKind, NotifyReason, OutboxRow
from monitor.model.times import Millis, Timestamp, spoken_duration, spoken_instant
from monitor.oncall.effects import Answer, Cancel, Effect, Step
from monitor.oncall.events import Setting
from monitor.oncall.incident import Incident, Notified, is_urgent
from monitor.oncall.membership import OUTLIVES, explained, heard, is_told, mark, told_of, without, worst
from monitor.oncall.messages import Occasion, build
from monitor.oncall.policies import Policy, PolicyVersion, Reached, Target, reach


class Draft:
    """One decision about one incident; `incident` is its next state so far."""

    __slots__ = ("_effects", "_paged", "incident", "news", "now", "setting", "superseded", "taken")

    def __init__(
        self, incident: Incident, setting: Setting, now: Timestamp, superseded: Incident | None = None
    ) -> None:
        self.incident = incident
        self.setting = setting
        self.now = now
        self.superseded = superseded
        self.news: tuple[Member, ...] = ()
        """Alerts that this decision tells of for the first time, beside others that were told of before."""
        self.taken: tuple[str, Timestamp | None] = ("", None)
        """Who had it, since when, if they have it no more by this decision."""
        self._effects: list[Effect] = []
        self._paged: set[Destination] = set()

    @property
    def policy(self) -> Policy:
        return self.incident.pinned.policy

    def done(self, answer: Answer | None = None) -> Step:
        """The finished decision."""
        return Step(incident=self.incident, effects=tuple(self._effects), superseded=self.superseded, answer=answer)

    def note(self, kind: str, text: str, actor: Actor = SYSTEM) -> None:
        """One line of the timeline."""
        entry = TimelineEntry(incident=self.incident.id, at=self.now, kind=kind, text=text, actor=actor.name)
        self._effects.append(entry)

    def audit(self, action: str, actor: Actor, detail: str = "") -> None:
        """What a person did."""
        subject = f"incident:{self.incident.id}"
        self._effects.append(AuditEntry(at=self.now, actor=actor, action=action, subject=subject, detail=detail))

    def new_epoch(self) -> None:
        """What was decided before is moot: its timers, and its pages that have not gone out."""
        self.incident = replace(self.incident, epoch=self.incident.epoch + 1)
        self._effects.append(Cancel(incident=self.incident.id, below_epoch=self.incident.epoch, at=self.now))

    def learn(self, loud: tuple[Member, ...]) -> None:
        """People are told of these alerts with what is decided here."""
        incident = self.incident
        self.incident = replace(
            incident,
            severity=max(incident.severity, worst(loud), key=lambda one: one.rank) if loud else incident.severity,
            names=told_of(incident.names, loud),
            unspoken=without(incident.unspoken, loud),
            urgent=incident.urgent or is_urgent(loud),
        )

    def take_on(self, loud: tuple[Member, ...]) -> None:
        """Somebody has these alerts, and with them what they explain: of that they need not be told any more, for as long as it
        is explained and a while after. What is heard but not among them was explained before: its while begins, or goes on."""
        self.learn(loud)
        incident, now_heard = self.incident, heard(self.incident.members)
        quietly = explained(incident.members, (member.fingerprint for member in now_heard))
        new = [member for member in quietly if not is_told(member, incident.names)]
        goes_on = [member for member in now_heard if mark(member) in incident.unspoken]
        unspoken = told_of(incident.unspoken, new)
        outliving = told_of(tuple(one for one in without(incident.outliving, quietly) if one in unspoken), goes_on)
        self.incident = replace(
            incident,
            names=told_of(incident.names, new),
            unspoken=unspoken,
            outliving=outliving,
            outlives_at=(incident.outlives_at or self.now + OUTLIVES) if outliving else None,
        )

    def forget(self, marks: Iterable[str]) -> None:
        """Nobody knows of these any more: they are news when they are heard."""
        gone = frozenset(marks)
        incident = self.incident
        names, unspoken, outliving = (
            tuple(one for one in some if one not in gone)
            for some in (incident.names, incident.unspoken, incident.outliving)
        )
        due = incident.outlives_at if outliving else None
        self.incident = replace(incident, names=names, unspoken=unspoken, outliving=outliving, outlives_at=due)

    def close(self, by: str) -> None:
        """It is over. `by`: the person who says so; empty: its alerts are over."""
        self.incident = replace(
            self.incident,
            state=IncidentState.RESOLVED,
            resolved_at=self.now,
            resolved_by=by,
            due_at=None,
            due_span=0,
            ack_expires_at=None,
            outliving=(),
            outlives_at=None,
            snoozed_until=None,
            held=False,
        )
        self.new_epoch()

    def settle(self) -> None:
        """Take what is due, if anything is and no overlay forbids it: one step at most."""
        incident = self.incident
        if incident.state is not IncidentState.TRIGGERED or incident.held:
            return
        if incident.due_at is None or incident.due_at > self.now:
            return
        if incident.exhausted:
            self._remind()
        else:
            self._take_next(NotifyReason.STEP if incident.begun else NotifyReason.FIRST)

    def restart(self, reason: NotifyReason) -> None:
        """Begin the walk anew from the first step, at once or when the overlay ends."""
        self._wake_up(replace(self.incident, loop=0, step=-1, exhausted=False))
        if self.incident.held:
            self._due_in(0)
        else:
            self._enter(0, reason)

    def take_again(self, reason: NotifyReason, also: str) -> None:
        """Take the step taken last once more, and page `also` with it, at once or when the overlay ends."""
        current = max(self.incident.step, 0)
        self._wake_up(replace(self.incident, step=current - 1, exhausted=False))
        if self.incident.held:
            self._due_in(0)
        else:
            self._enter(current, reason, self._contact_of(also))

    def escalate(self) -> None:
        """Take the next step now because somebody wants it; after the last one the list begins again."""
        step = self.incident.step
        self._wake_up(replace(self.incident, exhausted=False, urgent=True))
        if step + 1 >= len(self.policy.steps):
            self._next_loop()
            step = -1
        self._enter(step + 1, NotifyReason.MANUAL)

    def release(self, text: str) -> None:
        """The overlay ended: what became due meanwhile is taken now."""
        self.incident = replace(self.incident, held=False, held_until=None)
        self.note("released", text)

    def tell(self, kind: MessageKind, reason: NotifyReason, note: str = "") -> None:
        """Say it to everybody who was paged earlier, but for those whom this decision pages anyway."""
        if kind is MessageKind.UPDATE:
            self.incident = replace(self.incident, updates=self.incident.updates + 1)
        place = f"{kind.value}:{self.incident.updates}"
        for one in self.incident.notified:
            if one.destination not in self._paged:
                self._row(one.destination, place, Occasion(kind=kind, reason=reason, note=note))

    def send_elsewhere(self, report: DeliveryReport, place: str) -> None:
        """A page could not be delivered: the person's next contact gets it, and the fallback through another channel, unless
        delivery has told somebody instead already."""
        failed, instead = report.destination, report.redirected_to
        person = next((one.person for one in self.incident.notified if one.destination == failed), "")
        contacts = self.setting.directory.contacts(person) if person else ()
        later = contacts[contacts.index(failed) + 1 :] if failed in contacts else ()
        found = [Reached(contact, person) for contact in later[:1]]
        if instead is None:
            found.extend(self._by_another_channel(failed, person))
        became = "has not been delivered yet" if report.trying else "could not be delivered"
        note = f"The page to {person or failed.receiver} by {failed.integration} {became}: {report.why}"
        further = (f"; {instead} is told instead" if instead is not None else "") + (
            "; it is tried further" if report.trying else ""
        )
        self.note("delivery_failed", f"{note}{further}")
        if not found:
            if instead is None:
                self._count_nobody("nobody else is left to be told of it")
            return
        self._page(tuple(found), place, Occasion(kind=MessageKind.TRIGGER, reason=NotifyReason.STATE_CHANGE, note=note))

    def _wake_up(self, incident: Incident) -> None:
        self.incident = replace(
            incident,
            wakes=incident.wakes + (incident.state is not IncidentState.TRIGGERED),
            state=IncidentState.TRIGGERED,
            unspoken=without(incident.unspoken, heard(incident.members)),
            outliving=(),
            outlives_at=None,
            acked_by="",
            acked_at=None,
            ack_expires_at=None,
            snoozed_until=None,
        )
        self.new_epoch()

    def _take_next(self, reason: NotifyReason) -> None:
        step = self.incident.step + 1
        if step < len(self.policy.steps):
            self._enter(step, reason)
        elif self.policy.steps and self.policy.walks_again_after(self.incident.loop):
            self._next_loop()
            self._enter(0, reason)
        else:
            self._exhaust()

    def _next_loop(self) -> None:
        newest = self.setting.policies.get(self.incident.policy)
        self.incident = replace(self.incident, loop=self.incident.loop + 1, step=-1)
        if newest is not None and newest != self.policy:
            self.incident = replace(self.incident, pinned=PolicyVersion.of(newest), policy_removed=False)
            self.note("rebased", f"the walk goes on with the newest policy, version {self.incident.pinned.hash}")

    def _enter(self, step: int, reason: NotifyReason, also: tuple[Reached, ...] = ()) -> None:
        steps = self.policy.steps
        if not steps:
            self._exhaust()
            return
        reached = self._reach(steps[step].notify, also)
        while not reached and step + 1 < len(steps):
            self._count_nobody(f"step {step + 1} reaches nobody; the next one follows at once")
            step += 1
            reached = self._reach(steps[step].notify, also)
        if not reached:
            self._count_nobody(f"step {step + 1}, the last one, reaches nobody")
            reached = self._fall_back()
        walks_on = self.incident.urgent or self.policy.warning_escalates
        self.incident = replace(self.incident, step=step, begun=True, due_at=None, due_span=0)
        if walks_on:
            self._due_in(steps[step + 1].after if step + 1 < len(steps) else self.policy.pause)
        place = f"{self.incident.loop}:{step}"
        self._page(reached, place, Occasion(kind=MessageKind.TRIGGER, reason=reason, step=step))
        if reached:
            whom = ", ".join(str(one) for one in reached)
            loop = f", walk {self.incident.loop + 1}" if self.incident.loop else ""
            self.note("paged", f"step {step + 1} of {len(steps)}{loop}: {whom} ({reason.value})")

    def _exhaust(self) -> None:
        self.incident = replace(self.incident, exhausted=True, begun=True)
        every = self.policy.on_exhausted.every
        self.note("exhausted", f"nobody acknowledged; a reminder goes out every {spoken_duration(every)}")
        self._remind()

    def _remind(self) -> None:
        last = self.policy.steps[-1].notify if self.policy.steps else ()
        reached = self._reach(self.policy.on_exhausted.notify) or self._fall_back() or self._reach(last)
        self.incident = replace(self.incident, reminders=self.incident.reminders + 1)
        self._due_in(self.policy.on_exhausted.every)
        if not reached:
            self._count_nobody("the reminder reaches nobody")
            return
        place = f"reminder:{self.incident.reminders}"
        occasion = Occasion(kind=MessageKind.REMINDER, reason=NotifyReason.EXHAUSTED)
        self._page(reached, place, occasion)
        self.note("reminded", f"reminder {self.incident.reminders}: {', '.join(str(one) for one in reached)}")

    def _due_in(self, span: Millis) -> None:
        self.incident = replace(self.incident, due_at=self.now + span, due_span=span)

    def _reach(self, targets: tuple[Target, ...], also: tuple[Reached, ...] = ()) -> tuple[Reached, ...]:
        found = reach(targets, self.setting.directory, self.now)
        people = {one.person for one in found if one.person}
        return found + tuple(one for one in also if one.person not in people)

    def _fall_back(self) -> tuple[Reached, ...]:
        reached = self._reach(self.policy.fallback or self.setting.fallback)
        if reached:
            self.incident = replace(self.incident, fallbacks=self.incident.fallbacks + 1)
            self.note("fallback", f"the fallback is paged: {', '.join(str(one) for one in reached)}")
        return reached

    def _count_nobody(self, text: str) -> None:
        self.incident = replace(self.incident, nobody=self.incident.nobody + 1)
        self.note("nobody", text)

    def _contact_of(self, person: str) -> tuple[Reached, ...]:
        return tuple(Reached(contact, person) for contact in self.setting.directory.contacts(person)[:1])

    def _by_another_channel(self, failed: Destination, person: str) -> list[Reached]:
        found: list[Reached] = []
        for one in reach(self.policy.fallback or self.setting.fallback, self.setting.directory, self.now):
            if one.destination == failed or (person and one.person == person):
                continue
            others = (
                contact
                for contact in (one.destination, *self.setting.directory.contacts(one.person))
                if contact.integration != failed.integration
            )
            found.append(Reached(next(others, one.destination), one.person))
        return found

    def _page(self, reached: tuple[Reached, ...], place: str, occasion: Occasion) -> None:
        if not reached:
            return
        self.incident = replace(self.incident, pages=self.incident.pages + 1)
        occasion = replace(occasion, paged=tuple(str(one) for one in reached))
        for one in reached:
            self._remember(one)
        for one in reached:
            self._paged.add(one.destination)
            known_before = occasion.kind is MessageKind.REMINDER and self._was_paged(one.destination)
            kind = occasion.kind if known_before or occasion.kind is not MessageKind.REMINDER else MessageKind.TRIGGER
            self._row(one.destination, place, replace(occasion, kind=kind))

    def _was_paged(self, destination: Destination) -> bool:
        return any(one.destination == destination and one.at < self.now for one in self.incident.notified)

    def _remember(self, reached: Reached) -> None:
        """Each destination stays in its place; the first page's instant stays with it."""
        incident = self.incident
        kept = [one for one in incident.notified if one.destination == reached.destination]
        entry = Notified(
            destination=reached.destination,
            person=reached.person,
            epoch=incident.epoch,
            loop=incident.loop,
            step=incident.step,
            at=kept[0].at if kept else self.now,
            wake=incident.wakes,
        )
        if kept:
            notified = tuple(entry if one.destination == reached.destination else one for one in incident.notified)
        else:
            notified = (*incident.notified, entry)
        self.incident = replace(incident, notified=notified)

    def _row(self, destination: Destination, place: str, occasion: Occasion) -> None:
        incident = self.incident
        if self.news:
            by, at = self.taken
            news = tuple(member.fingerprint for member in self.news)
            occasion = replace(occasion, news=news, taken_by=by, taken_at=at)
        message = build(incident, occasion, self.setting.deployments, self.setting.external_url, self.now)
        wake = next((one.wake for one in incident.notified if one.destination == destination), incident.wakes)
        if wake and message.incident is not None:
            message = replace(message, incident=replace(message.incident, wake=wake))
        row = OutboxRow(
            dedupe_key=f"{incident.id}:{incident.epoch}:{place}:{destination}",
            order_key=f"{incident.id}|{destination}",
            destination=destination,
            message=message,
            due_at=self.now,
            incident=incident.id,
            epoch=incident.epoch,
        )
        self._effects.append(row)


def until(at: Timestamp | None) -> str:
    """`until 2026-… UTC`, or that nobody knows."""
    return f"until {spoken_instant(at)}" if at is not None else "until that ends"
