"""What of Prometheus's API lies beside queries and series: syntax, exemplars, targets, rules' filters, status, federation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from monitor.model.labels import Labels
from monitor.model.samples import STALE, Exemplar
from monitor.model.times import MINUTE
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from monitor.tsdb.exemplars import ExemplarStore
from tests.support.rule_worlds import groups_of
from tests.support.samples import metric
from tests.support.scraped import ScrapeWorld
from tests.support.web_worlds import NOW, WebWorld, web_world


async def told(world: WebWorld, path: str, **given: str) -> Any:
    status, body = await world.json("GET", f"/api/v1/{path}?{urlencode(given)}")
    assert (status, body["status"]) == (200, "success"), body
    return body["data"]


async def test_a_query_is_shown_as_a_tree(tmp_path: Path) -> None:
    """Every kind of node, with Prometheus's names and milliseconds."""
    query = '-sum by (job) (rate(up{a!="b"}[5m] offset 1m)) * on (job) group_left (x) (up @ start() > bool 2) and last_over_time(up[1h:1m]) or vector(scalar(label_replace(up, "a", "$1", "b", ".*")))'
    async with web_world(str(tmp_path)) as world:
        tree = await told(world, "parse_query", query=query)
        assert (tree["type"], tree["op"], tree["bool"]) == ("binaryExpr", "or", False)
        assert tree["matching"]["card"] == "many-to-many"
        product = tree["lhs"]["lhs"]
        assert product["matching"] == {
            "card": "many-to-one",
            "labels": ["job"],
            "on": True,
            "include": ["x"],
            "fillValues": {"lhs": None, "rhs": None},
        }
        summed = product["lhs"]
        assert (summed["type"], summed["op"]) == ("unaryExpr", "-")
        assert summed["expr"] | {"expr": None} == {
            "type": "aggregation",
            "op": "sum",
            "expr": None,
            "param": None,
            "grouping": ["job"],
            "without": False,
        }
        rate = summed["expr"]["expr"]
        assert rate["func"] == {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"}
        assert rate["args"] == [
            {
                "type": "matrixSelector",
                "name": "up",
                "range": 300_000,
                "offset": 60_000,
                "timestamp": None,
                "startOrEnd": None,
                "matchers": [
                    {"name": "a", "value": "b", "type": "!="},
                    {"name": "__name__", "value": "up", "type": "="},
                ],
            }
        ]
        compared = product["rhs"]
        assert compared["type"] == "parenExpr"
        assert compared["expr"]["lhs"]["startOrEnd"] == "start"
        assert compared["expr"]["rhs"] == {"type": "numberLiteral", "val": "2"}
        subquery = tree["lhs"]["rhs"]["args"][0]
        assert (subquery["type"], subquery["range"], subquery["step"]) == ("subquery", 3_600_000, 60_000)
        assert (await told(world, "parse_query", query='"a"')) == {"type": "stringLiteral", "val": "a"}
        assert (await told(world, "parse_query", query="up @ 1.5"))["timestamp"] == 1500
        status, body = await world.json("POST", "/api/v1/parse_query?query=sum(")
        assert (status, body["errorType"]) == (400, "bad_data")


async def test_exemplars_are_found_by_the_selectors_of_a_query(tmp_path: Path) -> None:
    """Whatever the query does with the series; those of the time asked for."""
    async with web_world(str(tmp_path)) as world:
        kept = world.parts.exemplars = ExemplarStore()
        for code, at in (("200", NOW - 5_250), ("500", NOW - MINUTE)):
            kept.add(metric("seconds_bucket", code=code), Exemplar(Labels({"trace_id": f"t{code}"}), 0.25, at))
        kept.add(metric("other_total"), Exemplar(Labels({"trace_id": "x"}), 1, NOW))
        query = "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m])))"
        found = await told(world, "query_exemplars", query=query, start=str(NOW / 1000 - 30), end=str(NOW / 1000))
        assert found == [
            {
                "seriesLabels": {"__name__": "seconds_bucket", "code": "200"},
                "exemplars": [{"labels": {"trace_id": "t200"}, "value": "0.25", "timestamp": (NOW - 5_250) / 1000}],
            }
        ]
        assert len(await told(world, "query_exemplars", query=f"{query} / other_total")) == 3
        assert await told(world, "query_exemplars", query="1") == []
        for given in ({"query": "up("}, {"query": "up", "start": "9", "end": "1"}):
            status, body = await world.json("GET", f"/api/v1/query_exemplars?{urlencode(given)}")
            assert (status, body["errorType"]) == (400, "bad_data")


async def test_targets_tell_about_their_metrics(tmp_path: Path) -> None:
    """All metrics with their names, or one without; matched by the targets' labels; pools by name."""
    async with web_world(str(tmp_path)) as world:
        scrapes = ScrapeWorld()
        groups = (TargetGroup(addresses=("127.0.0.1:1", "b:1")),)
        scrapes.scraping.apply([ScrapeJob(name="j", interval=10_000, timeout=5_000, groups=groups)])
        for address in ("127.0.0.1:1", "b:1"):
            text = "# HELP m What it is.\n# TYPE m gauge\nm 1\n# TYPE n counter\nn 1\n"
            scrapes.tell(text, f"http://{address}/metrics")
        for _ in range(2):  # whichever of them comes first
            await scrapes.slot()
        world.parts.scraping = scrapes.scraping
        assert await told(world, "scrape_pools") == {"scrapePools": ["j"]}
        assert len(await told(world, "targets/metadata")) == 4
        assert len(await told(world, "targets/metadata", limit="3")) == 3
        assert await told(world, "targets/metadata", metric="m", match_target='{instance="b:1"}') == [
            {"target": {"instance": "b:1", "job": "j"}, "type": "gauge", "help": "What it is.", "unit": ""}
        ]
        (named,) = await told(world, "targets/metadata", match_target='{instance="b:1"}', limit="1")
        assert named["metric"] == "m"
        status, _ = await world.json("GET", "/api/v1/targets/metadata?match_target=%7B")
        assert status == 400
        active = (await told(world, "targets"))["activeTargets"]
        assert [one["scrapeUrl"] for one in active] == ["http://127.0.0.1:1/metrics", "http://b:1/metrics"]
        assert "127.0.0.1" not in active[0]["globalUrl"]
        assert active[1]["globalUrl"] == "http://b:1/metrics"


async def test_rules_are_filtered_by_their_labels(tmp_path: Path) -> None:
    """Several match[] are united; a label that is a template counts as absent."""
    groups = groups_of(
        {"alert": "A", "expr": "up", "labels": {"severity": "critical", "who": "{{ $labels.job }}"}},
        {"record": "r:a", "expr": "up", "labels": {"severity": "info"}},
        {"record": "r:b", "expr": "up"},
    )
    async with web_world(str(tmp_path), groups=groups) as world:

        async def names(query: str) -> list[str]:
            status, body = await world.json("GET", f"/api/v1/rules?{query}")
            assert status == 200, body
            found = cast("dict[str, Any]", body["data"])["groups"]
            return [rule["name"] for group in found for rule in group["rules"]]

        assert await names("") == ["A", "r:a", "r:b"]
        assert await names("match[]={severity=%22critical%22}") == ["A"]
        assert await names("match[]={severity=%22critical%22}&match[]={severity=%22info%22}") == ["A", "r:a"]
        assert await names("match[]={who=~%22.%2B%22}") == []
        assert await names("match[]={severity=~%22.%2B%22}&type=record") == ["r:a"]


async def test_status_tells_what_runs_here(tmp_path: Path) -> None:
    """Configuration without secrets, settings, process, store."""
    text = (
        "global: {scrape_interval: 10s}\n"
        "scrape_configs:\n- {job_name: j, basic_auth: {username: u, password: hidden-word}}\n"
    )
    async with web_world(str(tmp_path), text=text) as world:
        shown = (await told(world, "status/config"))["yaml"]
        assert "scrape_interval: 10s" in shown
        assert "<secret>" in shown
        assert "hidden-word" not in shown
        flags = await told(world, "status/flags")
        assert all(isinstance(value, str) for value in flags.values())
        assert flags["storage.tsdb.retention.time"] == "15d"
        runtime = await told(world, "status/runtimeinfo")
        assert (runtime["reloadConfigSuccess"], runtime["storageRetention"]) == (True, "15d")
        assert await told(world, "status/walreplay") == {"min": 0, "max": 0, "current": 0}
        assert await told(world, "alertmanagers") == {"activeAlertmanagers": [], "droppedAlertmanagers": []}
        assert (await told(world, "features"))["promql_functions"]["rate"] is True


async def test_the_store_tells_where_its_series_come_from(tmp_path: Path) -> None:
    """Counts of the last two hours, the largest first."""
    async with web_world(str(tmp_path)) as world:
        for number in range(3):
            world.samples.append(NOW, [(metric("wide", number=str(number), job="j"), 1)])
        world.samples.append(NOW - 5, [(metric("narrow", job="j"), 1)])
        world.samples.append(NOW - 180 * MINUTE, [(metric("old"), 1)])
        found = await told(world, "status/tsdb", limit="2")
        assert found["headStats"]["numSeries"] == 4
        assert (found["headStats"]["minTime"], found["headStats"]["maxTime"]) == (NOW - 5, NOW)
        assert found["seriesCountByMetricName"] == [{"name": "wide", "value": 3}, {"name": "narrow", "value": 1}]
        assert found["labelValueCountByLabelName"] == [
            {"name": "number", "value": 3},
            {"name": "__name__", "value": 2},
        ]
        assert found["seriesCountByLabelValuePair"][0] == {"name": "job=j", "value": 4}
        assert found["memoryInBytesByLabelName"][0] == {"name": "__name__", "value": 10}


@pytest.mark.parametrize("how", ["", "all"])
async def test_a_query_tells_what_it_cost(tmp_path: Path, how: str) -> None:
    """Only when asked."""
    async with web_world(str(tmp_path)) as world:
        world.samples.append(NOW, [(metric("m"), 1)])
        data = await told(world, "query", query="m", time=str(NOW / 1000), stats=how)
        if not how:
            assert "stats" not in data
            return
        assert data["stats"]["timings"]["evalTotalTime"] > 0
        assert data["stats"]["samples"]["totalQueryableSamples"] == 1


class TestFederation:
    """A page of newest samples for another Prometheus."""

    async def page(self, world: WebWorld, query: str, accept: str = "") -> list[str]:
        async with world.client.get(f"{world.url}/federate?{query}", headers={"Accept": accept}) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/plain"
            assert answer.headers["Content-Type"].endswith("allow-utf-8" if "utf-8" in accept else "underscores")
            return (await answer.text()).splitlines()

    async def test_the_newest_sample_of_each_series_keeps_its_time(self, tmp_path: Path) -> None:
        """Sorted by name; each series once; `instance` at least empty; external labels where there are none of that name."""
        text = "global: {external_labels: {region: eu, job: never}}\n"
        async with web_world(str(tmp_path), text=text) as world:
            series = [metric("up", job="j", instance="b"), metric("up", job="j", instance="a"), metric("abc", job="")]
            writer = world.samples.open(series)
            writer.append(NOW - 2_000, [0, 1, 2])
            writer.append(NOW - 1_000, [1, 0.5, float("inf")])
            assert await self.page(world, "match[]=up&match[]={__name__=~%22up|abc%22}") == [
                "# TYPE abc untyped",
                f'abc{{instance="",job="never",region="eu"}} +Inf {NOW - 1_000}',
                "# TYPE up untyped",
                f'up{{instance="a",job="j",region="eu"}} 0.5 {NOW - 1_000}',
                f'up{{instance="b",job="j",region="eu"}} 1 {NOW - 1_000}',
            ]

    async def test_what_has_ended_or_is_too_old_is_left_out(self, tmp_path: Path) -> None:
        """Five minutes; a stale marker ends a series."""
        async with web_world(str(tmp_path)) as world:
            world.samples.append(NOW - 5 * MINUTE - 1, [(metric("m", at="old"), 1)])
            world.samples.append(NOW - 5 * MINUTE, [(metric("m", at="edge"), 1)])
            world.samples.append(NOW - 2, [(metric("m", at="gone"), 1)])
            world.samples.append(NOW - 1, [(metric("m", at="gone"), STALE)])
            assert await self.page(world, "match[]=m") == [
                "# TYPE m untyped",
                f'm{{at="edge",instance=""}} 1 {NOW - 5 * MINUTE}',
            ]
            assert await self.page(world, "match[]=nothing") == []
            assert await self.page(world, "") == []

    async def test_names_of_any_script_are_quoted_or_escaped(self, tmp_path: Path) -> None:
        """As the caller can read."""
        async with web_world(str(tmp_path)) as world:
            odd = Labels({"__name__": "http.took", "a b": 'x"y\n'})
            world.samples.append(NOW, [(odd, 1)])
            wanted = "match[]={%22http.took%22}"
            assert await self.page(world, wanted, "text/plain;version=1.0.0;escaping=allow-utf-8") == [
                '# TYPE "http.took" untyped',
                f'{{"http.took","a b"="x\\"y\\n",instance=""}} 1 {NOW}',
            ]
            assert await self.page(world, wanted) == [
                "# TYPE http_took untyped",
                f'http_took{{a_b="x\\"y\\n",instance=""}} 1 {NOW}',
            ]

    async def test_a_bad_selector_is_told(self, tmp_path: Path) -> None:
        """In words, since a scraper shows the body."""
        async with web_world(str(tmp_path)) as world:
            status, text = await world.get("/federate?match[]={}")
            assert status == 400
            assert "match[]" in text
