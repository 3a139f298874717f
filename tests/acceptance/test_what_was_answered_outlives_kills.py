"""Senders push alerts and samples, and the daemon is killed again and again: what it said that it has, it has."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from monitor.clock import Clock
from monitor.model.labels import Labels
from monitor.model.times import SECOND, Timestamp
from monitor.remote.messages import encode_write_request
from monitor.remote.snappy import compress
from tests.support.collector import Collector, collecting
from tests.support.daemon_process import DaemonProcess, until

_LIVES = 3
_WRITE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}


class Senders:
    """One that pushes alerts and one that pushes samples, each as fast as it is answered; they keep what was answered."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.alerts: set[str] = set()
        self.samples: dict[tuple[str, Timestamp], float] = {}
        self._daemon = daemon
        self._sent = 0

    async def push(self, session: aiohttp.ClientSession) -> None:
        names = [f"n{self._sent + place}" for place in range(random.randint(1, 20))]
        self._sent += len(names)
        body = [{"labels": {"alertname": "Pushed", "g": name[-1], "n": name}} for name in names]
        if await self._answered(
            session, "/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}
        ):
            self.alerts.update(names)

    async def write(self, session: aiohttp.ClientSession) -> None:
        at = Clock().now()
        values = {f"s{number}": float(at % 10_000 + number) for number in random.sample(range(100), 20)}
        request = {Labels({"__name__": "pushed", "n": name}): [(at, value)] for name, value in values.items()}
        if await self._answered(session, "/api/v1/write", compress(encode_write_request(request)), _WRITE):
            self.samples.update(((name, at), value) for name, value in values.items())

    async def _answered(self, session: aiohttp.ClientSession, path: str, body: bytes, headers: dict[str, str]) -> bool:
        try:
            async with session.post(self._daemon.url + path, data=body, headers=headers) as answer:
                return answer.status in (200, 204)
        except aiohttp.ClientError:
            return False


def _told(collector: Collector) -> set[str]:
    return {alert["labels"]["n"] for arrived in collector.arrived for alert in arrived.json()["alerts"]}


async def _send_for(seconds: float, senders: Senders) -> None:
    end = Clock().now() + round(seconds * SECOND)
    async with aiohttp.ClientSession() as session:
        while Clock().now() < end:
            await asyncio.gather(senders.push(session), senders.write(session))


async def _samples(daemon: DaemonProcess) -> dict[tuple[str, Timestamp], float]:
    found: dict[tuple[str, Timestamp], float] = {}
    for series in await daemon.query("pushed[10m]"):
        pairs: Sequence[tuple[float, str]] = series["values"]
        found.update(((series["metric"]["n"], round(at * 1000)), float(value)) for at, value in pairs)
    return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path, seed: int) -> None:
    """Every alert that was taken is told, every sample that was taken can be queried, after three kills at any moment."""
    random.seed(seed)
    async with collecting() as collector:
        config = tmp_path / "watchkeeper.yml"
        route = {"receiver": "hook", "group_by": ["g"], "group_wait": "100ms", "group_interval": "200ms"}
        receivers = [{"name": "hook", "webhook_configs": [{"url": collector.url}]}]
        document = {
            "host": {"enabled": False},
            "rules": {"shipped": False},
            "alertmanager": {"route": route, "receivers": receivers},
        }
        config.write_text(json.dumps(document), encoding="utf-8")
        daemon = DaemonProcess(tmp_path, config)
        senders = Senders(daemon)
        try:
            for _ in range(_LIVES):
                await daemon.start()
                sending = asyncio.gather(_send_for(2.5, senders))
                await Clock().sleep(random.randint(300, 2_000))
                daemon.kill()
                await daemon.gone()
                await sending
            await daemon.start()
            await until(lambda: senders.alerts <= _told(collector), "every alert that was taken is told")
            found = await _samples(daemon)
        finally:
            await daemon.end()
    assert len(senders.alerts) > 100
    assert len(senders.samples) > 1_000
    assert {key: found.get(key) for key in senders.samples} == senders.samples
