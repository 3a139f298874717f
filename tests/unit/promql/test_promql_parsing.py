"""Reading PromQL: what is accepted, what is refused, and with which words at which bytes."""

from __future__ import annotations

import pytest

from monitor.model.errors import QueryError
from monitor.promql.features import ALL_FEATURES
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Bound,
    Call,
    Cardinality,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.parser import ParseError, parse
from monitor.promql.printer import to_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42.0),
        ("0x1F", 31.0),
        ("017", 15.0),
        ("089", 89.0),
        ("1_000", 1000.0),
        ("6.02e23", 6.02e23),
        ("-.25", -0.25),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("250ms", 0.25),
        ("+Inf", float("inf")),
    ],
)
def test_numbers_are_read_as_go_reads_them(text: str, value: float) -> None:
    """Prefixes, octal, underscores, exponents and durations are numbers."""
    tree = parse(text)
    assert isinstance(tree, Number)
    assert tree.value == value


def test_unary_minus_binds_less_than_power() -> None:
    """-2 ^ 2 is -(2 ^ 2)."""
    tree = parse("-2 ^ 2")
    assert isinstance(tree, Unary)
    assert isinstance(tree.expr, Binary)


def test_power_groups_to_the_right() -> None:
    """2 ^ 3 ^ 2 is 2 ^ (3 ^ 2)."""
    assert parse("2 ^ 3 ^ 2") != parse("(2 ^ 3) ^ 2")
    tree = parse("2 ^ 3 ^ 2")
    assert isinstance(tree, Binary)
    assert isinstance(tree.right, Binary)


@pytest.mark.parametrize(
    ("looser", "tighter"),
    [("or", "and"), ("and", "=="), ("unless", ">"), ("!=", "+"), ("-", "*"), ("+", "atan2"), ("%", "^")],
)
def test_operators_bind_by_their_level(looser: str, tighter: str) -> None:
    """`a looser b tighter c` keeps b and c together."""
    tree = parse(f"a {looser} b {tighter} c")
    assert isinstance(tree, Binary)
    assert tree.op == looser
    assert isinstance(tree.right, Binary)
    assert tree.right.op == tighter


@pytest.mark.parametrize("name", ["offset", "by", "sum", "and", "step", "start", "anchored", "fill", "on:x"])
def test_keywords_are_metric_names_where_nothing_else_fits(name: str) -> None:
    """Words of the language are names like any other."""
    tree = parse(f'{name}{{by="x", offset!~"y.*"}}', ALL_FEATURES)
    assert isinstance(tree, VectorSelector)
    assert tree.name == name


def test_names_may_be_any_utf8_in_quotes() -> None:
    """A quoted name stands inside the braces, quoted labels where labels stand."""
    tree = parse('sum by ("a.b", c) ({"ü.metric", "lab el"="x"})')
    assert isinstance(tree, Aggregation)
    assert tree.grouping == ("a.b", "c")
    assert isinstance(tree.expr, VectorSelector)
    assert [(one.name, one.value) for one in tree.expr.matchers] == [("__name__", "ü.metric"), ("lab el", "x")]


def test_places_count_bytes_and_not_characters() -> None:
    """A two-byte letter moves what follows by two."""
    tree = parse('{"ü"} + b')
    assert isinstance(tree, Binary)
    assert (tree.left.start, tree.left.end) == (0, 6)
    assert (tree.right.start, tree.right.end) == (9, 10)


def test_strings_know_escapes_and_raw_strings_do_not() -> None:
    """Both quote marks escape; back-quotes do not."""
    assert parse(r'"a\n\u00fc\x41"') == Text(value="a\nüA")
    assert parse(r"'\''") == Text(value="'")
    assert parse(r"`a\n`") == Text(value=r"a\n")


def test_modifiers_may_come_in_either_order() -> None:
    """`@` and offset commute."""
    assert parse("x @ 10 offset 5m") == parse("x offset 5m @ 10")
    tree = parse("x[5m] @ start() offset -1h")
    assert isinstance(tree, MatrixSelector)
    assert (tree.selector.shift.at, tree.selector.shift.offset) == (Bound.START, -3_600_000)


def test_subqueries_nest_and_have_their_own_shift() -> None:
    """The step may be left out."""
    tree = parse("max_over_time(rate(x[1m])[10m:] offset 1m)")
    assert isinstance(tree, Call)
    assert isinstance(tree.args[0], Subquery)
    assert (tree.args[0].range, tree.args[0].step, tree.args[0].shift.offset) == (600_000, 0, 60_000)


def test_matching_is_read_whole() -> None:
    """on, group_left with labels, and fill."""
    tree = parse("a * on (x, y) group_left (z) fill_right (-1) b", ALL_FEATURES)
    assert isinstance(tree, Binary)
    assert tree.matching is not None
    assert tree.matching.cardinality is Cardinality.MANY_TO_ONE
    assert (tree.matching.labels, tree.matching.include, tree.matching.fill_right) == (("x", "y"), ("z",), -1.0)


def test_comments_and_line_ends_are_space() -> None:
    """A `#` reaches to the end of its line."""
    assert parse("sum( # all\n  x\n)") == parse("sum(x)")


