"""kill -9 at each of the six points of a page's way, for both vendors."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from monitor.notify.dressing.wording import REPEAT_MARK
from tests.acceptance.shop import ANA, BO, Shop, shop
from tests.support.crashing_daemon import Point
from tests.support.twin import FaultKind

_VENDORS = ("pagerduty", "slack")
_DECIDING = (Point.BEFORE_DECIDE, Point.AFTER_DECIDE)


def _paged(world: Shop) -> bool:
    return bool(world.pages(ANA, "shop is down") and world.roots("shop is down"))


def _assert_nothing_was_doubled_unmarked(world: Shop) -> None:
    """At PagerDuty one alert a key, whatever was sent; at Slack one message, or the next ones say what they are."""
    keys = [alert.dedup_key for alert in world.twin.pagerduty.alerts]
    assert len(keys) == len(set(keys))
    first, *repeats = [message for message in world.twin.slack.roots() if "shop is down" in message.text]
    assert REPEAT_MARK not in "".join((first.text, *first.former))
    assert all(REPEAT_MARK in "".join((message.text, *message.former)) for message in repeats)


async def _recovers(world: Shop) -> None:
    """The second life: the page is there, nothing is doubled, and the end is told."""
    await world.daemon.start()
    await world.until(lambda: _paged(world), "the page has arrived at both vendors")
    await world.service.start()
    await world.until_over()
    _assert_nothing_was_doubled_unmarked(world)
    assert not world.pages(BO)
    assert await world.daemon.stop() == 0


@pytest.mark.parametrize(
    ("point", "vendor"),
    [(point, vendor) for point in Point for vendor in _VENDORS if point not in _DECIDING or vendor == "pagerduty"],
    ids=lambda value: value.value if isinstance(value, Point) else value,
)
async def test_a_page_survives_the_death_of_the_process_at_any_point(point: Point, vendor: str, tmp_path: Path) -> None:
    """Whatever was not yet said is said after the start, what was said is not said twice, and all of it is resolved."""
    launcher = ("tests.support.crashing_daemon", "--point", point.value, "--integration", vendor, "--marker")
    marker = tmp_path / "died"
    async with shop(tmp_path, scraped=False) as world:
        world.daemon.launcher = (*launcher, str(marker))
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        assert await world.daemon.gone() == -signal.SIGKILL
        assert marker.exists()
        await _recovers(world)


@pytest.mark.parametrize("vendor", _VENDORS)
async def test_a_page_survives_a_death_between_its_bytes_and_their_answer(vendor: str, tmp_path: Path) -> None:
    """The vendor has it, the process never hears so: PagerDuty is told again under the same key, Slack is asked first."""
    async with shop(tmp_path, scraped=False) as world:
        call = {"pagerduty": "pagerduty.enqueue", "slack": "slack.chat.postMessage"}[vendor]
        world.twin.fail(FaultKind.HANG, call)
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: world.tried(call), "the vendor has got the bytes")
        world.daemon.kill()
        await world.daemon.gone()
        await _recovers(world)
