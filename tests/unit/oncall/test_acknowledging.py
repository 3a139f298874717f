"""Acknowledge, give back, snooze, resolve: what people do and what they are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.alerts import MuteReason
from monitor.model.changes import AuditEntry
from monitor.model.incidents import Actor, Door, IncidentState, Member, TimelineEntry
from monitor.model.notifications import MessageKind, NotifyReason, OutboxRow
from monitor.model.times import HOUR, MINUTE, Millis
from monitor.oncall.effects import Answer, Step
from monitor.oncall.events import (
    Acknowledge,
    Audited,
    EscalateNow,
    GroupChanged,
    Resolve,
    Snooze,
    TimerFired,
    Unacknowledge,
)
from monitor.oncall.incident import TimerKind
from monitor.oncall.policies import OnNewAlert
from tests.support.incidents import (
    ANA,
    BO,
    PAYMENTS,
    START,
    Story,
    alert,
    cancels,
    explained,
    group,
    muted,
    noted,
    over,
    policy_step,
    seen_by,
    sent,
)

TIMED = replace(PAYMENTS, ack_timeout=45 * MINUTE)


def opened(story: Story) -> Story:
    story.feed(GroupChanged(group(alert())))
    return story


def ended(member: Member, offset: Millis) -> Member:
    return replace(member, firing=False, ends_at=START + offset)


def reasons(taken: Step) -> set[NotifyReason]:
    return {row.message.reason for row in taken.effects if isinstance(row, OutboxRow) and row.message.kind.wakes}


def test_an_acknowledgement_stops_the_walk_and_takes_back_what_was_not_sent() -> None:
    """No timer is left, the epoch is raised, and everybody who was paged hears of it."""
    story = opened(Story())
    story.at(5 * MINUTE).fire()
    taken = story.at(6 * MINUTE).feed(Acknowledge(BO))
    assert story.answer == "acknowledged by bo"
    assert cancels(taken) == [2]
    assert sent(taken) == []
    assert sent(taken, MessageKind.ACKNOWLEDGE) == ["ana", "bo"]
    assert (taken.wake_at, story.state.waits_for) == (None, "acknowledged by bo, without a time limit")
    audit = next(effect for effect in taken.effects if isinstance(effect, AuditEntry))
    assert (audit.actor, audit.action, audit.subject) == (BO, "acknowledge", "incident:ID1")


def test_a_step_timer_that_was_read_before_the_acknowledgement_does_nothing() -> None:
    """Its epoch is gone."""
    story = opened(Story())
    story.at(MINUTE).feed(Acknowledge(ANA))
    before = story.state
    taken = story.at(5 * MINUTE).feed(TimerFired(TimerKind.STEP, 1))
    assert (taken.incident, taken.effects) == (before, ())


def test_a_second_acknowledgement_is_told_who_has_it() -> None:
    """And changes nothing."""
    story = opened(Story())
    story.at(MINUTE).feed(Acknowledge(ANA))
    taken = story.at(3 * MINUTE).feed(Acknowledge(BO))
    assert story.answer == "already acknowledged by ana 2m ago"
    assert taken.effects == ()
    assert story.state.acked_by == "ana"


def test_an_acknowledgement_after_the_end_is_told_so() -> None:
    """Late clicks are no errors; escalating what is over is refused."""
    story = opened(Story())
    story.at(MINUTE).feed(Resolve(ANA))
    taken = story.at(2 * MINUTE).feed(Acknowledge(BO))
    assert taken.answer is not None
    assert (taken.answer.text, taken.answer.refused) == ("already resolved by ana 1m ago", False)
    taken = story.feed(EscalateNow(BO))
    assert taken.answer is not None
    assert taken.answer.refused


def test_actions_on_nothing_are_refused() -> None:
    """There is no such incident."""
    taken = Story().feed(Acknowledge(ANA))
    assert taken.answer is not None
    assert (taken.answer.refused, taken.incident) == (True, None)


def test_an_acknowledgement_that_leads_nowhere_pages_its_holder_and_the_step_again() -> None:
    """After `ack_timeout` the step taken last is taken once more, not the first one."""
    story = opened(Story(TIMED))
    story.at(5 * MINUTE).fire()
    taken = story.at(6 * MINUTE).feed(Acknowledge(ANA))
    assert taken.wake_at == START + 51 * MINUTE
    taken = story.at(51 * MINUTE).fire()
    assert sent(taken) == ["bo", "ana"]
    assert reasons(taken) == {NotifyReason.ACK_TIMEOUT}
    assert (story.state.state, story.state.step, story.state.epoch) == (IncidentState.TRIGGERED, 1, 3)
    assert taken.wake_at == START + 61 * MINUTE
    assert story.state.acked_by == ""


def test_a_holder_whom_the_step_pages_anyway_is_paged_once() -> None:
    """The same human once per step."""
    story = opened(Story(TIMED))
    story.at(MINUTE).feed(Acknowledge(ANA))
    assert sent(story.at(46 * MINUTE).fire()) == ["ana"]


def test_a_holder_who_is_no_known_person_is_not_paged() -> None:
    """Somebody from Slack whom the people list does not have."""
    story = opened(Story(TIMED))
    story.at(MINUTE).feed(Acknowledge(Actor(name="Slack:U9", door=Door.SLACK)))
    assert sent(story.at(46 * MINUTE).fire()) == ["ana"]


def test_giving_it_back_takes_the_same_step_again_at_once() -> None:
    """Others who were paged are told without being woken."""
    story = opened(Story())
    story.at(5 * MINUTE).fire()
    story.at(6 * MINUTE).feed(Acknowledge(BO))
    taken = story.at(7 * MINUTE).feed(Unacknowledge(BO))
    assert sent(taken) == ["bo"]
    assert sent(taken, MessageKind.UPDATE) == ["ana"]
    assert taken.wake_at == START + 17 * MINUTE


def test_giving_back_what_nobody_has_changes_nothing() -> None:
    """The walk goes on as it was."""
    story = opened(Story())
    taken = story.at(MINUTE).feed(Unacknowledge(ANA))
    assert taken.effects == ()
    assert story.answer == "nobody has acknowledged it"


def test_a_snooze_ends_by_paging_whoever_snoozed_it() -> None:
    """Until then nothing wakes anybody; an end in the past is refused."""
    story = opened(Story())
    refused = story.feed(Snooze(BO, START)).answer
    assert refused == Answer(text="a snooze ends in the future", changed=False, refused=True)
    taken = story.at(MINUTE).feed(Snooze(BO, START + HOUR))
    assert story.state.state is IncidentState.SNOOZED
    assert taken.wake_at == START + HOUR
    taken = story.at(HOUR).fire()
    assert sent(taken) == ["ana", "bo"]
    assert "snooze_ended" in noted(taken)


def test_a_snoozed_incident_can_be_acknowledged() -> None:
    """The snooze's timer goes with it."""
    story = opened(Story())
    story.feed(Snooze(BO, START + HOUR))
    story.at(MINUTE).feed(Acknowledge(ANA))
    assert (story.state.state, story.state.acked_by) == (IncidentState.ACKNOWLEDGED, "ana")
    assert story.state.timers == ()


