"""Remote write's messages: written, read, and refused when they are broken."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.labels import Labels
from monitor.model.samples import STALE, Exemplar, is_stale
from monitor.remote.messages import (
    MetricMetadata,
    decode_write_request,
    encode_labels,
    encode_metadata,
    encode_series,
    encode_write_request,
)
from monitor.remote.snappy import MOST_BYTES, TooLargeError, compress, decompress
from monitor.remote.wire import WireFormatError, put_varint, signed, varint

# {__name__="up"} 1 at 1000 ms, byte by byte as the format's documentation has it
UP = bytes.fromhex("0a1e 0a0e 0a08 5f5f6e616d655f5f 1202 7570 120c 09 000000000000f03f 10e807".replace(" ", ""))


def test_a_request_is_the_bytes_that_the_format_says() -> None:
    """Field numbers, lengths, little-endian doubles, varints."""
    assert encode_write_request({Labels({"__name__": "up"}): [(1000, 1.0)]}) == UP
    (series,) = decode_write_request(UP).series
    assert (series.labels, series.samples) == ((("__name__", "up"),), ((1000, 1.0),))


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=20), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(-(2**62), 2**62), st.floats(allow_nan=False)), max_size=5),
)
def test_what_is_written_is_read_again(labels: dict[str, str], samples: list[tuple[int, float]]) -> None:
    """Any labels, times and values."""
    given_ = {name.encode(errors="replace").decode(): value for name, value in labels.items()}
    found = decode_write_request(encode_write_request({Labels(given_): samples}))
    (series,) = found.series
    wanted = {name: value.encode(errors="replace").decode() for name, value in given_.items()}
    assert dict(series.labels) == wanted
    assert list(series.samples) == samples


def test_a_stale_marker_keeps_its_bits() -> None:
    """It is a NaN among others; negative zero is not zero."""
    found = decode_write_request(encode_write_request({Labels({"a": "b"}): [(1, STALE), (2, math.nan), (3, -0.0)]}))
    values = [value for _, value in found.series[0].samples]
    assert [is_stale(value) for value in values] == [True, False, False]
    assert math.copysign(1, values[2]) == -1


def test_exemplars_and_metadata_are_read_again() -> None:
    """With all that they hold."""
    exemplar = Exemplar(Labels({"trace_id": "t"}), 0.5, 77)
    piece = encode_series(encode_labels((("__name__", "m"),)), (), (exemplar,))
    assert decode_write_request(piece).series[0].exemplars == (exemplar,)
    told = (MetricMetadata(metric="m", type="histogram", help="Há?", unit="seconds"), MetricMetadata(metric="n"))
    assert decode_write_request(encode_metadata(told)).metadata == told


def test_fields_that_nobody_knows_are_passed_over() -> None:
    """Newer senders may have more to say."""
    unknown = b"\x92\x01\x03abc" + b"\x98\x01\x05" + b"\xa1\x01" + b"12345678" + b"\xa5\x01" + b"1234"
    assert decode_write_request(unknown + UP + unknown) == decode_write_request(UP)
    assert decode_write_request(b"") == decode_write_request(unknown)


def test_native_histograms_are_counted() -> None:
    """Not read: they are not served."""
    assert decode_write_request(b"\x0a\x04\x22\x00\x22\x00").series[0].histograms == 2


@pytest.mark.parametrize(
    "broken",
    [
        UP[:-1],
        b"\x0a\x7f",
        b"\x0a",
        b"\xff" * 11,
        b"\x0b",
        b"\x09123",
        b"\x0d1",
        b"\x0a\x06\x0a\x04\x0a\x02\xff\xfe",
    ],
    ids=["cut", "long", "no length", "no end", "group", "short double", "short float", "not text"],
)
def test_a_broken_message_is_refused(broken: bytes) -> None:
    """Whatever the bytes, it is the sender's fault and no crash."""
    with pytest.raises(WireFormatError):
        decode_write_request(broken)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """They are a request or they are refused."""
    try:
        decode_write_request(data)
    except WireFormatError:
        pass


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read_as_written(number: int) -> None:
    """All of int64."""
    data = put_varint(number)
    value, end = varint(data, 0, len(data))
    assert (signed(value), end) == (number, len(data))


def test_compression_is_undone_and_bounded() -> None:
    """The size that the body claims counts, before any memory is taken."""
    assert decompress(compress(UP * 100)) == UP * 100
    with pytest.raises(TooLargeError):
        decompress(put_varint(MOST_BYTES + 1) + b"\x00")
    for broken in (b"", b"\x05", b"\x05\xff\xff", struct.pack("<Q", 7)):
        with pytest.raises(WireFormatError):
            decompress(broken)
