"""The incident store in memory keeps the contract of the real one."""

from __future__ import annotations

import pytest

from monitor.model.changes import AuditEntry
from monitor.model.incidents import IncidentEvent
from monitor.model.notifications import DeliveryReport, OutboxRow
from monitor.oncall.incident import Incident
from tests.contract.incident_store_contract import Bench, IncidentStoreContract
from tests.support.incident_store import FakeIncidentStore


class TestFakeIncidentStore(IncidentStoreContract):
    """Every sentence of the contract."""

    @pytest.fixture
    def bench(self) -> Bench:
        store = FakeIncidentStore()

        async def hand_over(content: IncidentEvent | DeliveryReport) -> None:
            store.hand_over(content)

        async def outbox() -> list[OutboxRow]:
            return list(store.outbox.values())

        async def attempt(row: OutboxRow) -> None:
            store.attempted.add(row.dedupe_key)

        async def refuse(row: OutboxRow) -> None:
            assert row.dedupe_key in store.outbox

        async def audit() -> list[AuditEntry]:
            return store.audit

        async def spoil(incident: Incident) -> None:
            store.unreadable.add(incident.id)

        return Bench(
            store=store,
            queries=store,
            hand_over=hand_over,
            outbox=outbox,
            attempt=attempt,
            refuse=refuse,
            audit=audit,
            spoil=spoil,
        )
