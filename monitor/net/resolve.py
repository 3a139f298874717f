"""Names to addresses, so that a dead name never delays a healthy one.

Address literals and `localhost` are answered at once. Other names go to c-ares (through aiodns), which asks all names
side by side without threads of a pool; questions for the same name share one answer. Answers are kept for their TTL,
at least five seconds and at most a minute. When the name servers fail (not when they say that the name does not exist),
the last good answer serves for up to an hour more: an outage of DNS is not an outage of the service.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from monitor.model.checks import FailureReason

if TYPE_CHECKING:
    from types import ModuleType

    import aiodns
    import pycares

_SHORTEST_TTL: Final = 5.0
_LONGEST_TTL: Final = 60.0
_STALE_FOR: Final = 3600.0
_MOST_NAMES: Final = 20_000
_QUERY_TIMEOUT: Final = 1.5
_QUERY_TRIES: Final = 2

# ARES_ENODATA, ARES_ENOTFOUND, ARES_EBADNAME of c-ares' ares.h
_NOT_FOUND: Final = frozenset({1, 4, 8})


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a host."""

    text: str
    """As connect wants it: `192.0.2.1`, `2001:db8::1`, with a scope when given."""
    version: int
    """4 or 6."""
    digest: int
    """FNV-1a-32 of the packed address, as blackbox_exporter reports it."""

    @property
    def family(self) -> int:
        return socket.AF_INET if self.version == 4 else socket.AF_INET6

    def endpoint(self, port: int) -> tuple[str, int]:
        """What `socket.connect` takes for this address."""
        return (self.text, port)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why there is no address."""

    reason: FailureReason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a source of names says: addresses, and for how long they hold."""

    addresses: tuple[Address, ...]
    ttl: float
    """Seconds."""


class NameSource(Protocol):
    """Where names are looked up. `ask` calls `done` exactly once, later or at once, on the loop's thread."""

    def ask(self, name: str, done: Callable[[Answer | Unresolved], None]) -> None: ...

    def close(self) -> None: ...


class _Node(Protocol):
    """One address in c-ares' answer."""

    family: int
    addr: tuple[bytes, ...]
    ttl: int


Found = Callable[[Address | Unresolved], None]
FoundAll = Callable[[tuple[Address, ...] | Unresolved], None]


@dataclass(slots=True)
class _Entry:
    answer: Answer | None = None
    fresh_until: float = 0.0
    stale_until: float = 0.0


class Resolver:
    """One per loop: the cache before a source of names."""

    __slots__ = ("_entries", "_literals", "_source", "_time", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, source: NameSource | None = None) -> None:
        self._time = loop.time
        self._source: NameSource = source if source is not None else AresSource(loop)
        self._entries: dict[str, _Entry] = {}
        self._waiting: dict[str, list[FoundAll]] = {}
        self._literals: dict[str, tuple[Address, ...]] = {}

    def resolve(self, name: str, found: Found, *, prefer: int = 4, fallback: bool = True) -> None:
        """Call `found` once with one address: the first of the preferred version, else (with `fallback`) of the other.
        Known answers come at once, before this returns."""

        def chosen(addresses: tuple[Address, ...] | Unresolved) -> None:
            if isinstance(addresses, Unresolved):
                found(addresses)
            else:
                found(_choose(name, addresses, prefer, fallback))

        self.addresses(name, chosen)

    def addresses(self, name: str, found: FoundAll) -> None:
        """Call `found` once with all addresses, at least one. Known answers come at once, before this returns."""
        addresses = self._literals.get(name) or self._literal(name)
        if addresses is None:
            entry = self._entries.get(name)
            if entry is None or entry.answer is None or entry.fresh_until <= self._time():
                self._ask(name, found)
                return
            addresses = entry.answer.addresses
        found(addresses)

    def close(self) -> None:
        """Waiting questions are never answered."""
        self._waiting.clear()
        self._source.close()

    def __repr__(self) -> str:
        return f"<Resolver known={len(self._entries)} asking={sorted(self._waiting)}>"

    def _literal(self, name: str) -> tuple[Address, ...] | None:
        addresses = literal(name)
        if addresses is not None:
            if len(self._literals) >= _MOST_NAMES:
                self._literals.clear()
            self._literals[name] = addresses
        return addresses

    def _ask(self, name: str, found: FoundAll) -> None:
        waiting = self._waiting.get(name)
        if waiting is not None:
            waiting.append(found)
            return
        self._waiting[name] = [found]
        self._source.ask(name, lambda answer: self._answered(name, answer))

    def _answered(self, name: str, answer: Answer | Unresolved) -> None:
        now = self._time()
        known: Answer | Unresolved = answer
        if isinstance(answer, Answer):
            ttl = min(max(answer.ttl, _SHORTEST_TTL), _LONGEST_TTL)
            if len(self._entries) >= _MOST_NAMES:
                self._entries.clear()
            self._entries[name] = _Entry(answer, now + ttl, now + ttl + _STALE_FOR)
        elif answer.reason is FailureReason.NAME_NOT_FOUND:
            self._entries.pop(name, None)
        else:
            entry = self._entries.get(name)
            if entry is not None and entry.answer is not None and now < entry.stale_until:
                entry.fresh_until = now + _SHORTEST_TTL
                known = entry.answer
        for found in self._waiting.pop(name, ()):
            found(known.addresses if isinstance(known, Answer) else known)


