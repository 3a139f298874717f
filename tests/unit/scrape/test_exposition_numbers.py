"""Numbers are read and printed as Go does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scrape.exposition.numbers import canonical_bound, parse_value, shortest
from monitor.scrape.exposition.quoting import quote_bytes


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_text_reads_back_as_the_same_number(value: float) -> None:
    """No digit that matters is lost."""
    assert float(shortest(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "-0"), (1e5, "100000"), (1e6, "1e+06"), (1234567.5, "1.2345675e+06"), (1e-5, "1e-05"),
     (0.0001, "0.0001"), (-2.5, "-2.5"), (1e100, "1e+100"), (5e-324, "5e-324")],
)  # fmt: skip
def test_known_numbers_print_as_go_prints_them(value: float, text: str) -> None:
    """Exponent form below 1e-4 and from 1e6 on."""
    assert shortest(value) == text


@pytest.mark.parametrize(
    ("text", "bound"),
    [("0", "0.0"), ("-1", "-1.0"), ("1", "1.0"), ("0.25", "0.25"), ("inf", "+Inf"), ("-Inf", "-Inf"), ("nan", "NaN"),
     ("1e6", "1e+06"), ("c", "c"), ("", "")],
)  # fmt: skip
def test_bounds_are_spelled_one_way(text: str, bound: str) -> None:
    """What is no number stays as it is."""
    assert canonical_bound(text) == bound


@pytest.mark.parametrize(("text", "value"), [(b"Inf", math.inf), (b"-infinity", -math.inf), (b".5", 0.5), (b"1.", 1.0)])
def test_words_and_bare_points_are_numbers(text: bytes, value: float) -> None:
    """In any case, as Go takes them."""
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("raw", "shown"), [(b"a\xff\n", '"a\\xff\\n"'), (b'"', '"\\""'), ("ü".encode(), '"ü"'), (b"\x7f\0", '"\\x7f\\x00"')]
)
def test_bytes_are_quoted_as_go_quotes_them(raw: bytes, shown: str) -> None:
    """Also what is no UTF-8."""
    assert quote_bytes(raw) == shown
