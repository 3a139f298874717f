"""The laws of paging, held against random lives of incidents: alerts that come, go and are muted, people who act, a clock
that jumps, transactions that fail, hand-overs that repeat themselves, deliveries that fail."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monitor.chance import Chance
from monitor.clock import Clock
from monitor.model.alerts import MuteReason
from monitor.model.errors import ConflictError, StoreError
from monitor.model.incidents import IncidentState, Member, Severity
from monitor.model.notifications import DeliveryReport, MessageKind, OutboxRow
from monitor.model.times import HOUR, MINUTE, SECOND, Millis, Timestamp
from monitor.oncall.escalating import Escalating, Playbook
from monitor.oncall.events import Acknowledge, Audited, GroupChanged
from monitor.oncall.incident import Incident, IncidentKey
from monitor.oncall.membership import heard, mark
from monitor.oncall.policies import OnExhausted, Policy
from monitor.oncall.stores import Decision
from tests.support.incident_store import FakeIncidentStore
from tests.support.incidents import (
    ANA,
    BO,
    ROSTER,
    START,
    Story,
    alert,
    explained,
    group,
    over,
    policy_step,
    run_now,
    seen_by,
    sent,
    targets,
)

POLICY = Policy(
    name="payments",
    steps=(
        policy_step("user:ana"),
        policy_step("user:bo", "slack:#payments", after=5 * MINUTE),
        policy_step("user:cy", after=10 * MINUTE),
    ),
    repeat=1,
    ack_timeout=30 * MINUTE,
    on_exhausted=OnExhausted(notify=targets("user:lead"), every=20 * MINUTE),
    fallback=targets("user:lead"),
)
POOL = (
    alert("Down", instance="a"),
    alert("Down", instance="b"),
    alert("Slow", instance="a", severity="error"),
    alert("Full", instance="a", severity="warning"),
    seen_by("shop", alert("Down")),
    seen_by("cart", alert("Down")),
)
NEVER = 2**62
TAKEN = (IncidentState.ACKNOWLEDGED, IncidentState.SNOOZED)
KEYS = ("{}:{one}", "{}:{two}")
MUTES = (
    (),
    (),
    (MuteReason.SILENCE,),
    (MuteReason.MAINTENANCE,),
    (MuteReason.INHIBITION,),
)

members = st.lists(
    st.tuples(st.sampled_from(POOL), st.booleans(), st.sampled_from(MUTES)), min_size=1, max_size=4,
    unique_by=lambda drawn: drawn[0].fingerprint,
)  # fmt: skip


def member(drawn: tuple[Member, bool, tuple[MuteReason, ...]]) -> Member:
    shape, firing, muted_by = drawn
    explained_by = POOL[0].fingerprint if muted_by == (MuteReason.INHIBITION,) else ""
    return replace(shape, muted_by=muted_by, explained_by=explained_by) if firing else over(shape)


def is_new(one: Member, was: Incident, now: Timestamp) -> bool:
    """Was nobody told of the name, or not of this check's, or was it over for long, or is it what its cause does not explain
    any more?"""
    known = {one.name, f"{one.name} of {one.labels.get('check', '')}"} & set(was.names)
    before = [each for each in was.members if mark(each) == mark(one)]
    back = all(not each.firing and not 0 <= now - (each.ends_at or 0) < 15 * MINUTE for each in before)
    began = one.fingerprint not in {each.fingerprint for each in was.firing}
    outgrown = began and mark(one) in was.unspoken and any(each.explained_by for each in before)
    return one.firing and (not known or back or outgrown)


class Incidents(RuleBasedStateMachine):
    """One daemon, two alert groups, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.store = FakeIncidentStore()
        self.chance = Chance(7)
        self.places: dict[tuple[str, int], tuple[int, int]] = {}
        """(incident, epoch) → the loop and step paged last."""
        self.policy = POLICY
        self.edits = 0
        self.escalating = self.daemon()

    def daemon(self) -> Escalating:
        return Escalating(
            store=self.store,
            queries=self.store,
            clock=Clock(lambda: self.now),
            chance=self.chance,
            playbook=self.playbook(),
            committed=self.check_commit,
        )

    def playbook(self) -> Playbook:
        return Playbook(policies={self.policy.name: self.policy}, directory=ROSTER, fallback=targets("user:lead"))

    def check_commit(self, decision: Decision) -> None:
        """What must hold of every single decision."""
        written = {incident.id: incident for incident in decision.incidents}
        steps: dict[str, set[tuple[int, int, int]]] = {}
        for row in decision.rows:
            incident = written[row.incident]
            if not row.message.kind.wakes:
                continue
            assert incident.state is IncidentState.TRIGGERED, f"{row.dedupe_key} wakes although it is {incident.state}"
            assert row.epoch == incident.epoch, "a page of an older epoch is written"
            place = row.dedupe_key.removeprefix(f"{incident.id}:").split(":")
            if (
                row.message.kind is MessageKind.TRIGGER
                and place[1] != "reminder"
                and not row.message.text.startswith("The page")
            ):
                steps.setdefault(incident.id, set()).add((row.epoch, int(place[1]), int(place[2])))
        for id_, taken in steps.items():
            assert len(taken) == 1, f"one decision takes {len(taken)} steps"
            self.check_place(written[id_], *taken.pop())

    def check_place(self, incident: Incident, epoch: int, loop: int, step: int) -> None:
        """Within one epoch no step is skipped or taken twice."""
        before = self.places.get((incident.id, epoch))
        if before is not None:
            last = len(POLICY.steps) - 1
            assert (loop, step) == ((before[0], before[1] + 1) if before[1] < last else (before[0] + 1, 0))
        self.places[(incident.id, epoch)] = (loop, step)

    def settle(self) -> None:
        run_now(self.escalating.advance())

    def latest(self) -> dict[IncidentKey, Incident]:
        found: dict[IncidentKey, Incident] = {}
        for incident in reversed(run_now(self.store.recent(10_000))):
            found[incident.key] = incident
        return found

    def chosen(self, index: int) -> Incident | None:
        found = run_now(self.store.recent(10_000))
        return found[index % len(found)] if found else None

    @initialize()
    def first_alert(self) -> None:
        self.store.hand_over(group(POOL[0], key=KEYS[0]))
        self.settle()

    @rule(drawn=members, key=st.sampled_from(KEYS), held=st.integers(1, 60), twice=st.booleans(), crash=st.booleans())
    def group_changes(
        self,
        drawn: list[tuple[Member, bool, tuple[MuteReason, ...]]],
        key: str,
        held: int,
        twice: bool,
        crash: bool,
    ) -> None:
        """An acknowledged incident pages again only for another name, another check or a higher severity; what is muted
        neither pages anybody nor undoes a person's resolve."""
        now_members = tuple(member(one) for one in drawn)
        event = group(*now_members, key=key, held_until=self.now + held * MINUTE)
        before = self.latest()
        for _ in range(2 if twice else 1):
            self.store.hand_over(event)
        if crash:
            self.crash()
        self.settle()
        for at, was in before.items():
            became = self.latest()[at]
            if was.state in TAKEN and became.state is IncidentState.TRIGGERED:
                assert at.group_key == key
                new = any(is_new(one, was, self.now) for one in now_members)
                worse = any(one.severity.rank > was.severity.rank for one in now_members if one.firing)
                assert new or worse, "the same alerts paged although somebody has it"
            if was.resolved_by and became.id != was.id and at.group_key == key and self.now < (was.reopen_at or NEVER):
                heard = [one for one in now_members if one.firing and not one.muted_by]
                assert heard, "what is muted opened what a person has resolved"

    @rule(symptom=st.sampled_from(POOL[2:]), key=st.sampled_from(KEYS))
    def a_cause_is_taken_and_is_over_first(self, symptom: Member, key: str) -> None:
        """Somebody has what it explained, which goes on."""
        self.store.hand_over(group(POOL[0], explained(symptom, POOL[0]), key=key))
        self.settle()
        incident = self.latest().get(IncidentKey(policy=self.policy.name, group_key=key))
        if incident is not None and incident.state is IncidentState.TRIGGERED:
            run_now(self.escalating.acknowledge(incident.id, ANA))
        self.store.hand_over(group(over(POOL[0]), symptom, key=key))
        self.settle()

    @rule(minutes=st.integers(0, 45), seconds=st.integers(0, 59), crash=st.booleans())
    def time_passes(self, minutes: int, seconds: int, crash: bool) -> None:
        """Nothing but an end of its time, or what goes on long after its explanation, wakes people about an acknowledged
        incident."""
        before = self.latest()
        self.now += minutes * MINUTE + seconds * SECOND
        if crash:
            self.crash()
        self.settle()
        for key, was in before.items():
            if was.state not in TAKEN or self.latest()[key].state is not IncidentState.TRIGGERED:
                continue
            ends = was.ack_expires_at if was.state is IncidentState.ACKNOWLEDGED else was.snoozed_until
            assert min(at for at in (ends, was.outlives_at) if at is not None) <= self.now

    @rule(jump=st.sampled_from((-HOUR, HOUR)))
    def clock_jumps(self, jump: Millis) -> None:
        """A step is neither skipped nor taken twice: see `check_place`."""
        self.now += jump
        self.settle()

    @rule(
        index=st.integers(0, 5),
        action=st.sampled_from(("acknowledge", "unacknowledge", "resolve", "escalate", "snooze", "rebase")),
        by=st.sampled_from((ANA, BO)),
    )
    def somebody_acts(self, index: int, action: str, by: object) -> None:
        """Whatever is asked in whatever state is answered, done or refused."""
        incident = self.chosen(index)
        if incident is None:
            return
        actor = ANA if by is ANA else BO
        before = dict(self.store.outbox)
        try:
            match action:
                case "acknowledge":
                    answer = run_now(self.escalating.acknowledge(incident.id, actor))
                case "unacknowledge":
                    answer = run_now(self.escalating.unacknowledge(incident.id, actor))
                case "resolve":
                    answer = run_now(self.escalating.resolve(str(incident.number), actor))
                case "snooze":
                    answer = run_now(self.escalating.snooze(incident.id, actor, self.now + 10 * MINUTE))
                case "rebase":
                    answer = run_now(self.escalating.rebase(incident.id, actor))
                case _:
                    answer = run_now(self.escalating.escalate(incident.id, actor))
        except ConflictError:
            assert self.store.outbox == before
        else:
            assert answer.text
            if not answer.changed:
                assert self.store.outbox == before
            after = run_now(self.store.find(incident.id))
            if answer.changed and action in ("acknowledge", "resolve", "snooze"):
                assert after is not None
                wanted = [row for row in self.store.outbox.values() if row.incident == incident.id]
                unsent = [row for row in wanted if row.dedupe_key not in self.store.attempted]
                assert not [row for row in unsent if row.message.kind.wakes], "a page survives it"
        self.settle()

    @rule(count=st.integers(1, 5))
    def deliveries_begin(self, count: int) -> None:
        waiting = [key for key in self.store.outbox if key not in self.store.attempted]
        self.store.attempted.update(waiting[:count])

    @precondition(lambda self: bool(self.store.outbox))
    @rule(index=st.integers(0, 50), redirected=st.booleans())
    def a_delivery_fails(self, index: int, redirected: bool) -> None:
        rows = list(self.store.outbox.values())
        row = rows[index % len(rows)]
        self.store.attempted.add(row.dedupe_key)
        report = DeliveryReport(
            dedupe_key=row.dedupe_key,
            destination=row.destination,
            kind=row.message.kind,
            at=self.now,
            arrived=False,
            incident=row.incident,
            epoch=row.epoch,
            order_key=row.order_key,
            why="no such channel",
            redirected_to=row.destination if redirected else None,
        )
        self.store.hand_over(report)
        self.settle()

    @rule()
    def the_daemon_is_killed(self) -> None:
        """Nothing that matters lives in memory."""
        self.escalating = self.daemon()
        self.settle()

    @rule(gone=st.booleans())
    def configuration_reloads(self, gone: bool) -> None:
        """An edited or removed policy changes no walk that is under way."""
        self.edits += 1
        self.policy = Policy(
            name="other" if gone else "payments", steps=POLICY.steps, repeat=self.edits % 3, fallback=POLICY.fallback,
            ack_timeout=POLICY.ack_timeout, on_exhausted=POLICY.on_exhausted,
        )  # fmt: skip
        run_now(self.escalating.reload(self.playbook()))
        self.settle()

    @rule(lost=st.booleans())
    def the_minute_audit_runs(self, lost: bool) -> None:
        """It puts back timers that were lost, and finds nothing to do right after."""
        if lost:
            for id_ in self.store.timers:
                self.store.timers[id_] = ()
        report = run_now(self.escalating.audit_open())
        assert report.unattended == 0
        self.settle()
        assert run_now(self.escalating.audit_open()).repaired == ()
        for incident, _ in run_now(self.store.open_incidents()):
            if incident.due_at is not None:
                assert incident.due_at <= self.now + max(incident.due_span, 0)

    @invariant()
    def whoever_is_not_looked_at_again_has_a_reason(self) -> None:
        """An open incident has a timer, or the state says what it waits for. A critical one that nobody has, and that is
        not held, always has a timer."""
        for incident, stored in run_now(self.store.open_incidents()):
            assert stored == incident.timers
            assert stored or incident.waits_for
            critical = incident.severity is Severity.CRITICAL
            if critical and incident.state is IncidentState.TRIGGERED and not incident.held:
                assert stored

    @invariant()
    def nothing_is_left_undone(self) -> None:
        """After a pass nothing waits and nothing is overdue."""
        assert run_now(self.store.waiting(1)) == ()
        assert run_now(self.store.due(self.now, 1)) == ()

    @invariant()
    def whoever_has_it_will_be_told_of_what_goes_on_unexplained(self) -> None:
        """Also if it is over just now, and of nothing else, and nobody else: the others are paged anyway."""
        for incident, _ in run_now(self.store.open_incidents()):
            goes_on = {mark(one) for one in heard(incident.members)} & set(incident.unspoken)
            assert set(incident.outliving) <= set(incident.unspoken) <= set(incident.names)
            assert (incident.outlives_at is not None) == bool(incident.outliving)
            if incident.state in TAKEN:
                assert goes_on <= set(incident.outliving)
            else:
                assert not incident.outliving

    @invariant()
    def one_generation_of_a_key_is_open(self) -> None:
        """And generations follow one another."""
        opened = [incident.key for incident, _ in run_now(self.store.open_incidents())]
        assert len(opened) == len(set(opened))
        for key, incident in self.latest().items():
            generations = [one.generation for one in run_now(self.store.recent(10_000)) if one.key == key]
            assert sorted(generations) == list(range(1, incident.generation + 1))

    @invariant()
    def an_open_incident_has_a_firing_alert(self) -> None:
        """And one that is resolved by its source has none."""
        for incident in run_now(self.store.recent(10_000)):
            if incident.state.is_open:
                assert incident.firing

    @invariant()
    def whoever_got_a_page_gets_the_resolve(self) -> None:
        """Every destination of a page that was written hears of the end."""
        for incident in run_now(self.store.recent(10_000)):
            if incident.state.is_open:
                continue
            rows = [row for row in self.written() if row.incident == incident.id]
            paged = {row.destination for row in rows if row.message.kind.wakes}
            told = [row.destination for row in rows if row.message.kind is MessageKind.RESOLVE]
            assert paged <= set(told)
            assert len(told) == len(set(told)), "resolved twice"

    @invariant()
    def rows_of_one_destination_are_in_order(self) -> None:
        """Epochs never fall along an order key, and the resolve is the last of them."""
        epochs: dict[str, int] = {}
        ended: set[str] = set()
        for row in self.store.outbox.values():
            assert row.order_key == f"{row.incident}|{row.destination}"
            assert row.epoch >= epochs.get(row.order_key, 0)
            assert row.order_key not in ended
            epochs[row.order_key] = row.epoch
            if row.message.kind is MessageKind.RESOLVE:
                ended.add(row.order_key)

    def teardown(self) -> None:
        """Whatever happened: an urgent incident that nobody has pages again when its time comes."""
        for incident, timers in run_now(self.store.open_incidents()):
            if incident.state is IncidentState.TRIGGERED and incident.urgent and not incident.held:
                pages = incident.pages
                self.now = max(self.now, timers[0].due_at)
                self.settle()
                after = run_now(self.store.find(incident.id))
                assert after is not None
                assert after.pages > pages

    def crash(self) -> None:
        """A transaction that fails leaves everything as it was."""
        before = (dict(self.store.outbox), self.latest())
        self.store.fail_next = 1
        try:
            self.settle()
        except StoreError:
            assert (dict(self.store.outbox), self.latest()) == before
        self.store.fail_next = 0

    def written(self) -> list[OutboxRow]:
        return [*self.store.outbox.values(), *self.store.cancelled.values()]


