"""What the server needs of the daemon.

Rooms below are named by their classes; what the composition root makes itself is described by small Protocols. The fields
without a default are there when the server starts to listen, the others are set as they come up: until then routes that
need them answer 503.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from monitor.model.errors import WatchkeeperError
from monitor.model.times import Millis, Timestamp

if TYPE_CHECKING:  # the server must listen early, and its own imports are what it waits for
    from monitor.alerts.dispatching import Dispatcher
    from monitor.alerts.maintaining import Maintaining
    from monitor.alerts.silencing import Silencing
    from monitor.config.configuration import Configuration
    from monitor.model.alerts import Alert
    from monitor.model.changes import Deployment
    from monitor.model.checks import HealthState
    from monitor.model.errors import Finding
    from monitor.model.incidents import Actor
    from monitor.model.notifications import Destination
    from monitor.oncall.escalating import Escalating
    from monitor.probe.probing import Probing
    from monitor.promql.engine import Answer
    from monitor.remote.receiving import Receiving
    from monitor.rules.scheduling import RuleScheduler
    from monitor.scrape.scraping import Scraping
    from monitor.state.alert_store import SqlAlertStore
    from monitor.state.audit_store import SqlAuditStore
    from monitor.state.outbox_store import SqlOutboxStore
    from monitor.telemetry import Log
    from monitor.tsdb.exemplars import ExemplarStore
    from monitor.tsdb.store import SampleStore

T = TypeVar("T")


class StillStartingError(WatchkeeperError):
    """Asked for before it is up; trying again in a moment helps."""


class HealthReport(Protocol):
    """How the daemon itself is."""

    @property
    def status(self) -> HealthState: ...

    def document(self) -> Mapping[str, object]:
        """The body of /health."""
        ...


class QueryAnswering(Protocol):
    """Answers PromQL. Both raise QueryError, EvaluationError, QueryLimitError; `lookback` None is the default;
    `seconds` is how long it may take, the configuration permitting."""

    async def answer(
        self, text: str, at: Timestamp, *, lookback: Millis | None = None, seconds: float | None = None
    ) -> Answer: ...

    async def answer_range(
        self,
        text: str,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        *,
        lookback: Millis | None = None,
        seconds: float | None = None,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the made-up alert is like, and how it is said."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside `alertname` and `severity`, which may be given too."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside `summary` and `description`."""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """Options of the integrations, instead of what the configuration says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of one integration's."""

    destination: Destination
    good: bool
    """It was delivered, and every template gave its text."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PingRecord:
    """What a job reported."""

    at: Timestamp
    kind: str
    """success, start, fail or log."""
    what: str
    """As it was called: empty, a word, or an exit code."""
    run_id: str
    log: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """How the last reading of the configuration went."""

    succeeded: bool = True
    at: Timestamp | None = None
    """When one was last taken into use; None before the first."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Ourselves, as a member of the cluster that Alertmanager's clients look for."""

    name: str
    address: str
    """`host:port`."""


@dataclass(slots=True, kw_only=True)
class Parts:
    """Set by the composition root, read by the routes."""

    version: str
    started_at: Timestamp
    now: Callable[[], Timestamp]
    log: Log
    configuration: Callable[[], Configuration]
    """The one in force."""
    health: Callable[[Timestamp], Awaitable[HealthReport]]
    ready: Callable[[], bool]
    """Is everything up?"""
    exposition: Callable[[], bytes]
    """Our own metrics as text 0.0.4."""
    observe: Callable[[str, str, str, float], None]
    """Told of each answer: route, method (small letters, or `unknown`), status code, seconds."""
    refused: Callable[[str], None]
    """Told of each call that was refused; the text is the kind of input, `api`."""
    loaded: Callable[[], Loaded] = Loaded
    probing: Probing | None = None
    """This, the samples, what queries them, rules and targets are never there in Alertmanager's place."""
    samples: SampleStore | None = None
    querier: QueryAnswering | None = None
    exemplars: ExemplarStore | None = None
    receiving: Receiving | None = None
    scraping: Scraping | None = None
    rules: RuleScheduler | None = None
    escalating: Escalating | None = None
    outbox: SqlOutboxStore | None = None
    audit: SqlAuditStore | None = None
    alerts: SqlAlertStore | None = None
    dispatcher: Dispatcher | None = None
    silencing: Silencing | None = None
    maintaining: Maintaining | None = None
    admit: Callable[[Sequence[Alert], Timestamp], Sequence[Alert]] = lambda alerts, _: alerts
    """Of pushed alerts those that a limit leaves."""
    peer: Peer | None = None
    """None: there is no cluster, so none is told."""
    count_pushed: Callable[[int, int, int], None] = lambda _firing, _resolved, _invalid: None
    """Told how many alerts each push brought, in these three ways; the invalid ones are among the others as well."""
    record_deployment: Callable[[Deployment, Actor], Awaitable[None]] | None = None
    """Durable when it returns. Raises StoreError."""
    reload: Callable[[Actor], Awaitable[Sequence[Finding]]] | None = None
    """Read the configuration again; its warnings. Raises ConfigError, and then nothing has changed."""
    try_receiver: Callable[[str, Trial, Actor], Awaitable[Sequence[Tried]]] | None = None
    """Send a test notification to every integration of a receiver; what became of each. Raises NotFoundError."""
    pings: dict[str, deque[PingRecord]] = field(default_factory=dict[str, "deque[PingRecord]"])
    """The last pings of each heartbeat, the newest first."""


def up(part: T | None) -> T:
    """The part, if it is up. Raises StillStartingError."""
    if part is None:
        raise StillStartingError("still starting")
    return part