@pytest.mark.parametrize(
    ("text", "message", "start", "end"),
    [
        ("", "no expression found in input", 0, 0),
        ("up{", "unexpected end of input inside braces", 3, 3),
        ("up == on(a) 1", "vector matching only allowed between instant vectors", 0, 13),
        ("sum(up", "unclosed left parenthesis", 6, 6),
        ("up)", "unexpected right parenthesis ')'", 3, 3),
        ("rate(up[:1m])", "unexpected colon before duration in duration expression", 9, 13),
        ("up[5m::]", "unexpected repeated colon in duration expression", 7, 8),
        ("sum by (without) (up)", "unexpected <without> in grouping opts, expected label", 8, 15),
        ("up start", 'unexpected "start"', 3, 8),
        ("up + @ 5", "unexpected <op:@>", 5, 6),
        ("up @ 5 offset 1m [5m]", "no offset modifiers allowed before range", 17, 21),
        ("topk(1, > 2)", "trailing commas not allowed in function call args", 6, 7),
        ("up * on (a) group_left , up", 'unexpected "," in grouping opts, expected "("', 23, 24),
        ("up[5m", "unclosed left bracket", 5, 5),
        ("up[]", 'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()', 3, 4),
        ("up[5m][5m]", "ranges only allowed for vector selectors", 6, 10),
        ("up{a='b'", "unexpected end of input inside braces", 8, 8),
        ("up{a==1}", 'unexpected "=" in label matching, expected string', 5, 6),
        ("nope(up)", 'unknown function with name "nope"', 0, 4),
        ("rate(up)", 'expected type range vector in call to function "rate", got instant vector', 5, 7),
        ("-'x'", 'unary expression only allowed on expressions of type scalar or instant vector, got "string"', 0, 4),
        ("up[5m] + 1", "binary expression must contain only scalar and instant vector types", 0, 6),
        ("clamp(up, 1)", 'expected 3 argument(s) in call to "clamp", got 2', 0, 12),
        ("label_join(up, 'a')", 'expected at least 3 argument(s) in call to "label_join", got 2', 0, 19),
        (
            "1 offset 5m",
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            0,
            1,
        ),
        ("{a=~'.*'}", "vector selector must contain at least one non-empty matcher", 0, 9),
        ("sum(up) up", 'unexpected identifier "up"', 8, 10),
        ('sum by (a, "\\xff") (up)', 'invalid label name for grouping: "\\xff"', 11, 17),
        ('up + on ("") up', 'invalid label name for grouping: ""', 9, 11),
        ("up offset 1d1h1d", 'not a valid duration string: "1d1h1d"', 10, 16),
        ("1 > 2", "comparisons between scalars must use BOOL modifier", 2, 2),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, message: str, start: int, end: int) -> None:
    """The first mistake's words and bytes."""
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert (caught.value.message, caught.value.start, caught.value.end) == (message, start, end)


@pytest.mark.parametrize(
    "text",
    ["limitk(1, x)", "mad_over_time(x[5m])", "x[5m] anchored", "x smoothed", "a + fill(0) b", "info(x)", "step()"],
)
def test_what_is_behind_a_flag_needs_it(text: str) -> None:
    """Refused without the flag, accepted with it."""
    with pytest.raises(QueryError, match="enabled"):
        parse(text)
    parse(text, ALL_FEATURES)


def test_all_mistakes_are_collected() -> None:
    """Two independent mistakes are both told."""
    with pytest.raises(ParseError) as caught:
        parse("up[0m] + nope(1)")
    assert [one.message for one in caught.value.findings] == [
        "duration must be greater than 0",
        'unknown function with name "nope"',
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("sum up )", ['unexpected identifier "up"', "unexpected right parenthesis ')'"]),
        (
            "sum(up up) > foo{a=1}",
            [
                'unexpected identifier "up" in aggregation',
                "no arguments for aggregate expression provided",
                "unexpected character inside braces: '1'",
            ],
        ),
        (
            "foo{a b, c=d} + foo[]",
            [
                'unexpected identifier "b" in label matching, expected label matching operator',
                'unexpected identifier "d" in label matching, expected string',
                'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()',
            ],
        ),
        (
            "sum by (a b, >) (x offset)",
            [
                'unexpected identifier "b" in grouping opts, expected "," or ")"',
                "unexpected <op:>> in grouping opts, expected label",
                'unexpected ")" in offset, expected number, duration, step(), or range()',
            ],
        ),
        ("nope(up) $", ['unknown function with name "nope"', "unexpected character: '$'"]),
        ("avg(up{:", ["unexpected character inside braces: ':'"]),
        ("(x @ y + z @)", ['unexpected identifier "y" in @, expected timestamp', 'unexpected ")" in @, expected timestamp']),
    ],
)  # fmt: skip
def test_reading_goes_on_after_a_token_that_fits_nowhere(text: str, messages: list[str]) -> None:
    """The construct that it stands in says what it expected, and what comes later is told too."""
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert [one.message for one in caught.value.findings] == messages


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    """A bomb of parentheses is a mistake like any other."""
    with pytest.raises(ParseError, match="nested too deeply"):
        parse("(" * 20_000 + "1" + ")" * 20_000)


def test_long_chains_are_no_nesting_problem() -> None:
    """Hundreds of operands in a row are read and printed."""
    tree = parse(" + ".join(["x"] * 400))
    assert isinstance(tree, Binary)
    assert to_text(parse(to_text(tree))) == to_text(tree)
    with pytest.raises(ParseError, match="nested too deeply"):
        parse(" + ".join(["x"] * 2_000))


def test_equality_of_trees_ignores_places() -> None:
    """Spaces mean nothing, parentheses are kept."""
    assert parse("a+b") == parse("  a  +  b ")
    assert isinstance(parse("(a)"), Paren)
    assert parse("(a)") != parse("a")
