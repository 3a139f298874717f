"""What an HTTP answer says, and how long a vendor wants us to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.notifications import Delivered, DeliveryFailure, MessageKind, Rejected
from monitor.model.times import SECOND
from monitor.notify.kinds.answers import by_status, wish
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import Slack, SlackOptions
from tests.support.messages import T0, a_row
from tests.support.surroundings import sending, unused_surroundings


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, DeliveryFailure.CLIENT),
        (401, DeliveryFailure.AUTH),
        (403, DeliveryFailure.AUTH),
        (429, DeliveryFailure.RATE_LIMITED),
        (500, DeliveryFailure.SERVER),
        (504, DeliveryFailure.SERVER),
        (301, DeliveryFailure.OTHER),
    ],
)
def test_an_outcome_carries_why_it_failed_for_counting(status: int, failure: DeliveryFailure) -> None:
    """Under Alertmanager's words; it tells no two outcomes apart, for the sentence says it as well."""
    outcome = by_status(status, "", T0)
    assert not isinstance(outcome, Delivered)
    assert outcome.failure is failure
    assert outcome == by_status(status, "", T0)
    assert Rejected("no", DeliveryFailure.AUTH) == Rejected("no")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("17", 17 * SECOND),
        (" 0 ", 0),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30 * SECOND),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("Mon, 02 Mar 2026 09:00:30", None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("99999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, span: int | None) -> None:
    """Everything else is no wish."""
    assert wish(text, T0) == span


@given(status=st.integers(100, 999), retry_after=st.text(max_size=40))
def test_any_answer_is_understood(status: int, retry_after: str) -> None:
    """Whatever a server makes up."""
    assert by_status(status, retry_after, T0) is not None


@pytest.mark.parametrize(
    ("kind", "handle", "followed", "addresses"),
    [
        (MessageKind.TRIGGER, "", False, 1),
        (MessageKind.UPDATE, "C1/1.2", False, 2),
        (MessageKind.UPDATE, "C1/1.2", True, 1),
        (MessageKind.REMINDER, "C1/1.2", False, 1),
        (MessageKind.RESOLVE, "C1/1.2", False, 2),
    ],
)
def test_edits_in_slack_pay_their_own_toll(kind: MessageKind, handle: str, followed: bool, addresses: int) -> None:
    """One edit in three seconds and message; a page does not wait for its edit, a followed row makes none."""
    slack = Slack(unused_surroundings())
    options = SlackOptions(token=SecretSource("xoxb-1"), channel="#shop")
    one = sending(a_row(kind, integration="slack"), options, handle=handle, followed=followed)
    assert len({toll.address for toll in slack.tolls(one)}) == addresses
