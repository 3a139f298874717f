"""The walk through a policy: who is paged, when, and what follows the last step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.incidents import IncidentState
from monitor.model.notifications import MessageKind, NotifyReason, OutboxRow
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
from monitor.oncall.events import EscalateNow, GroupChanged, PolicyRemoved, Rebase, TimerFired
from monitor.oncall.incident import TimerKind
from monitor.oncall.policies import FOREVER, OnExhausted, Policy
from monitor.oncall.roster import Roster
from tests.support.incidents import (
    ANA,
    PAYMENTS,
    PEOPLE,
    ROSTER,
    START,
    Story,
    alert,
    group,
    noted,
    policy_step,
    sent,
    targets,
)


def opened(story: Story) -> Story:
    story.feed(GroupChanged(group(alert())))
    return story


def test_the_first_step_pages_in_the_decision_that_opens_the_incident() -> None:
    """A step without delay waits for nothing."""
    story = opened(Story())
    assert sent(story.steps[0]) == ["ana"]
    row = next(effect for effect in story.steps[0].effects if isinstance(effect, OutboxRow))
    assert row.dedupe_key == "ID1:1:0:0:user:ana/pagerduty[0]"
    assert row.order_key == "ID1|user:ana/pagerduty[0]"
    assert (row.message.kind, row.message.reason) == (MessageKind.TRIGGER, NotifyReason.FIRST)
    assert story.steps[0].wake_at == START + 5 * MINUTE


def test_a_delayed_first_step_waits_for_its_delay() -> None:
    """`after` of the first step counts from the opening."""
    late = replace(PAYMENTS, steps=(policy_step("user:ana", after=2 * MINUTE),))
    story = opened(Story(late))
    assert sent(story.steps[0]) == []
    assert story.steps[0].wake_at == START + 2 * MINUTE
    assert sent(story.at(2 * MINUTE).fire()) == ["ana"]


def test_each_step_follows_its_delay_after_the_one_before() -> None:
    """0s ana, 5m bo, 15m cy, and the next walk after the longest delay."""
    story = opened(Story())
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]
    assert sent(story.at(15 * MINUTE).fire()) == ["cy"]
    assert sent(story.at(25 * MINUTE).fire()) == ["ana"]
    assert (story.state.loop, story.state.step) == (1, 0)


def test_a_timer_that_is_late_takes_one_step_and_counts_the_next_from_now() -> None:
    """After three hours of downtime one step is taken, not all that were missed."""
    story = opened(Story())
    taken = story.at(3 * HOUR).fire()
    assert sent(taken) == ["bo"]
    assert taken.wake_at == START + 3 * HOUR + 10 * MINUTE


@pytest.mark.parametrize(
    ("kind", "epoch", "offset"),
    [
        pytest.param(TimerKind.STEP, 1, 5 * MINUTE - 1, id="too early"),
        pytest.param(TimerKind.STEP, 2, 5 * MINUTE, id="another epoch"),
        pytest.param(TimerKind.REMINDER, 1, 5 * MINUTE, id="another kind"),
        pytest.param(TimerKind.HOLD, 1, 5 * MINUTE, id="not held"),
    ],
)
def test_a_timer_that_the_incident_does_not_want_does_nothing(kind: TimerKind, epoch: int, offset: int) -> None:
    """Kind, epoch and due time must all fit."""
    story = opened(Story())
    before = story.state
    taken = story.at(offset).feed(TimerFired(kind, epoch))
    assert taken.incident is before
    assert taken.effects == ()


def test_an_exhausted_policy_reminds_slowly_and_for_ever() -> None:
    """After the last walk a reminder goes out every half hour; there is no silence."""
    once = replace(PAYMENTS, steps=PAYMENTS.steps[:1], repeat=0, on_exhausted=OnExhausted(notify=targets("user:cy")))
    story = opened(Story(once))
    taken = story.at(5 * MINUTE).fire()
    assert noted(taken) == ["exhausted", "reminded"]
    assert sent(taken) == ["cy"]
    for count in range(2, 6):
        taken = story.at(5 * MINUTE + (count - 1) * 30 * MINUTE).fire()
        assert sent(taken, MessageKind.REMINDER) == ["cy"]
        assert story.state.reminders == count
        assert taken.wake_at == story.now + 30 * MINUTE


def test_without_a_target_of_its_own_the_reminder_goes_to_the_fallback_or_else_to_the_last_step() -> None:
    """Whoever configured nothing is still reminded."""
    once = replace(PAYMENTS, steps=PAYMENTS.steps[:1], repeat=0)
    assert sent(opened(Story(once)).at(5 * MINUTE).fire()) == ["lead"]
    assert sent(opened(Story(replace(once, fallback=()))).at(5 * MINUTE).fire()) == ["ana"]


def test_a_policy_that_repeats_for_ever_is_never_exhausted() -> None:
    """The list is walked again and again, and every page tells its number."""
    endless = replace(PAYMENTS, steps=PAYMENTS.steps[:1], repeat=FOREVER)
    story = opened(Story(endless))
    for walk in range(1, 20):
        assert sent(story.at(walk * 5 * MINUTE).fire()) == ["ana"]
    assert (story.state.exhausted, story.state.pages) == (False, 20)


def test_a_step_that_reaches_nobody_is_passed_over_at_once_and_counted() -> None:
    """The next step does not wait for its own delay then."""
    gap = replace(PAYMENTS, steps=(policy_step("schedule:empty"), *PAYMENTS.steps[1:]))
    story = opened(Story(gap))
    assert sent(story.steps[0]) == ["bo"]
    assert noted(story.steps[0]) == ["opened", "nobody", "paged"]
    assert (story.state.nobody, story.state.step) == (1, 1)
    assert story.steps[0].wake_at == START + 10 * MINUTE


def test_the_last_step_falls_back_when_it_reaches_nobody() -> None:
    """Both the gap and the fallback are counted."""
    gap = replace(PAYMENTS, steps=(policy_step("user:gone"), policy_step("schedule:empty", after=MINUTE)))
    story = opened(Story(gap))
    assert sent(story.steps[0]) == ["lead"]
    assert (story.state.nobody, story.state.fallbacks) == (2, 1)


def test_the_house_fallback_serves_policies_without_one() -> None:
    """`Setting.fallback` is the last resort."""
    hollow = Policy(name="payments", steps=(policy_step(),))
    assert sent(opened(Story(hollow, fallback=targets("receiver:ops"))).steps[0]) == ["ops", "ops"]


def test_a_policy_without_steps_is_exhausted_at_once_and_cannot_be_escalated() -> None:
    """It still tells the fallback, and goes on to remind."""
    story = opened(Story(Policy(name="payments", steps=(), fallback=targets("user:lead"))))
    assert sent(story.steps[0], MessageKind.TRIGGER) == ["lead"]
    assert story.state.exhausted
    assert story.steps[0].wake_at == START + 30 * MINUTE
    story.feed(EscalateNow(ANA))
    assert story.answer == "the policy has no steps"


def test_a_policy_that_nobody_knows_still_tells_the_house_fallback() -> None:
    """An inbox row may outlive the policy that it names."""
    story = Story(fallback=targets("user:lead"))
    assert sent(story.feed(GroupChanged(group(alert(), policy="gone")))) == ["lead"]
    assert noted(story.steps[0])[:2] == ["opened", "policy_removed"]


def test_the_same_person_through_two_targets_of_a_step_is_paged_once() -> None:
    """A schedule that gives ana, and ana by name, are one page."""

    def on_call(schedule: str, at: Timestamp) -> tuple[str, ...]:
        return ("ana", "bo")

    both = replace(PAYMENTS, steps=(policy_step("user:ana", "schedule:s", "slack:#x", "slack:#x"),))
    story = opened(Story(both, directory=Roster(PEOPLE, {}, on_call)))
    assert sent(story.steps[0]) == ["ana", "bo", "slack:#x"]


def test_targets_are_resolved_at_the_instant_of_the_page() -> None:
    """The hand-over at exactly the page goes to the incoming person."""

    def on_call(schedule: str, at: Timestamp) -> tuple[str, ...]:
        return ("bo",) if at >= START + 5 * MINUTE else ("ana",)

    twice = replace(PAYMENTS, steps=(policy_step("schedule:s"), policy_step("schedule:s", after=5 * MINUTE)))
    story = opened(Story(twice, directory=Roster(PEOPLE, {}, on_call)))
    assert sent(story.steps[0]) == ["ana"]
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]


def test_an_edited_policy_is_taken_up_when_the_list_begins_again() -> None:
    """Mid-walk the pinned version goes on; the next walk uses the newest."""
    story = opened(Story())
    story.policies["payments"] = replace(PAYMENTS, steps=(policy_step("user:lead"),))
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]
    assert sent(story.at(15 * MINUTE).fire()) == ["cy"]
    taken = story.at(25 * MINUTE).fire()
    assert sent(taken) == ["lead"]
    assert "rebased" in noted(taken)


def test_a_rebase_takes_the_newest_policy_up_at_once_from_its_first_step() -> None:
    """Only then does the walk change under way; without a change it does nothing."""
    story = opened(Story())
    story.at(MINUTE).feed(Rebase(ANA))
    assert story.answer == "it is on the newest version already"
    story.policies["payments"] = replace(PAYMENTS, steps=(policy_step("user:lead"),))
    assert sent(story.feed(Rebase(ANA))) == ["lead"]
    assert (story.state.epoch, story.state.step) == (2, 0)


def test_a_removed_policy_is_noted_once_and_its_pinned_version_goes_on() -> None:
    """A reload pages nobody and stops nobody."""
    story = opened(Story())
    story.policies.clear()
    assert noted(story.at(MINUTE).feed(PolicyRemoved())) == ["policy_removed"]
    assert story.feed(PolicyRemoved()).effects == ()
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]


def test_escalating_by_hand_takes_the_next_step_at_once() -> None:
    """The delay of the step after it starts over, and what was not sent yet is moot."""
    story = opened(Story())
    taken = story.at(30 * SECOND).feed(EscalateNow(ANA))
    assert sent(taken) == ["bo"]
    assert story.state.epoch == 2
    assert taken.wake_at == START + 30 * SECOND + 10 * MINUTE


def test_escalating_past_the_last_step_begins_the_list_again() -> None:
    """Also when the policy would not repeat by itself."""
    once = replace(PAYMENTS, steps=PAYMENTS.steps[:1], repeat=0)
    story = opened(Story(once))
    assert sent(story.at(MINUTE).feed(EscalateNow(ANA))) == ["ana"]
    assert (story.state.loop, story.state.step, story.state.state) == (1, 0, IncidentState.TRIGGERED)


def test_warnings_take_the_first_step_only() -> None:
    """Its reason stands in the place of a timer; a policy may say otherwise."""
    story = Story()
    story.feed(GroupChanged(group(alert(severity="warning"))))
    assert sent(story.steps[0]) == ["ana"]
    assert story.steps[0].wake_at is None
    assert story.state.waits_for == "only warnings: its policy does not escalate those"
    story = Story(replace(PAYMENTS, warning_escalates=True))
    assert story.feed(GroupChanged(group(alert(severity="warning")))).wake_at == START + 5 * MINUTE


@pytest.mark.parametrize("severity", ["", "sev1", "page", "error"])
def test_a_severity_that_does_not_plainly_say_low_escalates(severity: str) -> None:
    """The receiver decides what escalates; a missing label is no reason to sleep on."""
    story = Story()
    assert story.feed(GroupChanged(group(alert(severity=severity)))).wake_at == START + 5 * MINUTE


def test_a_warning_that_becomes_critical_starts_the_walk_from_its_first_step() -> None:
    """And it does not go back to sleep when the critical alert ends."""
    story = Story()
    low = alert("Slow", severity="warning")
    story.feed(GroupChanged(group(low)))
    taken = story.at(MINUTE).feed(GroupChanged(group(low, alert())))
    assert sent(taken) == ["ana"]
    assert (story.state.epoch, taken.wake_at) == (2, START + 6 * MINUTE)
    story.at(2 * MINUTE).feed(GroupChanged(group(low, alert(firing=False))))
    assert sent(story.at(6 * MINUTE).fire()) == ["bo"]


def test_the_directory_answers_nobody_for_what_it_does_not_know() -> None:
    """A person or receiver that a reload removed raises nothing."""
    assert ROSTER.resolve(targets("user:gone")[0], START) == ()
    assert ROSTER.resolve(targets("receiver:gone")[0], START) == ()
    assert ROSTER.resolve(targets("schedule:gone")[0], START) == ()
    assert ROSTER.contacts("gone") == ()
