"""Snappy's block format, through cramjam: an extra (`pip install 'watchkeeper[remote-write]'`), imported at first use."""

from __future__ import annotations

from typing import Final

from monitor.model.errors import RequestError, WatchkeeperError
from monitor.remote.wire import WireFormatError, varint

MOST_BYTES: Final = 32 << 20
"""Of one request, decompressed: Prometheus's own limit for what it reads."""


class NoSnappyError(WatchkeeperError):
    """The extra is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "remote write needs the package cramjam for its compression: pip install 'watchkeeper[remote-write]'"
        )


class TooLargeError(RequestError):
    """A request that says it is larger than we take."""


def compress(data: bytes) -> bytes:
    """Raises NoSnappyError."""
    try:
        from cramjam import snappy
    except ImportError:
        raise NoSnappyError from None
    return bytes(snappy.compress_raw(data))


def decompress(data: bytes) -> bytes:
    """Raises NoSnappyError, TooLargeError, and WireFormatError for what is not snappy."""
    try:
        from cramjam import DecompressionError, snappy
    except ImportError:
        raise NoSnappyError from None
    size, _ = varint(data, 0, len(data))  # the format begins with the size of what is inside
    if size > MOST_BYTES:
        raise TooLargeError(f"the request has {size} bytes when decompressed; at most {MOST_BYTES} are read")
    try:
        return bytes(snappy.decompress_raw(data))
    except DecompressionError:
        raise WireFormatError("the body is not in snappy's block format") from None
