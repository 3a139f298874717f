"""Prometheus's HTTP API under /api/v1, as its clients expect it: Grafana, promtool, Prometheus itself.

Parameters that nobody knows are ignored, as they are there. Sources: prometheus web/api/v1/api.go, util/jsonutil.
"""

from __future__ import annotations

from typing import Final

from monitor.web.prometheus.federation import ROUTES as FEDERATION
from monitor.web.prometheus.queries import ROUTES as QUERIES
from monitor.web.prometheus.rules import ROUTES as RULES
from monitor.web.prometheus.series import ROUTES as SERIES
from monitor.web.prometheus.status import ROUTES as STATUS
from monitor.web.prometheus.syntax import ROUTES as SYNTAX
from monitor.web.prometheus.targets import ROUTES as TARGETS
from monitor.web.prometheus.write import ROUTES as WRITE
from monitor.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = (
    *QUERIES,
    *SYNTAX,
    *SERIES,
    *RULES,
    *TARGETS,
    *STATUS,
    *FEDERATION,
    *WRITE,
)
