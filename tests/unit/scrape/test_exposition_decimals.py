"""Numbers that are read many at a time are those that `float` reads one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scrape.exposition.decimals import MARGIN, read_decimals, words_of
from monitor.scrape.exposition.numbers import PLAIN

_printed = st.one_of(
    st.integers(0, 10**17).map(str),
    st.floats(0, 1e9).map(str),
    st.tuples(st.floats(0, 1e6), st.integers(0, 12)).map(lambda pair: f"{pair[0]:.{pair[1]}f}"),
    st.tuples(st.floats(0, 1e40), st.integers(0, 12)).map(lambda pair: f"{pair[0]:.{pair[1]}e}"),
)
_garbage = st.text("0123456789.e+-/: _", max_size=18)


def _read(texts: list[bytes]) -> list[float | None]:
    """None where a number is left to others."""
    body = b"e+10" * (MARGIN // 4)
    begin: list[int] = []
    end: list[int] = []
    for text in texts:
        body += b"m "
        begin.append(len(body))
        body += text
        end.append(len(body))
        body += b"\n"
    words = words_of(np.frombuffer(body, dtype=np.uint8))
    values, others = read_decimals(words, np.array(begin, dtype=np.int64), np.array(end, dtype=np.int64))
    return [None if other else value for value, other in zip(values.tolist(), others.tolist(), strict=True)]


@given(st.lists(st.one_of(_printed, _garbage), max_size=20))
def test_what_is_read_is_what_float_reads(texts: list[str]) -> None:
    """To the last bit; and nothing that is not written in one of the usual ways."""
    raw = [text.encode() for text in texts]
    for text, value in zip(raw, _read(raw), strict=True):
        if value is not None:
            assert PLAIN.fullmatch(text)
            assert value.hex() == float(text).hex()


@pytest.mark.parametrize(
    "text",
    ["0", "007", "123456789012345", "9007199254740992", "0.1", ".5", "5.", "0.123456", "1234567.12345678", "1e+22",
     "1.234567e+06", "1.7234567890123e+09", "1.5e+00"],
)  # fmt: skip
def test_usual_numbers_are_read_here(text: str) -> None:
    """Else all would be left to others, and nobody would notice but by the time it takes."""
    assert _read([text.encode()]) == [float(text)]


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "1..", "-1", "+1", "1/2", "NaN", "+Inf", "e+10", "1e-10", "1e10", "1e+100", "1e+38", "1e+1x", "1.2.3",
     "1.23456789.12345", "9007199254740993", "12345678901234567", "1 5", "0.12345678901234567"],
)  # fmt: skip
def test_unusual_numbers_are_left_to_others(text: str) -> None:
    """Also right ones."""
    assert _read([text.encode()]) == [None]
