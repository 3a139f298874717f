"""Prometheus's API over real sockets, asked by hand and by promtool."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import shutil
import tarfile
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from monitor.model.labels import Labels
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric
from tests.support.scraped import ScrapeWorld
from tests.support.web_worlds import NOW, LimitedQuerier, StoreQuerier, WebWorld, web_world

AT = NOW / 1000


def fill(store: SampleStore) -> None:
    """Eleven minutes of two targets, fifteen seconds apart, up to NOW."""
    writer = store.open([metric("up", job="api", instance="a"), metric("up", job="api", instance="b")])
    counter = store.open(
        [metric("requests_total", job="api", code="200"), metric("requests_total", job="api", code="500")]
    )
    for slot in range(45):
        at = NOW - (44 - slot) * 15_000
        writer.append(at, [1.0, 0.0])
        counter.append(at, [slot * 30.0, slot * 1.5])


async def ask(world: WebWorld, path: str, **given: str) -> tuple[int, dict[str, object]]:
    return await world.json("GET", f"/api/v1/{path}?{urlencode(given)}")


def data(body: dict[str, object]) -> object:
    assert body["status"] == "success", body
    return body["data"]


async def test_an_instant_query_has_prometheus_form(tmp_path: Path) -> None:
    """Seconds as a number, the value as a text, the metric as an object."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        status, body = await ask(world, "query", query='up{instance="a"}', time=str(AT))
        assert status == 200
        assert data(body) == {
            "resultType": "vector",
            "result": [
                {"metric": {"__name__": "up", "instance": "a", "job": "api"}, "value": [NOW // 1000, "1"]},
            ],
        }


async def test_grafanas_health_question_is_answered(tmp_path: Path) -> None:
    """`1+1` at the fourth second of 1970, then who we are."""
    async with web_world(str(tmp_path)) as world:
        status, body = await world.json("GET", "/api/v1/query?query=1%2B1&time=4")
        assert (status, data(body)) == (200, {"resultType": "scalar", "result": [4, "2"]})
        status, body = await world.json("GET", "/api/v1/status/buildinfo")
        found = data(body)
        assert isinstance(found, dict)
        assert "features" not in found
        assert found["version"]


async def test_a_form_is_read_like_a_query_string(tmp_path: Path) -> None:
    """Grafana posts; POST and GET give the same answer."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        given = {"query": "sum(rate(requests_total[1m]))", "start": str(AT - 60), "end": str(AT), "step": "15"}
        _, by_get = await ask(world, "query_range", **given)
        async with world.client.post(f"{world.url}/api/v1/query_range", data=given) as response:
            by_post = await response.json()
        assert by_get == by_post
        found = data(by_get)
        assert found == {
            "resultType": "matrix",
            "result": [{"metric": {}, "values": [[NOW // 1000 - 60 + 15 * step, "2.1"] for step in range(5)]}],
        }


@pytest.mark.parametrize(
    ("path", "given", "status", "kind", "text"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": 1:5: parse error: '),
        ("query", {"query": "up[step()]"}, 400, "bad_data", 'invalid parameter "query": 3:9: duration must be'),
        ("query", {"query": "1", "time": "soon"}, 400, "bad_data", 'cannot parse "soon" to a valid timestamp'),
        ("query", {"query": "1", "timeout": "x"}, 400, "bad_data", 'cannot parse "x" to a valid duration'),
        ("query", {"query": "1", "limit": "-1"}, 400, "bad_data", 'invalid parameter "limit"'),
        ("query", {"query": "up + on() up"}, 422, "execution", "many-to-many"),
        ("query_range", {"query": "up[1m]", "start": "0", "end": "9", "step": "1"}, 400, "bad_data", "range query"),
        ("query_range", {"query": "1", "start": "9", "end": "0", "step": "1"}, 400, "bad_data", "must not be before"),
        ("query_range", {"query": "1", "start": "0", "end": "9", "step": "0"}, 400, "bad_data", "zero or negative"),
        ("query_range", {"query": "1", "start": "0", "end": "11001", "step": "1"}, 400, "bad_data", "11,000 points"),
        ("query_range", {"query": "1", "end": "9", "step": "1"}, 400, "bad_data", 'parameter "start"'),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        ("series", {"match[]": "{}"}, 400, "bad_data", 'invalid parameter "match[]"'),
        ("series", {"match[]": "up", "start": "9", "end": "1"}, 400, "bad_data", "must not be before"),
        ("nowhere", {}, 404, "not_found", "nothing at"),
    ],
)
async def test_bad_calls_are_told_as_prometheus_does(
    tmp_path: Path, path: str, given: dict[str, str], status: int, kind: str, text: str
) -> None:
    """The code, the errorType and the wording; and each is counted."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        if path == "query" and status == 422:
            given = {**given, "time": str(AT)}
        found, body = await ask(world, path, **given)
        assert (found, body["status"], body["errorType"]) == (status, "error", kind)
        assert text in str(body["error"])
        assert world.refusals == ["api"]


async def test_values_times_and_labels_keep_their_exact_text(tmp_path: Path) -> None:
    """Infinities and NaN are texts; quotes and other scripts survive; milliseconds have three decimals."""
    async with web_world(str(tmp_path)) as world:
        odd = 'a"b\\\n\u2028é'
        at = NOW + 7
        for value, name in ((math.inf, "inf"), (math.nan, "nan"), (1e21, "big"), (1e-7, "small"), (1e17, "long")):
            world.samples.append(at, [(metric("odd", kind=name, text=odd), value)])
        _, body = await ask(world, "query", query="odd", time=f"{at / 1000:.3f}")
        found = data(body)
        assert isinstance(found, dict)
        values = {one["metric"]["kind"]: one["value"] for one in found["result"]}  # pyright: ignore
        stamp = at / 1000
        assert values == {
            "inf": [stamp, "+Inf"],
            "nan": [stamp, "NaN"],
            "big": [stamp, "1e+21"],
            "small": [stamp, "1e-07"],
            "long": [stamp, "100000000000000000"],
        }
        assert {one["metric"]["text"] for one in found["result"]} == {odd}  # pyright: ignore


async def test_series_labels_and_values(tmp_path: Path) -> None:
    """Several match[] are united; limits warn; U__ names are unescaped."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        world.samples.append(NOW, [(Labels({"__name__": "dotted", "http.path": "/x"}), 1.0)])
        _, body = await world.json("GET", "/api/v1/series?match[]=up&match[]=requests_total{code=%22500%22}")
        assert data(body) == [
            {"__name__": "requests_total", "code": "500", "job": "api"},
            {"__name__": "up", "instance": "a", "job": "api"},
            {"__name__": "up", "instance": "b", "job": "api"},
        ]
        _, body = await world.json("GET", "/api/v1/labels?match[]=up")
        assert data(body) == ["__name__", "instance", "job"]
        _, body = await world.json("GET", "/api/v1/label/__name__/values?limit=2")
        assert data(body) == ["dotted", "requests_total"]
        assert body["warnings"] == ["results truncated due to limit"]
        _, body = await world.json("GET", f"/api/v1/label/{quote('U__http_2e_path')}/values")
        assert data(body) == ["/x"]
        _, body = await world.json("GET", "/api/v1/label/instance/values?start=0&end=1000")
        assert data(body) == []


async def test_exemplars_with_milliseconds_do_not_fail(tmp_path: Path) -> None:
    """Grafana's probe sends milliseconds where seconds belong."""
    async with web_world(str(tmp_path)) as world:
        _, body = await world.json("GET", f"/api/v1/query_exemplars?query=up&start={NOW}&end={NOW}")
        assert data(body) == []


async def test_a_limit_cuts_the_answer_and_says_so(tmp_path: Path) -> None:
    """The warning is Prometheus's."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        _, body = await ask(world, "query", query="up", time=str(AT), limit="1")
        found = data(body)
        assert isinstance(found, dict)
        assert len(found["result"]) == 1  # pyright: ignore
        assert body["warnings"] == ["results truncated due to limit"]


async def test_warnings_of_a_query_are_told(tmp_path: Path) -> None:
    """What the evaluator noticed stands beside the data."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        _, body = await ask(world, "query", query="rate(up[1m])", time=str(AT))
        assert body["infos"] == [
            'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)'
        ]


async def test_a_large_answer_is_complete_and_compressed(tmp_path: Path) -> None:
    """Five thousand series, built in a worker thread."""
    async with web_world(str(tmp_path)) as world:
        writer = world.samples.open([metric("wide", number=str(number)) for number in range(5_000)])
        writer.append(NOW, [float(number) for number in range(5_000)])
        path = f"{world.url}/api/v1/query?query=wide&time={AT}"
        async with world.client.get(path, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            body = json.loads(await response.text())
        assert sorted(int(one["value"][1]) for one in body["data"]["result"]) == list(range(5_000))


async def test_a_query_is_printed_nicely(tmp_path: Path) -> None:
    """format_query."""
    async with web_world(str(tmp_path)) as world:
        _, body = await ask(world, "format_query", query="sum  by(job)(up)")
        assert data(body) == "sum by (job) (up)"


async def test_a_timeout_is_handed_on_and_never_longer_than_ours(tmp_path: Path) -> None:
    """The querier knows how long is the longest."""
    async with web_world(str(tmp_path)) as world:
        for timeout in ("10s", "0.5", ""):
            assert (await ask(world, "query", query="1", timeout=timeout))[0] == 200
        assert isinstance(world.parts.querier, StoreQuerier)
        assert world.parts.querier.seconds == [10.0, 0.5, None]


async def test_a_query_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    """503 with Prometheus's word for it; other limits are the query's fault."""
    async with web_world(str(tmp_path)) as world:
        for problem, code, kind in (
            ("query timed out in expression evaluation", 503, "timeout"),
            ("query processing would load too many samples into memory", 422, "execution"),
        ):
            world.parts.querier = LimitedQuerier(problem)
            status, body = await ask(world, "query", query="1")
            assert (status, body["errorType"], body["error"]) == (code, kind, problem)


async def test_the_lookback_of_a_query_can_be_set(tmp_path: Path) -> None:
    """Two minutes after the last sample."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        given = {"query": "count(up)", "time": str(AT + 120)}
        _, body = await ask(world, "query", **given)
        assert data(body) == {"resultType": "vector", "result": [{"metric": {}, "value": [NOW // 1000 + 120, "2"]}]}
        _, body = await ask(world, "query", **given, lookback_delta="1m")
        assert data(body) == {"resultType": "vector", "result": []}


async def test_targets_and_their_metadata_are_told(tmp_path: Path) -> None:
    """What was scraped, how it went, and what it says about its metrics."""
    async with web_world(str(tmp_path)) as world:
        scrapes = ScrapeWorld()
        scrapes.scraping.apply(
            [ScrapeJob(name="j", interval=10_000, timeout=5_000, groups=(TargetGroup(addresses=("a:1",)),))]
        )
        scrapes.tell("# HELP m What it is.\n# TYPE m gauge\nm 1\n")
        await scrapes.slot()
        world.parts.scraping = scrapes.scraping
        _, body = await world.json("GET", "/api/v1/targets?state=active")
        found = data(body)
        assert isinstance(found, dict)
        target = found["activeTargets"][0]  # pyright: ignore
        assert (target["health"], target["scrapeUrl"], target["scrapePool"]) == ("up", "http://a:1/metrics", "j")
        assert target["labels"] == {"instance": "a:1", "job": "j"}
        assert found["droppedTargets"] == []
        _, body = await world.json("GET", "/api/v1/metadata?metric=m")
        assert data(body) == {"m": [{"type": "gauge", "help": "What it is.", "unit": ""}]}
        assert (await world.json("GET", "/api/v1/targets?state=odd"))[0] == 400


PROMTOOL = shutil.which("promtool")


async def promtool(*arguments: str, folder: Path | None = None) -> tuple[int, str]:
    assert PROMTOOL is not None
    process = await asyncio.create_subprocess_exec(
        PROMTOOL, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
async def test_promtool_is_served(tmp_path: Path) -> None:
    """Each of its online verbs, as Debian ships it."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        span = (f"--start={AT - 300:.0f}", f"--end={AT:.0f}")
        code, out = await promtool("query", "instant", f"--time={AT:.0f}", world.url, 'up{instance="a"}')
        assert (code, out) == (0, f'up{{instance="a", job="api"}} => 1 @[{AT:.3f}]\n'.replace(".000", ""))
        code, out = await promtool(
            "query", "range", f"--start={AT - 30:.0f}", f"--end={AT:.0f}", "--step=15s", world.url, "sum(up)"
        )
        assert code == 0, out
        assert out.count("1 @[") == 3
        code, out = await promtool("query", "series", *span, "--match=up", world.url)
        assert (code, out.splitlines()) == (
            0,
            ['{__name__="up", instance="a", job="api"}', '{__name__="up", instance="b", job="api"}'],
        )
        code, out = await promtool("query", "labels", *span, world.url, "instance")
        assert (code, out.split()) == (0, ["a", "b"])
        code, out = await promtool("query", "instant", world.url, "sum(")
        assert code == 1
        assert "bad_data" in out
        assert "parse error" in out
        code, out = await promtool("debug", "metrics", world.url, folder=tmp_path)
        assert code == 0, out
        with tarfile.open(tmp_path / "debug.tar.gz") as archive:
            (name,) = archive.getnames()
            member = archive.extractfile(name)
            assert member is not None
            assert member.read() == b"# TYPE up gauge\nup 1\n"
        _, known = await promtool("check", "--help")
        if "check healthy" not in known:
            return  # Debian's 2.42 does not have these two yet
        for verb in ("healthy", "ready"):
            code, out = await promtool("check", verb, f"--url={world.url}")
            assert code == 0, out


_RECORDED = """
groups:
  - name: g
    interval: 1m
    rules:
      - {record: job:up, expr: sum by (job) (up), labels: {of: past}}
"""


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
async def test_promtool_makes_blocks_of_what_rules_would_have_recorded(tmp_path: Path) -> None:
    """It asks us for ranges, and what it writes into blocks is what we answered."""
    async with web_world(str(tmp_path)) as world:
        fill(world.samples)
        (tmp_path / "rules.yml").write_text(_RECORDED)
        span = (f"--start={AT - 300:.0f}", f"--end={AT:.0f}")
        blocks = (
            "tsdb",
            "create-blocks-from",
            "rules",
            *span,
            f"--url={world.url}",
            "--output-dir=blocks",
            "rules.yml",
        )
        code, out = await promtool(*blocks, folder=tmp_path)
        assert code == 0, out
        (tmp_path / "blocks/wal").mkdir()
        code, out = await promtool("tsdb", "dump", "blocks", folder=tmp_path)
        assert code == 0, out
        lines = [line for line in out.splitlines() if line.startswith("{")]
        assert {line.rpartition("}")[0] + "}" for line in lines} == {'{__name__="job:up", job="api", of="past"}'}
        values = [line.rpartition("}")[2].split() for line in lines]
        assert {value for value, _ in values} == {"1"}
        assert len(values) >= 5
        assert {int(late) - int(early) for (_, early), (_, late) in itertools.pairwise(values)} == {60_000}


async def test_what_promtool_asks_to_analyze_histograms_is_answered(tmp_path: Path) -> None:
    """`promtool query analyze`, which Debian's does not have yet, posts a range selector as an instant query and works on
    the buckets it gets. Of native histograms there are none."""
    async with web_world(str(tmp_path)) as world:
        bounds = ("0.1", "+Inf")
        writer = world.samples.open([metric("took_bucket", le=bound, job="a") for bound in bounds])
        for slot in range(5):
            writer.append(NOW - (4 - slot) * 15_000, [float(slot), 2.0 * slot])
        asked = {"query": '{__name__="took_bucket"}[3600s]', "time": f"{AT:.3f}"}
        async with world.client.post(world.url + "/api/v1/query", data=asked) as response:
            assert response.status == 200
            answer = data(await response.json())
        assert isinstance(answer, dict)
        assert answer["resultType"] == "matrix"
        assert [[value for _, value in one["values"]] for one in answer["result"]] == [  # pyright: ignore
            ["0", "2", "4", "6", "8"],
            ["0", "1", "2", "3", "4"],
        ]
        assert [one["metric"]["le"] for one in answer["result"]] == ["+Inf", "0.1"]  # pyright: ignore
