"""Limits per address: slots, the reserved share, and what happens to promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.notifications import Destination, Message
from monitor.model.times import DAY, MINUTE, SECOND
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import Slack, SlackOptions
from monitor.notify.throttling import PAGERDUTY, SLACK_CHANNEL, Limit, Rate, Throttle, Toll
from tests.support.messages import T0, a_row
from tests.support.surroundings import sending, unused_surroundings

_ARRIVALS = st.lists(st.tuples(st.integers(0, 5 * SECOND), st.booleans()), min_size=1, max_size=250)


def slots(limit: Limit, arrivals: list[tuple[int, bool]]) -> list[tuple[int, int, bool]]:
    """(asked at, goes at, urgent) for arrivals given as (pause before, urgent)."""
    throttle, now, found = Throttle(), T0, list[tuple[int, int, bool]]()
    for number, (pause, urgent) in enumerate(arrivals):
        now += pause
        throttle, slot = throttle.ask(f"r{number}", [Toll("a", limit)], urgent=urgent, now=now)
        found.append((now, slot, urgent))
    return found


@given(arrivals=_ARRIVALS)
@pytest.mark.parametrize(
    ("limit", "most", "window"), [(PAGERDUTY, 100, MINUTE), (SLACK_CHANNEL, 3, 2 * SECOND)], ids=["pagerduty", "slack"]
)
def test_no_window_ever_holds_more_than_the_vendor_takes(
    limit: Limit, most: int, window: int, arrivals: list[tuple[int, bool]]
) -> None:
    """Whatever comes when: 100 of PagerDuty's 120 a minute; on average one message in 1.1 s for a channel."""
    times = sorted(slot for _, slot, _ in slots(limit, arrivals))
    for first, start in enumerate(times):
        assert sum(1 for at in times[first:] if at < start + window) <= most


@given(chatter=st.integers(1, 300), pages=st.integers(1, 5))
def test_a_storm_of_chatter_leaves_the_reserved_share_alone(chatter: int, pages: int) -> None:
    """The first pages after any number of edits go at once."""
    found = slots(PAGERDUTY, [(0, False)] * chatter + [(0, True)] * pages)
    assert all(slot == T0 for _, slot, urgent in found if urgent)


def test_a_promised_slot_is_kept_and_used_once() -> None:
    """Asking again early gives the same slot; coming back at it passes; after that it is a new request."""
    tolls = [Toll("a", Limit(shared=Rate(every=SECOND)))]
    throttle, _ = Throttle().ask("first", tolls, urgent=False, now=T0)
    throttle, slot = throttle.ask("r", tolls, urgent=False, now=T0)
    assert slot == T0 + SECOND
    throttle, again = throttle.ask("r", tolls, urgent=False, now=T0 + 400)
    assert again == slot
    throttle, passed = throttle.ask("r", tolls, urgent=False, now=slot + 5)
    assert passed <= slot + 5
    throttle, other = throttle.ask("r", tolls, urgent=False, now=slot + 5)
    assert other > slot + 5


def test_addresses_do_not_disturb_each_other_and_several_tolls_are_all_paid() -> None:
    """A message that needs two addresses goes when both let it."""
    a = Toll("a", Limit(shared=Rate(every=SECOND)))
    b = Toll("b", Limit(shared=Rate(every=5 * SECOND)))
    throttle, _ = Throttle().ask("1", [a, b], urgent=False, now=T0)
    throttle, alone = throttle.ask("2", [Toll("c", a.limit)], urgent=False, now=T0)
    throttle, both = throttle.ask("3", [a, b], urgent=False, now=T0)
    assert (alone, both) == (T0, T0 + 5 * SECOND)


def test_a_clock_that_was_put_back_does_not_block_an_address() -> None:
    """Slots more than an hour ahead can only come from a jump."""
    tolls = [Toll("a", Limit(shared=Rate(every=SECOND)))]
    throttle = Throttle()
    for number in range(5):
        throttle, _ = throttle.ask(f"r{number}", tolls, urgent=False, now=T0)
    throttle, slot = throttle.ask("r4", tolls, urgent=False, now=T0 - DAY)
    assert slot == T0 - DAY


def test_a_line_that_is_full_for_an_hour_stays_within_its_rate() -> None:
    """Whoever finds it so comes back and asks anew; all go in the end."""
    tolls = [Toll("a", Limit(shared=Rate(every=MINUTE, burst=3)))]
    throttle, went = Throttle(), list[int]()
    waiting = [(T0, f"r{number}") for number in range(200)]
    while waiting:
        now, key = heappop(waiting)
        throttle, at = throttle.ask(key, tolls, urgent=False, now=now)
        if at <= now:
            went.append(now)
        else:
            heappush(waiting, (at, key))
    assert len(went) == 200
    assert max(sum(1 for at in went if start <= at < start + 10 * MINUTE) for start in went) <= 10 + 3


def test_slack_is_paid_for_in_the_channel_that_the_message_goes_to() -> None:
    """The one that a template of the receiver names, also where it is rendered only at the send; else the configured one."""

    def addresses(destination: Destination, message: Message, names: frozenset[str]) -> Mapping[str, str]:
        assert names == {"channel"}
        return {"channel": f"#{message.source}"}

    token = SecretSource("xoxb-1")
    options = SlackOptions(token=token, channel="{{ .CommonLabels.service }}")
    late = Slack(replace(unused_surroundings(), addresses=addresses))
    row = a_row(integration="slack")
    assert [toll.address for toll in late.tolls(sending(row, options))] == [f"slack {token.address} #shop-api"]
    decided = replace(row, message=replace(row.message, fields=(("channel", "#ops"),)))
    assert [toll.address for toll in late.tolls(sending(decided, options))] == [f"slack {token.address} #ops"]
    plain = Slack(unused_surroundings())
    told = plain.tolls(sending(row, SlackOptions(token=token, channel="#all")))
    assert [toll.address for toll in told] == [f"slack {token.address} #all"]
