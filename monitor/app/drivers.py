"""What every composition of the rooms stands on: the outer world and the database.

In what it is given here, and in `probes.Outside`, lies all the difference between production and a story in virtual time: the
clock, the dice, where the database works, which kinds probe and deliver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from monitor.alerts.step import AlertStep
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.net.tls import Contexts
from monitor.notify.kinds.sending import Kind
from monitor.state.alert_history import SqlAlertHistory
from monitor.state.audit_store import SqlAuditStore
from monitor.state.check_store import SqlCheckStore, SqlFacts
from monitor.state.database import Database
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore
from monitor.supervise import Supervisor
from monitor.telemetry import Log, Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """What the outer world gives to all rooms."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    chance: Chance
    supervisor: Supervisor
    telemetry: Telemetry
    log: Log
    contexts: Contexts = field(default_factory=Contexts)
    kinds: Callable[[str], Mapping[str, Kind]]
    """Makes the notifying kinds, given the name of this instance."""
    watch: Callable[[AlertStep], None] = lambda _: None
    """Sees each decision about alerts once it is committed."""


class Stores:
    """Everything durable, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.checks = SqlCheckStore(database)
        self.facts = SqlFacts(database)
        self.audit = SqlAuditStore(database)
        self.history = SqlAlertHistory(database)
        self.incidents = SqlIncidentStore(database)
        self.outbox = SqlOutboxStore(database)
