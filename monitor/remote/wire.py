"""Protocol buffers on the wire, as much as remote write needs: varints, 64-bit values and bytes. Pure.

Source: protobuf.dev/programming-guides/encoding. Unknown fields are skipped, as they must be; a group, or a length that leads
out of the message, is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeAlias

from monitor.model.errors import RequestError

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
_FIXED32: Final = 5
_DOUBLE: Final = struct.Struct("<d")
_LONGEST_VARINT: Final = 10

Field: TypeAlias = "tuple[int, int, int, int]"
"""Number, wire type, and for BYTES the start and end of its content; for VARINT and FIXED64 the value and where it ends."""


class WireFormatError(RequestError):
    """Not a protocol buffers message."""


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[start:end], in order. Raises WireFormatError."""
    while start < end:
        key, start = varint(data, start, end)
        kind = key & 7
        if kind == BYTES:
            size, start = varint(data, start, end)
            stop = start + size
            if stop > end:
                raise WireFormatError("a field leads beyond the end of its message")
            yield key >> 3, kind, start, stop
            start = stop
        elif kind == VARINT:
            value, start = varint(data, start, end)
            yield key >> 3, kind, value, start
        elif kind == FIXED64:
            stop = start + 8
            if stop > end:
                raise WireFormatError("a field leads beyond the end of its message")
            yield key >> 3, kind, int.from_bytes(data[start:stop], "little"), stop
            start = stop
        elif kind == _FIXED32:
            start += 4
            if start > end:
                raise WireFormatError("a field leads beyond the end of its message")
        else:
            raise WireFormatError(f"wire type {kind} is not known")


def varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends. Raises WireFormatError."""
    value = shift = 0
    for place in range(start, min(end, start + _LONGEST_VARINT)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + 1
        shift += 7
    raise WireFormatError("a number has no end")


def signed(value: int) -> int:
    """A varint or a fixed 64-bit field as an int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(bits: int) -> float:
    """A fixed 64-bit field as a number; a NaN keeps its bits."""
    return _DOUBLE.unpack(bits.to_bytes(8, "little"))[0]


def put_varint(value: int) -> bytes:
    """An int64; negative ones take ten bytes."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_bytes(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return put_varint(number << 3 | BYTES) + put_varint(len(content)) + content


def put_int(number: int, value: int) -> bytes:
    """An int64 field; nothing for 0, which is what absence means."""
    return put_varint(number << 3 | VARINT) + put_varint(value) if value else b""


def put_double(number: int, value: float) -> bytes:
    """A double field; nothing for 0, but -0 is written."""
    packed = _DOUBLE.pack(value)
    return put_varint(number << 3 | FIXED64) + packed if packed != b"\0" * 8 else b""
