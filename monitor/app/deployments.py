"""What changed lately: deployments that somebody reported or that a health body showed.

The last day's are kept in memory, because messages are written inside transactions and must not wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.changes import AuditEntry, Deployment
from monitor.model.checks import VersionChanged
from monitor.model.incidents import SYSTEM, Actor
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, Millis, Timestamp, spoken_duration
from monitor.state.audit_store import SqlAuditStore

_REMEMBERED: Millis = DAY
_TELLING: Millis = 2 * HOUR
"""A deployment is worth telling with alerts for so long."""
_SERVICE_LABELS = ("check", "service", "job")


class Deployments:
    """Made with `load`."""

    def __init__(self, store: SqlAuditStore, recent: Sequence[Deployment], environment: str) -> None:
        self._store = store
        self._recent = list(recent)
        self._environment = environment

    @classmethod
    async def load(cls, store: SqlAuditStore, environment: str, now: Timestamp) -> Deployments:
        return cls(store, await store.deployments(now - _REMEMBERED), environment)

    async def record(self, deployment: Deployment, actor: Actor) -> None:
        """Keep it, with who told. Raises StoreError."""
        entry = AuditEntry(
            at=deployment.at,
            actor=actor,
            action="deployment",
            subject=f"service:{deployment.service or '*'}",
            detail=deployment.version,
        )
        await self._store.add_deployment(deployment, entry)
        self._recent = [deployment, *(one for one in self._recent if one.at > deployment.at - _REMEMBERED)]

    async def seen(self, event: VersionChanged) -> None:
        """A health body shows another version than before."""
        await self.record(
            Deployment(
                at=event.at,
                version=event.version,
                service=event.check.name,
                detail="seen in the health body",
                environment=self._environment,
                previous=event.before,
            ),
            SYSTEM,
        )

    def since(self, now: Timestamp) -> tuple[Deployment, ...]:
        """Those worth telling now, the newest first."""
        return tuple(one for one in self._recent if now - _TELLING <= one.at <= now)

    def lines(self, alerts: Sequence[Labels], now: Timestamp) -> tuple[str, ...]:
        """A line for each that may concern these alerts."""
        names = {labels.get(name, "") for labels in alerts for name in _SERVICE_LABELS} - {""}
        return tuple(
            f"{one.service or 'a service'} {one.previous + ' → ' if one.previous else ''}{one.version}, "
            f"{spoken_duration(now - one.at)} ago{f' by {one.by}' if one.by else ''}"
            for one in self.since(now)
            if not one.service or one.service in names
        )
