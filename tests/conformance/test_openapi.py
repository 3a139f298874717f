"""Answers of the HTTP API hold Prometheus's own schema of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from monitor.tsdb.exemplars import ExemplarStore
from tests.conformance.tables import DATA
from tests.support.rule_worlds import groups_of
from tests.support.samples import metric
from tests.support.scraped import ScrapeWorld
from tests.support.web_worlds import NOW, web_world

_FILE = DATA / "prometheus" / "openapi_3.1_golden.yaml"
_TIME = f"{NOW / 1000}"
_RANGE = f"start={NOW / 1000 - 60}&end={_TIME}"
ASKED = (
    ("/query", f"query=m&time={_TIME}&stats=all"),
    ("/query", f"query=m[1m]&time={_TIME}"),
    ("/query", f"query=1&time={_TIME}"),
    ("/query", f"query=rate(m[1m])&time={_TIME}&limit=1"),
    ("/query", "query=sum("),
    ("/query_range", f"query=m&step=15&{_RANGE}&stats=1"),
    ("/query_range", "query=m&step=15"),
    ("/query_exemplars", f"query=m&{_RANGE}"),
    ("/format_query", "query=m"),
    ("/parse_query", "query=sum(rate(m[1m]))"),
    ("/labels", ""),
    ("/label/{name}/values", "limit=1"),
    ("/series", "match[]=m"),
    ("/series", ""),
    ("/metadata", ""),
    ("/scrape_pools", ""),
    ("/targets", ""),
    ("/targets/metadata", ""),
    ("/rules", ""),
    ("/rules", "group_limit=1"),
    ("/alerts", ""),
    ("/alertmanagers", ""),
    ("/status/config", ""),
    ("/status/runtimeinfo", ""),
    ("/status/buildinfo", ""),
    ("/status/flags", ""),
    ("/status/tsdb", ""),
    ("/status/walreplay", ""),
    ("/features", ""),
)


@pytest.mark.skipif(not _FILE.is_file(), reason="no conformance data in ../shared/conformance")
async def test_every_answer_holds_the_schema(tmp_path: Path) -> None:
    """Of its path and status; what is posted as a form is answered the same."""
    document: Any = yaml.safe_load(_FILE.read_text("utf-8"))
    groups = groups_of({"alert": "A", "expr": "m"}, {"record": "r:a", "expr": "m"}, name="one")
    more = groups_of({"alert": "B", "expr": "m", "for": "1m"}, name="two")
    problems: list[str] = []
    async with web_world(str(tmp_path), groups=(*groups, *more)) as world:
        for number in range(2):
            world.samples.append(NOW, [(metric("m", number=str(number)), 1.5)])
        scrapes = ScrapeWorld()
        job = ScrapeJob(name="j", interval=10_000, timeout=5_000, groups=(TargetGroup(addresses=("a:1",)),))
        scrapes.scraping.apply([job])
        scrapes.tell("# HELP m What it is.\n# TYPE m gauge\nm 1\n")
        await scrapes.slot()
        world.parts.scraping = scrapes.scraping
        world.parts.exemplars = ExemplarStore()
        world.parts.exemplars.add(metric("m"), Exemplar(Labels({"trace_id": "t"}), 1, NOW))
        for path, query in ASKED:
            url = f"{world.url}/api/v1{path.replace('{name}', '__name__')}"
            for method, known in document["paths"][path].items():
                if method not in ("get", "post"):
                    continue
                asked = (
                    world.client.get(f"{url}?{query}")
                    if method == "get"
                    else world.client.post(
                        url, data=query, headers={"Content-Type": "application/x-www-form-urlencoded"}
                    )
                )
                async with asked as answer:
                    body, status = json.loads(await answer.text()), str(answer.status)
                wanted = known["responses"].get(status, known["responses"]["default"])
                schema = wanted["content"]["application/json"]["schema"]
                checked: Any = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
                problems += [f"{method} {path}?{query}: {one.message}" for one in checked.iter_errors(body)]
    assert not problems, "\n".join(problems)
