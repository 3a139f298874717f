"""Is a channel up? As the answers tell."""

from __future__ import annotations

from monitor.model.notifications import Delivered, Rejected, RetryLater, Unknown
from monitor.model.times import DAY, SECOND
from monitor.notify.circuits import Circuit
from tests.support.messages import T0


def broken(times: int) -> Circuit:
    circuit = Circuit()
    for outcome in [RetryLater("a"), Unknown("b"), Rejected("c")][:times]:
        circuit = circuit.after(outcome, T0)
    return circuit


def test_three_failures_in_a_row_take_a_channel_down_and_one_success_brings_it_back() -> None:
    """Of whatever kind they were; the latest one is told."""
    assert [broken(times).up for times in (0, 1, 2, 3)] == [True, True, True, False]
    assert broken(3).why == "c"
    assert broken(3).after(Delivered(), T0) == Circuit()


def test_while_it_is_down_chatter_waits_and_pages_knock() -> None:
    """Chatter tries again after half a minute; a jump of the clock does not lock it out."""
    down = broken(3)
    assert down.opens_at(urgent=True, now=T0) == T0
    assert down.opens_at(urgent=False, now=T0) == T0 + 30 * SECOND
    assert down.opens_at(urgent=False, now=T0 + 31 * SECOND) == T0 + 31 * SECOND
    assert down.opens_at(urgent=False, now=T0 - DAY) == T0 - DAY
