"""What an answer means for a row, and what may be started at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    Destination,
    Message,
    MessageKind,
    OutboxRow,
    OutboxState,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import DAY, HOUR, MINUTE, SECOND
from monitor.notify.attempts import Patience, Repeats, admit, backoff, conclude, homeless, put_back, unrepeatable
from monitor.notify.dressing.webhook import webhook_body
from monitor.notify.outbox import Began, Claimed, Finish, Head, IncidentMark
from monitor.notify.redirects import instead, passed_on
from monitor.state.codec import dumps, loads
from tests.support.messages import T0, a_row

_OPS = Destination("ops", "console")
_LATER = RetryLater("busy")
_LOST = Unknown("lost")
_PAGE, _NOTE, _END = MessageKind.TRIGGER, MessageKind.UPDATE, MessageKind.RESOLVE


def claimed(
    kind: MessageKind = _PAGE,
    *,
    attempts: int = 0,
    uncertain: bool = False,
    alarmed: bool = False,
    of_incident: bool = True,
) -> Claimed:
    return Claimed(
        seq=1,
        row=a_row(kind, of_incident=of_incident),
        fence=1,
        lease_until=T0 + MINUTE,
        attempts=attempts,
        uncertain=uncertain,
        alarmed=alarmed,
    )


def ended(one: Claimed, outcome: DeliveryOutcome, *, repeats: Repeats = Repeats.VISIBLE, now: int = T0) -> Finish:
    return conclude(one, outcome, repeats=repeats, fallback=_OPS, patience=Patience(), fraction=0.5, now=now)


@pytest.mark.parametrize(
    ("kind", "outcome", "repeats", "state", "uncertain"),
    [
        (_PAGE, Delivered("h"), Repeats.VISIBLE, OutboxState.SENT, False),
        (_PAGE, _LATER, Repeats.VISIBLE, OutboxState.PENDING, False),
        (_PAGE, _LOST, Repeats.VISIBLE, OutboxState.UNKNOWN, True),
        (_PAGE, Rejected("no"), Repeats.VISIBLE, OutboxState.FAILED, False),
        (_NOTE, _LATER, Repeats.VISIBLE, OutboxState.PENDING, False),
        (_NOTE, _LOST, Repeats.VISIBLE, OutboxState.FAILED, True),
        (_NOTE, _LOST, Repeats.ASKED, OutboxState.UNKNOWN, True),
        (_NOTE, _LOST, Repeats.HARMLESS, OutboxState.UNKNOWN, True),
        (_END, _LOST, Repeats.VISIBLE, OutboxState.UNKNOWN, True),
    ],
    ids=lambda value: str(getattr(value, "value", type(value).__name__)),
)
def test_the_table_of_answers(
    kind: MessageKind, outcome: DeliveryOutcome, repeats: Repeats, state: OutboxState, uncertain: bool
) -> None:
    """A page is tried again whatever it takes; chatter only where that cannot be seen twice."""
    finish = ended(claimed(kind), outcome, repeats=repeats)
    assert (finish.state, finish.uncertain, finish.counted) == (state, uncertain, True)


@pytest.mark.parametrize(
    ("kind", "of_incident", "patience"),
    [(_NOTE, True, 15 * MINUTE), (_END, True, DAY), (_PAGE, False, HOUR)],
    ids=["note", "resolve", "plain-page"],
)
def test_everything_but_the_page_of_an_incident_is_given_up_one_day(
    kind: MessageKind, of_incident: bool, patience: int
) -> None:
    """When the next attempt would come after its time; the words say what was last wrong."""
    one = claimed(kind, attempts=20, of_incident=of_incident)
    assert ended(one, _LATER, now=T0 + patience - 150 * SECOND).state is OutboxState.PENDING
    finish = ended(one, _LATER, now=T0 + patience - 149 * SECOND)
    assert (finish.state, finish.error) == (OutboxState.FAILED, "busy")
    assert [(report.arrived, report.trying) for report in finish.reports] == [(False, False)]


def test_the_page_of_an_incident_is_never_given_up_for_its_age() -> None:
    """It ends when the incident does."""
    assert ended(claimed(attempts=10_000), _LATER, now=T0 + 30 * DAY).state is OutboxState.PENDING


def test_the_fifth_failure_of_a_page_tells_the_fallback_once_and_reports() -> None:
    """The fourth and the sixth do not."""
    told = [ended(claimed(attempts=count, alarmed=count > 4), _LATER) for count in (3, 4, 5)]
    assert [finish.alarmed for finish in told] == [False, True, False]
    assert [len(finish.rows) for finish in told] == [0, 1, 0]
    assert [len(finish.reports) for finish in told] == [0, 1, 0]
    assert told[1].state is OutboxState.PENDING
    assert (told[1].reports[0].redirected_to, told[1].reports[0].trying) == (_OPS, True)


def test_a_fifth_attempt_that_nobody_concluded_leaves_the_alarm_to_the_sixth() -> None:
    """A crash counts an attempt without a word to anybody."""
    finish = ended(claimed(attempts=5, uncertain=True), _LATER)
    assert (len(finish.rows), len(finish.reports), finish.alarmed) == (1, 1, True)


def test_the_next_one_is_told_when_who_was_told_instead_is_out_of_reach_too() -> None:
    """It says of both whom it was meant for and why, and ends after some steps: two channels that are down do not play
    ball for ever."""
    lead = Destination("lead", "email")
    row, steps = instead(a_row(), _OPS, "broken", T0), 1
    while (finish := refused(row, lead if steps % 2 else _OPS)).rows:
        (row,) = finish.rows
        steps += 1
    assert [report.redirected_to for report in finish.reports] == [None]
    assert steps == 24
    assert row.message.text.splitlines()[-2:] == [
        "Meant for user:ana/webhook[0], which could not be reached: broken",
        a_row().message.text,
    ]
    assert row.message.text.startswith("Meant for ops/console[0], which could not be reached: no\nMeant for lead/")


def test_a_webhook_that_is_told_instead_reads_whom_it_was_meant_for_and_why() -> None:
    """Also when others were tried in between; a webhook that is told in the first place reads nothing of the kind."""
    row = a_row()
    assert "fallbackFor" not in json.loads(webhook_body(row.message))
    second = instead(instead(row, _OPS, "no such room", T0), Destination("lead", "webhook"), "busy", T0)
    said = json.loads(webhook_body(loads(Message, dumps(second.message))))
    assert said["fallbackFor"] == {"receiver": "user:ana", "integration": "webhook[0]", "why": "no such room"}


def refused(row: OutboxRow, fallback: Destination) -> Finish:
    one = Claimed(seq=1, row=row, fence=1, lease_until=T0 + MINUTE)
    patience = Patience()
    return conclude(
        one, Rejected("no"), repeats=Repeats.VISIBLE, fallback=fallback, patience=patience, fraction=0, now=T0
    )


def test_texts_made_for_one_vendor_do_not_go_to_another() -> None:
    """A title in Slack's markup means nothing in a mail, and hides who was meant."""
    row = a_row(of_incident=False)
    row = replace(row, message=replace(row.message, fields=(("title", "*ill*"), ("channel", "#shop"))))
    (other,) = refused(row, _OPS).rows
    assert other.message.fields == ()
    (end,) = passed_on(replace(row, message=replace(row.message, kind=_END)), _OPS, T0)
    assert end.message.fields == ()


