"""What restored alerts make of a wall clock that was set back while nobody looked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.alerts import AlertState
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE, SECOND, Millis
from monitor.rules.ports import StoredAlert
from monitor.rules.restore import identities, restored, unobserved
from monitor.rules.states import ActiveAlert
from tests.support.rule_worlds import groups_of

SEEN = 1000 * HOUR
"""When the stored alerts were last looked at."""
NAME = Labels({"alertname": "A"})


def alert(state: AlertState, ago: Millis) -> ActiveAlert:
    """An alert whose instants were all so long before the last look."""
    then = SEEN - ago
    return ActiveAlert(
        labels=NAME,
        annotations=Labels(),
        state=state,
        value=1.0,
        active_at=then,
        fired_at=None if state is AlertState.PENDING else then,
        resolved_at=then if state is AlertState.INACTIVE else None,
        keep_firing_since=then if state is AlertState.FIRING else None,
    )


@pytest.mark.parametrize("back", [HOUR, 20 * SECOND])
def test_pending_time_goes_on_when_the_clock_was_set_back_meanwhile(back: Millis) -> None:
    """Two minutes of `for` were observed, and two minutes they stay."""
    group = groups_of({"alert": "A", "expr": "x == 0", "for": "5m"}, interval="15s")[0]
    identity, number = identities(group.rules)[0]
    row = StoredAlert(
        group=group.key, rule=identity, number=number, alert=alert(AlertState.PENDING, 2 * MINUTE), seen_at=SEEN
    )
    found = restored([row], group, SEEN - back)
    assert found[0][NAME].active_at == SEEN - back - 2 * MINUTE


def test_what_is_kept_for_a_while_is_kept_no_longer() -> None:
    """`keep_firing_for` and the memory of a resolved alert end as if the clock had not been touched."""
    now = SEEN - HOUR
    assert unobserved(alert(AlertState.FIRING, MINUTE), -HOUR, 15 * SECOND, now).keep_firing_since == now - MINUTE
    assert unobserved(alert(AlertState.INACTIVE, MINUTE), -HOUR, 15 * SECOND, now).resolved_at == now - MINUTE


def test_the_start_of_a_firing_alert_moves_only_out_of_the_future() -> None:
    """It stays the same alert; but none has begun after now."""
    old, young = alert(AlertState.FIRING, 3 * HOUR), alert(AlertState.FIRING, MINUTE)
    now = SEEN - HOUR
    after = unobserved(old, -HOUR, 15 * SECOND, now)
    assert (after.active_at, after.fired_at) == (old.active_at, old.fired_at)
    after = unobserved(young, -HOUR, 15 * SECOND, now)
    assert (after.active_at, after.fired_at) == (now, now)


@given(
    state=st.sampled_from(AlertState),
    ago=st.integers(-MINUTE, 3 * HOUR),
    since_fired=st.integers(0, HOUR),
    back=st.integers(1, 2 * HOUR),
)
def test_no_restored_beginning_lies_in_the_future(
    state: AlertState, ago: Millis, since_fired: Millis, back: Millis
) -> None:
    """Whatever was stored, even by a look that was ahead of its own clock."""
    stored = alert(state, ago)
    if stored.fired_at is not None:
        stored = replace(stored, fired_at=stored.fired_at + since_fired)
    now = SEEN - back
    after = unobserved(stored, -back, 15 * SECOND, now)
    for instant in (after.active_at, after.fired_at, after.resolved_at, after.keep_firing_since):
        assert instant is None or instant <= now
