"""HTTP and HTTPS: one fresh connection for each hop, HTTP/1.1 on our own wire.

A probe that reused a connection would not test that the service still accepts one, and a resumed TLS session would hide
a bad certificate, so neither is done. One address is tried, of the preferred family if there is one. When a certificate
does not verify, a second look without verification reads when it ends; the attempt stays a failure. What the wire
cannot do (proxies) goes through `http_proxied`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from monitor.model.checks import NO_READING, BodyReading, Check, FailureReason, HealthState, Outcome
from monitor.model.times import Timestamp, from_datetime
from monitor.net.connection import Connection
from monitor.net.http1 import Response, WireError
from monitor.net.resolve import Address, Unresolved
from monitor.net.url import Url, follow
from monitor.probe.answers import Answer
from monitor.probe.assess import assess
from monitor.probe.dialects import read_body
from monitor.probe.kinds.http_proxied import ProxiedTarget, ThroughProxy, compile_proxied
from monitor.probe.kinds.http_target import HttpOptions, HttpTarget, compile_http, compose, compose_hop
from monitor.probe.kinds.kind import Done, Instruments

__all__ = ["HttpKind", "HttpOptions"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CERTIFICATE_REASONS: Final = frozenset(
    {FailureReason.CERTIFICATE_EXPIRED, FailureReason.CERTIFICATE_WRONG_HOST, FailureReason.CERTIFICATE_UNTRUSTED}
)
_REMEMBERED_BODY: Final = 4096
"""Bodies up to this size are kept to recognise an answer that has not changed."""


def compiled(check: Check, user_agent: str = "") -> HttpTarget | ProxiedTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    if isinstance(check.options, HttpOptions) and check.options.proxy_url:
        return compile_proxied(check)
    return compile_http(check, user_agent)


class HttpKind:
    """The http kind. See `kind.Kind`."""

    __slots__ = ("_active", "_proxied", "instruments")

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._active: set[_Attempt] = set()
        self._proxied = ThroughProxy(instruments)

    def prepare(self, check: Check) -> HttpTarget | ProxiedTarget:
        return compiled(check, self.instruments.user_agent)

    def start(self, batch: Sequence[tuple[int, HttpTarget | ProxiedTarget]], deadline: float, done: Done) -> None:
        instruments = self.instruments
        origin = instruments.clock.now() - instruments.poller.time() * 1000
        for slot, target in batch:
            if isinstance(target, ProxiedTarget):
                self._proxied.start(((slot, target),), deadline, done)
                continue
            attempt = _Attempt(self, slot, target, done, origin)
            attempt.begin()
            if not attempt.over:
                self._active.add(attempt)
                instruments.poller.limit(deadline, attempt)

    def close(self) -> None:
        for attempt in self._active:
            attempt.over = True
            attempt.close()
        self._active.clear()
        self._proxied.close()

    def ended(self, attempt: _Attempt) -> None:
        """Called by an attempt that is over."""
        self._active.discard(attempt)


class _Attempt(Connection):
    """One attempt over all its hops."""

    __slots__ = (
        "_address",
        "_asked_at",
        "_connect",
        "_cookies",
        "_done",
        "_first_byte_at",
        "_kind",
        "_message",
        "_method",
        "_origin",
        "_original",
        "_processing",
        "_redirects",
        "_resolve",
        "_response",
        "_slot",
        "_started_at",
        "_target",
        "_tls",
        "_url",
        "over",
    )

    def __init__(self, kind: HttpKind, slot: int, target: HttpTarget, done: Done, origin: float) -> None:
        super().__init__(kind.instruments.poller)
        self.over = False
        self._kind = kind
        self._slot = slot
        self._target = target
        self._done = done
        self._origin = origin
        self._url = target.url
        self._method = target.options.method
        self._message = target.request
        self._cookies: dict[str, str] = {}
        self._address: Address | None = None
        self._response = Response(method=self._method, limit=target.options.body_limit)
        self._original: tuple[FailureReason, str] | None = None
        self._redirects = 0
        self._resolve = self._connect = self._tls = self._processing = 0.0
        self._started_at = self._asked_at = self._first_byte_at = 0.0

    def begin(self) -> None:
        """Start. May be over before this returns."""
        self._started_at = self._poller.time()
        if not self._message:
            try:
                self._message = compose(self._target)
            except (OSError, ValueError) as error:
                self._fail(FailureReason.CONNECTION_FAILED, f"credentials cannot be read: {error}")
                return
        self._look_up()

    def expire(self) -> None:
        """The deadline has passed."""
        if self._original is not None:
            self._fail(*self._original)
        else:
            self._fail(FailureReason.TIMEOUT, f"{self._target.timeout_text}{self._stage()}")

    # -- hooks of Connection -----------------------------------------------------------------------------------------

    def established(self) -> None:
        if self._original is not None:
            self._fail(*self._original)
        else:
            self.send(self._message)

    def received(self, data: bytes) -> None:
        if not self._first_byte_at:
            self._first_byte_at = self._poller.time()
        try:
            complete = self._response.feed(data)
        except WireError as error:
            self._fail(error.reason, str(error))
            return
        if complete:
            self._answered()

    def ended(self) -> None:
        try:
            self._response.end()
        except WireError as error:
            self._fail(error.reason, str(error))
            return
        self._answered()

    def broken(self, reason: FailureReason, text: str) -> None:
        if self._original is not None:
            self._fail(*self._original)
        elif reason in _CERTIFICATE_REASONS and self._address is not None:
            self._close_phases()
            self._original = (reason, text)
            self._open(self._address)
        else:
            self._fail(reason, text)

    # -- steps -------------------------------------------------------------------------------------------------------

    def _look_up(self) -> None:
        options = self._target.options
        self._asked_at = self._poller.time()
        self._kind.instruments.resolver.resolve(
            self._url.host, self._found, prefer=options.ip_version, fallback=options.ip_fallback
        )

    def _found(self, address: Address | Unresolved) -> None:
        if self.over:
            return
        self._resolve += self._poller.time() - self._asked_at
        if isinstance(address, Unresolved):
            self._fail(address.reason, address.text)
            return
        self._address = address
        self._open(address)

    def _open(self, address: Address) -> None:
        url = self._url
        if not url.secure:
            self.open(address, url.port, self._message)
            return
        trust, contexts = self._target.options.tls, self._kind.instruments.contexts
        try:
            context = contexts.get(trust) if self._original is None else contexts.unverified(trust)
        except (OSError, ValueError) as error:
            self._fail(FailureReason.TLS_FAILED, f"TLS settings cannot be used: {error}")
            return
        self.open(address, url.port, context=context, server_name=self._server_name_for(url))

    def _server_name_for(self, url: Url) -> str:
        options = self._target.options
        if url.origin != self._target.url.origin:
            return url.host
        if options.tls.server_name:
            return options.tls.server_name
        for name, value in options.headers.items():
            if name.lower() == "host":
                return value.rpartition(":")[0] or value
        return url.host

    def _answered(self) -> None:
        options, response = self._target.options, self._response
        if options.follow_redirects and response.status in _REDIRECTS and "location" in response.headers:
            self._redirect(response)
            return
        now = self._poller.time()
        self.close()
        self._close_phases()
        self._report(self._judged(now))

    def _redirect(self, response: Response) -> None:
        self.close()
        self._close_phases()
        if self._redirects >= self._target.options.max_redirects:
            limit = self._target.options.max_redirects
            self._fail(FailureReason.TOO_MANY_REDIRECTS, f"more than {limit} redirects, the last to {self._url}")
            return
        self._redirects += 1
        before = self._url
        try:
            self._url = follow(before, response.headers["location"])
        except ValueError as error:
            self._fail(FailureReason.BAD_REDIRECT, f"redirect leads nowhere: {error}")
            return
        if self._url.host != before.host:
            self._cookies.clear()
        for line in response.headers.get("set-cookie", "").split("\n")[:50]:
            name, equals, value = line.partition(";")[0].partition("=")
            if equals and self._url.host == before.host:
                self._cookies[name.strip()] = value.strip()
        if response.status == 303 or (response.status in (301, 302) and self._method == "POST"):
            self._method = "HEAD" if self._method == "HEAD" else "GET"
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            self._message = compose_hop(self._target, self._url, self._method, cookies)
        except (OSError, ValueError) as error:
            self._fail(FailureReason.BAD_REDIRECT, f"redirect cannot be followed: {error}")
            return
        self._response = Response(method=self._method, limit=self._target.options.body_limit)
        self._first_byte_at = 0.0
        self._look_up()

    def _close_phases(self) -> None:
        """Add this hop's phases to the sums."""
        if self.connected_at:
            self._connect += self.connected_at - self.opened_at
            if self.ready_at:
                self._tls += self.ready_at - self.connected_at
                if self._first_byte_at:
                    self._processing += self._first_byte_at - self.ready_at
            self.connected_at = 0.0

    def _judged(self, now: float) -> Outcome:
        target, response = self._target, self._response
        took, body = now - self._started_at, response.body
        answer = Answer(
            now=int(self._origin + now * 1000),
            took=took,
            status=response.status,
            http_version=response.version,
            headers=response.headers,
            body=body,
            complete=len(body) == response.body_length,
            secure=self._url.secure,
            tls=self.tls_facts,
        )
        reading = _reading(target, answer)
        assessment = assess(target.expectations.shortfalls(answer), reading)
        version = reading.version
        if not version:
            version = response.headers.get("x-app-version") or response.headers.get("x-version") or ""
        return self._outcome(
            now, assessment.state, assessment.reason, assessment.text, reading=reading, version=version[:64]
        )

    def _fail(self, reason: FailureReason, text: str) -> None:
        self.close()
        if self._original is None:
            self._close_phases()
        self._report(self._outcome(self._poller.time(), HealthState.UNHEALTHY, reason, text))

    def _outcome(
        self,
        now: float,
        state: HealthState,
        reason: FailureReason | None,
        text: str,
        *,
        reading: BodyReading = NO_READING,
        version: str = "",
    ) -> Outcome:
        response, address = self._response, self._address
        return Outcome(
            success=state is not HealthState.UNHEALTHY,
            state=state,
            started=int(self._origin + self._started_at * 1000),
            took=now - self._started_at,
            reason=reason,
            text=text,
            resolve=self._resolve,
            connect=self._connect,
            tls=self._tls,
            processing=self._processing,
            transfer=now - self._first_byte_at if self._first_byte_at else 0.0,
            status_code=response.status,
            http_version=response.version,
            content_length=response.content_length if response.status else 0,
            body_length=response.body_length,
            redirects=self._redirects,
            last_modified=_last_modified(response.headers),
            ip_protocol=address.version if address is not None else 0,
            ip_hash=address.digest if address is not None else 0,
            tls_facts=self.tls_facts,
            reading=reading,
            version=version,
        )

    def _report(self, outcome: Outcome) -> None:
        if self.over:
            return
        self.over = True
        self._kind.ended(self)
        self._done(self._slot, outcome)

    def _stage(self) -> str:
        """How far it came, as the end of a sentence."""
        if self._address is None:
            return " (looking up the name)"
        if not self.connected_at:
            return " (connecting)"
        if not self.ready_at:
            return " (in the TLS handshake)"
        if not self._first_byte_at:
            return ""
        return f" (answer incomplete after {self._response.body_length} bytes)"


def _reading(target: HttpTarget, answer: Answer) -> BodyReading:
    if not target.options.understand:
        return NO_READING
    kind = answer.headers.get("content-type", "")
    if answer.body == target.last_body and kind == target.last_type:
        return target.last_reading
    reading = read_body(answer, required=target.required)
    if len(answer.body) <= _REMEMBERED_BODY:
        target.last_body, target.last_type, target.last_reading = answer.body, kind, reading
    return reading


def _last_modified(headers: Mapping[str, str]) -> Timestamp | None:
    text = headers.get("last-modified")
    if text is None:
        return None
    try:
        return from_datetime(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None
