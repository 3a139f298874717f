"""fmt's verbs over template values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gotemplate.floats import float_text
from monitor.gotemplate.format import sprint, sprintf
from monitor.gotemplate.moments import Moment, Span


@pytest.mark.parametrize(
    ("layout", "values", "wanted"),
    [
        ("%d", (5,), "5"),
        (
            "%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%b|%c|%q|%U",
            (5, 5, 5, 5, 5, 255, 255, 255, 8, 5, 65, 65, 65),
            "    5|5    |00005|+5| 5|ff|FF|0xff|10|101|A|'A'|U+0041",
        ),
        (
            "%s|%10s|%-10s|%.2s|%q|%x|%X",
            ("ab", "ab", "ab", "abc", 'a"b', "hi", "hi"),
            'ab|        ab|ab        |ab|"a\\"b"|6869|6869',
        ),
        ("%v %v %v %v", (1, 1.5, "a", True), "1 1.5 a true"),
        (
            "%f %.2f %8.3f %-8.1f| %08.3f %+.1f",
            (1.5, 1.005, 2.0, 2.25, -3.14159, 2.0),
            "1.500000 1.00    2.000 2.2     | -003.142 +2.0",
        ),
        (
            "%e %.2e %E %g %.3g %G",
            (123456.789, 123456.789, 1.0, 1e21, 123456.0, 1e-7),
            "1.234568e+05 1.23e+05 1.000000E+00 1e+21 1.23e+05 1E-07",
        ),
        ("%t %v", (True, False), "true false"),
        (
            "%T %T %T %T %T %T",
            (1, 1.5, "a", ["x"], {"a": "b"}, None),
            "int float64 string []string map[string]string <nil>",
        ),
        ("%d%%", (50,), "50%"),
        ("%d", (), "%!d(MISSING)"),
        ("%d", ("hi",), "%!d(string=hi)"),
        ("%s", (5,), "%!s(int=5)"),
        ("%d", (1.5,), "%!d(float64=1.5)"),
        ("%z", (5,), "%!z(int=5)"),
        ("%", (), "%!(NOVERB)"),
        ("x", (1, "a"), "x%!(EXTRA int=1, string=a)"),
        ("%s %d", ([1, "a"], [1, 2]), "[%!s(int=1) a] [1 2]"),
        ("%v %v", ({"b": 1, "a": [1.5]}, [None, "x"]), "map[a:[1.5] b:1] [<nil> x]"),
        ("%q", (["a", "b"],), '["a" "b"]'),
        ("%*d|%-*d|%.*f", (5, 1, 4, 2, 1, 2.55), "    1|2   |2.5"),
        ("%[2]d %[1]d", (1, 2), "2 1"),
        ("%[5]d", (1,), "%!d(BADINDEX)"),
        ("%v %d", (None, None), "<nil> %!d(<nil>)"),
        ("%v %5.1f %05.1f %+v", (float("inf"), float("nan"), float("-inf"), float("inf")), "+Inf   NaN  -Inf +Inf"),
        ("%s %d", (Span(1_800_000_000_000), Span(5)), "30m0s 5"),
        ("%#v %#v", ("a", {"k": "v"}), '"a" map[string]string{"k":"v"}'),
        ("%x", (1.5,), "0x1.8p+00"),
        ("%6.2f%%", (12.375,), " 12.38%"),
        ("%[x]d|%[1]x|%[ 1]d|%[]d", (1,), "%!d(BADINDEX)|1|%!d(BADINDEX)|%!d(BADINDEX)"),
        ("%[1", (1,), "%!(NOVERB)"),
        (
            "%5d|%-5d|%.1d|%+s|%#s",
            ("x", 1.5, "y", 5, "z"),
            "%!d(string=    x)|%!d(float64=1.5  )|%!d(string=y)|%!s(int=+5)|z",
        ),
        (
            "%b %b %b %b",
            (1.5, 0.0, -2.25, 1e-310),
            "6755399441055744p-52 0p-1074 -5066549580791808p-51 20240225330731p-1074",
        ),
        ("%.2x %x %.0x %x", (1.999, 3.0, 1.5, 0.0), "0x1.00p+01 0x1.8p+01 0x1p+01 0x0p+00"),
        ("%#g %#.3g %#g", (1.0, 1.0, 1e100), "1.00000 1.00 1.00000e+100"),
        ("%+q %+q", (233, "é"), "'\\u00e9' \"\\u00e9\""),
        ("%#v", ({"a": None, "b": 1},), 'map[string]interface {}{"a":interface {}(nil), "b":1}'),
    ],
)
def test_verb(layout: str, values: tuple[object, ...], wanted: str) -> None:
    """The layout gives Go's text."""
    assert sprintf(layout, values) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, "0s"),
        (1_500_000, "1.5ms"),
        (90_000_000_000, "1m30s"),
        (-3_600_000_000_000, "-1h0m0s"),
        (1_500, "1.5µs"),
        (7, "7ns"),
    ],
)
def test_duration_prints_as_go_does(value: int, wanted: str) -> None:
    """Units from hours down, fractions only of the last one."""
    assert Span(value).go_string() == wanted


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        ("2006-01-02T15:04:05Z07:00", "2026-11-09T08:07:06+02:00"),
        ("Mon, 02 Jan 2006 15:04:05 MST", "Mon, 09 Nov 2026 08:07:06 EET"),
        ("Monday January 2 3:4:5 PM pm 06 002 _2", "Monday November 9 8:7:6 AM am 26 313  9"),
        ("15:04:05.000 .999 -0700 -07:00 -07 Z0700", "08:07:06.123 .123 +0200 +02:00 +02 +0200"),
        ("05.000000 1/2", "06.123000 11/9"),
    ],
)
def test_time_follows_the_layout(layout: str, wanted: str) -> None:
    """Layouts are examples of Go's reference time."""
    moment = Moment(1_794_204_426_123_000_000, 7200, "EET")
    assert moment.format(layout) == wanted


def test_sprint_puts_spaces_between_operands_that_are_no_strings() -> None:
    """As fmt.Sprint."""
    assert sprint([1, 2, "a", 3, 4, "b", "c"]) == "1 2a3 4bc"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_shortest_text_reads_back_as_the_same_number(value: float) -> None:
    """Forms g, e and f lose nothing."""
    for verb in "gef":
        assert float(float_text(value, verb)) == value


@given(st.text(), st.lists(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()), max_size=3))
def test_any_layout_gives_a_text(layout: str, values: list[object]) -> None:
    """Sprintf never fails."""
    assert isinstance(sprintf("%" + layout, values), str)


def test_plus_of_v_names_fields_and_not_signs() -> None:
    """`%+v` is no `%+d`."""
    assert sprintf("%+v %+d", [10, 10]) == "10 +10"


def test_duration_by_a_bad_verb_shows_its_number() -> None:
    """Go does not ask a value for its own text within a complaint."""
    assert sprintf("%f", [Span(1_500_000_000)]) == "%!f(time.Duration=1500000000)"
