"""Our own API under /api/watchkeeper/v1, and the heartbeats' /ping.

Instants are RFC 3339 in UTC, spans are seconds. An error is `{"error": {"code", "message", "remedy"}}`, with a status that
says whose turn it is: 400 the call, 401 and 403 the caller, 404, 409 the present state, 422 what was sent, 503 us.
"""

from __future__ import annotations

from typing import Final

from monitor.web.own.alerts import ROUTES as ALERTS
from monitor.web.own.changes import ROUTES as CHANGES
from monitor.web.own.checks import ROUTES as CHECKS
from monitor.web.own.incidents import ROUTES as INCIDENTS
from monitor.web.own.maintenance import ROUTES as MAINTENANCE
from monitor.web.own.pings import ROUTES as PINGS
from monitor.web.own.silences import ROUTES as SILENCES
from monitor.web.own.why import ROUTES as WHY
from monitor.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = (*CHECKS, *ALERTS, *WHY, *INCIDENTS, *SILENCES, *MAINTENANCE, *CHANGES, *PINGS)
