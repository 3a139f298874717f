"""What was under way at a kill -9 goes on: a `for:` that runs, samples, an escalation, an acknowledgement."""

from __future__ import annotations

from pathlib import Path

from monitor.clock import Clock
from monitor.model.times import SECOND, Timestamp
from tests.acceptance.shop import ANA, BO, Shop, shop, side_by_side

_FOR = 7
_RULES = f"""
groups:
  - name: patient
    interval: 1s
    rules:
      - alert: DownForLong
        expr: watchkeeper_check_status == 0
        for: {_FOR}s
        labels: {{severity: critical}}
        annotations: {{summary: "{{{{ $labels.check }}}} is down for long"}}
"""
_SAMPLES = 'watchkeeper_check_status{check="shop"}[2m]'


async def _times(world: Shop) -> set[Timestamp]:
    """When the shop's check was judged, as far as the daemon knows."""
    found = await world.daemon.query(_SAMPLES)
    return {round(float(at) * 1000) for series in found for at, _ in series["values"]}


async def test_a_for_in_progress_goes_on_and_at_most_the_last_second_of_samples_is_missing(tmp_path: Path) -> None:
    """Killed in the middle of `for: 7s`: after the start the alert is as old as before, and fires when it was due."""
    async with shop(tmp_path, rules=(), own_rules=_RULES, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()

        async def is_pending() -> bool:
            return [alert["state"] for alert in await world.daemon.alerts("DownForLong")] == ["pending"]

        await world.until(is_pending, "the alert waits for its time")
        (before,) = await world.daemon.alerts("DownForLong")
        known: set[Timestamp] = set()

        async def has_three_more() -> bool:
            known.update(await _times(world))
            return len(known) >= 5

        await world.until(has_three_more, "there are samples to lose")
        now = Clock().now()
        await world.daemon.restart()
        (after,) = await world.daemon.alerts("DownForLong")
        assert after["activeAt"] == before["activeAt"]
        assert not world.pages()
        kept = await _times(world)
        assert {at for at in known if at <= now - SECOND} <= kept

        await world.until(lambda: world.pages(ANA), "the alert fires")
        began = await world.daemon.query('min(ALERTS_FOR_STATE{alertname="DownForLong"})')
        waited = world.pages(ANA)[0].opened_at - round(float(began[0]["value"][1]) * 1000)
        assert _FOR * SECOND - 1_000 <= waited <= (_FOR + 2) * SECOND
        await world.service.start()
        await world.until_over()


async def test_an_escalation_goes_on_where_it_was(tmp_path: Path) -> None:
    """A step that came due while the daemon was dead is taken once; an acknowledgement outlives it."""
    await side_by_side(_a_step_came_due(tmp_path / "step"), _somebody_acknowledged(tmp_path / "acknowledged"))


async def _a_step_came_due(folder: Path) -> None:
    """Bo's turn passes while nobody is there to page him: he is paged after the start, and nobody is paged again."""
    async with shop(folder, scraped=False, second_step="2s") as world:
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: world.pages(ANA) and world.roots(), "ana is paged")
        world.daemon.kill()
        await world.daemon.gone()
        due = world.pages(ANA)[0].opened_at + 2_500
        await world.until(lambda: Clock().now() > due, "bo's turn is over")
        assert not world.pages(BO)
        await world.daemon.start()
        await world.until(lambda: world.pages(BO), "bo is paged")
        await world.service.start()
        await world.until_over()
        assert [alert.triggers for alert in world.pages(ANA)] == [1]
        assert [alert.triggers for alert in world.pages(BO)] == [1]


async def _somebody_acknowledged(folder: Path) -> None:
    """Killed right after the answer to the person: bo is never paged, and PagerDuty hears of it."""
    async with shop(folder, scraped=False, second_step="3s") as world:
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(lambda: world.pages(ANA), "ana is paged")
        await world.acknowledge_by_api("shop is down", "ana")
        await world.daemon.restart()
        due = world.pages(ANA)[0].opened_at + 4_000
        await world.until(lambda: Clock().now() > due, "bo's turn would have been")
        assert not world.pages(BO)
        await world.until(lambda: "acknowledge" in world.pages(ANA)[0].log, "PagerDuty knows")
        await world.service.start()
        await world.until_over()
