"""What decisions are stored as: JSON documents that read back as the same values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.errors import BugError, CorruptionError
from monitor.model.incidents import IncidentEvent, Member
from monitor.model.labels import Labels
from monitor.state.codec import dumps, loads

texts = st.text(max_size=12)
labels = st.dictionaries(texts.filter(bool), texts, max_size=4).map(Labels)
members = st.builds(
    Member,
    fingerprint=texts,
    labels=labels,
    annotations=labels,
    firing=st.booleans(),
    starts_at=st.integers(0, 2**53),
    ends_at=st.none() | st.integers(0, 2**53),
    value=st.none() | st.floats(allow_nan=False),
)


@given(st.lists(members, max_size=3).map(tuple), labels)
def test_a_document_reads_back_as_what_was_written(found: tuple[Member, ...], group: Labels) -> None:
    """Labels, enums, tuples, options, infinities, any text."""
    event = IncidentEvent(at=1, policy="p", group_key="k", receiver="r", group_labels=group, members=found)
    assert loads(IncidentEvent, dumps(event)) == event


def test_bytes_that_are_no_utf_8_come_back_too() -> None:
    """PromQL may put them into a label, and SQLite holds only texts."""
    group = Labels({"a": "\udcff", "é": "😀"})
    written = dumps(IncidentEvent(at=1, policy="p", group_key="k", receiver="r", group_labels=group, members=()))
    written.encode()
    assert loads(IncidentEvent, written).group_labels == group


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Old:
    name: str
    colour: Colour = Colour.RED


def test_fields_may_be_added_and_unknown_ones_are_passed_over() -> None:
    """A row of an older or newer version still reads."""
    assert loads(Old, '{"name":"a"}') == Old("a")
    assert loads(Old, '{"name":"a","colour":"red","later":1}') == Old("a")


@pytest.mark.parametrize("text", ['{"colour":"red"}', '{"name":"a","colour":"blue"}', "[", "[]", "null"])
def test_what_cannot_be_a_document_is_corruption(text: str) -> None:
    """With the kind's name."""
    with pytest.raises(CorruptionError, match="a stored Old cannot be read"):
        loads(Old, text)


@dataclass(frozen=True)
class Impossible:
    either: int | str


def test_what_has_no_stored_form_is_noticed_when_it_is_written_first() -> None:
    """Not when it is read years later."""
    with pytest.raises(BugError, match="no stored form"):
        dumps(Impossible(1))
