"""Both vendors misbehave while a service is down: the page arrives once that is over, once, and its end is told."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.shop import ANA, Shop, shop, side_by_side
from tests.support.twin import Fault, FaultKind

_PAGE_CALLS = ("pagerduty.enqueue", "slack.chat.postMessage")
_END_CALLS = ("pagerduty.enqueue", "slack.chat.update")


async def _falls_ill(world: Shop) -> None:
    await world.daemon.start()
    await world.until_watched()
    await world.service.kill()


async def _is_paged_and_recovers(world: Shop, seconds: float, at_the_end: Fault | None = None) -> None:
    """One alert under one key, one message that no repeat follows, both ended by the recovery, although `at_the_end` meets
    the calls that tell it."""
    await world.until(lambda: world.pages(ANA) and world.roots(), "the page has arrived at both vendors", seconds)
    await world.until(lambda: _has_answered(world), "both vendors have answered", seconds)
    if at_the_end is not None:
        for call in _END_CALLS:
            world.fail(at_the_end, call)
    await world.service.start()
    await world.until_over()
    (alert,) = world.pages()
    assert alert.log[0] == "trigger"
    assert alert.log[-1] == "resolve"
    (root,) = world.roots()
    assert "possible repeat" not in "".join((root.text, *root.former))
    assert await world.daemon.stop() == 0


def _has_answered(world: Shop) -> bool:
    """The daemon knows that its page is there."""
    return all(any(one.accepted and not one.fault for one in world.tried(call)) for call in ("pagerduty", "slack"))


_FAULTS = {
    "429": Fault(kind=FaultKind.STATUS, status=429, times=2, retry_after=1),
    "500": Fault(kind=FaultKind.STATUS, status=500, times=2),
    "hangs": Fault(kind=FaultKind.HANG),
    "drops the reply": Fault(kind=FaultKind.DROP),
}


async def test_a_page_arrives_once_whatever_the_vendor_answers_first(tmp_path: Path) -> None:
    """Both vendors at once: refused calls are made again, and those whose answer got lost are cleared up first."""
    await side_by_side(*(_meets(fault, tmp_path / name.replace(" ", "-")) for name, fault in _FAULTS.items()))


async def _meets(fault: Fault, folder: Path) -> None:
    async with shop(folder, scraped=False) as world:
        for call in _PAGE_CALLS:
            world.fail(fault, call)
        await _falls_ill(world)
        await _is_paged_and_recovers(world, 30, fault if fault.kind is not FaultKind.HANG else None)
        if fault.retry_after is not None:
            for call in _PAGE_CALLS:
                first, second, third = (one.at for one in world.tried(call)[:3])
                assert min(second - first, third - second) >= 950, f"{call} was not given the second it asked for"


async def test_a_page_waits_for_vendors_that_cannot_be_reached(tmp_path: Path) -> None:
    """Connections are refused for a while; then both vendors come back, and the page with them."""
    async with shop(tmp_path, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        await world.vendors.leave()
        await world.service.kill()

        async def has_tried_both() -> bool:
            for incident in await world.open_incidents():
                sent = await world.notifications(incident["number"])
                return len(sent) == 2 and all(one["attempts"] and one["state"] == "pending" for one in sent)
            return False

        await world.until(has_tried_both, "both vendors were tried")
        await world.vendors.come()
        await _is_paged_and_recovers(world, 30)


async def test_a_page_that_a_vendor_refuses_is_told_to_the_fallback(tmp_path: Path) -> None:
    """PagerDuty does not know ana's key: the console says whom the page was meant for and why it did not get there, and
    the end of it."""
    async with shop(tmp_path, scraped=False) as world:
        world.twin.pagerduty.unknown_keys.add(ANA)
        await _falls_ill(world)
        await world.until(lambda: "Meant for user:ana/pagerduty[0]" in world.daemon.log(), "the console has the page")
        assert ANA not in world.daemon.log()
        await world.until(lambda: world.roots(), "the other channel has it too")
        await world.service.start()
        await world.until_over()
        await world.until(lambda: "RESOLVED" in world.daemon.log(), "the console has the end of it")
        assert not world.pages()