def test_escalating_an_acknowledged_incident_pages_the_next_step_only() -> None:
    """It is open again, and the first step's person is not paged."""
    story = opened(Story())
    story.at(MINUTE).feed(Acknowledge(ANA))
    taken = story.at(5 * MINUTE).feed(EscalateNow(ANA))
    assert sent(taken) == ["bo"]
    assert story.state.state is IncidentState.TRIGGERED


def test_another_alert_of_the_same_name_does_not_wake_who_has_it() -> None:
    """It stands in the timeline only."""
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    taken = story.at(MINUTE).feed(GroupChanged(group(alert(), alert(instance="b"))))
    assert (noted(taken), [row for row in taken.effects if isinstance(row, OutboxRow)]) == (["joined"], [])
    assert story.state.state is IncidentState.ACKNOWLEDGED


ADMIN, CART, SHOP = (seen_by(check, alert()) for check in ("admin", "cart", "shop"))


def test_another_check_that_fails_pages_again_and_says_which() -> None:
    """It may watch what matters more; the same check, by whatever instance, is known."""
    story = Story()
    story.feed(GroupChanged(group(ADMIN)))
    story.feed(Acknowledge(ANA))
    again = seen_by("admin", alert(instance="b"))
    assert sent(story.at(5 * MINUTE).feed(GroupChanged(group(ADMIN, again)))) == []
    taken = story.at(6 * MINUTE).feed(GroupChanged(group(ADMIN, again, SHOP)))
    assert sent(taken) == ["ana"]
    (entry,) = (effect for effect in taken.effects if isinstance(effect, TimelineEntry) and effect.kind == "repaged")
    assert entry.text == "Down of shop joined: pages again although ana has acknowledged"
    story.feed(Acknowledge(ANA))
    assert sent(story.at(7 * MINUTE).feed(GroupChanged(group(over(ADMIN), SHOP)))) == []
    assert sent(story.at(9 * MINUTE).feed(GroupChanged(group(ADMIN, SHOP)))) == []


