"""Answers of the HTTP APIs hold Prometheus's and Alertmanager's own schemas of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import yaml

from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import HOUR, MINUTE, rfc3339
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


_ALERTMANAGER = DATA / "alertmanager" / "api" / "openapi.yaml"
_ROUTED = """\
alertmanager:
  route:
    receiver: all
    group_by: [alertname]
    routes: [{receiver: core, matchers: [team=core], mute_time_intervals: [always], labels: {tier: one}}]
  receivers: [{name: all}, {name: core, labels: {owner: ana}}]
  inhibit_rules: [{source_matchers: [severity=high], target_matchers: [severity=low]}]
  time_intervals: [{name: always, time_intervals: [{}]}]
"""
_UNKNOWN = "d1ba2b14-9e5f-4c3e-8b3a-3f5b1f4b0b6f"
_SILENCE: dict[str, object] = {
    "matchers": [{"name": "alertname", "value": "A", "isRegex": False}],
    "startsAt": rfc3339(NOW),
    "endsAt": rfc3339(NOW + HOUR),
    "createdBy": "ana",
    "comment": "known",
    "annotations": {"ticket": "7"},
}
_ALERTS: list[dict[str, object]] = [
    {"labels": {"alertname": "A"}, "annotations": {"summary": "s"}, "generatorURL": "http://prometheus/graph"},
    {"labels": {"alertname": "B", "severity": "low", "team": "core"}, "startsAt": rfc3339(NOW - 1)},
    {"labels": {"alertname": "B", "severity": "high", "team": "core"}},
]
PUSHED: tuple[tuple[str, object, int], ...] = (
    ("/silences", _SILENCE, 200),
    ("/silences", {**_SILENCE, "startsAt": rfc3339(NOW + MINUTE)}, 200),
    ("/silences", {**_SILENCE, "endsAt": rfc3339(NOW)}, 400),
    ("/silences", {**_SILENCE, "id": _UNKNOWN}, 404),
    ("/alerts", _ALERTS, 200),
    ("/alerts", [{"labels": {"": "a"}}], 400),
)
LOOKED_AT = (
    ("/status", 200),
    ("/receivers", 200),
    ("/receivers?receiver_matchers=owner%3Dana", 200),
    ("/receivers?receiver_matchers=x", 400),
    ("/silences", 200),
    ("/silences?filter=alertname%3DA&expired=false", 200),
    ("/silences?filter=x", 400),
    ("/alerts", 200),
    ("/alerts?active=false&filter=team%3Dcore&receiver=c.*", 200),
    ("/alerts?filter=x", 400),
    ("/alerts?receiver=(", 400),
    ("/alerts/groups", 200),
    ("/alerts/groups?muted=false&silenced=false", 200),
    ("/alerts/groups?receiver=(", 400),
)


@pytest.mark.skipif(not _ALERTMANAGER.is_file(), reason="no conformance data in ../shared/conformance")
async def test_every_answer_of_alertmanagers_api_holds_its_schema(tmp_path: Path) -> None:
    """Of its path and status, for every operation that there is; no field is sent that the schema does not know."""
    document: Any = yaml.safe_load(_ALERTMANAGER.read_text("utf-8"))
    problems: list[str] = []
    answered: set[tuple[str, str]] = set()

    async def check(method: str, path: str, expected: int, body: object = None) -> Any:
        url = f"{world.url}{document['basePath'].rstrip('/')}{path}"
        async with world.client.request(method, url, json=body) as answer:
            text = await answer.text()
        template = path.partition("?")[0]
        template = "/silence/{silenceID}" if template.startswith("/silence/") else template
        answered.add((template, method))
        known = document["paths"][template][method.lower()]["responses"][str(answer.status)]
        if "$ref" in known:
            known = document["responses"][known["$ref"].rpartition("/")[2]]
        if answer.status != expected:
            problems.append(f"{method} {path}: answers {answer.status} instead of {expected}: {text}")
        if "schema" not in known:
            problems.extend([f"{method} {path}: sends {text!r}, and the schema knows no body"] if text else [])
            return None
        found = json.loads(text)
        schema = {**known["schema"], "definitions": document["definitions"]}
        checked: Any = jsonschema.Draft4Validator(schema, format_checker=_FORMATS)
        problems.extend(f"{method} {path}: {list(one.path)}: {one.message}" for one in checked.iter_errors(found))
        problems.extend(f"{method} {path}: {name} is not in the schema" for name in _unknown(found, schema, document))
        return found

    async with web_world(str(tmp_path), text=_ROUTED) as world:
        for path, body, status in PUSHED:
            await check("POST", path, status, body)
        for path, status in LOOKED_AT:
            await check("GET", path, status)
        for one in await check("GET", "/silences", 200):
            await check("GET", f"/silence/{one['id']}", 200)
            await check("DELETE", f"/silence/{one['id']}", 200)
        for method in ("GET", "DELETE"):
            await check(method, f"/silence/{_UNKNOWN}", 404)
        states = {one["status"]["state"] for one in await check("GET", "/silences", 200)}
        assert states == {"expired"}
        await world.database.write(lambda connection: connection.execute("DROP TABLE alert_members"))
        await check("POST", "/alerts", 500, [{"labels": {"alertname": "C"}}])
    assert not problems, "\n".join(problems)
    assert answered == {
        (path, method.upper()) for path, methods in document["paths"].items() for method in methods if len(method) < 7
    }


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_a_time_in_milliseconds(value: object) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(value)) is not None


def _unknown(found: Any, schema: Any, document: Any, place: str = "") -> list[str]:
    """The fields of an answer that its schema does not name."""
    while "$ref" in schema:
        schema = document["definitions"][schema["$ref"].rpartition("/")[2]]
    if isinstance(found, list):
        items = cast("list[object]", found)
        return [name for one in items for name in _unknown(one, schema["items"], document, place)]
    if not isinstance(found, dict) or "additionalProperties" in schema:
        return []
    known = _properties(schema, document)
    problems: list[str] = []
    for name, value in cast("dict[str, object]", found).items():
        if name not in known:
            problems.append(f"{place}{name}")
        else:
            problems += _unknown(value, known[name], document, f"{place}{name}.")
    return problems


def _properties(schema: Any, document: Any) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["definitions"][schema["$ref"].rpartition("/")[2]]
    known = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        known |= _properties(part, document)
    return known
