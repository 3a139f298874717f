"""The queriers over our own store keep the contract; the ones over HTTP do so in tests/integration."""

from __future__ import annotations

import asyncio

import pytest

from monitor.app.querying import EmbeddedQuerier, QueryLimits
from monitor.model.errors import QueryLimitError
from monitor.model.times import DAY
from monitor.promql.engine import Options
from monitor.rules.inline import InlineQuerier
from monitor.tsdb.store import SampleStore
from tests.contract.querier_contract import STEP, QuerierBench, QuerierContract, history

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


async def test_rules_wait_for_no_place_among_strangers() -> None:
    """While strangers have all places, or there is none at all, a rule's instants and ranges are answered."""
    querier = EmbeddedQuerier(
        filled(), Options(), asyncio.get_running_loop().time, QueryLimits(seconds=0, concurrency=1)
    )
    with pytest.raises(QueryLimitError, match="timed out"):
        await querier.answer_range("level", END - 10 * STEP, END, STEP, seconds=0)
    patient = EmbeddedQuerier(
        filled(), Options(), asyncio.get_running_loop().time, QueryLimits(seconds=30, concurrency=0)
    )
    assert len(await patient.instant("up", END)) == 2
    for _ in range(2):
        (series,) = await patient.range("level", END - 10 * STEP, END, STEP)
        assert len(series.points) == 11
