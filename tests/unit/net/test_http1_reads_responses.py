"""The response reader: the same answer however it is cut, and no trust in sizes."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.checks import FailureReason
from monitor.net.http1 import Response, WireError, request

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: v\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN
PACKED = gzip.compress(b"hello")
GZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED)
BARE = b"HTTP/1.0 200\nContent-Length: 5\n\nhello"


@given(st.sampled_from([PLAIN, CHUNKED, INTERIM, GZIPPED, BARE]), st.lists(st.integers(1, 30), max_size=60))
def test_cuts_make_no_difference(message: bytes, cuts: list[int]) -> None:
    """Any division into pieces gives the same response, complete exactly at its end."""
    response = Response()
    at = 0
    for size in [*cuts, len(message)]:
        if at >= len(message):
            break
        complete = response.feed(message[at : at + size])
        at += size
        assert complete is (at >= len(message))
    assert (response.status, response.body, response.body_length, response.complete) == (200, b"hello", 5, True)


def test_repeated_fields_are_joined() -> None:
    """Names are lower case, values in order."""
    response = Response()
    response.feed(PLAIN)
    assert response.headers["x-a"] == "1, 2"


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    """204 and 304 end with the head."""
    response = Response()
    assert response.feed(b"HTTP/1.1 %d X\r\nContent-Length: 7\r\n\r\n" % status)


def test_only_the_first_bytes_of_a_body_are_kept() -> None:
    """Length is counted beyond what is kept."""
    response = Response(keep=100)
    response.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"a" * 600)
    assert response.feed(b"a" * 400)
    assert (len(response.body), response.body_length) == (100, 1000)


def test_a_body_in_very_many_chunks_is_read_in_linear_time() -> None:
    """Forty thousand chunks of one byte, in one piece, are read without copying the rest for each."""
    response = Response()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert response.feed(head + b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n")
    assert response.body == b"a" * 40_000


@pytest.mark.parametrize("size", [65536, 65537, 131072, 200_000])
def test_decompression_gives_every_byte(size: int) -> None:
    """Also when the output ends at the edge of a piece."""
    packed = zlib.compress(b"a" * size)
    response = Response()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert response.feed(head + packed)
    assert response.body_length == size


def test_a_body_until_close_ends_with_the_connection() -> None:
    """`end` completes it, and only it."""
    response = Response()
    assert not response.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    response.end()
    assert (response.complete, response.body) == (True, b"abc")
    cut = Response()
    cut.feed(PLAIN[:-1])
    with pytest.raises(WireError) as caught:
        cut.end()
    assert caught.value.reason is FailureReason.CLOSED_EARLY


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", CHUNKED[:48], b"HTTP/1.1 200 OK\r\nContent-"]),
)
def test_bytes_of_any_sort_end_in_a_response_or_a_wire_error(data: bytes, start: bytes) -> None:
    """No other exception, and memory stays within the limits."""
    response = Response(limit=1000)
    try:
        if not response.feed(start + data):
            response.end()
    except WireError as error:
        assert str(error)
    assert len(response.body) <= 1000 + len(data)


def test_a_request_is_one_text() -> None:
    """Length is added for a body."""
    assert (
        request("POST", "/a?b", [("Host", "x")], b"hi")
        == b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    )


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET /x", "/", ("A", "b")),
        ("GET", "/a b", ("A", "b")),
        ("GET", "/", ("A", "b\r\nC: d")),
        ("GET", "/", ("A:", "b")),
    ],
)
def test_a_request_cannot_be_broken_out_of(method: str, target: str, header: tuple[str, str]) -> None:
    """Line breaks and spaces are refused where they would change the message."""
    with pytest.raises(ValueError, match=r"."):
        request(method, target, [header])
