"""Pages for people: plain HTML that reads without a script, at 3 a.m., on a phone."""

from __future__ import annotations

from typing import Final

from monitor.web.access import Role
from monitor.web.pages.details import act_by_name, check, incident
from monitor.web.pages.front import front
from monitor.web.pages.links import graph, runbook
from monitor.web.routes import Dialect, Route

ROUTES: Final[tuple[Route, ...]] = (
    Route(method="GET", path="/", handler=front, dialect=Dialect.PAGE),
    Route(method="GET", path="/incidents/{reference}", handler=incident, dialect=Dialect.PAGE),
    Route(method="GET", path="/checks/{name}", handler=check, dialect=Dialect.PAGE),
    Route(method="GET", path="/runbooks/{name}", handler=runbook, dialect=Dialect.PAGE),
    Route(method="GET", path="/graph", handler=graph, dialect=Dialect.PAGE),
    *(
        Route(
            method="POST",
            path=f"/incidents/{{reference}}/{name}",
            handler=handler,
            role=Role.RESPONDER,
            changes=True,
            dialect=Dialect.PAGE,
        )
        for name, handler in act_by_name.items()
    ),
)
