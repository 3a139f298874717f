"""Matchers and the regular expressions beneath them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.matching.regex import Regex, closes_in_order, compile_re2


@pytest.mark.parametrize(
    ("op", "pattern", "value", "matches"),
    [
        (MatchOp.EQUAL, "a", "a", True),
        (MatchOp.EQUAL, "a", "ab", False),
        (MatchOp.NOT_EQUAL, "a", "b", True),
        (MatchOp.NOT_EQUAL, "a", "a", False),
        (MatchOp.MATCHES, "5..", "503", True),
        (MatchOp.MATCHES, "5", "503", False),
        (MatchOp.MATCHES, "a|b", "b", True),
        (MatchOp.MATCHES, "a|", "", True),
        (MatchOp.NOT_MATCHES, "5..", "200", True),
        (MatchOp.NOT_MATCHES, "5..", "503", False),
        (MatchOp.MATCHES, "a.b", "a\nb", True),
    ],
)
def test_each_operator_compares_the_whole_value(op: MatchOp, pattern: str, value: str, matches: bool) -> None:
    """Expressions are anchored at both ends."""
    assert Matcher("l", op, pattern).matches(value) is matches


def test_a_dot_can_be_kept_from_matching_newlines() -> None:
    """As Alertmanager has it."""
    assert not Matcher("l", MatchOp.MATCHES, "a.b", dot_matches_newline=False).matches("a\nb")


def test_a_missing_label_counts_as_empty() -> None:
    """So `env!="prod"` and `env=""` match sets without it."""
    assert all_match([Matcher("env", MatchOp.EQUAL, ""), Matcher("env", MatchOp.NOT_EQUAL, "prod")], {})
    assert not all_match([Matcher("env", MatchOp.EQUAL, ""), Matcher("a", MatchOp.EQUAL, "x")], {})


def test_matchers_are_equal_by_what_they_say() -> None:
    """And print as in a selector."""
    assert Matcher("a", MatchOp.MATCHES, "x.*") == Matcher("a", MatchOp.MATCHES, "x.*")
    assert (
        len({Matcher("a", MatchOp.EQUAL, "x"), Matcher("a", MatchOp.EQUAL, "x"), Matcher("a", MatchOp.MATCHES, "x")})
        == 2
    )
    assert str(Matcher("a", MatchOp.NOT_MATCHES, 'x"')) == 'a!~"x\\""'


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a(", "missing closing ): `^(?:a()$`"),
        ("[", "missing closing ]: `[)$`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("a)", "unexpected ): `^(?:a))$`"),
    ],
)
def test_a_bad_expression_raises_with_gos_text(pattern: str, said: str) -> None:
    """Anchors included, as Alertmanager shows it."""
    with pytest.raises(ValueError) as caught:
        Matcher("a", MatchOp.MATCHES, pattern, dot_matches_newline=False)
    assert str(caught.value) == f"error parsing regexp: {said}"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a(", "missing closing ): `a(`"),
        ("[", "missing closing ]: `[`"),
        ("a)", "unexpected ): `a)`"),
        ("a)(b", "unexpected ): `a)(b`"),
        ("a**", "invalid nested repetition operator: `**`"),
    ],
)
def test_a_bad_expression_of_promql_is_shown_without_anchors(pattern: str, said: str) -> None:
    """Prometheus 3 reads it alone first, also where the anchors would make it a good one."""
    with pytest.raises(ValueError) as caught:
        Matcher("a", MatchOp.NOT_MATCHES, pattern)
    assert str(caught.value) == f"error parsing regexp: {said}"


@pytest.mark.parametrize(
    "pattern",
    [
        "a|b",
        "(a|b)",
        r"(a\.b|[0-9]+)\)",
        "((a)(b))c",
        "[^a-z](x)",
        r"\((a)",
        "|".join(f"(host-{n})" for n in range(200)),
    ],
)
def test_an_expression_is_read_alone_only_where_its_brackets_may_be_those_of_the_anchors(pattern: str) -> None:
    """To compile is dear; most expressions need it once."""
    assert closes_in_order(pattern)


@given(st.text(alphabet="()[]^\\QE|ab*?:", max_size=12))
def test_whatever_the_brackets_an_expression_is_good_when_it_is_good_alone(pattern: str) -> None:
    """A plain count of brackets lets nothing pass that Prometheus refuses, and refuses nothing."""
    try:
        compile_re2(pattern)
    except ValueError as error:
        with pytest.raises(ValueError) as caught:
            Matcher("a", MatchOp.MATCHES, pattern)
        assert str(caught.value) == str(error)
    else:
        try:
            Regex(pattern)
        except ValueError:  # `\\Qa` swallows the anchors
            return
        assert Matcher("a", MatchOp.MATCHES, pattern).value == pattern


@given(
    st.lists(st.sampled_from(["a", "b", "a-b", "", "c d", "x/y"]), min_size=1, max_size=4),
    st.sampled_from(["a", "b", "a-b", "", "ab", "x"]),
)
def test_the_short_cut_for_plain_texts_agrees_with_the_expression(words: list[str], value: str) -> None:
    """A set look-up and RE2 say the same."""
    pattern = "|".join(words)
    regex = Regex(pattern)
    assert regex.literals == frozenset(words)
    assert regex.matches(value) == (regex.groups(value) is not None) == (re.fullmatch(pattern, value) is not None)


@pytest.mark.parametrize(
    ("template", "expanded"),
    [("$1", "x"), ("${1}y", "xy"), ("$1y", ""), ("$name", "x"), ("$$1", "$1"), ("$9", ""), ("$", "$"), ("a${", "a${"), ("$2", "")],
)  # fmt: skip
def test_references_expand_as_in_go(template: str, expanded: str) -> None:
    """The longest name counts; unknown groups and groups without part are empty."""
    found = Regex("(?P<name>x)(y)?").groups("x")
    assert found is not None
    assert found.expand(template) == expanded
