"""Texts that UTF-8 cannot hold: recognised, replaced, and read from others' JSON without any."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.fingerprints import learn_fingerprints
from monitor.model.labels import Labels
from monitor.model.surrogates import is_whole, json_of, whole
from monitor.model.xxh import labels_hash
from tests.support.fingerprints import knows_fingerprint

ANY = st.text(st.characters(codec=None, categories=None), max_size=8) | st.sampled_from(
    ["\ud800", "a\udfff", "😀\udcff"]
)


@given(ANY)
def test_a_text_is_whole_when_it_can_be_written(text: str) -> None:
    """And it always is with U+FFFD in the place of each half."""
    try:
        text.encode()
    except UnicodeEncodeError:
        assert not is_whole(text)
        assert len(whole(text)) == len(text)
        whole(text).encode()
    else:
        assert is_whole(text)
        assert whole(text) == text


@given(st.recursive(ANY | st.integers(), lambda one: st.lists(one) | st.dictionaries(ANY, one), max_leaves=5))
def test_json_of_others_has_whole_texts(document: object) -> None:
    """Names and values, at any depth; all else is as it was sent."""
    sent = json.dumps(document)
    found = json_of(sent)
    json.dumps(found, ensure_ascii=False).encode()
    assert found == json.loads(whole(json.dumps(document, ensure_ascii=False)))
    assert json_of(sent.encode()) == found


@pytest.mark.parametrize(
    ("sent", "meant"), [(r'"\\ud800"', r"\ud800"), (r'"\uD83D\uDE00"', "😀"), ('"\ufeff"', "\ufeff")]
)
def test_what_only_looks_like_half_a_pair_stays(sent: str, meant: str) -> None:
    """A backslash in the text, and a pair that is complete."""
    assert json_of(sent) == meant


@pytest.mark.parametrize("sent", [b"\xff", b'"\xed\xa0\x80"', b"{", b""])
def test_what_is_no_json_is_refused(sent: bytes) -> None:
    """Bytes that are no UTF-8 are none."""
    with pytest.raises(ValueError, match=r"."):
        json_of(sent)


def test_labels_that_hold_bytes_have_a_fingerprint_and_leave_whole() -> None:
    """The same one by one and together; labels without such bytes leave as they are."""
    odd, plain = Labels({"a": "x\udcff", "b": "y"}), Labels({"a": "é"})
    learn_fingerprints(many := [Labels({"a": "x\udcff", "b": "y"}), *(Labels({"n": str(one)}) for one in range(9))])
    assert knows_fingerprint(many[0])
    assert odd.fingerprint == many[0].fingerprint
    assert labels_hash(odd) != labels_hash(plain)
    assert odd.whole() == Labels({"a": "x\ufffd", "b": "y"})
    assert plain.whole() is plain
