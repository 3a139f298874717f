"""What every Querier of rules must do. A test class inherits `QuerierContract` and overrides the fixture `bench`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from monitor.model.errors import EvaluationError, QueryError
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import SECOND, Timestamp
from monitor.promql.parser import parse
from monitor.rules.ports import Querier
from tests.support.samples import metric

STEP = 15 * SECOND
SLOTS = 41


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierBench:
    """A querier over `history(end)`."""

    querier: Querier
    end: Timestamp
    """The last slot, a whole second."""
    only_prometheus: bool = True
    """Evaluates exactly as Prometheus."""


def history(end: Timestamp) -> Mapping[Labels, Sequence[tuple[Timestamp, float]]]:
    """Ten minutes, a slot every fifteen seconds."""
    slots = [end - (SLOTS - 1 - slot) * STEP for slot in range(SLOTS)]
    return {
        metric("up", job="api", instance="a"): [(at, 1.0) for at in slots],
        metric("up", job="api", instance="b"): [(at, 0.0) for at in slots],
        metric("requests_total", job="api", code="200"): [(at, 30.0 * slot) for slot, at in enumerate(slots)],
        metric("requests_total", job="api", code="500"): [(at, 1.5 * slot) for slot, at in enumerate(slots)],
        metric("level", place='é\n"x"'): [(at, math.inf) for at in slots],
    }


class QuerierContract:
    """Sentences of the contract."""

    @pytest.fixture
    def bench(self) -> QuerierBench:
        raise NotImplementedError  # whoever keeps the contract brings its own

    async def test_an_instant_has_one_sample_for_each_series_with_the_time_asked_for(self, bench: QuerierBench) -> None:
        """Labels in full; text and expression are the same."""
        for query in ("up", parse("up")):
            found = await bench.querier.instant(query, bench.end)
            assert {(str(one.labels), one.timestamp, one.value) for one in found} == {
                ('up{instance="a", job="api"}', bench.end, 1.0),
                ('up{instance="b", job="api"}', bench.end, 0.0),
            }

    async def test_milliseconds_count(self, bench: QuerierBench) -> None:
        """A slot need not be a whole second."""
        (found,) = await bench.querier.instant("vector(time())", bench.end - 1_234)
        assert (found.timestamp, found.value) == (bench.end - 1_234, (bench.end - 1_234) / 1000)

    async def test_a_scalar_is_one_sample_without_labels(self, bench: QuerierBench) -> None:
        """As a recording rule takes it."""
        (found,) = await bench.querier.instant("scalar(sum(up))", bench.end)
        assert (found.labels, found.timestamp, found.value) == (EMPTY, bench.end, 1.0)

    async def test_nothing_is_no_mistake(self, bench: QuerierBench) -> None:
        """An alert that does not fire."""
        assert await bench.querier.instant("up > 5", bench.end) == ()

    async def test_functions_and_matching_are_evaluated(self, bench: QuerierBench) -> None:
        """Something that rules do."""
        query = "sum by (code) (rate(requests_total[2m])) / ignoring (code) group_left sum(rate(requests_total[2m]))"
        found = await bench.querier.instant(query, bench.end)
        shares = {one.labels.get("code"): one.value for one in found}
        assert shares == {"200": pytest.approx(20 / 21), "500": pytest.approx(1 / 21)}

    async def test_any_value_and_any_label_survives(self, bench: QuerierBench) -> None:
        """Infinities, NaN, texts with quotes and line ends."""
        (found,) = await bench.querier.instant("level", bench.end)
        assert (found.value, found.labels["place"]) == (math.inf, 'é\n"x"')
        if bench.only_prometheus:  # VictoriaMetrics has no NaN in answers
            (odd,) = await bench.querier.instant("level - level", bench.end)
            assert math.isnan(odd.value)

    async def test_a_range_has_the_values_at_its_steps(self, bench: QuerierBench) -> None:
        """Both ends included."""
        found = await bench.querier.range("sum(up)", bench.end - 60_000, bench.end, 30_000)
        (series,) = found
        assert series.labels == EMPTY
        assert series.points == tuple((bench.end - back, 1.0) for back in (60_000, 30_000, 0))
        assert list(await bench.querier.range("up > 5", bench.end - 60_000, bench.end, 30_000)) == []

    async def test_a_range_vector_is_nothing_that_rules_take(self, bench: QuerierBench) -> None:
        """Not even one of no series. VictoriaMetrics makes a vector of it."""
        if bench.only_prometheus:
            with pytest.raises(EvaluationError, match="not a vector or scalar"):
                await bench.querier.instant("nothing_of_that_name[5m]", bench.end)

    async def test_a_text_that_is_no_query_is_the_querys_fault(self, bench: QuerierBench) -> None:
        """Told as such, not as trouble with the engine."""
        with pytest.raises((QueryError, EvaluationError)):
            await bench.querier.instant("sum(", bench.end)

    async def test_a_query_that_cannot_be_evaluated_says_why(self, bench: QuerierBench) -> None:
        """Many-to-many."""
        with pytest.raises(EvaluationError):
            await bench.querier.instant("up + on (job) up", bench.end)
