"""One outgoing TCP connection, plain or TLS, as a small object with four hooks.

Subclasses say what to send when the connection stands and what to do with what comes back. Connecting and sending are
tried at once, because on a near network the connection is up before `connect` returns; only what would block goes to
the epoll set. A connection ends exactly once: by `close` (its owner is satisfied), or by `broken` (it failed).
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from monitor.model.checks import FailureReason, TlsFacts
from monitor.net.poller import READ, WRITE, Poller
from monitor.net.resolve import Address
from monitor.net.tls import Tunnel, failure, reading

_KIND: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_REASONS: Final = {
    errno.ECONNREFUSED: (FailureReason.CONNECTION_REFUSED, "connection refused"),
    errno.ECONNRESET: (FailureReason.CONNECTION_RESET, "connection reset by the peer"),
    errno.EPIPE: (FailureReason.CONNECTION_RESET, "connection reset by the peer"),
    errno.EHOSTUNREACH: (FailureReason.UNREACHABLE, "host unreachable"),
    errno.ENETUNREACH: (FailureReason.UNREACHABLE, "network unreachable"),
    errno.EADDRNOTAVAIL: (FailureReason.UNREACHABLE, "no local address for this network"),
    errno.ETIMEDOUT: (FailureReason.TIMEOUT, "connection timed out"),
    errno.EMFILE: (FailureReason.OWN_LIMIT, "this process has no file descriptors left"),
    errno.ENFILE: (FailureReason.OWN_LIMIT, "this host has no file descriptors left"),
}


class Connection(ABC):
    """Times are the loop's, in seconds; 0 where not reached. Attributes are for reading."""

    __slots__ = (
        "_connecting",
        "_context",
        "_fd",
        "_outgoing",
        "_poller",
        "_postponed",
        "_server_name",
        "_socket",
        "_watching",
        "connected_at",
        "opened_at",
        "ready_at",
        "tls_facts",
        "tunnel",
    )

    piece: ClassVar[int] = 65536
    """Bytes read at once."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._socket: _socket.socket | None = None
        self._fd = -1
        self._watching = 0
        self._connecting = False
        self._postponed: Callable[[], None] | None = None
        self._outgoing: bytes = b""
        self._context: ssl.SSLContext | None = None
        self._server_name = ""
        self.tunnel: Tunnel | None = None
        self.tls_facts: TlsFacts | None = None
        self.opened_at = 0.0
        self.connected_at = 0.0
        self.ready_at = 0.0

    # -- hooks -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def established(self) -> None:
        """TCP, and TLS where asked for, stand. Not called when `open` was given a first message on a plain connection."""

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Bytes from the peer, decrypted, never empty."""

    @abstractmethod
    def ended(self) -> None:
        """The peer will send no more."""

    @abstractmethod
    def broken(self, reason: FailureReason, text: str) -> None:
        """The connection failed and is closed."""

    # -- for the owner -----------------------------------------------------------------------------------------------

    @property
    def open_(self) -> bool:
        return self._socket is not None

    def open(
        self,
        address: Address,
        port: int,
        first: bytes = b"",
        *,
        context: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        """Connect. Plain: `first` is sent as early as possible. With `context`: TLS, and `first` must be empty, for what
        is to be sent waits for `established`. May call the hooks before it returns."""
        self._outgoing = first
        self._context = context
        self._server_name = server_name
        self.tls_facts = None
        self.tunnel = None
        self.connected_at = self.ready_at = 0.0
        waiting = reading(context)
        if waiting is None:
            self._dial(address, port)
        else:  # no part of what the peer takes
            self._postponed = partial(self._dial, address, port)
            waiting.add_done_callback(self._go_on)

    def send(self, data: bytes) -> None:
        """Send, encrypted where TLS stands; what does not go at once follows."""
        if self.tunnel is not None:
            self.tunnel.send(data)
            data = self.tunnel.outgoing()
        self._outgoing += data
        self._flush()

    def close(self) -> None:
        """Done with it. No hook is called any more."""
        self._postponed = None
        connection, self._socket = self._socket, None
        if connection is not None:
            self._poller.forget(self._fd)
            connection.close()

    def _go_on(self, _: object) -> None:
        postponed, self._postponed = self._postponed, None
        if postponed is not None:
            postponed()

    def _dial(self, address: Address, port: int) -> None:
        first, context = self._outgoing, self._context
        self.opened_at = self._poller.time()
        try:
            connection = _socket.socket(address.family, _KIND)
        except OSError as error:
            self._break(error)
            return
        self._socket = connection
        self._fd = connection.fileno()
        self._watching = 0
        try:
            code = connection.connect_ex(address.endpoint(port))
        except (OSError, OverflowError) as error:
            self._break(error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error)))
            return
        if code not in (0, errno.EINPROGRESS):
            self._break(OSError(code, os.strerror(code)))
            return
        self._connecting = True
        if context is not None:
            self._wait(WRITE)
            return
        try:
            sent = connection.send(first)
        except BlockingIOError:
            self._wait(WRITE)
        except OSError as error:
            self._break(error)
        else:
            self._connecting = False
            self.connected_at = self.ready_at = self._poller.time()
            self._outgoing = first[sent:]
            self._wait(WRITE | READ if self._outgoing else READ)
            if not first:
                self.established()

    # -- from the epoll set ------------------------------------------------------------------------------------------

    def ready(self, events: int) -> None:
        if self._connecting:
            self._finish_connecting()
            return
        if events & WRITE and self._outgoing:
            self._flush()
        if events & ~WRITE and self._socket is not None:
            self._read()

    def _finish_connecting(self) -> None:
        connection = self._socket
        if connection is None:
            return
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._break(OSError(code, os.strerror(code)))
            return
        self._connecting = False
        self.connected_at = self._poller.time()
        if self._context is not None:
            self._start_tls(self._context)
            return
        self.ready_at = self.connected_at
        self._wait(READ)
        if self._outgoing:
            self._flush()
        else:
            self.established()

    def _start_tls(self, context: ssl.SSLContext) -> None:
        try:
            self.tunnel = Tunnel(context, self._server_name)
        except (ValueError, ssl.SSLError) as error:
            self._give_up(FailureReason.TLS_FAILED, f"TLS cannot start: {error}")
            return
        self._wait(READ)
        self._shake(self.tunnel)

    def _shake(self, tunnel: Tunnel) -> None:
        try:
            complete = tunnel.handshake()
        except ssl.SSLError as error:
            self._give_up(*failure(error))
            return
        if complete:
            self.ready_at = self._poller.time()
            self.tls_facts = tunnel.facts()
        self._outgoing += tunnel.outgoing()
        self._flush()
        if complete and self._socket is not None:
            self.established()

    def _flush(self) -> None:
        connection = self._socket
        if connection is None:
            return
        if self._outgoing:
            try:
                sent = connection.send(self._outgoing)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                # a server that answers early and closes: its answer is still to be read
                if error.errno not in (errno.EPIPE, errno.ECONNRESET) or self.tunnel is not None:
                    self._break(error)
                    return
                sent = len(self._outgoing)
            self._outgoing = self._outgoing[sent:]
        self._wait(WRITE | READ if self._outgoing else READ)

    def _read(self) -> None:
        connection = self._socket
        if connection is None:
            return
        try:
            data = connection.recv(self.piece)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(error)
            return
        tunnel = self.tunnel
        if tunnel is None:
            if data:
                self.received(data)
            else:
                self.ended()
            return
        if data:
            tunnel.take(data)
        else:
            tunnel.take_end()
        if not tunnel.established:
            self._shake(tunnel)
            if not tunnel.established or self._socket is None:
                return
        self._decrypt(tunnel)

    def _decrypt(self, tunnel: Tunnel) -> None:
        over = False
        while self._socket is not None and not over:
            try:
                plain, over = tunnel.received()
            except ssl.SSLError as error:
                reason = (error.reason or str(error)).replace("_", " ").lower()
                self._give_up(FailureReason.TLS_FAILED, f"TLS failed: {reason}")
                return
            if plain:
                self.received(plain)
            elif not over:
                return
        if over and self._socket is not None:
            self.ended()

    def _wait(self, events: int) -> None:
        if events == self._watching:
            return
        if self._watching:
            self._poller.change(self._fd, events)
        else:
            self._poller.watch(self._fd, events, self)
        self._watching = events

    def _break(self, error: OSError) -> None:
        known = _REASONS.get(error.errno or 0)
        reason, text = known or (FailureReason.CONNECTION_FAILED, f"connection failed: {error.strerror or error}")
        self._give_up(reason, text)

    def _give_up(self, reason: FailureReason, text: str) -> None:
        self.close()
        self.broken(reason, text)
