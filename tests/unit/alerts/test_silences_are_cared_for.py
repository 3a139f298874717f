"""Reminders before a silence ends, and silences that end when what they mute has resolved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.silence_care import Care, Reminders, at_hand, care, muted_by, reminder
from monitor.alerts.silences import Silence, SilenceDraft, place
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000
REMINDERS = Reminders(to="team", before=15 * MINUTE)


def silence(*, until_resolved: bool = False, remind_before: int | None = None, span: int = HOUR) -> Silence:
    """Since now, of the host x."""
    return Silence(
        id="s",
        matcher_sets=(parse_matchers("host=x"),),
        starts_at=NOW,
        ends_at=NOW + span,
        updated_at=NOW,
        expires_at=NOW + 9 * HOUR,
        created_by="ana",
        comment="moving",
        until_resolved=until_resolved,
        remind_before=remind_before,
    )


def alert(name: str = "Down", until: Timestamp = NOW + 9 * HOUR) -> Alert:
    return Alert(
        labels=Labels({"alertname": name, "host": "x"}),
        annotations=Labels({}),
        starts_at=NOW,
        ends_at=until,
        updated_at=NOW,
    )


def look(one: Silence, alerts: list[Alert], now: Timestamp, reminders: Reminders = REMINDERS) -> tuple[Silence, Care]:
    """The silence after a look, and what was done."""
    muted = muted_by(at_hand([one], reminders, now), alerts, now)
    found = care({one.id: one}, muted, reminders, now)
    return next(iter(found.put), one), found


def test_a_reminder_is_given_once_when_it_is_due_and_something_fires() -> None:
    """A longer silence is reminded of anew."""
    one, due = silence(), NOW + 45 * MINUTE
    _, found = look(one, [alert()], due - 1)
    assert (found.reminded, found.wake_at) == ((), due)
    one, found = look(one, [alert()], due)
    assert found.reminded == (one,)
    _, found = look(one, [alert()], due + MINUTE)
    assert found.reminded == ()
    longer = replace(one, ends_at=NOW + 2 * HOUR)
    assert look(longer, [alert()], due)[1].wake_at == NOW + 105 * MINUTE


def test_nobody_is_reminded_of_a_silence_that_mutes_nothing() -> None:
    """Until something fires before its end; never after it."""
    one, due = silence(), NOW + 45 * MINUTE
    assert look(one, [], due)[1] == Care()
    assert look(one, [alert(until=due)], due)[1] == Care()
    assert look(one, [alert()], due + MINUTE)[1].reminded
    assert look(one, [alert()], NOW + HOUR)[1] == Care()


@pytest.mark.parametrize(
    ("own", "configured", "to", "due_after"),
    [
        (None, 15 * MINUTE, "team", 45 * MINUTE),
        (5 * MINUTE, 15 * MINUTE, "team", 55 * MINUTE),
        (0, 15 * MINUTE, "team", None),
        (None, 0, "team", None),
        (5 * MINUTE, 0, "team", 55 * MINUTE),
        (None, 15 * MINUTE, "", None),
        (None, HOUR, "team", None),
    ],
)
def test_when_a_reminder_is_due(own: int | None, configured: int, to: str, due_after: int | None) -> None:
    """As the silence says, or else the configuration; of one that is no longer than the notice none is."""
    found = Reminders(to=to, before=configured).due_at(silence(remind_before=own))
    assert found == (None if due_after is None else NOW + due_after)


def test_one_that_is_until_resolved_ends_when_all_that_it_muted_have_resolved() -> None:
    """It waits for the first to fire, and goes on as long as one does."""
    one = silence(until_resolved=True)
    one, found = look(one, [], NOW)
    assert found == Care(wake_at=NOW + 45 * MINUTE)
    one, found = look(one, [alert(), alert("Full")], NOW + MINUTE)
    assert (one.seen_at, found.ended) == (NOW + MINUTE, ())
    one, found = look(one, [alert(until=NOW + 2 * MINUTE), alert("Full")], NOW + 2 * MINUTE)
    assert found.ended == ()
    one, found = look(one, [alert(until=NOW + 2 * MINUTE)], NOW + 3 * MINUTE)
    assert (found.ended, one.ends_at, found.reminded) == (("s",), NOW + 3 * MINUTE, ())
    assert look(one, [], NOW + 4 * MINUTE)[1] == Care()


def test_alerts_that_nobody_reports_any_more_have_resolved_in_time() -> None:
    """So it is looked at again when the last of them does."""
    one = replace(silence(until_resolved=True), seen_at=NOW)
    _, found = look(one, [alert(until=NOW + 4 * MINUTE), alert("Full", NOW + 5 * MINUTE)], NOW, Reminders())
    assert found.wake_at == NOW + 5 * MINUTE


def test_one_that_was_not_looked_through_for_is_left_alone() -> None:
    """It may have been made, or begun, after the look."""
    seen = replace(silence(until_resolved=True), seen_at=NOW)
    assert care({"s": seen}, {}, Reminders(), NOW) == Care()


def test_an_edit_keeps_what_it_does_not_name() -> None:
    """Alertmanager's door has no words for these."""
    one = replace(silence(until_resolved=True, remind_before=MINUTE), seen_at=NOW, reminded_of=NOW + HOUR)
    draft = SilenceDraft(
        id="s", matcher_sets=one.matcher_sets, starts_at=NOW, ends_at=NOW + 2 * HOUR, created_by="ana", comment="moving"
    )
    (edited,) = place({"s": one}, draft, "new", NOW + MINUTE).put
    expected = replace(one, ends_at=NOW + 2 * HOUR, updated_at=NOW + MINUTE, expires_at=edited.expires_at)
    assert edited == expected
    *_, other = place({"s": one}, replace(draft, matcher_sets=(parse_matchers("host=y"),)), "new", NOW + MINUTE).put
    assert (other.id, other.until_resolved, other.remind_before, other.seen_at) == ("new", True, MINUTE, 0)


