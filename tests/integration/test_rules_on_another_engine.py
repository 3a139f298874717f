"""Rules ask Prometheus or VictoriaMetrics instead of our own store."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from monitor.app.remote_querying import RemoteQuerier
from monitor.config.configuration import QueryEngine
from monitor.model.errors import EvaluationError, PeerError, QueryLimitError
from monitor.net.asking import Asking
from monitor.net.http_config import Authorization, HttpClient
from monitor.remote.messages import encode_write_request
from monitor.remote.sending import HEADERS
from monitor.remote.snappy import compress
from tests.contract.querier_contract import QuerierBench, QuerierContract, history
from tests.support.daemon_process import DaemonProcess, until
from tests.support.peer_prometheus import PROMETHEUS, running_prometheus
from tests.support.peer_victoria import VICTORIA, running_victoria


async def fill(session: aiohttp.ClientSession, url: str, end: int) -> None:
    """Write the history by remote write; returns when it can be asked for."""
    body = compress(encode_write_request(history(end)))
    async with session.post(f"{url}/api/v1/write", data=body, headers=HEADERS) as answer:
        assert answer.status == 204, await answer.text()

    async def seen() -> bool:
        given = {"query": "count(count_over_time({__name__!=''}[11m]) == 41)", "time": str(end / 1000), "nocache": "1"}
        async with session.get(f"{url}/api/v1/query", params=given) as answer:
            result = (await answer.json())["data"]["result"]
        return bool(result) and result[0]["value"][1] == "5"

    await until(seen, "the history can be asked for")


def asked(session: aiohttp.ClientSession, url: str, client: HttpClient | None = None) -> RemoteQuerier:
    return RemoteQuerier(QueryEngine(url=url, timeout=5_000, client=client or HttpClient()), Asking(lambda: session))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def on_prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[QuerierBench]:
    end = int(time.time()) * 1000
    folder = tmp_path_factory.mktemp("prometheus")
    async with (
        running_prometheus(folder, "global: {}\n", "--web.enable-remote-write-receiver") as url,
        aiohttp.ClientSession() as session,
    ):
        await fill(session, url, end)
        yield QuerierBench(querier=asked(session, url), end=end)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def on_victoria(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[QuerierBench]:
    end = int(time.time()) * 1000
    async with running_victoria(tmp_path_factory.mktemp("victoria")) as url, aiohttp.ClientSession() as session:
        await fill(session, url, end)
        yield QuerierBench(querier=asked(session, url), end=end, only_prometheus=False)


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus")
@pytest.mark.asyncio(loop_scope="module")
class TestPrometheus(QuerierContract):
    """Every sentence of the contract, over HTTP."""

    @pytest.fixture
    def bench(self, on_prometheus: QuerierBench) -> QuerierBench:
        return on_prometheus


@pytest.mark.skipif(VICTORIA is None, reason="victoria-metrics is not installed: apt-get install victoria-metrics")
@pytest.mark.asyncio(loop_scope="module")
class TestVictoriaMetrics(QuerierContract):
    """Every sentence of the contract, over HTTP."""

    @pytest.fixture
    def bench(self, on_victoria: QuerierBench) -> QuerierBench:
        return on_victoria


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (422, '{"status":"error","errorType":"execution","error":"many"}', EvaluationError, "many"),
        (503, '{"status":"error","errorType":"timeout","error":"too slow"}', QueryLimitError, "too slow"),
        (500, "oops", PeerError, "answered with status 500: oops"),
        (401, "who?", PeerError, "status 401"),
        (200, "<html>", PeerError, "status 200"),
        (200, '{"status":"success","data":{"resultType":"vector","result":[{}]}}', PeerError, "form"),
        (200, '{"status":"success","data":{"resultType":"string","result":[1,"a"]}}', EvaluationError, "not a vector"),
    ],
)
async def test_an_engines_trouble_is_told_by_whose_fault_it_is(
    status: int, body: str, error: type[Exception], text: str
) -> None:
    """So that a rule's health says whether the rule or the engine is to be looked at; and it is asked with our credentials."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=status, text=body, content_type="application/json")

    application = web.Application()
    application.router.add_post("/api/v1/query", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(error, match=text):
                await asked(session, url, HttpClient(authorization=Authorization(secret="s"))).instant("up", 1_000)
    finally:
        await runner.cleanup()
    assert seen == ["Bearer s"]


async def test_an_engine_that_is_not_there_is_a_peers_fault() -> None:
    """Connection refused."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(PeerError):
            await asked(session, "http://127.0.0.1:1").instant("up", 1_000)


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt-get install prometheus")
async def test_the_daemon_evaluates_its_rules_there_and_sends_on_what_they_record(tmp_path: Path) -> None:
    """The alert fires on samples that only Prometheus has; what is recorded is here and, by remote write, there; an engine
    that dies makes the rules ill, and they recover when it is back."""
    (tmp_path / "rules.yml").write_text(
        "groups:\n- name: g\n  interval: 1s\n  rules:\n"
        "  - {alert: Down, expr: 'up{job=\"api\"} == 0'}\n"
        "  - {record: 'job:up:sum', expr: 'sum by (job) (up{job=\"api\"})'}\n"
    )
    end = int(time.time()) * 1000
    folder = tmp_path / "theirs"
    folder.mkdir()
    config = tmp_path / "watchkeeper.yml"
    async with (
        running_prometheus(folder, "global: {}\n", "--web.enable-remote-write-receiver") as url,
        aiohttp.ClientSession() as session,
    ):
        await fill(session, url, end)
        config.write_text(
            f"rules: {{shipped: false, query_url: '{url}/'}}\nrule_files: [rules.yml]\nhost: {{enabled: false}}\n"
            "global: {external_labels: {region: eu}}\n"
            f"remote_write: [{{url: '{url}/api/v1/write', queue_config: {{batch_send_deadline: 500ms}}}}]\n"
            'web: {listen: "127.0.0.1:0"}\n'
        )
        daemon = DaemonProcess(tmp_path, config)
        await daemon.start()
        try:
            await until(lambda: daemon.alerts("Down"), "the alert fires")

            async def recorded() -> bool:
                return [one["value"][1] for one in await daemon.query('job:up:sum{job="api"}')] == ["1"]

            await until(recorded, "the rule records")

            async def arrived() -> bool:
                given = {"query": 'job:up:sum{region="eu"}'}
                async with session.get(f"{url}/api/v1/query", params=given) as answer:
                    return bool((await answer.json())["data"]["result"])

            await until(arrived, "what was recorded is sent on")
            metrics = await daemon.get("/api/v1/rules")
            assert {rule["health"] for rule in metrics["data"]["groups"][0]["rules"]} == {"ok"}
        finally:
            await daemon.end()
