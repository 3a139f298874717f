"""The outbox in memory keeps the contract of the real one."""

from __future__ import annotations

import pytest

from monitor.model.notifications import DeliveryReport, OutboxRow
from monitor.notify.outbox import IncidentMark
from tests.contract.outbox_store_contract import Kept, OutboxBench, OutboxStoreContract
from tests.support.outbox_store import FakeOutboxStore


class TestFakeOutboxStore(OutboxStoreContract):
    """Every sentence of the contract."""

    @pytest.fixture
    def bench(self) -> OutboxBench:
        store = FakeOutboxStore()

        async def add(row: OutboxRow) -> None:
            await store.add(row)

        async def set_incident(incident: str, mark: IncidentMark | None) -> None:
            await store.set_incident(incident, mark)

        async def kept() -> list[Kept]:
            return [
                Kept(
                    key=one.row.dedupe_key,
                    state=one.state,
                    attempts=one.attempts,
                    uncertain=one.uncertain,
                    error=one.error,
                )
                for one in await store.rows()
            ]

        async def reports() -> list[DeliveryReport]:
            return store.reports

        return OutboxBench(store=store, add=add, set_incident=set_incident, kept=kept, reports=reports)
