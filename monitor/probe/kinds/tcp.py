"""TCP: does it accept a connection and, if asked, does it say what it should?

With `expect` the bytes received are searched after each piece; only the last 64 kB are kept, so a talkative peer costs
nothing. With `tls` the handshake belongs to the attempt, and certificate expectations apply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from monitor.matching.regex import Match, compile_re2
from monitor.model.checks import Check, FailureReason, HealthState, Outcome
from monitor.model.times import spoken_duration
from monitor.net.connection import Connection
from monitor.net.resolve import Address, Unresolved
from monitor.net.tls import SYSTEM_TRUST, Trust
from monitor.net.url import parse_host_port
from monitor.probe.answers import Answer
from monitor.probe.assess import assess
from monitor.probe.expect import Expectations
from monitor.probe.kinds.kind import Done, Instruments

_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions:
    """Options of a tcp check. The target is `host:port`."""

    send: str = field(default="", repr=False)
    """Text to send once connected; `\\n` and the like are taken as written in YAML."""
    expect: str = ""
    """RE2 expression that must be found in what the peer says."""
    tls: bool = False
    """Make a TLS handshake after connecting."""
    trust: Trust = SYSTEM_TRUST
    """Whom to believe, with `tls`."""
    ip_version: int = 4
    """Preferred IP version, 4 or 6."""
    ip_fallback: bool = True
    """Take the other IP version when the name has no address of the preferred one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTarget:
    """A compiled check."""

    host: str
    port: int
    options: TcpOptions
    search: Callable[[str], Match | None] | None
    expectations: Expectations
    timeout_text: str


class TcpKind:
    """The tcp kind. See `kind.Kind`."""

    __slots__ = ("_active", "instruments")

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._active: set[_Attempt] = set()

    def prepare(self, check: Check) -> TcpTarget:
        return compiled(check)

    def start(self, batch: Sequence[tuple[int, TcpTarget]], deadline: float, done: Done) -> None:
        origin = self.instruments.clock.now() - self.instruments.poller.time() * 1000
        for slot, target in batch:
            attempt = _Attempt(self, slot, target, done, origin)
            attempt.begin()
            if not attempt.over:
                self._active.add(attempt)
                self.instruments.poller.limit(deadline, attempt)

    def close(self) -> None:
        for attempt in self._active:
            attempt.over = True
            attempt.close()
        self._active.clear()

    def ended(self, attempt: _Attempt) -> None:
        """Called by an attempt that is over."""
        self._active.discard(attempt)


def compiled(check: Check) -> TcpTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    return compile_tcp(check, check.options if isinstance(check.options, TcpOptions) else TcpOptions())


def compile_tcp(check: Check, options: TcpOptions) -> TcpTarget:
    """Raises ValueError for a target or an expression that is none."""
    host, port = parse_host_port(check.target)
    if options.ip_version not in (4, 6):
        raise ValueError(f"ip_version {options.ip_version} is not 4 or 6")
    return TcpTarget(
        host=host,
        port=port,
        options=options,
        search=compile_re2(options.expect) if options.expect else None,
        expectations=Expectations(check.expect),
        timeout_text=f"no answer within {spoken_duration(check.timeout)}",
    )


