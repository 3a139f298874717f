"""Two short cuts that must lead to the same place as the long way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.copies import changed
from monitor.model.fingerprints import learn_fingerprints
from monitor.model.labels import Labels
from monitor.model.notifications import GroupView
from tests.support.fingerprints import knows_fingerprint

SETS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=40), max_size=5)


@given(st.lists(SETS, min_size=8, max_size=20))
def test_fingerprints_reckoned_together_are_those_reckoned_alone(sources: list[dict[str, str]]) -> None:
    """Of any texts, of different lengths, among them empty sets."""
    together = [Labels(source) for source in sources]
    learn_fingerprints(together)
    assert all(knows_fingerprint(one) for one in together)
    assert [one.fingerprint for one in together] == [Labels(source).fingerprint for source in sources]


def test_many_sets_are_reckoned_in_parts() -> None:
    """None of the hundreds is left out or mixed up with another; the shorter ones end before the others."""
    sources = [{"alertname": "Down", "instance": f"host-{number}" * (1 + number % 3)} for number in range(700)]
    together = [Labels(source) for source in sources]
    learn_fingerprints(together)
    assert all(knows_fingerprint(one) for one in together)
    assert [one.fingerprint for one in together] == [Labels(source).fingerprint for source in sources]


def test_a_few_sets_and_very_long_ones_are_left_to_themselves() -> None:
    """Their fingerprints are right all the same."""
    long = Labels({"text": "x" * 5_000})
    short = [Labels({"n": str(number)}) for number in range(9)]
    learn_fingerprints(short[:3])
    assert not knows_fingerprint(short[0])
    learn_fingerprints([long, *short])
    assert knows_fingerprint(short[0])
    assert not knows_fingerprint(long)
    assert long.fingerprint == Labels(long.pairs).fingerprint


def test_a_changed_copy_is_what_replace_makes() -> None:
    """All other fields as they were, and the original as it was."""
    view = GroupView(key="k", receiver="r", labels=Labels({"a": "1"}))
    assert changed(view, key="other", truncated=3) == replace(view, key="other", truncated=3)
    assert view == GroupView(key="k", receiver="r", labels=Labels({"a": "1"}))


def test_a_field_that_there_is_not_is_refused() -> None:
    """As by `dataclasses.replace`."""
    with pytest.raises(TypeError, match="GroupView has no field 'name'"):
        changed(GroupView(key="k", receiver="r"), name="x")
