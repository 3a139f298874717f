"""Targets, build, store: what clients look at to learn with whom they talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.labels import quote
from monitor.model.times import format_duration
from monitor.web.answers import built_answer, json_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import invalid, parameters
from monitor.web.prometheus.rendering import time_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.scrape.scraping import TargetStatus

_SPOKEN: Final = "3.1.0"
"""The Prometheus whose API this is. Clients decide by it what they may ask for, so our own version would mislead them.
There is no `features`: Grafana would take us for Mimir."""
_STATES: Final = ("active", "dropped", "any")


async def buildinfo(call: Call) -> web.Response:
    data = {
        "version": _SPOKEN,
        "revision": f"watchkeeper-{call.parts.version}",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }
    return json_answer({"status": "success", "data": data})


async def targets(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    state = given.get("state", "") or "any"
    pool = given.get("scrapePool", "")
    if state not in _STATES:
        raise invalid("state", f"not supported value {quote(state)}")
    scraping = up(call.parts.scraping)
    active = [one for one in scraping.status() if not pool or one.target.job == pool]
    sets = {name: found for name, found in scraping.target_sets().items() if not pool or name == pool}

    def build() -> object:
        dropped = [
            {"discoveredLabels": dict(labels), "scrapePool": name}
            for name, found in sets.items()
            for labels in found.dropped
        ]
        data = {
            "activeTargets": [_target(one) for one in active] if state != "dropped" else [],
            "droppedTargets": dropped if state != "active" else [],
            "droppedTargetCounts": {name: len(found.dropped) for name, found in sets.items()},
        }
        return {"status": "success", "data": data}

    return await built_answer(call.request, build, len(active) + sum(len(found.dropped) for found in sets.values()))


def _target(status: TargetStatus) -> dict[str, object]:
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": status.last_error,
        "lastScrape": time_text(status.last_scrape),
        "lastScrapeDuration": status.last_duration,
        "health": status.health,
        "scrapeInterval": format_duration(target.interval),
        "scrapeTimeout": format_duration(target.timeout),
    }


ROUTES: Final = tuple(
    Route(method="GET", path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
    for name, handler in (("status/buildinfo", buildinfo), ("targets", targets))
)