def test_checks_that_fail_one_after_another_are_one_outage_to_whoever_took_it_just_now() -> None:
    """For two minutes, and then known; but not what a silence kept from them, nor a check of what they do not have."""
    story = Story()
    story.feed(GroupChanged(group(ADMIN, muted(CART))))
    story.feed(Acknowledge(ANA))
    assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(ADMIN, muted(CART), SHOP)))) == []
    assert sent(story.at(9 * MINUTE).feed(GroupChanged(group(ADMIN, muted(CART), SHOP)))) == []
    taken = story.at(10 * MINUTE).feed(GroupChanged(group(ADMIN, CART, SHOP)))
    assert sent(taken) == ["ana"]
    story.feed(Acknowledge(ANA))
    assert sent(story.at(11 * MINUTE).feed(GroupChanged(group(ADMIN, seen_by("shop", alert("NoDatabase")))))) == ["ana"]


def test_an_end_of_muting_is_no_check_that_fails_after_another() -> None:
    """However soon after the acknowledgement it comes."""
    story = Story()
    story.feed(GroupChanged(group(ADMIN, muted(CART))))
    story.feed(Acknowledge(ANA))
    assert sent(story.at(MINUTE).feed(GroupChanged(group(ADMIN, CART)))) == ["ana"]


def test_an_incident_of_an_older_version_knows_its_names_for_all_checks() -> None:
    """What was acknowledged before an upgrade pages nobody after it."""
    story = Story()
    story.feed(GroupChanged(group(ADMIN)))
    story.feed(Acknowledge(ANA))
    story.incident = replace(story.state, names=("Down",))
    assert sent(story.at(5 * MINUTE).feed(GroupChanged(group(ADMIN, SHOP)))) == []


def test_an_alert_of_another_name_pages_again_from_the_first_step() -> None:
    """Epoch + 1, triggered, step 0."""
    story = opened(Story())
    story.at(5 * MINUTE).fire()
    story.feed(Acknowledge(ANA))
    taken = story.at(6 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))
    assert sent(taken) == ["ana"]
    assert reasons(taken) == {NotifyReason.NEW_ALERT_AFTER_ACK}
    assert (story.state.epoch, story.state.step, story.state.state) == (3, 0, IncidentState.TRIGGERED)
    assert story.state.repages == 1


def test_a_page_for_something_new_says_what_it_is_and_who_has_the_rest() -> None:
    """First what joined, with its time; then what was known, by whom it was acknowledged and how long ago."""
    story = Story()
    story.feed(GroupChanged(group(alert(summary="shop is down"))))
    story.at(2 * MINUTE).feed(Acknowledge(ANA))
    full = alert("Full", starts_at=START + 6 * MINUTE, summary="disk is full")
    taken = story.at(6 * MINUTE).feed(GroupChanged(group(alert(summary="shop is down"), full)))
    (message,) = (row.message for row in taken.effects if isinstance(row, OutboxRow))
    assert message.title == "CRITICAL, NEW: disk is full (+1 known before)"
    assert message.text.splitlines()[:3] == [
        "New, since 2027-01-15 08:06:00 UTC: disk is full",
        "Known before, since 2027-01-15 08:00:00 UTC (6m): shop is down",
        "ana acknowledged what was known 4m ago; it pages again because of what is new.",
    ]


def test_everybody_who_was_paged_hears_what_is_new() -> None:
    """Whom the new page does not wake is told the same."""
    story = opened(Story())
    story.at(5 * MINUTE).fire()
    story.feed(Acknowledge(ANA))
    taken = story.at(6 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))
    titles = {
        row.destination.receiver: (row.message.kind, row.message.title)
        for row in taken.effects
        if isinstance(row, OutboxRow)
    }
    new = "CRITICAL, NEW: Full on a (+1 known before)"
    assert titles == {"user:ana": (MessageKind.TRIGGER, new), "user:bo": (MessageKind.UPDATE, new)}


def wakes(story: Story) -> dict[str, int]:
    """By key the wake that the latest rows to each carry."""
    return {
        row.destination.receiver.removeprefix("user:"): row.message.incident.wake
        for row in story.rows.values()
        if row.message.incident is not None
    }


def test_each_hears_of_the_incident_under_the_wake_of_their_own_last_page() -> None:
    """A vendor has one alert for each wake: whoever is only told of the later one must find theirs."""
    story = opened(Story())
    story.at(5 * MINUTE).fire()
    assert wakes(story) == {"ana": 0, "bo": 0}
    story.at(6 * MINUTE).feed(Acknowledge(ANA))
    story.at(7 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))
    assert wakes(story) == {"ana": 1, "bo": 0}
    story.at(12 * MINUTE).fire()
    assert wakes(story) == {"ana": 1, "bo": 1}
    story.feed(EscalateNow(ANA))
    assert (wakes(story), story.state.wakes) == ({"ana": 1, "bo": 1, "cy": 1}, 1)


