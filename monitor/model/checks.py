"""Checks and what becomes of them: one attempt gives an `Outcome`, a run of outcomes gives a `Verdict`.

An outcome is raw: what this one attempt saw. A verdict is judged: it changes only after `failure_threshold` bad or
`success_threshold` good outcomes in a row, so that one lost packet pages nobody. Every failure carries a
`FailureReason`, whose value is the text of the `reason` label and whose sentence is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from monitor.model.labels import EMPTY, Labels
from monitor.model.times import SECOND, Millis, Timestamp


class HealthState(Enum):
    """How something is, from best to worst; `unknown` before anything was seen."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"

    @property
    def level(self) -> float:
        """1 healthy, 0.5 degraded, 0 unhealthy; -1 unknown (never stored as a sample)."""
        return _LEVELS[self]

    @property
    def rank(self) -> int:
        """How bad: 0 healthy or unknown, 1 degraded, 2 unhealthy."""
        return _RANKS[self]


_LEVELS: Final = {
    HealthState.HEALTHY: 1.0,
    HealthState.DEGRADED: 0.5,
    HealthState.UNHEALTHY: 0.0,
    HealthState.UNKNOWN: -1.0,
}
_RANKS: Final = {HealthState.HEALTHY: 0, HealthState.UNKNOWN: 0, HealthState.DEGRADED: 1, HealthState.UNHEALTHY: 2}


class FailureReason(Enum):
    """Why an attempt failed or was not fully good. The value is the label text, `sentence` the plain meaning."""

    NAME_NOT_FOUND = "name_not_found"
    NAME_LOOKUP_FAILED = "name_lookup_failed"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECTION_RESET = "connection_reset"
    CONNECTION_FAILED = "connection_failed"
    TIMEOUT = "timeout"
    CLOSED_EARLY = "closed_early"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_WRONG_HOST = "certificate_wrong_host"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRES_SOON = "certificate_expires_soon"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_REDIRECT = "bad_redirect"
    STATUS = "status"
    HEADER = "header"
    BODY_TEXT = "body_text"
    BODY_JSON = "body_json"
    TLS_FORBIDDEN = "tls_forbidden"
    HTTP_VERSION = "http_version"
    SLOW = "slow"
    BODY_UNHEALTHY = "body_unhealthy"
    BODY_DEGRADED = "body_degraded"
    HEARTBEAT_LATE = "heartbeat_late"
    HEARTBEAT_MISSED = "heartbeat_missed"
    HEARTBEAT_FAILED = "heartbeat_failed"
    RAN_TOO_LONG = "ran_too_long"
    OWN_LIMIT = "own_limit"

    @property
    def sentence(self) -> str:
        """What it means, without the particulars of one attempt."""
        return _SENTENCES[self]


