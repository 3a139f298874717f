"""Alertmanager's HTTP API under /api/v2, as its clients expect it: Prometheus, amtool, Grafana, karma.

Alertmanager's API is generated from a schema, and clients see that in its errors: what is no JSON, or JSON of the wrong
types, answers 400 with `{"code": 400, "message": ...}`; what breaks the schema 422 with the code of the rule that it breaks;
what the alerts or silences themselves forbid 400 with a bare JSON text. Sources: alertmanager api/v2/api.go and openapi.yaml
(0.34), go-openapi errors, runtime and strfmt; what those do was looked up by asking a running Alertmanager.
"""

from __future__ import annotations

from typing import Final

from monitor.web.alertmanager.alerts import ROUTES as ALERTS
from monitor.web.alertmanager.groups import ROUTES as GROUPS
from monitor.web.alertmanager.silences import ROUTES as SILENCES
from monitor.web.alertmanager.status import ROUTES as STATUS
from monitor.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = (*STATUS, *ALERTS, *GROUPS, *SILENCES)
