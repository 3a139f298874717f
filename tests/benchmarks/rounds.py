"""What many rules cost on many series: 500 rules over 10,000 series of a hundred targets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import numpy as np

from monitor.app.querying import EmbeddedQuerier
from monitor.model.times import HOUR, MINUTE, Millis
from monitor.promql.engine import Options
from monitor.rules.evaluating import GroupRun, Surroundings
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of
from tests.benchmarks.fleet import NODES, SERVICES, series_of
from tests.support.rule_worlds import FakeAlertSink, FakeRuleCounters, FakeRuleStateStore, groups_of

_INTERVAL: Millis = 15_000
_HISTORY: Millis = 12 * MINUTE
_GROUPS = 10


def measure() -> list[Figure]:
    """Every rule once, with a new sample of every series since the last time."""
    fleet = _Fleet()
    with asyncio.Runner() as runner:
        cost = cpu_of(lambda: runner.run(fleet.evaluate()), count=1) - cpu_of(fleet.scrape, count=1)
    return [
        Figure(
            name="500 rules",
            value=cost / 1000 / _INTERVAL * 100,
            unit="% core",
            what="evaluate 500 rules on 10,000 series every 15 seconds",
        )
    ]


class _Fleet:
    """Nodes with counters, histograms and gauges, scraped each at its own moment."""

    def __init__(self) -> None:
        self.store = SampleStore.in_memory(HOUR)
        around = Surroundings(
            querier=EmbeddedQuerier(self.store, Options(), time.monotonic),
            samples=self.store,
            alerts=FakeAlertSink(),
            states=FakeRuleStateStore(),
            counters=FakeRuleCounters(),
            monotonic=time.monotonic,
            warn=_refuse,
        )
        rules = list(_rules())
        size = len(rules) // _GROUPS
        self.groups = [
            GroupRun(groups_of(*rules[low : low + size], name=str(low))[0], around)
            for low in range(0, len(rules), size)
        ]
        labels = [list(series_of(node)) for node in range(NODES)]
        self._counters = np.array(
            [not one["__name__"].startswith(("up", "cpu", "memory", "disk")) for one in labels[0]]
        )
        self._writers = [self.store.open(each) for each in labels]
        self._random = np.random.default_rng(5)
        self._values = np.zeros((NODES, len(labels[0])))
        self.at: Millis = 0
        while self.at < _HISTORY:
            self.scrape()

    def scrape(self) -> None:
        """A new sample of every series."""
        self.at += _INTERVAL
        drawn = self._random.integers(1, 1000, self._values.shape)
        self._values = np.where(self._counters, self._values + drawn, drawn / 1000)
        for place, writer in enumerate(self._writers):
            writer.append(self.at - 97 * place, self._values[place])

    async def evaluate(self) -> None:
        """A scrape, then all groups, each at its own offset."""
        self.scrape()
        for place, group in enumerate(self.groups):
            await group.slot(self.at + 1_000 * place)


def _rules() -> Iterator[dict[str, str]]:
    """Narrow ones and such that look at the whole fleet."""
    for number in range(100):
        service, node = f"s{number % SERVICES}", f"n{number}"
        mine = f'requests_total{{service="{service}"'
        yield {
            "alert": "Errors",
            "expr": f'sum by (node) (rate({mine},code=~"5.."}}[5m])) / sum by (node) (rate({mine}}}[5m])) > 0.{number + 50}',
        }
        yield {"record": "node:requests:rate5m", "expr": f'sum by (node) (rate(requests_total{{node="{node}"}}[5m]))'}
        yield {
            "alert": "Slow",
            "expr": f'histogram_quantile(0.95, sum by (le) (rate(duration_seconds_bucket{{service="{service}"}}[5m]))) '
            f"> {number + 2}",
        }
        yield {"alert": "Busy", "expr": f"avg_over_time(cpu[10m]) > 0.{number + 600}"}
        yield {"alert": "Filling", "expr": f'predict_linear(disk_free{{node="{node}"}}[10m], 3600) < -9'}


def _refuse(where: str, error: Exception) -> None:
    raise AssertionError(f"{where}: {error}")
