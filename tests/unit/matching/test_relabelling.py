"""Relabelling: each action, what is refused, and that nothing but the rules changes a label set."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.relabel import NOTHING, NameScheme, RelabelAction, Relabeling, RelabelRule, validate

_sets = st.dictionaries(st.sampled_from("abcd"), st.text(max_size=5), max_size=4)


def apply(labels: dict[str, str], *rules: RelabelRule) -> dict[str, str] | None:
    return Relabeling(rules).apply(labels)


def test_replace_joins_matches_and_expands() -> None:
    """Source values joined by the separator; numbered and named groups; braces or none."""
    rule = RelabelRule(
        source_labels=("a", "b"),
        separator="-",
        regex="(.*)-(?P<rest>.*)",
        target_label="t_$1",
        replacement="${rest}/$$1",
    )
    assert apply({"a": "x", "b": "y"}, rule) == {"a": "x", "b": "y", "t_x": "y/$1"}


def test_an_empty_replacement_removes_the_target() -> None:
    """As an empty label is no label."""
    assert apply({"a": "x"}, RelabelRule(target_label="a", replacement="")) == {}


def test_the_expression_must_match_the_whole_text_and_dots_match_newlines() -> None:
    """`f` does not match `foo`; `a.b` matches over a line end."""
    keep = RelabelRule(source_labels=("a",), regex="f", action="keep")
    assert apply({"a": "foo"}, keep) is None
    assert apply({"a": "f"}, keep) == {"a": "f"}
    assert apply({"a": "a\nb"}, RelabelRule(source_labels=("a",), regex="a.b", action="keep")) is not None


def test_a_target_that_expands_to_no_valid_name_is_left_alone() -> None:
    """Under legacy names `1` is none; under UTF-8 it is, and what is no UTF-8 is none."""
    rule = RelabelRule(source_labels=("a",), target_label="$1", replacement="v")
    assert Relabeling([rule], names=NameScheme.LEGACY).apply({"a": "1"}) == {"a": "1"}
    assert Relabeling([rule]).apply({"a": "1"}) == {"a": "1", "1": "v"}
    assert Relabeling([rule]).apply({"a": ""}) == {"a": ""}
    assert Relabeling([rule]).apply({"a": "\udcff"}) == {"a": "\udcff"}
    with pytest.raises(ValueError, match="is invalid 'replacement' for labelmap action"):
        validate(RelabelRule(action="labelmap", replacement="$1\udcff"))


def test_equal_actions_compare_with_the_target_label() -> None:
    """A missing label counts as empty."""
    keep = RelabelRule(source_labels=("a",), target_label="b", action="keepequal")
    drop = RelabelRule(source_labels=("a",), target_label="b", action="dropequal")
    assert apply({"a": "x", "b": "x"}, keep) is not None
    assert apply({"a": "x"}, keep) is None
    assert apply({"a": "x", "b": "x"}, drop) is None
    assert apply({}, drop) is None


@given(st.text(max_size=20), st.integers(1, 2**64 - 1))
def test_hashmod_is_the_low_half_of_md5_modulo(value: str, modulus: int) -> None:
    """Below the modulus, and the same everywhere."""
    rule = RelabelRule(source_labels=("a",), target_label="h", modulus=modulus, action="hashmod")
    got = apply({"a": value}, rule)
    assert got is not None
    assert int(got["h"]) == (int(hashlib.md5(value.encode()).hexdigest(), 16) & (2**64 - 1)) % modulus


def test_label_actions_work_on_names() -> None:
    """Map copies, drop removes the matching, keep removes the others."""
    labels = {"a1": "x", "b": "y"}
    assert apply(labels, RelabelRule(regex="a(.)", replacement="c$1", action="labelmap")) == {**labels, "c1": "x"}
    assert apply(labels, RelabelRule(regex="a.", action="labeldrop")) == {"b": "y"}
    assert apply(labels, RelabelRule(regex="a.", action="labelkeep")) == {"a1": "x"}


def test_case_actions_write_the_target() -> None:
    """The source stays."""
    lower = RelabelRule(source_labels=("a",), target_label="l", action="lowercase")
    upper = RelabelRule(source_labels=("a",), target_label="u", action="UPPERCASE")
    assert apply({"a": "aB"}, lower, upper) == {"a": "aB", "l": "ab", "u": "AB"}


def test_a_dropped_set_meets_no_further_rule() -> None:
    """None is final."""
    drop = RelabelRule(action="drop")
    assert apply({"a": "x"}, drop, RelabelRule(target_label="a", replacement="y")) is None


@given(_sets)
def test_rules_leave_their_input_alone_and_no_rules_change_nothing(labels: dict[str, str]) -> None:
    """The given mapping is never written to."""
    before = dict(labels)
    assert NOTHING.apply(labels) == labels
    Relabeling([RelabelRule(target_label="a", replacement="new"), RelabelRule(regex="b", action="labeldrop")]).apply(
        labels
    )
    assert labels == before


@given(_sets, st.sampled_from("abcd"), st.sampled_from(["a", "b|c", "[a-c]", ".*"]))
def test_keep_and_drop_are_opposites(labels: dict[str, str], source: str, regex: str) -> None:
    """Exactly one of them lets a set through; likewise labelkeep and labeldrop share the labels out."""
    keep = apply(labels, RelabelRule(source_labels=(source,), regex=regex, action="keep"))
    drop = apply(labels, RelabelRule(source_labels=(source,), regex=regex, action="drop"))
    assert (keep is None) != (drop is None)
    kept = apply(labels, RelabelRule(regex=regex, action="labelkeep"))
    rest = apply(labels, RelabelRule(regex=regex, action="labeldrop"))
    assert kept is not None
    assert rest is not None
    assert {**kept, **rest} == labels
    assert not kept.keys() & rest.keys()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RelabelRule(action=""), "relabel action cannot be empty"),
        (RelabelRule(action="throw"), 'unknown relabel action "throw"'),
        (RelabelRule(action="hashmod", target_label="a"), "hashmod requires non-zero modulus"),
        (RelabelRule(), "replace action requires 'target_label' value"),
        (RelabelRule(action="lowercase", target_label="a", replacement="x"), "'replacement' can not be set for lowercase"),
        (RelabelRule(action="keepequal", target_label="a", regex="x"), "keepequal action requires only 'source_labels'"),
        (RelabelRule(action="dropequal", target_label="a", modulus=1), "dropequal action requires only 'source_labels'"),
        (RelabelRule(action="labeldrop", source_labels=("a",)), "labeldrop action requires only 'regex'"),
        (RelabelRule(action="labelkeep", separator=","), "labelkeep action requires only 'regex'"),
        (RelabelRule(action="labelmap", replacement=""), "is invalid 'replacement' for labelmap"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused_in_prometheus_words(rule: RelabelRule, words: str) -> None:
    """When they are read, not when they are used."""
    with pytest.raises(ValueError, match=words):
        Relabeling([rule])


def test_a_bad_expression_is_refused_and_shown() -> None:
    """With the text that the user wrote."""
    with pytest.raises(ValueError, match=r"error parsing regexp: missing closing \): `\^\(\?s:a\(\)\$`"):
        Relabeling([RelabelRule(regex="a(", action="labeldrop")])


@pytest.mark.parametrize(
    ("target", "valid"), [("a_1", True), ("1a", False), ("a.b", False), ("ü", False), ("$1", True)]
)
def test_legacy_names_are_stricter(target: str, valid: bool) -> None:
    """UTF-8 takes them all."""
    rule = RelabelRule(target_label=target)
    assert validate(rule) is RelabelAction.REPLACE
    if valid:
        validate(rule, NameScheme.LEGACY)
    else:
        with pytest.raises(ValueError, match="is invalid 'target_label' for replace action"):
            validate(rule, NameScheme.LEGACY)


def test_equal_rules_make_equal_relabelings() -> None:
    """So that a reload can tell whether anything changed."""
    assert Relabeling([RelabelRule(target_label="a")]) == Relabeling([RelabelRule(target_label="a")])
    assert Relabeling([RelabelRule(target_label="a")]) != Relabeling([RelabelRule(target_label="b")])
    assert len({Relabeling([RelabelRule(target_label="a")]), Relabeling([RelabelRule(target_label="a")])}) == 1
