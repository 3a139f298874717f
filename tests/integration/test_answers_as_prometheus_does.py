"""The same scraped data and the same queries, here and in Debian's Prometheus (2.42).

Where 3.x, whose semantics are ours, differs from 2.42, the query is in a list with the reason, and must differ.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import pytest
import pytest_asyncio

from monitor.config.findings import Findings
from monitor.config.rule_files import read_rule_file
from monitor.model.times import MINUTE, SECOND, Timestamp
from monitor.promql.printer import to_text
from monitor.rules.rule_files import Defaults
from tests.conformance.tables import DATA
from tests.support.daemon_process import ROOT, DaemonProcess, until
from tests.support.histories import MOMENTS, STEP, moment_at, serving_history
from tests.support.peer_prometheus import PROMETHEUS, running_prometheus

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus")

_SCRAPE = """\
global: {{scrape_interval: 1m, evaluation_interval: 1m}}
scrape_configs:
- job_name: history
  scrape_interval: 100ms
  scrape_timeout: 100ms
  honor_labels: true
  metrics_path: /{reader}
  static_configs: [{{targets: ["{address}"]}}]
"""
_RANGES = ("1m", "4m10s", "10m")
_EACH = 3
_EPSILON = 1e-11
"""2.42 adds without compensation in sum() and avg(), so the last digits differ."""


def _range_functions() -> Iterator[str]:
    simple = (
        "rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets", "avg_over_time", "min_over_time",
        "max_over_time", "sum_over_time", "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time",
        "present_over_time", "absent_over_time",
    )  # fmt: skip
    series = (
        'http_requests_total{instance!="c:1"}', "temperature_celsius", "oddities", "sometimes", 'nothing{a="b",c=~"d"}',
    )  # fmt: skip
    for name, selector, span in itertools.product(simple, series, _RANGES):
        yield f"{name}({selector}[{span}])"
    for selector, span in itertools.product(("temperature_celsius", "queue_length"), _RANGES):
        yield f"quantile_over_time(0.9, {selector}[{span}])"
        yield f"predict_linear({selector}[{span}], 600)"
        yield f"sum_over_time({selector}[{span}] offset 2m)"
        yield f"max_over_time(rate(http_requests_total{{code='200'}}[1m])[{span}:20s])"
        yield f"deriv({selector}[{span}] @ end())"


def _aggregations() -> Iterator[str]:
    inner = ("queue_length", "rate(http_requests_total[5m])", "temperature_celsius - 20", "sometimes")
    plain = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
    for name, by, of in itertools.product(plain, ("", "by (instance)", "without (instance, code)", "by (no)"), inner):
        yield f"{name} {by} ({of})"
    for of in inner:
        yield f"topk(2, {of})"
        yield f"bottomk by (instance) (1, {of})"
        yield f"quantile(0.3, {of})"
        yield f"quantile by (room) (0.99, {of})"
        yield f'count_values("value", round({of}))'


def _combinations() -> Iterator[str]:
    yield from (
        "memory_used_bytes / memory_limit_bytes",
        "memory_used_bytes / on (instance) memory_limit_bytes > 0.26",
        "memory_used_bytes / ignoring (job) group_left build_info",
        "memory_used_bytes * on (instance) group_left (version) build_info",
        "build_info * on (instance) group_right memory_used_bytes",
        "memory_used_bytes > bool 1.2e9",
        "memory_used_bytes - memory_used_bytes offset 1m",
        "queue_length == 4 or queue_length == 9",
        "queue_length unless queue_length > 8",
        "queue_length and on (instance) memory_used_bytes > 1.1e9",
        "temperature_celsius + on (instance) group_left sometimes",
        "2 ^ queue_length % 7",
        "-queue_length ^ 2",
        "queue_length atan2 temperature_celsius",
        "1 + queue_length * 2 - 3 / 4",
        "oddities > 0",
        "oddities == oddities",
        "oddities != oddities",
        "scalar(sum(queue_length)) + queue_length",
        "vector(time()) - timestamp(queue_length)",
        "absent(nothing{job='x', a!='b'})",
        "absent(queue_length)",
        "http_requests_total offset -1m",
        "sum(http_requests_total @ start())",
        "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))",
        "sum(queue_length) by (instance) / ignoring (instance) group_left sum(queue_length)",
        "queue_length{instance=~'a.*|c.*'}",
        "queue_length{instance!~'.*:1'}",
        "{__name__=~'memory_.*_bytes', instance='a:1'}",
        "text_values",
        "hour(vector(1600000000)) + minute() + month() * 0 + days_in_month(vector(1582934400)) + day_of_week()",
        "young_total",
        "sum(build_info) by (version)",
        "count by (version) (changes(build_info[10m]) >= 0)",
        "up * 0",
        "1 == bool 1",
        "'text'",
        "queue_length / 0",
        "queue_length % 0",
        "memory_used_bytes + memory_limit_bytes{instance='none'}",
        "temperature_celsius * on () group_left () vector(2)",
        "sum(rate(http_requests_total{code=~'5..'}[5m])) by (job) / sum(rate(http_requests_total[5m])) by (job) > 0.01",
        "(queue_length > 3) + (queue_length < 12)",
        "queue_length + ignoring(room) temperature_celsius",
        "queue_length + on(room) temperature_celsius",
    )  # fmt: skip
    for quantile, by in itertools.product((-1, 0, 0.5, 0.95, 1, 2), ("le", "le, instance", "instance")):
        yield f"histogram_quantile({quantile}, sum by ({by}) (rate(http_request_duration_seconds_bucket[5m])))"
    for name in (
        "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin", "cosh", "atan", "deg", "rad",
        "sort", "sort_desc", "minute", "day_of_month", "year", "timestamp", "absent",
    ):  # fmt: skip
        for of in ("oddities", "temperature_celsius - 21"):
            yield f"{name}({of})"
    for of in ("queue_length", "temperature_celsius"):
        yield f"clamp({of}, 3, 21)"
        yield f"clamp_min({of}, 5) + clamp_max({of}, 6)"
        yield f"round({of}, 2.5)"
        yield f'label_replace({of}, "host", "$1-x", "instance", "(.*):.*")'
        yield f'label_replace({of}, "instance", "", "instance", ".*")'
        yield f'label_join({of}, "both", "-", "instance", "room")'


def _rules() -> Iterator[str]:
    for file in sorted((ROOT / "rules").glob("*.yml")):
        for group in read_rule_file(file, str(file), Defaults(), Findings()):
            for rule in group.rules:
                yield to_text(rule.expr)


def _foreign_rules() -> Iterator[str]:
    """Expressions of rules that others run, when the conformance data are there: each third, which are some hundreds. Most
    find no series in the history; then both must say so, or refuse them alike."""
    expressions: dict[str, None] = {}
    for file in sorted((DATA / "rules").rglob("*.y*ml")) if DATA.is_dir() else ():
        for group in read_rule_file(file, str(file), Defaults(), Findings()):
            expressions.update(dict.fromkeys(to_text(rule.expr) for rule in group.rules))
    yield from list(expressions)[::_EACH]


QUERIES = list(dict.fromkeys([*_range_functions(), *_aggregations(), *_combinations(), *_rules()]))

_SPREAD = "2.42 adds infinities up to NaN (3.x: promql/functions.go kahanSumInc), here in the squares of 1e300"
_DATES = "int64 of what is no date is undefined in Go and differs between processors; ours is NaN"
DIFFER: Mapping[str, str] = {
    **{f"{name}(oddities[{span}])": _SPREAD for name in ("stddev_over_time", "stdvar_over_time") for span in _RANGES},
    **{f"{name}(oddities)": _DATES for name in ("minute", "day_of_month", "year")},
}
"""Query to what is otherwise in 3.x, or in ours."""

FOREIGN = [query for query in _foreign_rules() if query not in QUERIES]

Answer: TypeAlias = "tuple[str, dict[frozenset[tuple[str, str]], list[tuple[float, str]]]]"


@dataclass(frozen=True, slots=True)
class Both:
    """Ours and theirs, holding the same samples."""

    ours: str
    theirs: str
    session: aiohttp.ClientSession
    end: Timestamp

    async def ask(self, path: str, **query: str) -> tuple[Answer, Answer]:
        ours, theirs = await asyncio.gather(*(self._ask(url + path, query) for url in (self.ours, self.theirs)))
        return ours, theirs

    async def _ask(self, url: str, query: dict[str, str]) -> Answer:
        async with self.session.get(url, params=query) as answer:
            document: Any = await answer.json()
        if document["status"] != "success":
            return document["errorType"], {}
        data = document["data"]
        if data["resultType"] in ("scalar", "string"):
            return data["resultType"], {frozenset(): [tuple(data["result"])]}
        return data["resultType"], {
            frozenset(one["metric"].items()): [tuple(point) for point in one.get("values") or [one["value"]]]
            for one in data["result"]
        }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Both]:
    """Both have scraped the whole history."""
    folder, peers = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    # seven seconds past a minute: no step of a query falls on one of the subqueries' own, where the left edge is 3.x's
    start = (int(time.time()) // 60 * 60 - 22 * 60 + 7) * SECOND
    async with serving_history(start) as address:
        config = folder / "watchkeeper.yml"
        config.write_text(
            _SCRAPE.format(reader="ours", address=address) + 'web: {listen: "127.0.0.1:0"}\nhost: {enabled: false}\n'
        )
        daemon = DaemonProcess(folder, config)
        theirs = _SCRAPE.format(reader="theirs", address=address)
        async with running_prometheus(peers, theirs) as peer, aiohttp.ClientSession() as session:
            await daemon.start()
            try:
                both = Both(daemon.url, peer, session, start + (MOMENTS - 1) * STEP)
                last = f"{moment_at(MOMENTS - 1, start) / SECOND + 1:.0f}"

                async def told() -> bool:
                    found = await both.ask("/api/v1/query", query="count_over_time(queue_length[25m])", time=last)
                    return all(
                        len(answer) == 3 and all(points[0][1] == str(MOMENTS) for points in answer.values())
                        for _, answer in found
                    )

                await until(told, "both have heard the whole history", 60)
                yield both
            finally:
                await daemon.end()


def _same(ours: Answer, theirs: Answer) -> bool:
    if ours[0] != theirs[0] or ours[1].keys() != theirs[1].keys():
        return False
    for labels, points in ours[1].items():
        others = theirs[1][labels]
        if [at for at, _ in points] != [at for at, _ in others]:
            return False
        if not all(
            itertools.starmap(_equal, ((mine, other) for (_, mine), (_, other) in zip(points, others, strict=True)))
        ):
            return False
    return True


def _equal(mine: str, other: str) -> bool:
    if mine == other:
        return True
    try:
        return math.isclose(float(mine), float(other), rel_tol=_EPSILON, abs_tol=1e-12)
    except ValueError:
        return False


def _told(query: str, ours: Answer, theirs: Answer) -> str:
    lines = [f"{query}: {ours[0]} / {theirs[0]}"]
    for labels in [*ours[1], *(labels for labels in theirs[1] if labels not in ours[1])]:
        mine, other = ours[1].get(labels), theirs[1].get(labels)
        if mine is None or other is None or not _same(("", {labels: mine}), ("", {labels: other})):
            lines.append(f"  {dict(labels)}: {str(mine)[:300]} / {str(other)[:300]}")
    return "\n".join(lines[:6])


async def _compared(both: Both, queries: Sequence[str]) -> dict[str, str]:
    """At three instants and over a range: which differ, and how."""
    whole = both.end // SECOND
    wrong: dict[str, str] = {}
    for query in queries:
        asked = [both.ask("/api/v1/query", query=query, time=str(whole - back)) for back in (0, 131, 605)]
        asked.append(
            both.ask(
                "/api/v1/query_range", query=query, start=str(whole - 10 * MINUTE // SECOND), end=str(whole), step="40"
            )
        )
        for ours, theirs in await asyncio.gather(*asked):
            if not _same(ours, theirs):
                wrong.setdefault(query, _told(query, ours, theirs))
    return wrong


@pytest.mark.asyncio(loop_scope="module")
async def test_every_query_gives_the_same_answer(both: Both) -> None:
    """The same series, times, values and kinds of errors."""
    differed = await _compared(both, QUERIES)
    wrong = [told for query, told in differed.items() if query not in DIFFER]
    assert not wrong, f"{len(wrong)} of {len(QUERIES)} queries differ\n" + "\n".join(wrong[:60])
    assert differed.keys() == DIFFER.keys()
    assert len(QUERIES) > 500


@pytest.mark.skipif(not FOREIGN, reason="no conformance data in ../shared/conformance")
@pytest.mark.asyncio(loop_scope="module")
async def test_rules_of_others_give_the_same_answer(both: Both) -> None:
    """A few hundred of them."""
    differed = await _compared(both, FOREIGN)
    assert not differed, f"{len(differed)} of {len(FOREIGN)} queries differ\n" + "\n".join(list(differed.values())[:60])
    assert len(FOREIGN) > 200
