"""Remote write between processes: Debian's Prometheus to us, us to Debian's Prometheus and to VictoriaMetrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.app.remote_writing import refused_by
from monitor.clock import Clock
from monitor.model.times import HOUR
from monitor.remote.messages import encode_write_request
from monitor.remote.receiving import Receiving
from monitor.remote.sending import HEADERS
from monitor.remote.snappy import MOST_BYTES, compress
from monitor.remote.wire import put_varint
from monitor.tsdb.exemplars import ExemplarStore
from tests.support.daemon_process import DaemonProcess, until
from tests.support.histories import serving_history
from tests.support.peer_prometheus import PROMETHEUS, running_prometheus
from tests.support.peer_victoria import VICTORIA, running_victoria
from tests.support.samples import metric
from tests.support.web_worlds import BEARER, NOW, TOKENS, WebWorld, web_world

needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus"
)
_SCRAPE = """\
scrape_configs:
- job_name: history
  scrape_interval: 200ms
  scrape_timeout: 200ms
  honor_labels: true
  static_configs: [{{targets: ["{address}"]}}]
"""
_OURS = 'web: {listen: "127.0.0.1:0"}\nhost: {enabled: false}\nrules: {shipped: false}\n'


async def samples(session: aiohttp.ClientSession, url: str, query: str) -> Mapping[str, list[Any]]:
    """The raw samples of a range vector now, by series."""
    async with session.get(f"{url}/api/v1/query", params={"query": query, "nocache": "1"}) as answer:
        found: Any = await answer.json()
    return {str(sorted(one["metric"].items())): one["values"] for one in found["data"]["result"]}


async def at_once() -> None:
    """Nobody waits for a log that there is not."""


def receiving(world: WebWorld) -> Receiving:
    made = world.parts.receiving = Receiving(
        sink=world.samples,
        keep=ExemplarStore().add,
        refused=lambda: refused_by(world.samples),
        written=at_once,
        clock=Clock(lambda: world.now),
        retention=lambda: HOUR,
    )
    return made


class TestTheEndpoint:
    """POST /api/v1/write."""

    BODY = compress(encode_write_request({metric("m"): [(NOW, 7.0)]}))

    async def post(self, world: WebWorld, body: bytes, **headers: str) -> tuple[int, str]:
        sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with world.client.post(f"{world.url}/api/v1/write", data=body, headers=sent) as answer:
            return answer.status, await answer.text()

    async def test_a_request_is_taken_and_can_be_asked_for(self, tmp_path: Path) -> None:
        """204, as Prometheus answers; and again the same."""
        async with web_world(str(tmp_path)) as world:
            receiving(world)
            assert await self.post(world, self.BODY) == (204, "")
            assert await self.post(world, self.BODY) == (204, "")
            _, body = await world.json("GET", f"/api/v1/query?query=m&time={NOW / 1000}")
            assert body["data"] == {
                "resultType": "vector",
                "result": [{"metric": {"__name__": "m"}, "value": [NOW / 1000, "7"]}],
            }

    async def test_what_cannot_be_read_says_what_could(self, tmp_path: Path) -> None:
        """Type, message, compression, size, form; and nothing in it is tried again by the sender."""
        async with web_world(str(tmp_path)) as world:
            receiving(world)
            second = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
            for body, headers, status, text in (
                (self.BODY, {"Content_Type": "text/plain"}, 415, "send application/x-protobuf"),
                (self.BODY, {"Content_Type": second}, 415, "send prometheus.WriteRequest"),
                (self.BODY, {"Content_Encoding": "lz4"}, 415, "send snappy"),
                (b"nonsense", {}, 400, "snappy"),
                (compress(b"\x0a\x7f"), {}, 400, "beyond the end"),
                (put_varint(MOST_BYTES + 1), {}, 413, "at most"),
                (compress(encode_write_request({metric("m"): [(NOW + HOUR, 1.0)]})), {}, 400, "out of bounds"),
            ):
                found, said = await self.post(world, body, **headers)
                assert found == status, said
                assert text in said

    async def test_only_who_may_act_may_write(self, tmp_path: Path) -> None:
        """A responder's token, or nobody on a machine with tokens."""
        async with web_world(str(tmp_path), text=TOKENS) as world:
            receiving(world)
            assert (await self.post(world, self.BODY))[0] == 401
            assert (await self.post(world, self.BODY, **BEARER["vi"]))[0] == 403
            assert (await self.post(world, self.BODY, **BEARER["bo"]))[0] == 204


