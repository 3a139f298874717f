"""A name server on loopback that knows what a test tells it (RFC 1035 over UDP)."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_TYPES = {"A": 1, "NS": 2, "MX": 15, "AAAA": 28, "SRV": 33}
_NO_SUCH_NAME, _FAILED = 3, 2


@dataclass
class Zone(asyncio.DatagramProtocol):
    """`records[name, type]`: addresses, `host` for NS, `preference host` for MX, `priority weight port host` for SRV."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    broken: bool = False
    """It answers SERVFAIL."""
    port: int = 0
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(self._answer(data), addr)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query, 12)
        (wanted,) = struct.unpack_from("!H", query, end)
        question = query[12 : end + 4]
        kind = next((text for text, number in _TYPES.items() if number == wanted), "")
        found = self.records.get((name, kind), [])
        known = any(other == name for other, _ in self.records)
        code = _FAILED if self.broken else 0 if known else _NO_SUCH_NAME
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, 0 if code else len(found), 0, 0)
        answers = b"" if code else b"".join(_record(wanted, kind, one) for one in found)
        return head + question + answers


@asynccontextmanager
async def running_zone() -> AsyncGenerator[Zone]:
    """It listens on a free port."""
    loop = asyncio.get_running_loop()
    transport, zone = await loop.create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
    try:
        yield zone
    finally:
        transport.close()
        await asyncio.sleep(0)


def _name(packet: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while length := packet[at]:
        labels.append(packet[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def _record(number: int, kind: str, text: str) -> bytes:
    *numbers, host = text.split()
    if kind in ("A", "AAAA"):
        data = ipaddress.ip_address(host).packed
    else:
        data = b"".join(struct.pack("!H", int(one)) for one in numbers) + _encoded(host)
    return b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 0, len(data)) + data
