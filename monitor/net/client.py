"""Asking over HTTP/1.1 on connections that are kept: one request, one answer, a callback.

For those who ask the same peers again and again. A connection that its peer closes while it rests is dropped; one that turns
out closed just as it is used again, before any byte of the answer, is replaced by a new one once. Otherwise nothing is
repeated. All addresses of a name are tried in turn, IPv4 first, each with its share of the time that is left, as Go does
it; one that answered a connection is stayed with.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias

from monitor.model.checks import FailureReason
from monitor.net.connection import Connection
from monitor.net.http1 import BODY_LIMIT, Response, WireError
from monitor.net.poller import Poller
from monitor.net.resolve import Address, Resolver, Unresolved
from monitor.net.tls import SYSTEM_TRUST, Contexts, Trust
from monitor.net.url import Url

_RESTING: Final = 150.0
"""Seconds that an unused connection is kept: longer than most intervals, since a handshake costs more than an answer."""
_TIDY_EVERY: Final = 30.0
_LEAST_SHARE: Final = 2.0
"""Seconds that any address gets, as far as there are so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask, and of whom."""

    url: Url
    message: bytes = field(repr=False)
    """The whole request."""
    trust: Trust = SYSTEM_TRUST
    limit: int = BODY_LIMIT
    """Bytes of the answer's body as it comes."""


Done: TypeAlias = Callable[[Response | WireError], None]
_Place: TypeAlias = tuple[str, int, ssl.SSLContext | None, str]
"""Host, port, trust, and the name that the certificate is for: connections of one place serve each other's requests."""


class KeepingClient:
    """One per loop. `close` when done: what is under way is never answered."""

    __slots__ = ("_contexts", "_poller", "_resolver", "_resting", "_tidy_at", "_working")

    def __init__(self, poller: Poller, resolver: Resolver, contexts: Contexts) -> None:
        self._poller = poller
        self._resolver = resolver
        self._contexts = contexts
        self._resting: dict[_Place, list[_Line]] = {}
        self._working: set[_Line] = set()
        self._tidy_at = 0.0

    def __repr__(self) -> str:
        resting = sum(map(len, self._resting.values()))
        return f"<KeepingClient working={len(self._working)} resting={resting}>"

    def ask(self, request: Request, deadline: float, done: Done) -> Exchange:
        """Ask; `done` is called once, perhaps before this returns, with a complete response or with what went wrong.
        `deadline` is on the poller's clock. The body is not decompressed."""
        exchange = Exchange(self, request, deadline, done)
        self._poller.limit(deadline, exchange)
        self._begin(exchange)
        return exchange

    def close(self) -> None:
        """Close all connections."""
        for line in [*self._working, *(line for lines in self._resting.values() for line in lines)]:
            line.close()
        self._working.clear()
        self._resting.clear()

    def _begin(self, exchange: Exchange) -> None:
        request = exchange.request
        context: ssl.SSLContext | None = None
        if request.url.secure:
            try:
                context = self._contexts.get(request.trust)
            except (OSError, ValueError) as error:
                text = f"the certificates of tls_config cannot be read: {error}"
                exchange.finish(WireError(FailureReason.TLS_FAILED, text))
                return
        name = request.trust.server_name or request.url.host
        exchange.place = (request.url.host, request.url.port, context, name if context is not None else "")
        resting = self._resting.get(exchange.place)
        if resting:
            line = resting.pop()
            if not resting:
                del self._resting[exchange.place]
            self._working.add(line)
            line.take(exchange)
            return
        self.connect_anew(exchange)

    def connect_anew(self, exchange: Exchange) -> None:
        """Look up the name and connect."""

        def found(addresses: tuple[Address, ...] | Unresolved) -> None:
            if exchange.over:
                return
            if isinstance(addresses, Unresolved):
                exchange.finish(WireError(addresses.reason, addresses.text))
                return
            line = _Line(self, self._poller, exchange)
            self._working.add(line)
            line.connect(sorted(addresses, key=lambda address: address.version))

        self._resolver.addresses(exchange.request.url.host, found)

    def free(self, line: _Line) -> None:
        """This line's exchange is over."""
        self._working.discard(line)
        place = line.place
        if line.open_ and place is not None:
            line.rested_at = self._poller.time()
            self._resting.setdefault(place, []).append(line)
            if line.rested_at >= self._tidy_at:
                self._tidy(line.rested_at)

    def drop(self, line: _Line) -> None:
        """This line is closed."""
        self._working.discard(line)
        resting = self._resting.get(line.place) if line.place is not None else None
        if resting is not None and line in resting:
            resting.remove(line)
            if not resting and line.place is not None:
                del self._resting[line.place]

    def _tidy(self, now: float) -> None:
        self._tidy_at = now + _TIDY_EVERY
        for line in [line for lines in self._resting.values() for line in lines]:
            if line.rested_at < now - _RESTING:
                line.close()
                self.drop(line)


