"""What rules need of others."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.samples import Series, Vector
from monitor.model.times import Millis, Timestamp
from monitor.promql.nodes import Expr
from monitor.rules.states import ActiveAlert


class Querier(Protocol):
    """Answers PromQL. An implementation decides for itself what is small enough to be computed before it first suspends
    (then awaiting it costs no task switch) and what goes to a worker thread. It may keep a plan for each `Expr` object.

    Raises EvaluationError or QueryLimitError for what the query is to blame for, PeerError when a remote engine fails,
    StoreError when the store does. A text that does not parse raises QueryError."""

    async def instant(self, query: Expr | str, at: Timestamp) -> Vector:
        """The value at one instant, all samples with the time `at`. A scalar is one sample without labels."""
        ...

    async def range(self, query: Expr | str, start: Timestamp, end: Timestamp, step: Millis) -> Sequence[Series]:
        """The values at start, start + step, ... up to end."""
        ...


class AlertSink(Protocol):
    """Where alerts go."""

    async def accept(self, alerts: Sequence[Alert]) -> None:
        """Take reports of alerts; returns once they are committed. The same report may come again. Raises StoreError;
        then the alerts come again at the next evaluation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """All of an alert's state, with the rule it belongs to."""

    group: str
    """The group's key."""
    rule: str
    """The rule's identity as text: kind, name and labels."""
    number: int
    """The rule is the n-th of its group with this identity, from 0."""
    alert: ActiveAlert
    seen_at: Timestamp
    """When the rule was last evaluated before this was stored."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a stored alert is found by."""

    rule: str
    number: int
    labels: Labels


class RuleStateStore(Protocol):
    """Keeps the states of alerts over restarts. Key of a row: (group, rule, number, labels of the alert)."""

    def load(self) -> Sequence[StoredAlert]:
        """Everything stored. Raises StoreError."""
        ...

    def save(self, group: str, changed: Sequence[StoredAlert], removed: Sequence[StoredKey]) -> Awaitable[None]:
        """Ask to write and delete alerts of one group, all or nothing; awaited until that is committed, which raises
        StoreError."""
        ...


class Counters(Protocol):
    """What is counted of rule evaluations."""

    def evaluated(self, group: str) -> None: ...

    def failed(self, group: str) -> None: ...

    def missed(self, group: str, slots: int) -> None: ...