def test_what_the_acknowledged_alert_explains_pages_nobody() -> None:
    """Neither when it joins nor when it outlives its cause: whoever has the cause has it. Both are noted."""
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    taken = story.at(MINUTE).feed(GroupChanged(group(alert(), explained(alert("NoDatabase"), alert()))))
    assert (sent(taken), sent(taken, MessageKind.UPDATE), noted(taken)) == ([], [], ["joined"])
    (entry,) = (effect for effect in taken.effects if isinstance(effect, TimelineEntry))
    assert entry.text == "1 alert joined: NoDatabase (explained by Down)"
    taken = story.at(5 * MINUTE).feed(GroupChanged(group(over(alert()), alert("NoDatabase"))))
    assert (sent(taken), noted(taken)) == ([], ["cleared"])
    assert story.state.state is IncidentState.ACKNOWLEDGED


def test_what_outlives_its_explanation_by_long_pages_once() -> None:
    """A quarter of an hour; the time begins anew if it was explained in between, and is void when somebody is told. It goes on
    while the alert is over for a moment: what flaps faster would never be told."""
    cause, stays, symptom = alert(), alert(instance="b"), alert("NoDatabase")
    quiet, loud = group(cause, stays, explained(symptom, cause)), group(over(cause), stays, symptom)

    def outlived() -> Story:
        story = Story()
        story.feed(GroupChanged(group(cause, stays)))
        story.feed(Acknowledge(ANA))
        story.at(MINUTE).feed(GroupChanged(quiet))
        assert story.at(5 * MINUTE).feed(GroupChanged(loud)).wake_at == START + 20 * MINUTE
        return story

    story = outlived()
    assert story.at(6 * MINUTE).feed(GroupChanged(loud)).wake_at == START + 20 * MINUTE
    taken = story.at(20 * MINUTE).fire()
    assert (sent(taken), noted(taken)) == (["ana"], ["repaged", "paged"])
    (entry,) = (one for one in taken.effects if isinstance(one, TimelineEntry) and one.kind == "repaged")
    assert entry.text == ("NoDatabase goes on, unexplained for 15m: pages again although ana has acknowledged")
    story.feed(Acknowledge(ANA))
    assert story.at(21 * MINUTE).feed(GroupChanged(loud)).wake_at is None
    story = outlived()
    assert story.at(6 * MINUTE).feed(GroupChanged(quiet)).wake_at is None
    assert story.at(9 * MINUTE).feed(GroupChanged(loud)).wake_at == START + 24 * MINUTE
    gap = group(over(cause), stays, ended(symptom, 6 * MINUTE))
    story = outlived()
    assert story.at(6 * MINUTE).feed(GroupChanged(gap)).wake_at == START + 20 * MINUTE
    assert sent(story.at(9 * MINUTE).feed(GroupChanged(loud))) == []
    assert sent(story.at(20 * MINUTE).fire()) == ["ana"]


def test_what_outlives_its_explanation_and_is_over_when_its_time_is_pages_when_it_comes_back() -> None:
    """At once: it was waited for long enough. Nobody is paged for what stays away."""
    cause, stays, symptom = alert(), alert(instance="b"), alert("NoDatabase")
    story = Story()
    story.feed(GroupChanged(group(cause, stays)))
    story.feed(Acknowledge(ANA))
    story.at(MINUTE).feed(GroupChanged(group(cause, stays, explained(symptom, cause))))
    story.at(5 * MINUTE).feed(GroupChanged(group(ended(cause, 5 * MINUTE), stays, symptom)))
    story.at(19 * MINUTE).feed(GroupChanged(group(stays, ended(symptom, 19 * MINUTE))))
    assert (sent(story.at(20 * MINUTE).fire()), story.state.timers) == ([], ())
    assert sent(story.at(21 * MINUTE).feed(GroupChanged(group(stays, symptom)))) == ["ana"]


