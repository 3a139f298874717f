"""The queriers over our own store keep the contract; the ones over HTTP do so in tests/integration."""

from __future__ import annotations

import asyncio

import pytest

from monitor.app.querying import EmbeddedQuerier
from monitor.model.times import DAY
from monitor.promql.engine import Options
from monitor.rules.inline import InlineQuerier
from monitor.tsdb.store import SampleStore
from tests.contract.querier_contract import QuerierBench, QuerierContract, history

END = 1_700_000_000_000


def filled() -> SampleStore:
    store = SampleStore.in_memory(365 * DAY)
    for labels, points in history(END).items():
        for at, value in points:
            store.append(at, [(labels, value)])
    return store


class TestInlineQuerier(QuerierContract):
    """Every sentence of the contract."""

    @pytest.fixture
    def bench(self) -> QuerierBench:
        return QuerierBench(querier=InlineQuerier(filled().view, Options()), end=END)


class TestEmbeddedQuerier(QuerierContract):
    """Every sentence of the contract."""

    @pytest.fixture
    async def bench(self) -> QuerierBench:
        monotonic = asyncio.get_running_loop().time
        return QuerierBench(querier=EmbeddedQuerier(filled(), Options(), monotonic), end=END)
