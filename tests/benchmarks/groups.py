"""What one round of one group costs: nine rules over 10,000 series of one target, as the measuring harness's w3 has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import numpy as np

from monitor.app.querying import EmbeddedQuerier
from monitor.model.labels import Labels
from monitor.model.times import HOUR, Millis
from monitor.promql.engine import Options
from monitor.rules.evaluating import GroupRun, Surroundings
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of
from tests.support.rule_worlds import FakeAlertSink, FakeRuleCounters, FakeRuleStateStore, groups_of

_NODES = 100
_STEP: Millis = 5_000
_SLOTS = 180
_ROUNDS = 10
_BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "10", "+Inf")
_CODES = ("200", "201", "204", "301", "400", "404", "429", "500", "502", "503")

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
    labels = [one for node in range(_NODES) for one in _series(node)]
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


def _series(node: int) -> Iterator[Labels]:
    own = {"app": f"app{node % 5}", "node": f"n{node}"}
    for code in _CODES:
        yield Labels({"__name__": "requests_total", "service": f"s{node % 50}", "code": code, **own})
    for place in range(9):
        for bound in _BOUNDS:
            service = f"s{(node + place) % 50}"
            yield Labels({"__name__": "duration_seconds_bucket", "service": service, "le": bound, **own})
    yield Labels({"__name__": "up", **own})
    for number in range(4):
        yield Labels({"__name__": "cpu", "core": str(number), **own})
    for number in range(2):
        yield Labels({"__name__": "memory", "part": str(number), **own})
        yield Labels({"__name__": "disk_free", "part": str(number), **own})


def _refuse(where: str, error: Exception) -> None:
    raise AssertionError(f"{where}: {error}")
