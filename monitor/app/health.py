"""The truth about ourselves, from our own parts.

503 only when the daemon cannot probe, decide or commit: when a loop of rules, alerts, on-call or delivery is down, or the
database refuses. Any other task that is down, one that broke a while ago, a channel that is down or a full queue is
`degraded` with 200: an orchestrator that restarts the pager in the middle of an outage would make it worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.model.checks import HealthState
from monitor.model.errors import StoreError
from monitor.model.times import MINUTE, SECOND, Millis, Timestamp, spoken_duration
from monitor.state.database import Database
from monitor.supervise import Supervisor

if TYPE_CHECKING:  # a daemon without samples is without what stores them
    from monitor.tsdb.figures import StoreHealth
    from monitor.tsdb.store import SampleStore

_COMMIT_PROOF: Millis = 30 * SECOND
_LATE_LIMIT: Millis = MINUTE
"""Series that take no samples for longer show that the wall clock was set back."""
_QUEUE_LIMIT = 1_000
_DECIDING = frozenset({"rules", "alerts", "oncall", "deliver"})
"""First words of the names of the tasks without which nobody is told. Checks run on timers, without a task of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What /health answers."""

    status: HealthState
    version: str
    database: str
    cache: str
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other parts that are not well, each with the reason."""

    def document(self) -> dict[str, object]:
        """The shape that health bodies have; our own prober understands it."""
        body: dict[str, object] = {
            "status": self.status.value,
            "version": self.version,
            "database": self.database,
            "cache": self.cache,
        }
        if self.parts:
            body["parts"] = dict(self.parts)
        return body


class Health:
    """Looks at the parts; `store` is None where no samples are kept. `channels_down()` names them with the reason, `queued()`
    is the length of the outbox."""

    def __init__(
        self, *, version: str, supervisor: Supervisor, database: Database | None, store: SampleStore | None = None
    ) -> None:
        self._version = version
        self._supervisor = supervisor
        self._database = database
        self._store = store
        self._proved_at: Timestamp = 0
        self._commits = -1
        self.ready = False
        """Is everything up?"""
        self.reload_error = ""
        self.channels_down: Mapping[str, str] = {}
        self.queued = 0

    async def report(self, now: Timestamp) -> Report:
        """Look now. A database that has not committed for a while is asked to."""
        crashed = self._supervisor.crashed
        parts = {**self._supervisor.failed, **crashed}
        cache = "connected"
        if self._store is not None:
            samples = self._store.health()
            parts |= _samples_state(samples, now)
            cache = f"error: {samples.error}" if samples.error else cache
        database = await self._database_state(now)
        degraded = bool(
            parts or self.channels_down or self.reload_error or self.queued > _QUEUE_LIMIT or cache != "connected"
        )
        parts |= {f"channel {name}": why for name, why in self.channels_down.items()}
        if self.reload_error:
            parts["configuration"] = "the last reload was refused; the former configuration is in force"
        if self.queued > _QUEUE_LIMIT:
            parts["outbox"] = f"{self.queued} notifications wait"
        failed = database != "connected" or any(_first_word(name) in _DECIDING for name in crashed)
        if failed:
            status = HealthState.UNHEALTHY
        elif degraded or not self.ready:
            status = HealthState.DEGRADED
        else:
            status = HealthState.HEALTHY
        if not self.ready:
            parts["start"] = "still starting"
        return Report(status=status, version=self._version, database=database, cache=cache, parts=parts)

    async def _database_state(self, now: Timestamp) -> str:
        database = self._database
        if database is None:
            return "starting"
        if database.last_error:
            self._proved_at = 0
        elif database.commits != self._commits:
            self._commits, self._proved_at = database.commits, now
        if now - self._proved_at > _COMMIT_PROOF:
            try:
                await database.prove()
            except StoreError as error:
                return f"error: {error}"
            self._commits, self._proved_at = database.commits, now
        return "connected"


def _samples_state(samples: StoreHealth, now: Timestamp) -> Mapping[str, str]:
    """Blocks that are damaged, and what is refused because the clock was set back, if it will be for long."""
    parts: dict[str, str] = {}
    late = samples.late_until
    if late is not None and late - now > _LATE_LIMIT:
        parts["samples"] = (
            "the wall clock was set back: some series have later samples and take no new ones for another "
            f"{spoken_duration(late - now)}; a restart ends that"
        )
    if samples.damaged:
        parts["sample blocks"] = f"{samples.damaged} damaged: {samples.problems[0]}"
    return parts


def _first_word(name: str) -> str:
    return name.partition("/")[0].partition(" ")[0]
