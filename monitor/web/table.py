"""All routes of a daemon that stands in nobody's place."""

from __future__ import annotations

from typing import Final

from monitor.web.alertmanager import ROUTES as ALERTMANAGER_ROUTES
from monitor.web.own import ROUTES as OWN_ROUTES
from monitor.web.pages import ROUTES as PAGE_ROUTES
from monitor.web.prometheus import ROUTES as PROMETHEUS_ROUTES
from monitor.web.routes import Route
from monitor.web.surface import ROUTES as SURFACE_ROUTES

ROUTES: Final[tuple[Route, ...]] = (
    *SURFACE_ROUTES,
    *PROMETHEUS_ROUTES,
    *ALERTMANAGER_ROUTES,
    *OWN_ROUTES,
    *PAGE_ROUTES,
)
