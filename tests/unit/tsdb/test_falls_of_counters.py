"""What is remembered of where counters fell."""

from __future__ import annotations

from monitor.model.samples import Sample
from monitor.model.times import HOUR, SECOND
from monitor.promql.engine import Query
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric

STEP = 15 * SECOND


def _moved() -> SampleStore:
    """A counter that rises at one target and then, an hour later, at another, where it falls once."""
    store = SampleStore.in_memory(10 * HOUR)
    counter = metric("c_total")
    one = store.open([counter, metric("x")])
    for slot in range(40):
        one.append(slot * STEP, [float(slot), 1.0])
    other = store.open([counter, metric("y"), metric("z")])
    for slot, value in enumerate([*range(100, 112), *range(50, 90)]):
        other.append(HOUR + slot * STEP, [float(value), 1.0, 1.0])
    return store


def _increase(store: SampleStore, offset: str = "0s") -> list[float]:
    answer = Query(f"increase(c_total[3m] offset {offset})").instant(store.view(), HOUR + 15 * STEP).value
    assert isinstance(answer, tuple)
    return [element.value for element in answer if isinstance(element, Sample)]


def test_a_look_at_one_home_of_a_counter_changes_nothing_about_another() -> None:
    """Every frame numbers its slots from one; what was found in one frame is not taken for falls of the other."""
    store, fresh = _moved(), _moved()
    in_the_other = _increase(fresh)
    assert in_the_other[0] > 50
    assert len(_increase(store, "61m")) == 1
    assert _increase(store) == in_the_other
    assert _increase(fresh, "61m") == _increase(_moved(), "61m")
