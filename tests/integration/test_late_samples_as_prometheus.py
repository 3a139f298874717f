"""Late samples pushed to Debian's Prometheus and to the daemon: the same are taken, and queries see the same."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.model.labels import Labels
from monitor.model.times import MINUTE, SECOND, Timestamp
from monitor.remote.messages import encode_write_request
from monitor.remote.sending import HEADERS
from monitor.remote.snappy import compress
from tests.support.daemon_process import DaemonProcess
from tests.support.peer_prometheus import PROMETHEUS, running_prometheus
from tests.support.samples import metric

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus")
_THEIRS = "global: {scrape_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 30m}}\n"
_OURS = (
    'prometheus_file: prometheus.yml\nweb: {listen: "127.0.0.1:0"}\nhost: {enabled: false}\nrules: {shipped: false}\n'
)
_TOO_OLD = 500
"""What 2.42 answers to what is too old, so that its sender tries again for ever; 3.x answers 400, as we do."""

Sent = dict[Labels, list[tuple[Timestamp, float]]]


def counters(now: Timestamp) -> list[Sent]:
    """Requests of three counters (one falls back), a sample each 15 s: every third is sent in order, then the rest in any
    order, some of them twice, and some with another value the second time."""
    chance = random.Random(7)
    series: dict[Labels, list[tuple[Timestamp, float]]] = {}
    for number in range(3):
        value = 0.0
        own = series[metric("late_total", n=str(number))] = []
        for step in range(100, 0, -1):
            value = 0.0 if number == 2 and step == 50 else value + chance.randint(0, 9)
            own.append((now - step * 15 * SECOND, value))
    on_time: list[Sent] = [{labels: [own[place]] for labels, own in series.items()} for place in range(0, 100, 3)]
    late: list[Sent] = [{labels: [own[place]]} for labels, own in series.items() for place in range(100) if place % 3]
    again = [dict(one) for one in chance.sample(late, 20)]
    other: list[Sent] = [{labels: [(at, value + 0.5)] for labels, [(at, value)] in one.items()} for one in again[:10]]
    chance.shuffle(late)
    return [*on_time, {metric("newest"): [(now, 1.0)]}, *late, *again, *other]


def odd_ones(now: Timestamp) -> list[tuple[Sent, bool]]:
    """Requests of one sample, and whether it is one of another value for the newest sample's time, or too old.

    What is old counts from the newest sample of all, and ours writes some of itself as time goes by: what is to be taken is
    younger by minutes than it must be, so that the test may take as long."""
    first, other = metric("first"), metric("other")
    return [
        ({first: [(now - 20 * MINUTE, 1.0)]}, True),
        ({first: [(now - 10 * MINUTE, 2.0)]}, True),
        ({first: [(now - 10 * MINUTE, 2.0)]}, True),
        ({first: [(now - 10 * MINUTE, 3.0)]}, False),
        ({first: [(now - 20 * MINUTE, 4.0)]}, True),
        ({first: [(now - 15 * MINUTE, 5.0)]}, True),
        ({first: [(now - 15 * MINUTE, 6.0)]}, True),
        ({first: [(now - 25 * MINUTE, 7.0)]}, True),
        ({first: [(now - 31 * MINUTE, 8.0)]}, False),
        ({other: [(now - 55 * MINUTE, 9.0)]}, True),
        ({metric("never"): [(now - 61 * MINUTE, 10.0)]}, False),
        ({other: [(now - 45 * MINUTE, 11.0)]}, True),
        ({other: [(now - 50 * MINUTE, 12.0)]}, False),
    ]


async def write(session: aiohttp.ClientSession, url: str, sent: Sent) -> tuple[int, str]:
    body = compress(encode_write_request(sent))
    async with session.post(f"{url}/api/v1/write", data=body, headers=HEADERS) as answer:
        return answer.status, await answer.text()


async def ask(session: aiohttp.ClientSession, url: str, path: str, **parameters: str) -> list[Any]:
    async with session.get(f"{url}/api/v1/{path}", params={**parameters, "nocache": "1"}) as answer:
        found: Any = await answer.json()
    assert found["status"] == "success", found
    return [
        (
            sorted(one["metric"].items()),
            [at for at, _ in one["values"]],
            [round(float(value), 9) for _, value in one["values"]],
        )
        for one in sorted(found["data"]["result"], key=lambda one: str(sorted(one["metric"].items())))
    ]


async def test_what_comes_late_is_taken_and_read_alike(tmp_path: Path) -> None:
    """Answers, raw samples, rates and ranges; ours again after a stop and a start."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    config = tmp_path / "watchkeeper.yml"
    config.write_text(_OURS)
    (tmp_path / "prometheus.yml").write_text(_THEIRS)
    daemon = DaemonProcess(tmp_path, config)
    await daemon.start()
    now = int(time.time() * 1000) // MINUTE * MINUTE
    # A second beside the samples: whether a window has its first instant is where Prometheus 2 and 3 differ.
    start, end = str(now / 1000 - 1799), str(now / 1000)
    queries = [
        ("query", {"query": "late_total[30m]", "time": end}),
        ("query", {"query": '{__name__=~"first|other|never"}[70m]', "time": end}),
        *[
            ("query_range", {"query": query, "start": start, "end": end, "step": "30"})
            for query in (
                "late_total",
                "rate(late_total[2m])",
                "increase(late_total[5m])",
                "resets(late_total[30m])",
                "sum by (n) (delta(late_total[1m]))",
                "max_over_time(first[20m]) - min_over_time(first[20m])",
                "count_over_time(first[1h]) + on () count_over_time(other[1h])",
                "timestamp(first)",
            )
        ],
    ]
    try:
        async with (
            running_prometheus(folder, _THEIRS, "--web.enable-remote-write-receiver") as theirs,
            aiohttp.ClientSession() as session,
        ):
            for sent in counters(now):
                assert [(await write(session, url, sent))[0] for url in (theirs, daemon.url)] == [204, 204], sent
            for sent, good in odd_ones(now):
                (status, text), (own_status, own_text) = [
                    await write(session, url, sent) for url in (theirs, daemon.url)
                ]
                assert (status == 204, own_status) == (good, 204 if good else 400), (sent, text, own_text)
                assert status in (204, 400, _TOO_OLD)
                assert own_text.startswith(text.strip()), (text, own_text)
            expected = [await ask(session, theirs, path, **parameters) for path, parameters in queries]
            assert all(expected)
            for (path, parameters), one in zip(queries, expected, strict=True):
                assert await ask(session, daemon.url, path, **parameters) == one, parameters
            await daemon.stop()
            await daemon.start()
            for (path, parameters), one in zip(queries, expected, strict=True):
                assert await ask(session, daemon.url, path, **parameters) == one, parameters
    finally:
        await daemon.end()
