"""Who did what, and what was deployed, in SQLite; also what housekeeping forgets."""

from __future__ import annotations

import sqlite3

from monitor.model.changes import AuditEntry, Deployment
from monitor.model.incidents import Actor, Door
from monitor.model.times import Timestamp
from monitor.state.database import Database
from monitor.state.statements import statements


class SqlAuditStore:
    """The audit trail and the deployments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        await self._database.write(lambda connection: add_entry(connection, entry))

    async def recent(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest first."""

        def work(connection: sqlite3.Connection) -> tuple[AuditEntry, ...]:
            return tuple(
                AuditEntry(
                    at=row["at"],
                    actor=Actor(name=row["actor"], door=Door(row["door"])),
                    action=row["action"],
                    subject=row["subject"],
                    detail=row["detail"],
                )
                for row in connection.execute(statements("audit")["recent"], {"limit": limit})
            )

        return await self._database.read(work)

    async def add_deployment(self, deployment: Deployment, entry: AuditEntry) -> None:
        """The deployment and who told of it, together."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                statements("audit")["add_deployment"],
                {
                    "at": deployment.at,
                    "version": deployment.version,
                    "service": deployment.service,
                    "by": deployment.by,
                    "environment": deployment.environment,
                    "previous": deployment.previous,
                    "detail": deployment.detail,
                },
            )
            add_entry(connection, entry)

        await self._database.write(work)

    async def deployments(self, since: Timestamp, limit: int = 100) -> tuple[Deployment, ...]:
        """The newest first."""

        def work(connection: sqlite3.Connection) -> tuple[Deployment, ...]:
            return tuple(
                Deployment(
                    at=row["at"],
                    version=row["version"],
                    service=row["service"],
                    by=row["deployed_by"],
                    environment=row["environment"],
                    previous=row["previous"],
                    detail=row["detail"],
                )
                for row in connection.execute(
                    statements("audit")["deployments_since"], {"since": since, "limit": limit}
                )
            )

        return await self._database.read(work)

    async def day(self, since: Timestamp) -> dict[str, int]:
        """What happened since then: incidents opened, pages by how they ended, acknowledgements."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(statements("audit")["day"], {"since": since})
            return {row["what"]: row["number"] for row in rows}

        return await self._database.read(work)

    async def forget(self, before: Timestamp) -> None:
        """Delete what ended before this instant: audit, deployments, finished notifications, resolved incidents. The latest
        generation of an incident stays as long as alerts fire that somebody called dealt with, because they must not open
        another; the highest number stays, because the next one counts on from it; and so does what was sent before a
        notification that still waits, because where a page went decides where its end must go."""

        def work(connection: sqlite3.Connection) -> None:
            for name in ("audit", "deployments", "timeline", "outbox", "incidents"):
                connection.execute(statements("audit")[f"forget_{name}"], {"before": before})

        await self._database.write(work)


def add_entry(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    connection.execute(
        statements("audit")["add"],
        {
            "at": entry.at,
            "actor": entry.actor.name,
            "door": entry.actor.door.value,
            "action": entry.action,
            "subject": entry.subject,
            "detail": entry.detail,
        },
    )
