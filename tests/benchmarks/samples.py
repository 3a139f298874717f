"""What a scraped sample costs, from the answer's bytes to the store."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from monitor.model.labels import Labels
from monitor.model.times import HOUR
from monitor.scrape.admission import admission, report_labels
from monitor.scrape.exposition.text import TextReader
from monitor.scrape.history import TargetSeries
from monitor.scrape.jobs import ScrapeJob
from monitor.scrape.rows import RowPlan, compare_plans, plan_rows
from monitor.scrape.scraped import REPORTS
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of

_SERIES = 10_000
R = TypeVar("R")


def measure() -> list[Figure]:
    """The second and all later scrapes of a target with ten thousand series, of which three in five have moved."""
    store = SampleStore.in_memory(HOUR)
    target = Labels({"instance": "a:1", "job": "shop"})
    reader = TextReader(admission(ScrapeJob(name="shop"), target))
    reports = tuple(report_labels(name, target) for name in REPORTS)
    series = TargetSeries(store, reports, track_loose=False)
    bodies = [_body(turn) for turn in range(8)]
    at = 0

    def scrape() -> None:
        nonlocal at
        at += 15_000
        reading = _whole(reader.read(bodies[at // 15_000 % len(bodies)]))
        before: RowPlan | None = series.plan
        plan = before
        if plan is None or not plan.fits(reading, ()):
            plan = _whole(plan_rows(reading, frozenset(), reports))
        change = _whole(compare_plans(before, plan)) if plan is not before else None
        _whole(series.write(at, plan, change, reading, [1.0, 0.1, _SERIES, _SERIES, 0.0], at))

    cost = cpu_of(scrape, count=_SERIES, rounds=20)
    return [
        Figure(name="sample", value=cost, unit="us", what="read, recognise and store one sample of a scrape of 10,000")
    ]


def _body(turn: int) -> bytes:
    lines = [
        f'requests_total{{path="/p{number}",code="200",method="GET"}} {number * 7 + (turn if number % 5 < 3 else 0)}'
        for number in range(_SERIES)
    ]
    return ("# TYPE requests_total counter\n" + "\n".join(lines) + "\n").encode()


def _whole(steps: Generator[object, None, R]) -> R:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: R = end.value
            return answer