class Exchange:
    """One request and its answer."""

    __slots__ = ("_client", "_done", "deadline", "line", "over", "place", "request", "response")

    def __init__(self, client: KeepingClient, request: Request, deadline: float, done: Done) -> None:
        self._client = client
        self._done = done
        self.request = request
        self.deadline = deadline
        self.response = Response(keep=request.limit, limit=request.limit, unpack=False)
        self.place: _Place | None = None
        self.line: _Line | None = None
        self.over = False

    def expire(self) -> None:
        """The deadline has passed."""
        self._abandon()
        self.finish(WireError(FailureReason.TIMEOUT, "no complete answer in time"))

    def cancel(self) -> None:
        """Nobody waits for it any more; `done` is not called."""
        if not self.over:
            self.over = True
            self._abandon()

    def finish(self, how: Response | WireError) -> None:
        """It is over."""
        if not self.over:
            self.over = True
            self._done(how)

    def _abandon(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.close()
            self._client.drop(line)


class _Line(Connection):
    """A connection that carries one exchange after another."""

    __slots__ = ("_attempt", "_client", "_exchange", "_rest", "_reused", "place", "rested_at")

    piece: ClassVar[int] = 1 << 18

    def __init__(self, client: KeepingClient, poller: Poller, exchange: Exchange) -> None:
        super().__init__(poller)
        self._client = client
        self._exchange: Exchange | None = exchange
        self._reused = False
        self._rest: list[Address] = []
        self._attempt: _Attempt | None = None
        self.place = exchange.place
        self.rested_at = 0.0
        exchange.line = self

    def connect(self, addresses: list[Address]) -> None:
        """To the first that takes it."""
        exchange = self._exchange
        if exchange is None or self.place is None:
            return
        address, self._rest = addresses[0], addresses[1:]
        _, port, context, name = self.place
        if self._rest:
            now = self._poller.time()
            share = max((exchange.deadline - now) / len(addresses), _LEAST_SHARE)
            self._attempt = _Attempt(self)
            self._poller.limit(now + share, self._attempt)
        if context is None:
            self.open(address, port, exchange.request.message)
        else:
            self.open(address, port, context=context, server_name=name)

    def take(self, exchange: Exchange) -> None:
        """Carry this one now."""
        self._exchange, self._reused = exchange, True
        exchange.line = self
        self.send(exchange.request.message)

    def established(self) -> None:
        self._settled()
        if self._exchange is not None:
            self.send(self._exchange.request.message)

    def received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._end()  # nothing was asked
            return
        self._settled()
        self._reused = False
        try:
            complete = exchange.response.feed(data)
        except WireError as error:
            self._end()
            exchange.finish(error)
            return
        if complete:
            self._answered(exchange)

    def ended(self) -> None:
        exchange = self._exchange
        self._end()
        if exchange is None:
            return
        if self._reused:
            self._client.connect_anew(exchange)
            return
        try:
            exchange.response.end()
        except WireError as error:
            exchange.finish(error)
        else:
            exchange.finish(exchange.response)

    def broken(self, reason: FailureReason, text: str) -> None:
        exchange = self._exchange
        if exchange is not None and self._rest and not self.ready_at:
            self._settled()
            self.connect(self._rest)
            return
        self._end()
        if exchange is None:
            return
        if self._reused:
            self._client.connect_anew(exchange)
        else:
            exchange.finish(WireError(reason, text))

    def give_up_address(self) -> None:
        """This address has had its share of the time."""
        if self.open_ and not self.ready_at:
            self.close()
            self.broken(FailureReason.TIMEOUT, "connection timed out")

    def _answered(self, exchange: Exchange) -> None:
        self._exchange = exchange.line = None
        if not exchange.response.reusable:
            self.close()
        self._client.free(self)
        exchange.finish(exchange.response)

    def _settled(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.over = True

    def _end(self) -> None:
        self._settled()
        self.close()
        self._client.drop(self)
        if self._exchange is not None:
            self._exchange.line = None
        self._exchange = None


class _Attempt:
    """The time of one address."""

    __slots__ = ("_line", "over")

    def __init__(self, line: _Line) -> None:
        self._line = line
        self.over = False

    def expire(self) -> None:
        self._line.give_up_address()
