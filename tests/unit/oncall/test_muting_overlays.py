"""Silences, inhibition, intervals and maintenance lie over an incident; they never change where it stands."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.alerts import MuteReason
from monitor.model.incidents import IncidentState, TimelineEntry
from monitor.model.notifications import MessageKind
from monitor.model.times import HOUR, MINUTE
from monitor.oncall.events import Acknowledge, EscalateNow, GroupChanged, TimerFired
from monitor.oncall.incident import TimerKind
from monitor.oncall.membership import why_quiet
from tests.support.incidents import ANA, PAYMENTS, START, Story, alert, explained, group, muted, noted, over, sent

MAINTENANCE = MuteReason.MAINTENANCE


def test_what_keeps_an_alert_quiet_is_named_where_it_is_known() -> None:
    """Another member by its name; what fires elsewhere, or no longer, only as such."""
    down = alert()
    both = replace(explained(alert("NoDatabase"), down), muted_by=(MuteReason.INHIBITION, MuteReason.SILENCE))
    silence = (MuteReason.SILENCE, "a silence matches it")
    unknown = (MuteReason.INHIBITION, "another alert that fires explains it")
    assert why_quiet(both, (down, both)) == ((MuteReason.INHIBITION, "explained by Down"), silence)
    assert why_quiet(both, (over(down), both)) == why_quiet(both, (both,)) == (unknown, silence)
    assert why_quiet(down, (down, both)) == ()


def test_a_new_incident_whose_alerts_are_all_muted_is_held() -> None:
    """It is open, pages nobody, and is looked at when the overlay is expected to end."""
    story = Story()
    taken = story.feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    assert (sent(taken), noted(taken), taken.wake_at) == ([], ["opened", "held"], START + HOUR)
    (held,) = (effect for effect in taken.effects if isinstance(effect, TimelineEntry) and effect.kind == "held")
    assert held.text.endswith("held until 2027-01-15 09:00:00 UTC")
    assert (story.state.state, story.state.held) == (IncidentState.TRIGGERED, True)


def test_a_hold_of_unknown_length_waits_for_an_event_and_says_so() -> None:
    """Such as inhibition: its end is told by alerts."""
    story = Story()
    taken = story.feed(GroupChanged(group(muted(alert(), MuteReason.INHIBITION))))
    assert taken.wake_at is None
    assert story.state.waits_for == "held while all of its alerts are muted, until that ends"


def test_the_first_step_is_taken_when_the_hold_ends() -> None:
    """By the event that tells so, or by the clock."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    assert sent(story.at(30 * MINUTE).feed(GroupChanged(group(alert())))) == ["ana"]
    story = Story()
    story.feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    assert sent(story.at(HOUR).fire()) == ["ana"]


def test_a_silence_in_the_middle_holds_the_same_step_until_it_ends() -> None:
    """The cursor does not move meanwhile, and a step timer that was read before finds nothing to do."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    step_timer = story.state.timers[0]
    taken = story.at(MINUTE).feed(GroupChanged(group(muted(alert()), held_until=START + 2 * HOUR)))
    assert taken.wake_at == START + 2 * HOUR
    assert story.at(5 * MINUTE).feed(TimerFired(TimerKind.STEP, step_timer.epoch)).effects == ()
    taken = story.at(2 * HOUR).feed(GroupChanged(group(alert())))
    assert sent(taken) == ["bo"]
    assert taken.wake_at == START + 2 * HOUR + 10 * MINUTE


def test_a_silence_that_ends_before_the_step_is_due_delays_nothing() -> None:
    """Delays are elapsed time, counted from the step before."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    story.at(MINUTE).feed(GroupChanged(group(muted(alert()))))
    taken = story.at(2 * MINUTE).feed(GroupChanged(group(alert())))
    assert (sent(taken), taken.wake_at) == ([], START + 5 * MINUTE)


