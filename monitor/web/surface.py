"""What orchestrators and Prometheus look at: health, readiness, metrics, reload."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.model.checks import HealthState
from monitor.web.access import Role
from monitor.web.answers import body_answer, json_answer, text_answer
from monitor.web.parts import up
from monitor.web.routes import Call, Dialect, Route

_FOR_ALL: Final = ("status", "version", "database", "cache")
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


async def health(call: Call) -> web.Response:
    """200 also when degraded: whoever restarts the pager in the middle of an outage makes it worse. Strangers learn neither
    what errors say nor who is told by which channel."""
    report = await call.parts.health(call.now)
    document = report.document()
    if not call.caller.known:
        document = {name: _briefly(document[name]) for name in _FOR_ALL if name in document}
    return json_answer(document, status=503 if report.status is HealthState.UNHEALTHY else 200)


def _briefly(word: object) -> object:
    return "error" if isinstance(word, str) and word.startswith("error") else word


async def ready(call: Call) -> web.Response:
    if call.parts.ready():
        return text_answer("Watchkeeper is ready.")
    return text_answer("Watchkeeper is still starting.", status=503)


async def alive(call: Call) -> web.Response:
    return text_answer("Watchkeeper is healthy.")


async def metrics(call: Call) -> web.Response:
    return body_answer(call.parts.exposition(), EXPOSITION)


async def reload(call: Call) -> web.Response:
    findings = await up(call.parts.reload)(call.caller.actor)
    return json_answer({"reloaded": True, "warnings": [str(finding) for finding in findings]})


ROUTES: Final = (
    Route(method="GET", path="/health", handler=health, role=Role.NOBODY, any_host=True),
    Route(method="GET", path="/healthz", handler=health, role=Role.NOBODY, any_host=True),
    Route(method="GET", path="/ready", handler=ready, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(method="GET", path="/-/ready", handler=ready, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(method="GET", path="/-/healthy", handler=alive, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(method="GET", path="/metrics", handler=metrics, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(method="POST", path="/-/reload", handler=reload, role=Role.ADMIN, changes=True, any_host=True),
    Route(method="PUT", path="/-/reload", handler=reload, role=Role.ADMIN, changes=True, any_host=True),
)