class AresSource:
    """Names through c-ares: /etc/hosts first, then the system's name servers or those given. The library takes 2 MB that a
    daemon with literal addresses does not need, so it is imported for the first name: in a thread, for it takes 16 ms."""

    __slots__ = ("_closed", "_loop", "_queued", "_resolver", "_servers")

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Sequence[str] = ()) -> None:
        self._loop = loop
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None
        self._queued: list[tuple[str, Callable[[Answer | Unresolved], None]]] = []
        """Until the library is there."""
        self._closed = False

    def ask(self, name: str, done: Callable[[Answer | Unresolved], None]) -> None:
        if self._resolver is not None:
            self._look_up(self._resolver, name, done)
            return
        self._queued.append((name, done))
        if len(self._queued) == 1:
            self._loop.run_in_executor(None, import_module, "aiodns").add_done_callback(self._imported)

    def _imported(self, ended: asyncio.Future[ModuleType]) -> None:
        if self._closed or ended.cancelled():
            return
        queued, self._queued = self._queued, []
        error = ended.exception()
        if error is not None:
            for _, done in queued:
                done(Unresolved(FailureReason.NAME_LOOKUP_FAILED, f"names cannot be looked up: {error}"))
            return
        import aiodns

        resolver = self._resolver = aiodns.DNSResolver(
            list(self._servers) or None, loop=self._loop, timeout=_QUERY_TIMEOUT, tries=_QUERY_TRIES
        )
        for name, done in queued:
            self._look_up(resolver, name, done)

    def _look_up(self, resolver: aiodns.DNSResolver, name: str, done: Callable[[Answer | Unresolved], None]) -> None:
        future = resolver.getaddrinfo(name, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        future.add_done_callback(lambda ended: done(_read(name, ended)))

    def close(self) -> None:
        self._closed = True
        self._queued.clear()
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            resolver.cancel()


def literal(name: str) -> tuple[Address, ...] | None:
    """The addresses of a literal or of `localhost`; None for any other name."""
    if name == "localhost" or name.endswith(".localhost"):
        return (_address("127.0.0.1"), _address("::1"))
    try:
        return (_address(name),)
    except ValueError:
        return None


def _address(text: str) -> Address:
    parsed = ipaddress.ip_address(text)
    digest = 0x811C9DC5
    for byte in parsed.packed:
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return Address(text, parsed.version, digest)


def _choose(name: str, addresses: tuple[Address, ...], prefer: int, fallback: bool) -> Address | Unresolved:
    for address in addresses:
        if address.version == prefer:
            return address
    if fallback and addresses:
        return addresses[0]
    return Unresolved(FailureReason.NAME_NOT_FOUND, f"{name} has no IPv{prefer} address")


def _read(name: str, ended: asyncio.Future[pycares.AddrInfoResult]) -> Answer | Unresolved:
    if ended.cancelled():
        return Unresolved(FailureReason.NAME_LOOKUP_FAILED, f"look-up of {name} was cancelled")
    error = ended.exception()
    if error is None:
        found = [
            (_address(node.addr[0].decode().partition("%")[0]), float(node.ttl))
            for node in cast("Sequence[_Node]", ended.result().nodes)
            if node.family in (socket.AF_INET, socket.AF_INET6)
        ]
        if found:
            return Answer(addresses=tuple(address for address, _ in found), ttl=min(ttl for _, ttl in found))
        return Unresolved(FailureReason.NAME_NOT_FOUND, f"{name} does not resolve")
    code = error.args[0] if error.args else None
    if code in _NOT_FOUND:
        return Unresolved(FailureReason.NAME_NOT_FOUND, f"{name} does not resolve")
    why = str(error.args[1]) if len(error.args) > 1 else str(error)
    return Unresolved(FailureReason.NAME_LOOKUP_FAILED, f"name servers do not answer for {name}: {why}")
