"""kill -9 at each of the six points of a page's way, for both vendors."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from monitor.model.notifications import MessageKind
from monitor.notify.dressing.wording import REPEAT_MARK
from tests.acceptance.shop import ANA, Shop, shop, side_by_side
from tests.support.crashing_daemon import Point
from tests.support.twin import FaultKind

_CALLS = {"pagerduty": "pagerduty.enqueue", "slack": "slack.chat.postMessage"}
_VENDORS = tuple(_CALLS)
_DECIDING = (Point.BEFORE_DECIDE, Point.AFTER_DECIDE)


@pytest.mark.parametrize(
    "cases",
    [
        [(Point.BEFORE_DECIDE, "pagerduty"), (Point.AFTER_DECIDE, "pagerduty")],
        [(Point.AFTER_CLAIM, vendor) for vendor in _VENDORS],
        [(Point.AFTER_REPLY, vendor) for vendor in _VENDORS],
        [(Point.AFTER_COMMIT, vendor) for vendor in _VENDORS],
    ],
    ids=["around the decision", "after the claim", "after the reply", "after the commit"],
)
async def test_a_page_survives_the_death_of_the_process(cases: list[tuple[Point, str]], tmp_path: Path) -> None:
    """Whatever was not yet said is said after the start, what was said is not said twice, and all of it is resolved."""
    await side_by_side(
        *(_dies_by_itself(point, vendor, tmp_path / f"{point.value}-{vendor}") for point, vendor in cases)
    )


async def test_a_page_survives_a_death_between_its_bytes_and_their_answer(tmp_path: Path) -> None:
    """The vendor has it, the process never hears so: PagerDuty is told again under the same key, Slack is asked first."""
    await side_by_side(*(_is_killed_after_its_bytes(vendor, tmp_path / vendor) for vendor in _VENDORS))


async def test_the_end_of_a_page_survives_the_death_of_the_process_at_any_point(tmp_path: Path) -> None:
    """Dying over the resolve: it is told after the start, to both vendors."""
    cases = [
        (point, vendor) for point in Point for vendor in _VENDORS if point not in _DECIDING or vendor == "pagerduty"
    ]
    for some in (cases[:4], cases[4:]):
        await side_by_side(
            *(_dies_over_the_end(point, vendor, tmp_path / f"{point.value}-{vendor}") for point, vendor in some)
        )


async def _dies_over_the_end(point: Point, vendor: str, folder: Path) -> None:
    async with shop(folder, scraped=False) as world:
        world.daemon.launcher = _deadly(point, MessageKind.RESOLVE, vendor, folder)
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: _paged(world), "the page has arrived at both vendors")
        await world.service.start()
        assert await world.daemon.gone() == -signal.SIGKILL
        await world.daemon.start()
        await world.until_over()
        assert len(world.pages()) == len(world.roots()) == 1


def _deadly(point: Point, kind: MessageKind, vendor: str, folder: Path) -> tuple[str, ...]:
    options = {"--point": point.value, "--kind": kind.value, "--integration": vendor, "--marker": str(folder / "died")}
    return ("tests.support.crashing_daemon", *(word for option in options.items() for word in option))


async def _dies_by_itself(point: Point, vendor: str, folder: Path) -> None:
    async with shop(folder, scraped=False) as world:
        world.daemon.launcher = _deadly(point, MessageKind.TRIGGER, vendor, folder)
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        assert await world.daemon.gone() == -signal.SIGKILL
        triggers = 2 if point is Point.AFTER_REPLY else 1
        await _recovers(world, triggers=triggers if vendor == "pagerduty" else None)


async def _is_killed_after_its_bytes(vendor: str, folder: Path) -> None:
    async with shop(folder, scraped=False) as world:
        call = _CALLS[vendor]
        world.twin.fail(FaultKind.HANG, call)
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: world.tried(call), "the vendor has got the bytes")
        world.daemon.kill()
        await world.daemon.gone()
        await _recovers(world, triggers=2 if vendor == "pagerduty" else None)


async def _recovers(world: Shop, *, triggers: int | None) -> None:
    """The second life: the page is there, nothing is doubled, and the end is told. `triggers`: how often PagerDuty was told
    under the one key; None if that depends on how far its own sending was when the other vendor's was cut off."""
    await world.daemon.start()
    await world.until(lambda: _paged(world), "the page has arrived at both vendors")
    await world.service.start()
    await world.until_over()
    (alert,) = world.twin.pagerduty.alerts
    assert alert.routing_key == ANA
    assert alert.triggers == triggers or (triggers is None and alert.triggers <= 2)
    (message,) = world.roots()
    assert REPEAT_MARK not in "".join((message.text, *message.former))
    assert await world.daemon.stop() == 0


def _paged(world: Shop) -> bool:
    return bool(world.pages(ANA, "shop is down") and world.roots("shop is down"))
