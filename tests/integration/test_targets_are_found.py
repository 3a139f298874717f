"""Each mechanism against the real thing: files on a disk, a web service, a name server; and the daemon with all three."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.net.asking import Asking
from monitor.net.http_config import Authorization, HttpClient
from monitor.scrape.discovery import Found, Groups
from monitor.scrape.kinds.dns_targets import DnsFinder, DnsTargets, c_ares
from monitor.scrape.kinds.file_targets import FileFinder, FileTargets
from monitor.scrape.kinds.http_targets import HttpFinder, HttpTargets
from tests.support.daemon_process import DaemonProcess, until
from tests.support.dns_server import running_zone

NOTHING: Mapping[str, Groups] = {}


def listed(found: Found) -> list[tuple[tuple[str, ...], Labels]]:
    return [(group.addresses, group.labels) for group in found.groups]


async def test_files_are_read_when_they_change(tmp_path: Path) -> None:
    """By pattern, JSON and YAML; a broken one keeps its targets, a deleted one has none."""
    finder, options = FileFinder(), FileTargets(files=(str(tmp_path / "*.json"), str(tmp_path / "more.yml")))
    first, second = tmp_path / "a.json", tmp_path / "more.yml"
    first.write_text('[{"targets": ["a:1"], "labels": {"team": "x"}}]')
    second.write_text("- targets: [b:1, b:2]\n")
    found = await finder.find(options, NOTHING)
    whole = [
        (("a:1",), Labels({"team": "x", "__meta_filepath": str(first)})),
        (("b:1", "b:2"), Labels({"__meta_filepath": str(second)})),
    ]
    assert listed(found) == whole
    first.write_text("[{")
    for _ in range(2):
        found = await finder.find(options, found.sources)
        assert listed(found) == whole
        assert found.problems[0].startswith(f"{first}: is not JSON")
    second.unlink()
    first.write_text("[]")
    found = await finder.find(options, found.sources)
    assert (listed(found), found.problems) == ([], ())


@asynccontextmanager
async def listing(answer: web.Response) -> AsyncGenerator[tuple[HttpFinder, str, list[Mapping[str, str]]]]:
    """A web service with this answer, a finder, and the headers of what was asked."""
    asked: list[Mapping[str, str]] = []

    async def groups(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)

    app = web.Application()
    app.router.add_get("/groups", groups)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield HttpFinder(Asking(lambda: session)), str(server.make_url("/groups")), asked


async def test_a_web_service_is_asked_with_credentials_and_the_interval() -> None:
    """Its groups carry the address that they are from."""
    answer = web.json_response([{"targets": ["c:1"], "labels": {"zone": "z"}}])
    async with listing(answer) as (finder, url, asked):
        client = HttpClient(authorization=Authorization(secret="s3cret"))
        found = await finder.find(HttpTargets(url=url, refresh=15_000, client=client), NOTHING)
        assert listed(found) == [(("c:1",), Labels({"zone": "z", "__meta_url": url}))]
        assert asked[0]["Authorization"] == "Bearer s3cret"
        assert asked[0]["X-Prometheus-Refresh-Interval-Seconds"] == "15"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (web.Response(text="[]", content_type="text/plain"), 'unsupported content type "text/plain'),
        (web.Response(text="{}", content_type="application/json"), "is not a list"),
        (web.Response(body=b"[\xff]", content_type="application/json"), "is not UTF-8"),
        (web.Response(status=503), "server returned HTTP status 503"),
    ],
)
async def test_a_bad_answer_says_what_is_wrong(answer: web.Response, problem: str) -> None:
    """Nothing of it is used."""
    async with listing(answer) as (finder, url, _):
        with pytest.raises(PeerError, match=problem):
            await finder.find(HttpTargets(url=url, client=HttpClient()), NOTHING)


async def test_records_are_looked_up_by_their_type() -> None:
    """Ports are the record's or the configuration's, and the labels say where a target is from."""
    async with running_zone() as zone:
        zone.records = {
            ("_m._tcp.example.test", "SRV"): ["0 5 9100 one.example.test", "0 5 9200 two.example.test"],
            ("api.example.test", "A"): ["192.0.2.1", "192.0.2.2"],
            ("api.example.test", "AAAA"): ["2001:db8::1"],
            ("example.test", "MX"): ["10 mail.example.test"],
            ("example.test", "NS"): ["ns.example.test"],
        }
        finder = DnsFinder(c_ares(["127.0.0.1"], port=zone.port))

        async def found(name: str, kind: str, port: int = 0) -> list[tuple[str, dict[str, str]]]:
            answer = await finder.find(DnsTargets(names=(name,), type=kind, port=port), NOTHING)  # pyright: ignore[reportArgumentType]
            assert answer.problems == ()
            return [(group.addresses[0], dict(group.labels.pairs)) for group in answer.groups]

        srv = await found("_m._tcp.example.test", "SRV")
        assert [address for address, _ in srv] == ["one.example.test:9100", "two.example.test:9200"]
        assert srv[0][1] == {
            "__meta_dns_name": "_m._tcp.example.test",
            "__meta_dns_srv_record_target": "one.example.test",
            "__meta_dns_srv_record_port": "9100",
        }
        assert sorted(address for address, _ in await found("api.example.test", "A", 80)) == [
            "192.0.2.1:80",
            "192.0.2.2:80",
        ]
        assert [address for address, _ in await found("api.example.test", "AAAA", 80)] == ["[2001:db8::1]:80"]
        assert (await found("example.test", "MX", 25))[0][1]["__meta_dns_mx_record_target"] == "mail.example.test"
        assert [address for address, _ in await found("example.test", "NS", 53)] == ["ns.example.test:53"]
        assert await found("nobody.test", "A", 80) == []


async def test_names_that_nobody_answers_for_keep_their_targets() -> None:
    """Others of the same mechanism are not disturbed; a name that ends takes its targets with it."""
    async with running_zone() as zone:
        zone.records = {("a.test", "A"): ["192.0.2.1"], ("b.test", "A"): ["192.0.2.2"]}
        finder = DnsFinder(c_ares(["127.0.0.1"], port=zone.port))
        options = DnsTargets(names=("a.test", "b.test"), type="A", port=80)
        first = await finder.find(options, NOTHING)
        zone.broken = True
        second = await finder.find(options, first.sources)
        assert listed(second) == listed(first)
        assert [problem.partition(":")[0] for problem in second.problems] == ["a.test", "b.test"]
        zone.broken = False
        del zone.records["b.test", "A"]
        third = await finder.find(options, second.sources)
        assert [group.addresses for group in third.groups] == [("192.0.2.1:80",)]


async def test_the_daemon_scrapes_what_is_found_and_lets_go_of_what_is_gone(tmp_path: Path) -> None:
    """A file that is written while it runs; relabelling sees where a target is from."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text="m 1\n", content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with TestServer(app) as server:
        address = server.make_url("/").authority
        listed_in = tmp_path / "targets.json"
        config = tmp_path / "watchkeeper.yml"
        config.write_text(
            """\
web: {listen: "127.0.0.1:0"}
host: {enabled: false}
scrape_configs:
- job_name: found
  scrape_interval: 1s
  scrape_timeout: 500ms
  file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
  relabel_configs:
  - {source_labels: [__meta_filepath], regex: ".*/(.*)", target_label: file}
""",
        )
        daemon = DaemonProcess(tmp_path, config)
        await daemon.start()
        try:
            listed_in.write_text(json.dumps([{"targets": [address], "labels": {"team": "a"}}]))
            await until(lambda: daemon.query('m{team="a", file="targets.json"}'), "what is in the file is scraped")
            await asyncio.to_thread(listed_in.write_text, "nonsense: [")
            await until(lambda: "targets are looked for in vain" in daemon.log(), "the broken file is told of")
            assert await daemon.query("up == 1")
            listed_in.write_text("[]")
            await until(lambda: _gone(daemon), "the target goes")
        finally:
            await daemon.end()


async def _gone(daemon: DaemonProcess) -> bool:
    return not await daemon.query("m")
