"""The main job from end to end: a service falls ill, the right people hear of it, somebody answers, it recovers."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

from monitor.model.times import SECOND
from tests.acceptance.shop import ANA, BO, Shop, shop

_STEP = 4


def _opened(world: Shop, key: str, saying: str) -> int:
    """When the first page with these words opened an alert."""
    return min(alert.opened_at for alert in world.pages(key, saying))


async def test_an_illness_from_the_first_errors_to_the_recovery(tmp_path: Path) -> None:
    """1 % of errors: a warning in Slack. 5 %: ana's page, then bo's, and an acknowledgement through the API. Death: another
    page, which is acknowledged at the command line before bo's turn. Recovery: the end of everything, told to everybody who was told of its beginning."""
    async with shop(tmp_path, second_step=f"{_STEP}s", rules=("recording", "critical", "warning")) as world:
        await world.daemon.start()
        await world.until_watched()

        await world.service.change(error_ratio=0.03)
        await world.until(lambda: world.warnings("ErrorRateElevated"), "the channel is warned")
        assert not world.pages()

        await world.service.change(error_ratio=0.3)
        await world.until(lambda: world.pages(ANA, "shop fails"), "ana is paged")
        await world.until(lambda: world.roots("shop fails"), "so is the channel")
        await world.until(lambda: world.pages(BO, "shop fails"), "nobody answers, so bo is paged")
        first, second = await world.paged_at("shop fails")
        assert timedelta(seconds=_STEP) <= second - first <= timedelta(seconds=_STEP + 2)
        await world.acknowledge_by_api("shop fails", "ana")
        await world.until(
            lambda: all(alert.status == "acknowledged" for alert in world.pages(saying="shop fails")),
            "PagerDuty hears of the acknowledgement",
        )

        await world.service.kill()
        # its check and its scrapes fail: two incidents
        await world.until(lambda: len(world.pages(ANA, "shop is down")) == 2, "ana is paged again")
        await world.acknowledge_by_command("shop is down", "ana")
        began = _opened(world, ANA, "shop is down")
        await world.until(lambda: world.twin_now() > began + (_STEP + 1) * SECOND, "bo's turn is over")
        assert not world.pages(BO, "shop is down")

        await world.service.start()
        await world.until_over()
        await world.until(lambda: world.warnings("RESOLVED"), "the channel hears that the warning is over")
        _assert_one_page_an_incident(world)
        document = await world.daemon.get("/api/watchkeeper/v1/audit")
        doors = [entry["door"] for entry in document["audit"] if entry["actor"] == "ana"]
        assert sorted(doors) == ["api", "cli", "cli"]
        assert await world.daemon.stop() == 0


def _assert_one_page_an_incident(world: Shop) -> None:
    """No person has two alerts under one key, none was triggered twice, and each ran from trigger to resolve."""
    alerts = sorted(world.pages(), key=lambda alert: (alert.routing_key, alert.dedup_key))
    for _, same in itertools.groupby(alerts, key=lambda alert: (alert.routing_key, alert.dedup_key)):
        (alert,) = same
        assert alert.log in (["trigger", "resolve"], ["trigger", "acknowledge", "resolve"])
    assert len(world.roots()) == len({alert.dedup_key for alert in alerts})
