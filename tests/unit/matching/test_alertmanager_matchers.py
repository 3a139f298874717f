"""Matchers as Alertmanager reads and prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import Syntax, disagreement, is_label_name, parse_matcher, parse_matchers
from monitor.matching.printing import matcher_document, matcher_from_document, matcher_text, matchers_text


@pytest.mark.parametrize("text", ['a="b"', "a=b", '{a="b",}', ' { "a" = "b" } ', '"a"="b"'])
def test_matchers_are_read_bare_and_quoted(text: str) -> None:
    """With braces or without, a trailing comma allowed."""
    assert matchers_text(parse_matchers(text, Syntax.UTF8)) == '{a="b"}'


@pytest.mark.parametrize("text", ["a", "=b", '{a="b"', 'a=~"("', 'a"b', "a=b c=d e"])
def test_what_no_syntax_knows_is_refused(text: str) -> None:
    """With a sentence, never with a guess."""
    with pytest.raises(ValueError, match=r".+"):
        parse_matchers(text, Syntax.UTF8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=", "end of input: expected label value"),
        ("a", "end of input: expected an operator such as '=', '!=', '=~' or '!~'"),
        ("a!b", "1:2: !: expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'"),
        ('a="b', '2:4: "b: missing end ": expected label value'),
        ('{a="b"', "0:6: end of input: expected close brace"),
        ('{a="ß" ', "0:6: end of input: expected close brace"),
        ("{} b", "3:4: b: expected end of input"),
        ("a=b,,", "4:5: unexpected ,: expected a matcher or close brace after comma"),
        ("a=b c", "4:5: unexpected c: expected a comma or close brace"),
        ("'", "0:1: ': invalid input"),
    ],
)
def test_the_new_syntax_says_where_it_stumbled(text: str, message: str) -> None:
    """Places are counted in characters."""
    with pytest.raises(ValueError) as caught:
        parse_matchers(text, Syntax.UTF8)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "printed", "doubt"),
    [
        ("a=b", '{a="b"}', ""),
        ("a=", '{a=""}', "reads only in Alertmanager's old syntax, which will go: end of input: expected label value"),
        ("ä=b", '{ä="b"}', ""),
        ('a="\\x61"', '{a="\\\\x61"}', "means something else in Alertmanager's new syntax; the old one is used"),
    ],
)
def test_both_syntaxes_are_tried_and_the_old_one_wins(text: str, printed: str, doubt: str) -> None:
    """So old files mean what they meant; where that will change there is something to warn of."""
    assert matchers_text(parse_matchers(text)) == printed
    assert disagreement(text) == doubt


def test_one_matcher_is_one_matcher() -> None:
    """No braces, no list."""
    assert matcher_text(parse_matcher("a!=b")) == 'a!="b"'
    for text in ("{a=b}", "", "a!b"):
        with pytest.raises(ValueError, match=r".+"):
            parse_matcher(text)


def test_names_outside_the_old_alphabet_are_for_the_new_syntax() -> None:
    """An empty name is none."""
    assert [is_label_name(name, Syntax.CLASSIC) for name in ("a_1", "1a", "ä", "")] == [True, False, False, False]
    assert [is_label_name(name) for name in ("a_1", "1a", "ä", "", "\ud800")] == [True, True, True, False, False]


@pytest.mark.parametrize("document", [{"name": "a"}, {"name": "a", "value": "b", "isRegex": "yes"}])
def test_a_document_that_is_no_matcher_is_refused(document: dict[str, object]) -> None:
    """As every input."""
    with pytest.raises(ValueError, match=r".+"):
        matcher_from_document(document)


_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_MATCHER = st.builds(Matcher, _TEXT.filter(bool), st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), _TEXT)


@given(st.lists(_MATCHER, max_size=3))
def test_what_is_printed_reads_the_same(matchers: list[Matcher]) -> None:
    """Whatever stands in names and values."""
    assert parse_matchers(matchers_text(matchers), Syntax.UTF8) == tuple(matchers)
    assert [matcher_from_document(matcher_document(one)) for one in matchers] == matchers