def test_a_note_that_cannot_be_delivered_troubles_nobody_else() -> None:
    """It is reported, not redirected."""
    finish = ended(claimed(_NOTE), Rejected("no"))
    assert finish.rows == ()
    assert len(finish.reports) == 1


def test_a_removed_receiver_fails_the_row_without_an_attempt() -> None:
    """The fallback is told why."""
    finish = homeless(claimed(), _OPS, T0)
    assert (finish.state, finish.counted) == (OutboxState.FAILED, False)
    assert "no longer in the configuration" in finish.rows[0].message.text


@pytest.mark.parametrize("kind", [_END, MessageKind.ACKNOWLEDGE])
def test_who_never_got_the_page_hears_neither_of_its_acknowledgement_nor_of_its_end(kind: MessageKind) -> None:
    """Unless an attempt of this very row may have arrived, or a page may have been forgotten."""
    row = a_row(kind)
    refused = admit(Head(row=row, began=Began.CANCELLED), T0)
    assert refused is not None
    assert refused.error == f"no page was ever sent there, so there is none to {kind.value}"
    assert admit(Head(row=row, began=Began.ARRIVED), T0) is None
    assert admit(Head(row=row, began=Began.NONE), T0) is None
    assert admit(Head(row=row, began=Began.CANCELLED, uncertain=True), T0) is None
    assert admit(Head(row=a_row(_NOTE), began=Began.CANCELLED), T0) is None