def test_a_reminder_names_what_will_be_heard() -> None:
    """And how to go on."""
    said = reminder(silence(), [alert(), alert("Full"), alert("Full")], NOW + 45 * MINUTE)
    assert said.title == 'A silence of 3 alerts ends in 15m: {host="x"}'
    assert said.text == (
        "moving\n"
        "It still mutes 3 alerts (Full: 2, Down: 1).\n"
        "Until 2026-01-01 01:00:00 UTC, by ana.\n"
        "To make it longer: watchkeeper silence update s --for 2h"
    )


@given(st.lists(st.tuples(st.integers(0, 70), st.booleans()), max_size=12))
def test_whenever_one_looks_nothing_is_said_twice_and_nothing_ends_unseen(looks: list[tuple[int, bool]]) -> None:
    """Whatever fires at each look."""
    one, reminded, ended, seen = silence(until_resolved=True), 0, 0, False
    for minutes, fires in sorted(looks):
        one, found = look(one, [alert()] if fires else [], NOW + minutes * MINUTE)
        reminded += len(found.reminded)
        ended += len(found.ended)
        assert not found.ended or seen
        seen |= fires and minutes < 60
    assert reminded <= 1
    assert ended <= 1


@pytest.mark.parametrize(("ended_at", "ends"), [(NOW - 1, False), (NOW, False), (NOW + 1, True), (NOW + 900, True)])
def test_what_was_over_before_the_first_look_was_muted_all_the_same(ended_at: Timestamp, ends: bool) -> None:
    """If it ended while the silence was active; what was over before has nothing to do with it."""
    one, found = look(silence(until_resolved=True), [alert(until=ended_at)], NOW + 1_000)
    assert (found.ended == ("s",), bool(one.seen_at)) == (ends, ends)
    assert found.reminded == ()