@needs_prometheus
async def test_prometheus_sends_to_us(tmp_path: Path) -> None:
    """Every sample that it scrapes from its start on, what it says about targets, and metadata."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    config = tmp_path / "watchkeeper.yml"
    config.write_text(_OURS)
    daemon = DaemonProcess(tmp_path, config)
    await daemon.start()
    scrape = _SCRAPE.format(address=daemon.url.removeprefix("http://"))
    metadata = "metadata_config: {send_interval: 500ms}"
    send = f"remote_write: [{{url: '{daemon.url}/api/v1/write', queue_config: {{batch_send_deadline: 300ms}}, {metadata}}}]\n"
    try:
        async with running_prometheus(folder, scrape + send) as url, aiohttp.ClientSession() as session:
            end = time.time() + 9  # its queue needs some seconds to come up

            async def all_of_them(query: str) -> bool:
                given = f"{query}[2s] @ {end:.3f}"
                theirs, ours = await samples(session, url, given), await samples(session, daemon.url, given)
                return len(theirs) == 1 and len(next(iter(theirs.values()))) > 7 and theirs == ours

            for query in ('up{job="history"}', 'watchkeeper_series{job="history"}'):
                await until(lambda query=query: all_of_them(query), f"both have the same samples of {query}", 30)

            async def told() -> bool:
                known = (await daemon.get("/api/v1/metadata"))["data"]
                return known.get("watchkeeper_series", [{}])[0].get("type") == "gauge"

            await until(told, "metadata arrive")
    finally:
        await daemon.end()


async def _send(tmp_path: Path, peer: str, session: aiohttp.ClientSession, address: str) -> None:
    """Run a daemon that scrapes the history and sends it to `peer`; returns when both have the same."""
    config = tmp_path / "watchkeeper.yml"
    send = (
        f"remote_write:\n- url: '{peer}/api/v1/write'\n  queue_config: {{batch_send_deadline: 300ms}}\n"
        "  write_relabel_configs: [{source_labels: [__name__], regex: 'queue_length|temperature_celsius', action: keep}]\n"
    )
    external = "global: {external_labels: {region: eu}}\n"
    config.write_text(_OURS + external + _SCRAPE.format(address=address) + send)
    daemon = DaemonProcess(tmp_path, config)
    await daemon.start()
    try:

        async def same() -> bool:
            ours = await samples(session, daemon.url, "queue_length[30m]")
            theirs = await samples(session, peer, 'queue_length{region="eu"}[30m]')
            bare = {
                name.replace("('region', 'eu')", "").replace(", , ", ", ").replace(", ]", "]"): points
                for name, points in theirs.items()
            }
            return len(ours) == 3 and len(next(iter(ours.values()))) > 20 and bare == ours

        await until(same, "both have the same samples", 30)
        assert await samples(session, peer, "up[1m]") == {}
        async with session.get(f"{daemon.url}/metrics") as answer:
            text = await answer.text()
        assert "prometheus_remote_storage_samples_total{" in text
        assert "prometheus_remote_storage_samples_failed_total{" in text
    finally:
        await daemon.end()


@needs_prometheus
async def test_we_send_to_prometheus(tmp_path: Path) -> None:
    """Every sample that was scraped, with external labels, and only what relabelling leaves."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    start = (int(time.time()) - 1300) * 1000
    async with (
        serving_history(start) as address,
        running_prometheus(folder, "global: {}\n", "--web.enable-remote-write-receiver") as url,
        aiohttp.ClientSession() as session,
    ):
        await _send(tmp_path, url, session, address)


@pytest.mark.skipif(VICTORIA is None, reason="victoria-metrics is not installed: apt-get install victoria-metrics")
async def test_we_send_to_victoria_metrics(tmp_path: Path) -> None:
    """The same."""
    start = (int(time.time()) - 1300) * 1000
    async with (
        serving_history(start) as address,
        running_victoria(tmp_path) as url,
        aiohttp.ClientSession() as session,
    ):
        await _send(tmp_path, url, session, address)