def test_an_acknowledgement_that_was_overtaken_is_not_sent() -> None:
    """Since then the incident may have been given back."""
    row = a_row(MessageKind.ACKNOWLEDGE)
    overtaken = admit(Head(row=row, incident=IncidentMark(epoch=row.epoch + 1, open=True), redirected_to=_OPS), T0)
    assert overtaken is not None
    assert (overtaken.state, overtaken.rows) == (OutboxState.CANCELLED, ())
    assert admit(Head(row=row, incident=IncidentMark(epoch=row.epoch, open=True)), T0) is None
    assert admit(Head(row=row, incident=IncidentMark(epoch=row.epoch + 1, open=False)), T0) is None


def test_a_page_after_an_acknowledgement_that_was_passed_on_is_passed_on_as_well() -> None:
    """Whoever was told instead hears that nobody has it any more; otherwise a page that arrived troubles nobody else."""
    one = replace(claimed(), redirected_to=_OPS)
    assert ended(one, Delivered("h")).rows == ()
    (row,) = ended(replace(one, settled_there=True), Delivered("h")).rows
    assert (row.destination, row.message.kind) == (_OPS, _PAGE)


def test_a_row_that_is_put_back_keeps_its_doubt() -> None:
    """Waiting for a slot is no attempt."""
    assert put_back(claimed(uncertain=True), T0 + 5).state is OutboxState.UNKNOWN
    assert put_back(claimed(), T0 + 5) == Finish(state=OutboxState.PENDING, due_at=T0 + 5, counted=False)


def test_only_chatter_that_would_be_seen_twice_is_dropped_when_in_doubt() -> None:
    """As after a crash in the middle of sending."""
    assert unrepeatable(claimed(_NOTE, uncertain=True), Repeats.VISIBLE, T0) is not None
    assert unrepeatable(claimed(_NOTE, uncertain=True), Repeats.ASKED, T0) is None
    assert unrepeatable(claimed(_NOTE), Repeats.VISIBLE, T0) is None
    assert unrepeatable(claimed(_PAGE, uncertain=True), Repeats.VISIBLE, T0) is None
    assert unrepeatable(claimed(_END, uncertain=True), Repeats.VISIBLE, T0) is None


@given(failures=st.integers(1, 10_000), fraction=st.floats(0, 1, exclude_max=True))
def test_pauses_are_bounded_and_use_the_whole_range(failures: int, fraction: float) -> None:
    """Between nothing and a ceiling that doubles from 2 s to 300 s."""
    ceiling = min(2 * SECOND * 2 ** (min(failures, 20) - 1), 300 * SECOND)
    assert 0 <= backoff(failures, fraction) <= ceiling
    assert backoff(failures, 0.999_999) >= ceiling - 2


@given(after=st.integers(-(10**9), 10**12), fraction=st.floats(0, 1, exclude_max=True))
def test_a_vendors_wish_is_kept_within_an_hour(after: int, fraction: float) -> None:
    """It wins over our own pause, but nobody makes a page wait for a day."""
    finish = conclude(
        claimed(),
        RetryLater("busy", after),
        repeats=Repeats.VISIBLE,
        fallback=None,
        patience=Patience(),
        fraction=fraction,
        now=T0,
    )
    assert finish.due_at == T0 + min(max(after, 0), HOUR)
