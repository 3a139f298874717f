"""What one round of one group costs: nine rules over 10,000 series of one target, as the measuring harness's w3 has them."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from monitor.app.querying import EmbeddedQuerier
from monitor.model.times import HOUR, Millis
from monitor.promql.engine import Options
from monitor.rules.evaluating import GroupRun, Surroundings
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of
from tests.benchmarks.fleet import NODES, series_of
from tests.support.rule_worlds import FakeAlertSink, FakeRuleCounters, FakeRuleStateStore, groups_of

_STEP: Millis = 5_000
_SLOTS = 180
_ROUNDS = 10

_EXPRESSIONS = (
    "up == 0",
    'sum by (app, node) (rate(requests_total{code=~"5.."}[5m])) / sum by (app, node) (rate(requests_total[5m])) > 0.28',
    "histogram_quantile(0.95, sum by (le, service) (rate(duration_seconds_bucket[5m]))) > 2",
    "avg_over_time(cpu[10m]) > 0.6",
    "max_over_time(memory[5m]) > 0.9999",
    'absent(up{app="nosuch"})',
    "predict_linear(disk_free[5m], 3600) < 0.2",
    "topk(5, sum by (service) (rate(requests_total[5m])))",
    "sum(rate(duration_seconds_bucket[5m]))",
)


def measure() -> list[Figure]:
    """A round between two samples: other windows, and texts that show the value."""
    store = SampleStore.in_memory(HOUR)
    labels = [one for node in range(NODES) for one in series_of(node)]
    writer = store.open(labels)
    rises = np.array([one["__name__"] in ("requests_total", "duration_seconds_bucket") for one in labels])
    random = np.random.default_rng(5)
    values = np.zeros(len(labels))
    at: Millis = 0
    for _ in range(_SLOTS):
        at += _STEP
        drawn = random.integers(1, 1000, len(labels))
        values = np.where(rises, values + drawn, drawn / 1000)
        writer.append(at, values)
    while store.pack(at):
        pass
    around = Surroundings(
        querier=EmbeddedQuerier(store, Options(), time.monotonic),
        samples=store,
        alerts=FakeAlertSink(),
        states=FakeRuleStateStore(),
        counters=FakeRuleCounters(),
        monotonic=time.monotonic,
        warn=_refuse,
    )
    rules = [
        {"alert": f"R{number}", "expr": expression, "annotations": {"summary": "{{ $value }}"}}
        for number, expression in enumerate(_EXPRESSIONS)
    ]
    group = GroupRun(groups_of(*rules)[0], around)

    async def rounds() -> None:
        nonlocal at
        for _ in range(_ROUNDS):
            at += 1
            await group.slot(at)

    with asyncio.Runner() as runner:
        cost = cpu_of(lambda: runner.run(rounds()), count=_ROUNDS)
    return [Figure(name="nine rules", value=cost, unit="us", what="evaluate nine rules of a group over 10,000 series")]


def _refuse(where: str, error: Exception) -> None:
    raise AssertionError(f"{where}: {error}")