@pytest.mark.filterwarnings("ignore:.*:hypothesis.errors.HypothesisWarning")
class TestIncidentLaws(Incidents.TestCase):
    """Run as one test."""

    settings = settings(
        max_examples=settings().max_examples * 6 // 5,
        stateful_step_count=25,
        suppress_health_check=[HealthCheck.too_slow],
    )


del Incidents


CAUSE, SIDE = seen_by("shop", alert("ServiceDown")), seen_by("side", alert("ServiceDown"))
SYMPTOM, OTHER = alert("NoDatabase"), alert("Full")
MOMENTS = 120
"""Minutes of a life; the clock is put back in its 60th, before which half of what happens has happened."""
lives = st.lists(
    st.tuples(st.integers(1, MOMENTS - 20), st.sampled_from((CAUSE, SIDE, SYMPTOM, OTHER))), min_size=1, max_size=12
)


def pages_of(life: list[tuple[int, Member]], jump: Millis) -> list[int]:
    """In which minutes somebody is paged, who acknowledges at once. `life`: an alert begins, or is over, at its minute; what the
    cause explains it explains while it fires. Once a minute timers and the audit are looked at."""
    story, stays, paged = Story(), alert("Stays"), list[int]()
    firing: set[str] = set()
    for minute in range(MOMENTS):
        back = jump if minute >= MOMENTS // 2 else 0
        story.at(minute * MINUTE + back)
        changes = [one for at, one in life if at == minute]
        for one in changes:
            firing ^= {one.fingerprint}
        taken = [story.feed(Audited())] if minute else []
        if not minute or changes:
            reported = [
                explained(one, CAUSE) if one is SYMPTOM and CAUSE.fingerprint in firing else one
                for one in (CAUSE, SIDE, SYMPTOM, OTHER)
                if one.fingerprint in firing
            ]
            over = [replace(one, firing=False, ends_at=story.now) for one in changes if one.fingerprint not in firing]
            taken.append(story.feed(GroupChanged(group(stays, *reported, *over))))
        taken += [story.fire() for timer in story.state.timers if timer.due_at <= story.now]
        if any(sent(one) for one in taken):
            paged.append(minute)
            story.feed(Acknowledge(ANA))
    return paged


@given(life=lives, jump=st.sampled_from((-HOUR, -2 * HOUR, -5 * HOUR)))
def test_whoever_would_be_paged_is_paged_though_the_clock_was_put_back(
    life: list[tuple[int, Member]], jump: Millis
) -> None:
    """For the first thing that happens after it, and at most a pause later, if it goes on as it is for so long."""
    straight = [minute for minute in pages_of(life, 0) if minute >= MOMENTS // 2]
    jumped = [minute for minute in pages_of(life, jump) if minute >= MOMENTS // 2]
    if straight and not any(straight[0] < minute <= straight[0] + 15 for minute, _ in life):
        assert any(minute <= straight[0] + 15 for minute in jumped)
