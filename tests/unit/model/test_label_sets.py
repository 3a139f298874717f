"""Label sets are sorted, immutable values without empty labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.labels import EMPTY, Labels, quote

_maps = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=5)


@given(_maps)
def test_empty_values_are_no_labels_and_order_does_not_matter(source: dict[str, str]) -> None:
    """Two sets of the same labels are equal, hash alike and have one fingerprint."""
    labels = Labels(source)
    turned = Labels(reversed(list(source.items())))
    assert dict(labels) == {name: value for name, value in source.items() if value}
    assert (labels, hash(labels), labels.fingerprint) == (turned, hash(turned), turned.fingerprint)
    assert [*labels] == sorted(labels)


@given(_maps, _maps)
def test_merging_lets_the_second_win_and_its_empty_values_remove(first: dict[str, str], second: dict[str, str]) -> None:
    """As with a mapping, apart from the empty ones."""
    assert Labels(first).merged(second) == Labels({**first, **second})


@given(_maps, st.lists(st.text(max_size=4), max_size=3))
def test_without_and_only_share_the_labels_out(source: dict[str, str], names: list[str]) -> None:
    """Each label is in exactly one of them."""
    labels = Labels(source)
    kept, rest = labels.only(names), labels.without(*names)
    assert not kept.keys() & rest.keys()
    assert kept.merged(rest) == labels


def test_the_fingerprint_is_alertmanagers() -> None:
    """FNV-1a with separators; that of no labels is the offset itself."""
    assert EMPTY.fingerprint == "cbf29ce484222325"
    assert Labels({"alertname": "a"}).fingerprint != Labels({"alertnam": "ea"}).fingerprint


def test_a_series_prints_as_in_prometheus() -> None:
    """Name first, labels quoted and in order."""
    assert str(Labels({"__name__": "m", "b": "2", "a": '"'})) == 'm{a="\\"", b="2"}'
    assert str(Labels({"__name__": "m"})) == "m"
    assert str(Labels({"a": "1"})) == '{a="1"}'
    assert str(EMPTY) == "{}"


def test_a_missing_label_raises_and_an_empty_change_removes() -> None:
    """`with_` makes a new set."""
    labels = Labels({"a": "1"})
    with pytest.raises(KeyError):
        labels["b"]
    assert labels.with_(a="") == EMPTY
    assert labels.with_(b="2") == Labels({"a": "1", "b": "2"})
    assert labels == Labels({"a": "1"})


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a", '"a"'), ('"\\', '"\\"\\\\"'), ("\n\t\r\a", '"\\n\\t\\r\\a"'), ("\x00\x7f", '"\\x00\\x7f"'), ("ü€", '"ü€"'),
     ("\u200b", '"\\u200b"'), ("a\udcff\udc80b", '"a\\xff\\x80b"'), ("\U000e0001", '"\\U000e0001"')],
)  # fmt: skip
def test_texts_are_quoted_as_go_quotes_them(text: str, quoted: str) -> None:
    """Printable ones as they are, others by their code, and by their bytes if they are no text."""
    assert quote(text) == quoted
