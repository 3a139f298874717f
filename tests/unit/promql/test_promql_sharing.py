"""Queries at the same instant share what range functions make of selectors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.labels import Labels
from monitor.model.samples import STALE, Sample
from monitor.model.times import HOUR, Timestamp
from monitor.promql.engine import Query
from monitor.promql.sharing import Shared, Sharing
from monitor.tsdb.store import SampleStore
from tests.support.samples import equal, metric

_TEXTS = (
    "rate(a_total[3m])",
    "sum(rate(a_total[3m])) / sum(rate(a_total{n=~'1|2'}[3m]))",
    "sum by (n) (rate(a_total[3m]))",
    "rate(a_total[3m] offset 1m)",
    "rate({n='1'}[3m])",
    "quantile_over_time(0.5, a_total[3m])",
    "quantile_over_time(0.9, a_total[3m])",
    "predict_linear(a_total[3m], 60)",
    "max_over_time(b[3m]) - on (n) rate(a_total[3m])",
)


def _values(query: Query, store: SampleStore, at: Timestamp, sharing: Sharing | None = None) -> dict[Labels, float]:
    found = query.instant(store.view(), at, shared=sharing).value
    assert isinstance(found, tuple)
    return {one.labels: one.value for one in found if isinstance(one, Sample)}


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a_total", "b", "c"]),
            st.sampled_from("123"),
            st.one_of(st.integers(0, 9).map(float), st.just(STALE)),
            st.lists(st.sampled_from(_TEXTS), max_size=3),
        ),
        min_size=4,
        max_size=30,
    )
)
def test_shared_answers_are_own_answers(steps: list[tuple[str, str, float, list[str]]]) -> None:
    """Whatever is written between the queries: to what they look at, or elsewhere."""
    store = SampleStore.in_memory(HOUR)
    at = 10 * 60_000
    shared = Shared(at)
    queries = {text: Query(text) for text in _TEXTS}
    for place, (name, number, value, texts) in enumerate(steps):
        store.append(5 * 60_000 + place * 15_000, [(metric(name, n=number), value)])
        for text in texts:
            own = _values(Query(text), store, at)
            assert _values(queries[text], store, at, Sharing(shared, store.view().state)) == pytest.approx(
                own, nan_ok=True
            )


def test_what_rules_write_in_between_costs_the_others_nothing() -> None:
    """One rate for all rules of a group; a new sample of its series makes a new one, and so does another window."""
    store = SampleStore.in_memory(HOUR)
    for at in (60_000, 120_000):
        store.append(at, [(metric("a_total"), float(at))])
    shared = Shared(150_000)
    sharing = Sharing(shared, store.view().state)
    first = _values(Query("rate(a_total[3m])"), store, 150_000, sharing)
    store.append(150_000, [(metric("ALERTS", alertname="x"), 1.0)])
    assert store.view().state([equal("__name__", "a_total")]) is not None
    assert sharing.state([equal("__name__", "a_total")]) is None, "an older view does not know"
    second = _values(Query("2 * rate(a_total[3m])"), store, 150_000, Sharing(shared, store.view().state))
    assert len(shared) == 1
    assert second == {labels: 2 * value for labels, value in first.items()}
    store.append(140_000, [(metric("a_total"), 0.0)])
    third = _values(Query("rate(a_total[3m])"), store, 150_000, Sharing(shared, store.view().state))
    assert third != first
    _values(Query("rate(a_total[2m])"), store, 150_000, Sharing(shared, store.view().state))
    assert len(shared) == 2
