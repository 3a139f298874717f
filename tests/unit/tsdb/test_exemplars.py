"""The last exemplar of each series."""

from __future__ import annotations

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.tsdb.exemplars import ExemplarStore
from tests.support.samples import metric

ANY = ((Matcher("__name__", MatchOp.MATCHES, ".+"),),)


def exemplar(at: int, trace: str = "t") -> Exemplar:
    return Exemplar(Labels({"trace_id": trace}), 1.0, at)


def test_only_a_newer_one_takes_the_place() -> None:
    """The same again is no mistake; an older one, or another of the same time, is."""
    store = ExemplarStore()
    assert store.add(metric("m"), exemplar(10))
    assert store.add(metric("m"), exemplar(10))
    assert not store.add(metric("m"), exemplar(10, "other"))
    assert not store.add(metric("m"), exemplar(9))
    assert store.add(metric("m"), exemplar(11))
    assert store.reader()(ANY, 0, 100) == [(metric("m"), exemplar(11))]


def test_one_with_long_labels_is_not_kept() -> None:
    """128 characters, names and values together."""
    store = ExemplarStore()
    assert store.add(metric("m"), exemplar(1, "x" * 120))
    assert not store.add(metric("m"), exemplar(2, "x" * 121))


def test_the_series_that_was_silent_for_longest_gives_way() -> None:
    """So memory is bounded whatever targets send."""
    store = ExemplarStore(most=2)
    for name, at in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        store.add(metric(name), exemplar(at))
    assert [labels["__name__"] for labels, _ in store.reader()(ANY, 0, 100)] == ["a", "c"]


def test_a_reader_does_not_see_what_comes_later() -> None:
    """It may be used in another thread."""
    store = ExemplarStore()
    store.add(metric("a"), exemplar(1))
    read = store.reader()
    store.add(metric("b"), exemplar(1))
    assert [labels["__name__"] for labels, _ in read(ANY, 0, 100)] == ["a"]
    assert read(ANY, 2, 3) == []
    assert read(((Matcher("__name__", MatchOp.EQUAL, "b"),),), 0, 100) == []