def test_the_end_of_a_silence_over_what_outlives_its_explanation_is_news_at_once() -> None:
    """Nobody was told of it while it was silenced, and its explanation is over; it is known again if that goes on."""
    cause, stays, symptom = alert(), alert(instance="b"), alert("NoDatabase")
    for after, pages in (((over(cause), symptom), ["ana"]), ((cause, explained(symptom, cause)), [])):
        story = Story()
        story.feed(GroupChanged(group(cause, stays)))
        story.feed(Acknowledge(ANA))
        story.at(MINUTE).feed(GroupChanged(group(cause, stays, explained(symptom, cause))))
        story.at(5 * MINUTE).feed(GroupChanged(group(after[0], stays, muted(symptom))))
        assert story.state.timers == ()
        assert sent(story.at(9 * MINUTE).feed(GroupChanged(group(after[0], stays, after[1])))) == pages


def test_what_begins_beside_a_cause_that_explains_it_no_more_is_news_at_once() -> None:
    """Its explanation has worn out, though its name was explained by it before; after the cause it may go on for a while."""
    cause, stays, symptom = alert(), alert(instance="b"), alert("NoDatabase")
    other = alert("NoDatabase", instance="b")
    quiet = explained(symptom, cause)
    for before, after, pages in (
        (ended(symptom, 3 * MINUTE), (cause, symptom), ["ana"]),
        (quiet, (cause, quiet, other), ["ana"]),
        (ended(symptom, 3 * MINUTE), (ended(cause, 5 * MINUTE), symptom), []),
        (quiet, (cause, symptom), []),
    ):
        story = Story()
        story.feed(GroupChanged(group(cause, stays)))
        story.feed(Acknowledge(ANA))
        story.at(MINUTE).feed(GroupChanged(group(cause, stays, quiet)))
        story.at(3 * MINUTE).feed(GroupChanged(group(cause, stays, before)))
        taken = story.at(16 * MINUTE).feed(GroupChanged(group(stays, *after)))
        assert sent(taken) == pages


def test_a_snooze_tells_nobody_of_what_outlives_its_explanation() -> None:
    """Nor does an acknowledgement in its place: the time goes on, and ends the snooze."""
    cause, symptom = alert(), alert("NoDatabase")
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    story.at(MINUTE).feed(GroupChanged(group(cause, explained(symptom, cause))))
    story.at(5 * MINUTE).feed(GroupChanged(group(over(cause), symptom)))
    assert story.at(6 * MINUTE).feed(Snooze(ANA, START + 8 * HOUR)).wake_at == START + 20 * MINUTE
    assert story.at(7 * MINUTE).feed(Acknowledge(BO)).wake_at == START + 20 * MINUTE
    assert sent(story.at(20 * MINUTE).fire()) == ["ana"]


def test_a_check_of_a_name_that_is_known_by_its_explanation_alone_is_news() -> None:
    """Only what people were told of makes another check's alert one outage with it."""
    cause = alert("ServiceDown")
    symptom = explained(seen_by("shop", alert("Slow")), cause)
    story = Story()
    story.feed(GroupChanged(group(cause, symptom)))
    story.feed(Acknowledge(ANA))
    joined = group(cause, symptom, seen_by("admin", alert("Slow")))
    assert sent(story.at(MINUTE).feed(GroupChanged(joined))) == ["ana"]


@pytest.mark.parametrize(("audited", "back"), [(False, -HOUR), (True, -HOUR), (True, 2 * MINUTE), (True, 31 * MINUTE)])
def test_a_clock_that_was_put_back_hides_no_check_and_no_second_outage(audited: bool, back: Millis) -> None:
    """Neither at once, nor when the clock comes to the old times again."""
    full = alert("Full")
    story = Story()
    story.feed(GroupChanged(group(ADMIN, full)))
    story.at(20 * MINUTE).feed(GroupChanged(group(ADMIN, ended(full, 20 * MINUTE))))
    story.at(30 * MINUTE).feed(Acknowledge(ANA))
    if audited:
        assert set(noted(story.at(-2 * HOUR).feed(Audited()))) == {"repaired"}
        assert story.feed(Audited()).effects == ()
    assert sent(story.at(back).feed(GroupChanged(group(ADMIN, SHOP)))) == ["ana"]
    story.feed(Acknowledge(ANA))
    assert sent(story.at(back + MINUTE).feed(GroupChanged(group(ADMIN, SHOP, full)))) == ["ana"]


