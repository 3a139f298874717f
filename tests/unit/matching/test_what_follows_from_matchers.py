"""What is said to follow from matchers holds for every label set that RE2 itself is asked about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.expressions import NotUnderstoodError, expression, literal
from monitor.matching.implication import Prover
from monitor.matching.languages import some_text
from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.matching.parse import parse_matchers
from monitor.matching.regex import Regex

_ATOMS = st.sampled_from(["a", "b", "-", r"\.", ".", "[ab]", "[^a]", r"\d", r"\W", "^", "$", "1", "[]a]", "[a-c-]", ""])


def _more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "+?"])).map(
            lambda parts: f"({parts[0]}){parts[1]}"
        ),
    )


PATTERNS = st.recursive(_ATOMS, _more, max_leaves=6)
TEXTS = st.text("ab-.1c\n]é", max_size=5)
MATCHERS = st.one_of(
    st.builds(Matcher, st.sampled_from("xy"), st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), TEXTS),
    st.builds(
        Matcher,
        st.sampled_from("xy"),
        st.sampled_from([MatchOp.MATCHES, MatchOp.NOT_MATCHES]),
        PATTERNS,
        dot_matches_newline=st.just(False),
    ),
)
LISTS = st.lists(MATCHERS, max_size=3)
SETS = st.dictionaries(st.sampled_from("xy"), TEXTS)


@given(PATTERNS, st.lists(TEXTS, min_size=1), st.booleans())
def test_an_expression_stands_for_the_texts_that_re2_matches(pattern: str, texts: list[str], dot: bool) -> None:
    """A text is among them exactly when RE2 matches it."""
    regex = Regex(pattern, dot_matches_newline=dot)
    followed = expression(pattern, dot_matches_newline=dot)
    for text in texts:
        known, _ = some_text([followed, literal(text)], [], 10_000)
        assert known is regex.matches(text), (pattern, text)


@given(LISTS, st.lists(LISTS, max_size=3), st.lists(SETS, min_size=1, max_size=20))
def test_what_is_proven_holds(matchers: list[Matcher], lists: list[list[Matcher]], sets: list[dict[str, str]]) -> None:
    """Nothing that is proven impossible is met, and nothing that is proven covered is left over."""
    impossible, covered = Prover().impossible(matchers), Prover().covered(matchers, lists)
    one_line = Prover(one_line=True).covered(matchers, lists)
    for labels in sets:
        if all_match(matchers, labels):
            assert not impossible
            assert not covered or any(all_match(some, labels) for some in lists)
            plain = not any("\n" in value for value in labels.values())
            assert not (one_line and plain) or any(all_match(some, labels) for some in lists)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ('team="a"', 'team=~"a|b"'),
        ('team="a"', 'team!="b"'),
        ('team=~"a|b"', 'team=~"c|b|a"'),
        ('team="a",severity="page"', 'team="a"'),
        ('service=~"shop-eu-.*"', 'service=~"shop-.*"'),
        ('service=~"shop-.*"', 'service!=""'),
        ('service=~"shop-[0-9]+"', r'service=~"[a-z]+-\\d+"'),
        ('service=~"x(a|b)y"', 'service=~"xay|xby"'),
        ('team!~"a|b|c"', 'team!~"a|b"'),
        ('team!~"a.*"', 'team!="abc"'),
        ("", ""),
    ],
)
def test_what_follows_is_found(narrow: str, wide: str) -> None:
    """The first implies the second, and not the other way round unless they are the same."""
    prover, one, other = Prover(), parse_matchers(narrow or "{}"), parse_matchers(wide or "{}")
    assert prover.implies(one, other)
    assert prover.implies(other, one) is (set(one) == set(other) or narrow.startswith('service=~"x('))


@pytest.mark.parametrize(
    "matchers",
    [
        'team="a",team="b"',
        'team="a",team!="a"',
        'team=~"a|b",team="c"',
        'team=~"a.*",team=~"b.*"',
        'team=~"a^b"',
        'team=~"a$b"',
        r'team=~"[^\\s\\S]"',
        'team=~"a.*",team!~"a.*"',
        r'team=~"\\bx\\b",team!~"\\bx\\b"',
    ],
)
def test_what_nothing_can_meet_is_found(matchers: str) -> None:
    """Contradictions, and expressions that match no text."""
    assert Prover().impossible(parse_matchers(matchers))


@pytest.mark.parametrize("matchers", ['team="a",other="b"', 'team=~"a.*",team=~".*b"', 'team=~"^a$"', 'team=""', "{}"])
def test_what_can_be_met_is_left_alone(matchers: str) -> None:
    """Nothing is claimed of these."""
    assert not Prover().impossible(parse_matchers(matchers))


def test_a_beginning_that_comes_again_is_looked_at_again() -> None:
    """After the first character `^` holds no more, though the expressions left are the ones at the start."""
    matchers = parse_matchers('x=~"a*",x!~"a*^"')
    assert all_match(matchers, {"x": "a"})
    assert not Prover().impossible(matchers)


def test_several_lists_cover_together() -> None:
    """Neither does alone."""
    page, others = parse_matchers('severity="page"'), parse_matchers('severity!="page"')
    assert Prover().covered(parse_matchers('team="a"'), (page, others))
    assert not Prover().covered(parse_matchers('team="a"'), (page,))


def test_a_dot_matches_no_line_break() -> None:
    """So `.*` does not take everything, unless such values are put aside."""
    everything = (Matcher("team", MatchOp.MATCHES, ".*", dot_matches_newline=False),)
    assert not Prover().implies((), everything)
    assert Prover(one_line=True).implies((), everything)


@pytest.mark.parametrize(
    "pattern", [r"\bx", "(?i)x", r"\pL", "[[:alpha:]]", r"\Qa\E", "x{190}y{11,201}", "(" * 60 + ")" * 60]
)
def test_what_is_not_followed_is_refused(pattern: str) -> None:
    """Never guessed."""
    with pytest.raises(NotUnderstoodError):
        expression(pattern, dot_matches_newline=True)


def test_a_search_that_grows_proves_nothing() -> None:
    """The last but twenty is an a, and not: more states than are looked at."""
    grown = Matcher("x", MatchOp.MATCHES, "(a|b)*a(a|b){18}"), Matcher("x", MatchOp.NOT_MATCHES, "(a|b)*(a)(a|b){18}")
    assert not Prover().impossible(grown)
    assert not Prover().covered(parse_matchers("{}"), (grown[:1], grown[1:]))
    assert not Prover(effort=0).impossible(parse_matchers('team="a",team="b"'))