class _Attempt(Connection):
    __slots__ = (
        "_address",
        "_done",
        "_heard",
        "_kind",
        "_length",
        "_origin",
        "_original",
        "_resolve",
        "_slot",
        "_started_at",
        "_target",
        "over",
    )

    def __init__(self, kind: TcpKind, slot: int, target: TcpTarget, done: Done, origin: float) -> None:
        super().__init__(kind.instruments.poller)
        self.over = False
        self._kind = kind
        self._slot = slot
        self._target = target
        self._done = done
        self._origin = origin
        self._address: Address | None = None
        self._original: tuple[FailureReason, str] | None = None
        self._heard = b""
        self._length = 0
        self._resolve = 0.0
        self._started_at = 0.0

    def begin(self) -> None:
        """Start. May be over before this returns."""
        options = self._target.options
        self._started_at = self._poller.time()
        self._kind.instruments.resolver.resolve(
            self._target.host, self._found, prefer=options.ip_version, fallback=options.ip_fallback
        )

    def expire(self) -> None:
        """The deadline has passed."""
        if self._original is not None:
            self._end(HealthState.UNHEALTHY, *self._original)
        elif self._target.search is not None and self.ready_at:
            text = f"{self._target.timeout_text} that matches {self._target.options.expect!r}"
            self._end(HealthState.UNHEALTHY, FailureReason.BODY_TEXT if self._length else FailureReason.TIMEOUT, text)
        else:
            self._end(HealthState.UNHEALTHY, FailureReason.TIMEOUT, self._target.timeout_text)

    def established(self) -> None:
        if self._original is not None:
            self._end(HealthState.UNHEALTHY, *self._original)
            return
        options = self._target.options
        if options.send:
            self.send(options.send.encode())
        if self._target.search is None and not self.over:
            self._succeed()

    def received(self, data: bytes) -> None:
        self._length += len(data)
        self._heard = (self._heard + data)[-_KEPT:]
        search = self._target.search
        if search is not None and search(self._heard.decode("utf-8", "replace")) is not None:
            self._succeed()

    def ended(self) -> None:
        if self._length:
            text = f"connection closed, and nothing in it matched {self._target.options.expect!r}"
            self._end(HealthState.UNHEALTHY, FailureReason.BODY_TEXT, text)
        else:
            self._end(HealthState.UNHEALTHY, FailureReason.CLOSED_EARLY, "connection closed without a word")

    def broken(self, reason: FailureReason, text: str) -> None:
        certificate = reason in (
            FailureReason.CERTIFICATE_EXPIRED,
            FailureReason.CERTIFICATE_WRONG_HOST,
            FailureReason.CERTIFICATE_UNTRUSTED,
        )
        if self._original is not None:
            self._end(HealthState.UNHEALTHY, *self._original)
        elif certificate and self._address is not None:
            self._original = (reason, text)
            self._open(self._address)
        else:
            self._end(HealthState.UNHEALTHY, reason, text)

    def _found(self, address: Address | Unresolved) -> None:
        if self.over:
            return
        self._resolve = self._poller.time() - self._started_at
        if isinstance(address, Unresolved):
            self._end(HealthState.UNHEALTHY, address.reason, address.text)
            return
        self._address = address
        self._open(address)

    def _open(self, address: Address) -> None:
        target, trust = self._target, self._target.options.trust
        if not target.options.tls:
            self.open(address, target.port)
            return
        contexts = self._kind.instruments.contexts
        try:
            context = contexts.get(trust) if self._original is None else contexts.unverified(trust)
        except (OSError, ValueError) as error:
            self._end(HealthState.UNHEALTHY, FailureReason.TLS_FAILED, f"TLS settings cannot be used: {error}")
            return
        self.open(address, target.port, context=context, server_name=trust.server_name or target.host)

    def _succeed(self) -> None:
        now = self._poller.time()
        answer = Answer(
            now=int(self._origin + now * 1000),
            took=now - self._started_at,
            body=self._heard,
            secure=self._target.options.tls,
            tls=self.tls_facts,
        )
        found = assess(self._target.expectations.shortfalls(answer))
        self._end(found.state, found.reason, found.text)

    def _end(self, state: HealthState, reason: FailureReason | None, text: str) -> None:
        self.close()
        if self.over:
            return
        self.over = True
        self._kind.ended(self)
        address = self._address
        self._done(
            self._slot,
            Outcome(
                success=state is not HealthState.UNHEALTHY,
                state=state,
                started=int(self._origin + self._started_at * 1000),
                took=self._poller.time() - self._started_at,
                reason=reason,
                text=text,
                resolve=self._resolve,
                connect=self.connected_at - self.opened_at if self.connected_at else 0.0,
                tls=self.ready_at - self.connected_at if self.ready_at else 0.0,
                body_length=self._length,
                ip_protocol=address.version if address is not None else 0,
                ip_hash=address.digest if address is not None else 0,
                tls_facts=self.tls_facts,
            ),
        )
