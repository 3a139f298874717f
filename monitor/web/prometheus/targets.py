"""Targets: what is scraped, what relabelling dropped, what targets say about their metrics."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import web

from monitor.model.errors import QueryError
from monitor.model.labels import quote
from monitor.model.times import format_duration
from monitor.web.answers import built_answer, json_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import invalid, limit_of, parameters, parse_error_text
from monitor.web.prometheus.rendering import time_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.matching.matchers import Matcher
    from monitor.scrape.scraped import TargetStatus

_STATES: Final = ("active", "dropped", "any")
_HERE: Final = ("127.0.0.1", "localhost", "::1")


async def targets(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    state = given.get("state", "").lower() or "any"
    pool = given.get("scrapePool", "")
    if state not in _STATES:
        raise invalid("state", f"not supported value {quote(state)}")
    scraping = up(call.parts.scraping)
    active = [one for one in scraping.status() if not pool or one.target.job == pool]
    sets = {name: found for name, found in scraping.target_sets().items() if not pool or name == pool}
    machine = _machine(call)

    def build() -> object:
        dropped = [
            {"discoveredLabels": dict(labels), "scrapePool": name}
            for name, found in sets.items()
            for labels in found.dropped
        ]
        data = {
            "activeTargets": [_target(one, machine) for one in active] if state != "dropped" else [],
            "droppedTargets": dropped if state != "active" else [],
            "droppedTargetCounts": {name: found.dropped_count for name, found in sets.items()},
        }
        return {"status": "success", "data": data}

    return await built_answer(call.request, build, len(active) + sum(len(found.dropped) for found in sets.values()))


async def scrape_pools(call: Call) -> web.Response:
    pools = sorted(up(call.parts.scraping).target_sets())
    return json_answer({"status": "success", "data": {"scrapePools": pools}})


async def targets_metadata(call: Call) -> web.StreamResponse:
    """What each target says about one metric, or about all."""
    given = await parameters(call)
    limit, wanted = limit_of(given), given.get("metric", "")
    matchers = _matchers(given.get("match_target", ""))
    sources = [
        (target, known)
        for target, known in up(call.parts.scraping).metadata()
        if all(matcher.matches(target.labels.get(matcher.name, "")) for matcher in matchers)
    ]

    def build() -> object:
        found: list[dict[str, object]] = []
        for target, known in sources:
            for name in (wanted,) if wanted else known:
                entry = known.get(name)
                if entry is None:
                    continue
                if limit and len(found) >= limit:
                    return {"status": "success", "data": found}
                named = {} if wanted else {"metric": name}
                told = {"type": entry.type, "help": entry.help, "unit": entry.unit}
                found.append({"target": dict(target.labels), **named, **told})
        return {"status": "success", "data": found}

    return await built_answer(call.request, build, sum(1 if wanted else len(known) for _, known in sources))


def _matchers(text: str) -> Sequence[Matcher]:
    from monitor.promql.parser import parse_selector

    if not text:
        return ()
    try:
        return parse_selector(text).matchers
    except QueryError as error:
        raise invalid("match_target", parse_error_text(text, error.message, error.start)) from None


def _target(status: TargetStatus, machine: str) -> dict[str, object]:
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": global_url(target.url, machine),
        "lastError": status.last_error,
        "lastScrape": time_text(status.last_scrape),
        "lastScrapeDuration": status.last_duration,
        "health": status.health,
        "scrapeInterval": format_duration(target.interval),
        "scrapeTimeout": format_duration(target.timeout),
    }


def global_url(url: str, machine: str) -> str:
    """The same for somebody on another machine: a loopback name gives way to the name of this one."""
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        return url
    port = f":{parts.port}" if parts.port is not None else ""
    return parts._replace(netloc=f"{machine}{port}").geturl()


def _machine(call: Call) -> str:
    known = urlsplit(call.parts.configuration().external_url).hostname or ""
    return socket.gethostname() if known in ("", *_HERE) else known


ROUTES: Final = tuple(
    Route(method="GET", path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
    for name, handler in (
        ("targets", targets),
        ("targets/metadata", targets_metadata),
        ("scrape_pools", scrape_pools),
    )
)
