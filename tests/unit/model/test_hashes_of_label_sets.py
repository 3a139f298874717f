"""xxHash64, and the places that it gives to series."""

from __future__ import annotations

import pytest

from monitor.model.labels import Labels
from monitor.model.xxh import series_share, xxhash64


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
    ],
)
def test_the_hash_is_that_of_its_specification(text: bytes, digest: int) -> None:
    """With published digests."""
    assert xxhash64(text) == digest


def test_a_series_is_placed_by_the_bytes_that_prometheus_holds() -> None:
    """Every name and value behind its length: one byte below 255, else four."""
    whole = float(2**64 - 1)
    short = Labels({"__name__": "up", "é": "ü"})
    assert series_share(short) == xxhash64(b"\x08__name__\x02up\x02\xc3\xa9\x02\xc3\xbc") / whole
    assert series_share(Labels({"a": "b" * 254})) == xxhash64(b"\x01a\xfe" + b"b" * 254) / whole
    assert series_share(Labels({"a": "b" * 300})) == xxhash64(b"\x01a\xff\x2c\x01\x00" + b"b" * 300) / whole