def test_what_outlives_its_explanation_ends_a_snooze_and_is_only_noted_where_the_policy_says_so() -> None:
    """Like whatever else joins; and an acknowledgement that runs out before tells all there is."""
    cause, symptom = alert(), alert("NoDatabase")
    for policy, action, at, pages, notes in (
        (PAYMENTS, Snooze(ANA, START + 6 * HOUR), 17, ["ana"], ["repaged", "paged"]),
        (replace(PAYMENTS, on_new_alert=OnNewAlert.NOTE), Acknowledge(ANA), 17, [], ["joined"]),
        (replace(PAYMENTS, ack_timeout=9 * MINUTE), Acknowledge(ANA), 9, ["ana"], ["ack_timeout", "paged"]),
    ):
        story = opened(Story(policy))
        story.feed(action)
        story.at(MINUTE).feed(GroupChanged(group(cause, explained(symptom, cause))))
        story.at(2 * MINUTE).feed(GroupChanged(group(over(cause), symptom)))
        taken = story.at(at * MINUTE).fire()
        assert (sent(taken), noted(taken)) == (pages, notes)
        assert (story.state.outlives_at, story.state.unspoken) == (None, ())


def test_the_time_of_what_outlives_its_explanation_does_not_move_away_with_the_clock() -> None:
    """The minute audit counts it anew."""
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    story.at(MINUTE).feed(GroupChanged(group(alert(), explained(alert("NoDatabase"), alert()))))
    story.at(5 * MINUTE).feed(GroupChanged(group(over(alert()), alert("NoDatabase"))))
    assert set(noted(story.at(-HOUR).feed(Audited()))) == {"repaired"}
    assert story.state.timers[0].due_at == START - HOUR + 15 * MINUTE


def test_what_an_alert_of_another_incident_explained_pages_when_that_is_over() -> None:
    """Whoever has this incident was told of neither."""
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    elsewhere = explained(alert("NoDatabase"), alert("RegionDown", instance="eu"))
    assert sent(story.at(MINUTE).feed(GroupChanged(group(alert(), elsewhere)))) == []
    assert sent(story.at(5 * MINUTE).feed(GroupChanged(group(alert(), alert("NoDatabase"))))) == ["ana"]


def test_a_symptom_before_the_acknowledgement_is_no_update() -> None:
    """The walk goes on, and nobody is told of what is explained, coming or going."""
    story = opened(Story())
    symptom = explained(alert("NoDatabase"), alert())
    assert sent(story.at(MINUTE).feed(GroupChanged(group(alert(), symptom))), MessageKind.UPDATE) == []
    assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(alert(), over(symptom)))), MessageKind.UPDATE) == []
    assert sent(story.at(3 * MINUTE).feed(GroupChanged(group(alert(), alert("Full")))), MessageKind.UPDATE) == ["ana"]


def test_a_higher_severity_pages_again() -> None:
    """Also under the same name; a lower one does not."""
    story = Story()
    story.feed(GroupChanged(group(alert(severity="error"))))
    story.feed(Acknowledge(ANA))
    assert (
        sent(story.at(MINUTE).feed(GroupChanged(group(alert(severity="error"), alert(instance="b", severity="info")))))
        == []
    )
    assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(alert(severity="critical"))))) == ["ana"]


def test_a_policy_may_note_new_alerts_instead() -> None:
    """`on_new_alert: note`."""
    story = opened(Story(replace(PAYMENTS, on_new_alert=OnNewAlert.NOTE)))
    story.feed(Acknowledge(ANA))
    taken = story.at(MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))
    assert (sent(taken), noted(taken)) == ([], ["joined", "joined"])


def test_a_muted_alert_pages_an_acknowledged_incident_only_when_it_is_heard() -> None:
    """Its silence ends, and it was not there when somebody took the incident."""
    story = opened(Story())
    story.feed(Acknowledge(ANA))
    assert sent(story.at(MINUTE).feed(GroupChanged(group(alert(), muted(alert("Full")))))) == []
    assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))) == ["ana"]


def test_who_acknowledges_does_not_know_what_is_muted() -> None:
    """What a silence or maintenance kept quiet was told to nobody: the end of it is news, once."""
    for reason in (MuteReason.SILENCE, MuteReason.MAINTENANCE):
        story = Story()
        quiet = GroupChanged(group(alert(), muted(alert("Full"), reason)))
        story.feed(quiet)
        story.feed(Acknowledge(ANA))
        assert story.at(MINUTE).feed(quiet).effects == ()
        assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))) == ["ana"]
        story.feed(Acknowledge(ANA))
        assert sent(story.at(3 * MINUTE).feed(GroupChanged(group(alert(), alert("Full"))))) == []


