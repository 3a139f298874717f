"""The routes of a daemon that stands in Alertmanager's place: its own paths, and ours beside them where they do not collide.

Pages are not served there: they tell of checks, incidents and rules, and there are none.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.model.errors import ConfigError, StoreError
from monitor.web.access import Role
from monitor.web.alertmanager import ROUTES as ALERTMANAGER_ROUTES
from monitor.web.answers import json_answer, text_answer
from monitor.web.own import ROUTES as OWN_ROUTES
from monitor.web.parts import up
from monitor.web.routes import Call, Dialect, Route
from monitor.web.surface import ROUTES as SURFACE_ROUTES

_REPLACED: Final = frozenset({"/-/healthy", "/-/ready", "/-/reload"})


async def alive(call: Call) -> web.Response:
    return web.Response(text="OK")


async def ready(call: Call) -> web.Response:
    return web.Response(text="OK") if call.parts.ready() else text_answer("still starting", status=503)


async def reload(call: Call) -> web.Response:
    """Nothing is said of a reload that succeeds; one that fails is told in Alertmanager's words where it has some."""
    try:
        await up(call.parts.reload)(call.caller.actor)
    except ConfigError as error:
        first = next((one for one in error.findings if not one.warning), None)
        why = (first.original or first.problem) if first is not None else str(error)
        return text_answer(f"failed to reload config: {why}", status=500)
    except StoreError as error:
        return text_answer(f"failed to reload config: {error}", status=500)
    return web.Response(status=200)


async def removed(call: Call) -> web.Response:
    """Alertmanager's first API went with its version 0.27."""
    problem = "the v1 API has been removed: call the same route below /api/v2"
    return json_answer({"status": "deprecated", "error": problem}, status=410)


async def front(call: Call) -> web.Response:
    return text_answer(
        f"Watchkeeper {call.parts.version} in Alertmanager's place. Ask it with amtool, Grafana or karma: its API is at api/v2."
    )


ROUTES: Final[tuple[Route, ...]] = (
    *ALERTMANAGER_ROUTES,
    *(one for one in SURFACE_ROUTES if one.path not in _REPLACED),
    *OWN_ROUTES,
    Route(method="GET", path="/-/healthy", handler=alive, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(method="GET", path="/-/ready", handler=ready, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
    Route(
        method="POST",
        path="/-/reload",
        handler=reload,
        role=Role.ADMIN,
        changes=True,
        any_host=True,
        dialect=Dialect.TEXT,
    ),
    Route(method="*", path="/api/v1/{rest:.*}", handler=removed, role=Role.NOBODY, any_host=True),
    Route(method="GET", path="/", handler=front, role=Role.NOBODY, any_host=True, dialect=Dialect.TEXT),
)