def test_a_longer_silence_moves_the_end_of_the_hold() -> None:
    """Without another line in the timeline."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    taken = story.at(MINUTE).feed(GroupChanged(group(muted(alert()), held_until=START + 2 * HOUR)))
    assert (noted(taken), taken.wake_at) == ([], START + 2 * HOUR)


def test_the_walk_goes_on_while_one_alert_is_not_muted() -> None:
    """Some are muted: they neither hold nor page."""
    story = Story()
    story.feed(GroupChanged(group(alert(), muted(alert("Full")))))
    assert sent(story.steps[0]) == ["ana"]
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]


def test_maintenance_that_begins_in_the_middle_does_not_hold() -> None:
    """Whoever was woken is not left alone with it."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    story.at(MINUTE).feed(GroupChanged(group(muted(alert(), MAINTENANCE), held_until=START + 2 * HOUR)))
    assert not story.state.held
    assert sent(story.at(5 * MINUTE).fire()) == ["bo"]


def test_maintenance_holds_what_opens_under_it() -> None:
    """At its end the walk begins with the first step, if it still fires."""
    story = Story()
    quiet = muted(alert(), MAINTENANCE)
    assert sent(story.feed(GroupChanged(group(quiet, held_until=START + HOUR)))) == []
    assert sent(story.at(MINUTE).feed(GroupChanged(group(quiet, held_until=START + HOUR)))) == []
    assert sent(story.at(HOUR).fire()) == ["ana"]


def test_a_held_incident_that_never_paged_ends_in_silence() -> None:
    """There is nobody to tell."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert()))))
    taken = story.at(MINUTE).feed(GroupChanged(group(over(alert()))))
    assert story.state.state is IncidentState.RESOLVED
    assert sent(taken, *MessageKind) == []


def test_a_held_incident_resolves_to_whoever_got_a_page() -> None:
    """Muted members count as firing until they stop."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    story.at(MINUTE).feed(GroupChanged(group(muted(alert()))))
    assert story.state.state is IncidentState.TRIGGERED
    taken = story.at(2 * MINUTE).feed(GroupChanged(group(over(alert()))))
    assert sent(taken, MessageKind.RESOLVE) == ["ana"]


def test_a_held_incident_can_be_acknowledged_and_escalated() -> None:
    """A person's wish beats an overlay."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    assert sent(story.at(MINUTE).feed(EscalateNow(ANA))) == ["ana"]
    assert story.state.timers[0].kind == TimerKind.HOLD.value
    story.at(2 * MINUTE).feed(Acknowledge(ANA))
    assert story.state.timers == ()


def test_an_acknowledgement_that_runs_out_under_a_silence_pages_when_that_ends() -> None:
    """The step that is owed is not lost."""
    story = Story(replace(PAYMENTS, ack_timeout=10 * MINUTE))
    story.feed(GroupChanged(group(alert())))
    story.feed(Acknowledge(ANA))
    story.at(MINUTE).feed(GroupChanged(group(muted(alert()), held_until=START + HOUR)))
    assert sent(story.at(10 * MINUTE).fire()) == []
    assert story.state.state is IncidentState.TRIGGERED
    taken = story.at(HOUR).fire()
    assert (sent(taken), story.state.step) == (["ana"], 0)


def test_members_outlive_their_group() -> None:
    """A report without them, after a reload that regroups alerts, neither resolves nor forgets them."""
    story = Story()
    story.feed(GroupChanged(group(alert(), alert(instance="b"))))
    story.at(MINUTE).feed(GroupChanged(group()))
    assert len(story.state.firing) == 2
    story.at(2 * MINUTE).feed(GroupChanged(group(over(alert()))))
    assert [member.labels["instance"] for member in story.state.firing] == ["b"]
    assert story.state.state is IncidentState.TRIGGERED


def test_alerts_that_are_over_and_forgotten_are_kept_in_bounded_number() -> None:
    """A group that changes its alerts for days does not grow an incident without end."""
    story = Story()
    stays = alert()
    for index in range(200):
        story.at(index).feed(GroupChanged(group(stays, over(alert("Churn", instance=str(index))))))
    assert len(story.state.members) == 52


def test_those_who_were_paged_hear_of_alerts_that_join_and_leave() -> None:
    """Without being woken, and only when something changed."""
    story = Story()
    story.feed(GroupChanged(group(alert())))
    assert sent(story.at(1).feed(GroupChanged(group(alert(), alert(instance="b")))), MessageKind.UPDATE) == ["ana"]
    assert story.at(2).feed(GroupChanged(group(alert(), alert(instance="b")))).effects == ()
    assert sent(story.at(3).feed(GroupChanged(group(alert(), over(alert(instance="b"))))), MessageKind.UPDATE) == [
        "ana"
    ]