_SENTENCES: Final[Mapping[FailureReason, str]] = MappingProxyType(
    {
        FailureReason.NAME_NOT_FOUND: "name does not resolve",
        FailureReason.NAME_LOOKUP_FAILED: "name servers do not answer",
        FailureReason.CONNECTION_REFUSED: "connection refused",
        FailureReason.UNREACHABLE: "host or network unreachable",
        FailureReason.CONNECTION_RESET: "connection reset by the peer",
        FailureReason.CONNECTION_FAILED: "connection failed",
        FailureReason.TIMEOUT: "no answer in time",
        FailureReason.CLOSED_EARLY: "connection closed before the answer was complete",
        FailureReason.TLS_FAILED: "TLS handshake failed",
        FailureReason.CERTIFICATE_EXPIRED: "certificate has expired or is not valid yet",
        FailureReason.CERTIFICATE_WRONG_HOST: "certificate is for another host",
        FailureReason.CERTIFICATE_UNTRUSTED: "certificate is not trusted",
        FailureReason.CERTIFICATE_EXPIRES_SOON: "certificate expires soon",
        FailureReason.BAD_ANSWER: "answer breaks the protocol",
        FailureReason.TOO_LARGE: "answer is too large",
        FailureReason.TOO_MANY_REDIRECTS: "too many redirects",
        FailureReason.BAD_REDIRECT: "redirect leads nowhere",
        FailureReason.STATUS: "unexpected status",
        FailureReason.HEADER: "header is not as expected",
        FailureReason.BODY_TEXT: "body is not as expected",
        FailureReason.BODY_JSON: "JSON of the body is not as expected",
        FailureReason.TLS_FORBIDDEN: "encrypted or not, against the expectation",
        FailureReason.HTTP_VERSION: "unexpected HTTP version",
        FailureReason.SLOW: "answer took too long",
        FailureReason.BODY_UNHEALTHY: "body says unhealthy",
        FailureReason.BODY_DEGRADED: "body says degraded",
        FailureReason.HEARTBEAT_LATE: "heartbeat is late",
        FailureReason.HEARTBEAT_MISSED: "heartbeat missed",
        FailureReason.HEARTBEAT_FAILED: "job reported a failure",
        FailureReason.RAN_TOO_LONG: "job started and did not finish in time",
        FailureReason.OWN_LIMIT: "this host has no sockets left",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """One condition on one header field, as blackbox_exporter has them."""

    header: str
    regexp: str
    """RE2, found anywhere in the value."""
    forbid: bool = False
    """True: the expression must not be found."""
    allow_missing: bool = False
    """Without the header: pass instead of fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What a good answer looks like. Empty fields ask for nothing; every failed one becomes a sentence."""

    status: tuple[str, ...] = ()
    """Codes (`200`), classes (`2xx`) or ranges (`200-204`), any of them. Empty: 2xx."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Header name to an RE2 expression that must be found in its value."""
    header_rules: tuple[HeaderRule, ...] = ()
    """The same with all the choices."""
    body: Mapping[str, object] = field(default_factory=dict[str, object])
    """Dotted path into the JSON body (`data.items[0].id`) to a value it must equal, or to a comparison such as `>= 3`."""
    contains: tuple[str, ...] = ()
    """Texts that the body must contain."""
    matches: tuple[str, ...] = ()
    """RE2 expressions that must be found in the body."""
    not_matches: tuple[str, ...] = ()
    """RE2 expressions that must not be found in the body."""
    required: tuple[str, ...] = ()
    """Components whose failure makes the whole check unhealthy and not only degraded."""
    latency: Millis | None = None
    """The whole attempt must take less than this; slower is a failure."""
    latency_warn: Millis | None = None
    """Slower than this is degraded."""
    certificate_days: float | None = None
    """Days that every presented certificate must still be valid; fewer is a failure."""
    certificate_days_warn: float | None = None
    """Fewer days than this is degraded."""
    secure: bool | None = None
    """True: the final answer must have come over TLS; False: it must not."""
    http_versions: tuple[float, ...] = ()
    """Accepted HTTP versions, as 1.1. Empty: any."""


NOTHING_SPECIAL: Final = Expect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to watch, as configured."""

    name: str
    """Unique in the configuration; becomes the `check` label."""
    kind: str
    """A name of the catalogue in `monitor/probe/kinds`."""
    target: str
    """URL, `host:port` or what the kind asks for; becomes the `instance` label."""
    labels: Labels = EMPTY
    """Added to every series of this check."""
    interval: Millis = 30 * SECOND
    timeout: Millis = 5 * SECOND
    failure_threshold: int = 3
    """So many bad outcomes in a row make it unhealthy (or degraded)."""
    success_threshold: int = 2
    """So many good outcomes in a row make it healthy again."""
    expect: Expect = NOTHING_SPECIAL
    options: object = None
    """The options dataclass of the kind; None takes the kind's defaults."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a service as its health body reports it."""

    name: str
    state: HealthState
    text: str = ""
    """Its own words, cut to a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyReading:
    """What a health body says, whatever its dialect."""

    dialect: str
    """Short name of the dialect; `none` when nothing was recognised."""
    state: HealthState = HealthState.HEALTHY
    components: tuple[Component, ...] = ()
    version: str = ""
    """Empty when the body names none."""
    unparsed: bool = False
    """True when there was a body whose meaning is not known."""
    text: str = ""
    """One sentence when the state is not healthy."""


NO_READING: Final = BodyReading(dialect="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What a TLS handshake showed."""

    version: str = ""
    """As Prometheus writes it: `TLS 1.3`."""
    cipher: str = ""
    earliest_expiry: Timestamp | None = None
    """Of the certificates presented; known also when verification failed and a second look was possible."""
    chain_expiry: Timestamp | None = None
    """Earliest expiry within the verified chain; None if not verified."""
    fingerprint: str = ""
    """SHA-256 of the leaf, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The raw result of one attempt. Phases are seconds, 0 when not reached; `resolve` to `processing` are summed over
    redirects, `transfer` is the last hop's."""

    success: bool
    state: HealthState
    """HEALTHY or DEGRADED when `success`, else UNHEALTHY; UNKNOWN for a heartbeat that never came."""
    started: Timestamp
    took: float = 0.0
    """Seconds from start to end."""
    reason: FailureReason | None = None
    text: str = ""
    """The sentence with its particulars: `HTTP status 503, expected 2xx`. Empty when healthy."""
    resolve: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    processing: float = 0.0
    transfer: float = 0.0
    status_code: int = 0
    http_version: float = 0.0
    content_length: int = 0
    """As the header says; -1 when it does not."""
    body_length: int = 0
    """Bytes of the body after decompression, as far as read."""
    redirects: int = 0
    last_modified: Timestamp | None = None
    ip_protocol: int = 0
    """4, 6, or 0 when no address was known."""
    ip_hash: int = 0
    """FNV-1a-32 of the address bytes."""
    tls_facts: TlsFacts | None = None
    reading: BodyReading = NO_READING
    version: str = ""
    """Of the service, from body or headers; empty if it names none."""
    definite: bool = False
    """True when the attempt proves its state, so that no threshold applies (heartbeats)."""
    since: Timestamp | None = None
    """When the state really began, if the attempt knows better than its own time (heartbeats)."""
    again_at: Timestamp | None = None
    """When another attempt would tell something new, if that is known (heartbeats)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judged state of a check. It is also the whole memory that judging needs, so it can be stored and restored."""

    state: HealthState = HealthState.UNKNOWN
    since: Timestamp = 0
    """When this state began; 0 before the first outcome."""
    reason: FailureReason | None = None
    text: str = "not checked yet"
    """One sentence for people: why it is so, or how far a change has come (`failing 1/3: connection refused`)."""
    components: tuple[Component, ...] = ()
    version: str = ""
    failures: int = 0
    """Unhealthy outcomes in a row."""
    impaired: int = 0
    """Outcomes in a row that were not healthy."""
    successes: int = 0
    """Healthy outcomes in a row, counted up to the success threshold."""
    answered: int = 0
    """Outcomes in a row that were not unhealthy, counted up to the success threshold."""
    pending: bool = False
    """True while a run of outcomes contradicts the state but is not yet long enough; a confirming attempt follows."""
    changed: bool = False
    """True if the last outcome changed the state."""
    version_changed: bool = False
    """True if the last outcome showed another version than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A check's judged state is another one now."""

    check: Check
    before: HealthState
    verdict: Verdict
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChanged:
    """A service reports another version than before: a deployment."""

    check: Check
    before: str
    version: str
    at: Timestamp
