"""The main job in short: a service dies, the right person is paged, recovery ends it."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.shop import ANA, BO, shop


async def test_a_dead_service_pages_and_its_recovery_resolves_both_vendors(tmp_path: Path) -> None:
    """One alert at PagerDuty under one key, one message in Slack, both over once the service is back."""
    async with shop(tmp_path) as world:
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: world.pages(ANA, "shop is down") and world.roots("shop is down"), "ana is paged")
        await world.service.start()
        await world.until_over()
        assert not world.pages(BO)
        assert all(alert.triggers == 1 for alert in world.pages(ANA))
        assert await world.daemon.stop() == 0
