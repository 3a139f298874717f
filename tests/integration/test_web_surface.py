"""Health, readiness, metrics and reload over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model.checks import HealthState
from tests.support.web_worlds import web_world


@pytest.mark.parametrize(
    ("state", "code"), [(HealthState.HEALTHY, 200), (HealthState.DEGRADED, 200), (HealthState.UNHEALTHY, 503)]
)
async def test_health_is_503_only_when_unhealthy(tmp_path: Path, state: HealthState, code: int) -> None:
    """A degraded pager must not be restarted by its orchestrator."""
    async with web_world(str(tmp_path)) as world:
        world.report.status = state
        for path in ("/health", "/healthz"):
            found, body = await world.json("GET", path)
            assert (found, body["status"]) == (code, state.value)


async def test_a_server_that_is_still_starting_says_so(tmp_path: Path) -> None:
    """It listens, lives, is not ready, and what is missing answers 503 in the dialect of its API."""
    async with web_world(str(tmp_path), starting=True) as world:
        assert (await world.get("/-/healthy"))[0] == 200
        assert (await world.get("/-/ready"))[0] == 503
        assert (await world.get("/ready"))[0] == 503
        assert await world.json("GET", "/api/v1/query?query=1") == (
            503,
            {"status": "error", "errorType": "unavailable", "error": "still starting"},
        )
        world.is_ready = True
        assert (await world.get("/ready"))[0] == 200