def test_who_acknowledges_what_is_held_is_told_when_the_hold_ends() -> None:
    """Whatever was muted all the time was heard by nobody."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert()))))
    story.feed(Acknowledge(ANA))
    assert sent(story.at(MINUTE).feed(GroupChanged(group(alert())))) == ["ana"]


def test_what_is_silenced_as_well_as_explained_is_not_known_with_its_cause() -> None:
    """The cause is over, and the silence then: somebody has to hear of it. So with one whose cause is silenced."""
    both = replace(explained(alert("Full"), alert()), muted_by=(MuteReason.INHIBITION, MuteReason.SILENCE))
    hidden = muted(alert("Disk"))
    symptom = explained(alert("Full"), hidden)
    for begin, later in (
        (group(alert(), both), group(over(alert()), muted(alert("Full")))),
        (group(alert("Other"), hidden, symptom), group(alert("Other"), over(hidden), muted(alert("Full")))),
    ):
        story = Story()
        story.feed(GroupChanged(begin))
        story.feed(Acknowledge(ANA))
        assert sent(story.at(MINUTE).feed(GroupChanged(later))) == []
        gone_on = tuple(one for one in later.members if one.name != "Full")
        assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(*gone_on, alert("Full"))))) == ["ana"]


def test_an_alert_that_comes_back_under_a_known_name_is_no_news() -> None:
    """Flapping does not wake who has it."""
    story = Story()
    full = alert("Full")
    story.feed(GroupChanged(group(alert(), full)))
    story.feed(Acknowledge(ANA))
    story.at(MINUTE).feed(GroupChanged(group(alert(), over(full))))
    assert sent(story.at(2 * MINUTE).feed(GroupChanged(group(alert(), full)))) == []


def test_an_alert_that_comes_back_long_after_is_news_also_when_it_comes_back_muted() -> None:
    """A quarter of an hour without any of its name is the end of it; flapping and another instance are not."""
    other = alert("Full", instance="b")
    for away, between, pages in ((13, (), []), (16, (), ["ana"]), (16, (other,), [])):
        story = Story()
        full = alert("Full")
        story.feed(GroupChanged(group(alert(), full)))
        story.feed(Acknowledge(ANA))
        story.at(MINUTE).feed(GroupChanged(group(alert(), over(full), *between)))
        back = (1 + away) * MINUTE
        quiet = story.at(back).feed(GroupChanged(group(alert(), muted(full), *between)))
        assert sent(quiet) == []
        assert sent(story.at(back + MINUTE).feed(GroupChanged(group(alert(), full, *between)))) == pages


def test_what_flaps_is_not_called_new_to_those_who_were_paged() -> None:
    """They hear that it is back; another instance is new, and so is what a silence kept quiet."""
    story = Story()
    full = alert("Full")
    story.feed(GroupChanged(group(alert(), full, muted(alert("Slow")))))
    story.at(MINUTE).feed(GroupChanged(group(alert(), over(full))))

    def new(*members: Member) -> list[tuple[str, ...]]:
        taken = story.feed(GroupChanged(group(alert(), *members)))
        rows = [row.message for row in taken.effects if isinstance(row, OutboxRow)]
        return [message.incident.news for message in rows if message.incident is not None]

    assert new(full) == [()]
    assert new(full, other := alert("Full", instance="b")) == [(other.fingerprint,)]
    assert new(full, other, slow := alert("Slow")) == [(slow.fingerprint,)]


def test_recovery_resolves_for_everybody_who_was_paged() -> None:
    """Whether or not somebody had it, once and for all."""
    for acknowledged in (False, True):
        story = opened(Story())
        story.at(5 * MINUTE).fire()
        if acknowledged:
            story.feed(Acknowledge(ANA))
        taken = story.at(9 * MINUTE).feed(GroupChanged(group(over(alert()))))
        assert sent(taken, MessageKind.RESOLVE) == ["ana", "bo"]
        assert story.state.state is IncidentState.RESOLVED
        assert (story.state.resolved_by, taken.wake_at) == ("", None)
        assert story.feed(GroupChanged(group(over(alert())))).effects == ()


def test_a_persons_resolve_is_not_undone_by_alerts_that_never_stopped() -> None:
    """Until each has stopped, or a quarter of an hour is over."""
    story = opened(Story())
    taken = story.at(MINUTE).feed(Resolve(ANA))
    assert sent(taken, MessageKind.RESOLVE) == ["ana"]
    assert taken.wake_at == START + 16 * MINUTE
    assert story.at(2 * MINUTE).feed(GroupChanged(group(alert()))).effects == ()
    taken = story.at(16 * MINUTE).fire()
    assert sent(taken) == ["ana"]
    assert (story.state.id, story.state.number, story.state.generation) == ("ID2", 2, 2)
    assert taken.superseded is not None
    assert (taken.superseded.id, taken.superseded.timers) == ("ID1", ())


def test_what_is_kept_quiet_does_not_undo_a_persons_resolve() -> None:
    """It is news when that ends, if it fires by then, though what was resolved has ended meanwhile; and it belongs to what
    opens again by itself."""
    for ends in (False, True):
        story = opened(Story())
        story.at(MINUTE).feed(Resolve(ANA))
        assert story.at(2 * MINUTE).feed(GroupChanged(group(alert(), muted(alert("Full"))))).effects == ()
        if ends:
            assert story.at(3 * MINUTE).feed(GroupChanged(group(over(alert()), muted(alert("Full"))))).effects == ()
            assert sent(story.at(40 * MINUTE).feed(GroupChanged(group(over(alert()), alert("Full"))))) == ["ana"]
        else:
            assert sent(story.at(16 * MINUTE).fire()) == ["ana"]
            assert [member.name for member in story.state.firing] == ["Down", "Full"]


def test_a_person_who_resolves_has_not_dealt_with_what_they_were_not_told() -> None:
    """Whatever the policy says of alerts that go on: a silence or maintenance that ends is news. They are told so."""
    for policy in (PAYMENTS, replace(PAYMENTS, reopen_if_still_firing=0)):
        story = Story(policy)
        symptom = explained(alert("NoDatabase"), alert())
        quiet = group(alert(), symptom, muted(alert("Full")))
        story.feed(GroupChanged(quiet))
        story.at(MINUTE).feed(Resolve(ANA))
        assert story.answer.endswith("; 1 alert is muted, to be told when that ends")
        assert story.at(2 * MINUTE).feed(GroupChanged(quiet)).effects == ()
        taken = story.at(3 * MINUTE).feed(GroupChanged(group(alert(), symptom, alert("Full"))))
        assert (sent(taken), story.state.generation) == (["ana"], 2)


def test_what_ends_by_itself_may_be_followed_by_what_is_held() -> None:
    """Nobody resolved it, so there is nothing to undo: the next generation opens, and waits."""
    story = opened(Story())
    story.at(MINUTE).feed(GroupChanged(group(over(alert()))))
    taken = story.at(2 * MINUTE).feed(GroupChanged(group(over(alert()), muted(alert("Full")))))
    assert (sent(taken), story.state.generation, story.state.held) == ([], 2, True)


def test_an_alert_that_stopped_and_comes_back_opens_the_next_generation() -> None:
    """It is news then, although the quarter of an hour is not over."""
    story = opened(Story())
    story.at(MINUTE).feed(Resolve(ANA))
    story.at(2 * MINUTE).feed(GroupChanged(group(over(alert()))))
    assert story.state.timers == ()
    assert sent(story.at(3 * MINUTE).feed(GroupChanged(group(alert())))) == ["ana"]
    assert story.state.generation == 2


def test_a_new_alert_after_a_persons_resolve_opens_the_next_generation_at_once() -> None:
    """With all that fires, for that is what is ill."""
    story = opened(Story())
    story.at(MINUTE).feed(Resolve(ANA))
    taken = story.at(2 * MINUTE).feed(GroupChanged(group(alert(), alert(instance="b"))))
    assert sent(taken) == ["ana"]
    assert len(story.state.firing) == 2


def test_nothing_opens_again_when_all_is_over_by_then() -> None:
    """The timer goes with the last firing alert; one read before finds nothing to do."""
    story = opened(Story())
    story.at(MINUTE).feed(Resolve(ANA))
    stale = story.state.timers[0]
    story.at(2 * MINUTE).feed(GroupChanged(group(over(alert()))))
    taken = story.at(16 * MINUTE).feed(TimerFired(TimerKind(stale.kind), stale.epoch))
    assert taken.effects == ()
    assert story.state.generation == 1


def test_a_policy_may_never_open_again_what_keeps_firing() -> None:
    """`reopen_if_still_firing: 0s`: each alert has to stop first."""
    story = opened(Story(replace(PAYMENTS, reopen_if_still_firing=0)))
    assert story.at(MINUTE).feed(Resolve(ANA)).wake_at is None
    assert story.at(HOUR).feed(GroupChanged(group(alert()))).effects == ()


def test_a_page_after_an_acknowledgement_has_a_key_of_its_own() -> None:
    """The same step to the same destination, in another epoch."""
    story = opened(Story(replace(PAYMENTS, steps=(policy_step("user:ana"),))))
    story.feed(Acknowledge(ANA))
    story.feed(Unacknowledge(ANA))
    pages = [key for key, row in story.rows.items() if row.message.kind is MessageKind.TRIGGER]
    assert pages == ["ID1:1:0:0:user:ana/pagerduty[0]", "ID1:3:0:0:user:ana/pagerduty[0]"]
