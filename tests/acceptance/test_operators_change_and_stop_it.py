"""What operators do to a running daemon, in the middle of an incident: reload, stop, start a second one, fill the disk."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from monitor.clock import Clock
from monitor.model.times import SECOND
from tests.acceptance.shop import ANA, BO, Shop, shop, side_by_side
from tests.support.daemon_process import DaemonProcess
from tests.support.twin import Fault, FaultKind


async def _with_an_incident(world: Shop) -> None:
    await world.daemon.start()
    await world.until_watched()
    await world.service.kill()
    await world.until(lambda: world.pages(ANA) and world.roots(), "ana is paged")


async def _health(world: Shop) -> tuple[int, dict[str, str]]:
    status, document = await world.daemon.ask("GET", "/health")
    return status, document


async def test_a_reload_keeps_an_open_incident_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    """By request and by SIGHUP. The walk goes on, nobody is paged again, and a mistake is told with its place."""
    async with shop(tmp_path, scraped=False, second_step="6s") as world:
        await _with_an_incident(world)
        good = world.daemon.config.read_text()

        world.daemon.config.write_text(good + "\npolicys: {}\n")
        status, answer = await world.daemon.ask("POST", "/-/reload")
        assert status >= 400
        assert "policys" in str(answer)
        assert (await _health(world))[1]["status"] == "degraded"

        more = good.replace("checks:\n", 'checks:\n  - {name: second, url: "' + world.service.url + '/health"}\n')
        world.daemon.config.write_text(more)
        status, answer = await world.daemon.ask("POST", "/-/reload")
        assert status == 200, answer

        async def probes_the_second() -> bool:
            return bool(await world.daemon.query('probe_success{check="second"}'))

        await world.until(probes_the_second, "the new check is made")
        assert (await _health(world))[1]["status"] == "healthy"

        world.daemon.config.write_text("checks: [")
        world.daemon.signal(signal.SIGHUP)
        await world.until(lambda: "reload refused" in world.daemon.log(), "SIGHUP reads a broken file")
        world.daemon.config.write_text(good)
        world.daemon.signal(signal.SIGHUP)

        async def forgot_the_second() -> bool:
            document = await world.daemon.get("/api/watchkeeper/v1/checks")
            return [check["name"] for check in document["checks"]] == ["shop"]

        await world.until(forgot_the_second, "SIGHUP reads a good file")
        assert [alert.triggers for alert in world.pages()] == [1]
        await world.until(lambda: world.pages(BO), "the walk goes on")
        await world.service.start()
        await world.until_over()


async def test_a_shutdown_is_quick_and_loses_nothing(tmp_path: Path) -> None:
    """SIGTERM ends with 0 within ten seconds, and the next life knows of everything: in the middle of an incident, while
    both vendors hang, and just after a failure was noticed."""
    await side_by_side(
        _stops_in_an_incident(tmp_path / "incident"),
        _stops_while_vendors_hang(tmp_path / "hanging"),
        _stops_as_a_failure_is_noticed(tmp_path / "noticed"),
    )


async def _stops_while_vendors_hang(folder: Path) -> None:
    """What was cut off is cleared up after the start."""
    async with shop(folder, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        for call in ("pagerduty.enqueue", "slack.chat.postMessage"):
            world.fail(Fault(kind=FaultKind.HANG), call)
        await world.service.kill()
        await world.until(lambda: world.tried("pagerduty") and world.tried("slack"), "both vendors have the bytes")
        world.daemon.process.terminate()
        assert await world.daemon.gone(10) == 0
        await world.daemon.start()
        await world.service.start()
        await world.until_over()
        assert len(world.pages()) == len(world.roots()) == 1


async def _stops_in_an_incident(folder: Path) -> None:
    async with shop(folder, scraped=False) as world:
        await _with_an_incident(world)
        (incident,) = await world.open_incidents()
        world.daemon.process.terminate()
        assert await world.daemon.gone(10) == 0
        await world.daemon.start()
        (same,) = await world.open_incidents()
        assert same["id"] == incident["id"]
        await world.service.start()
        await world.until_over()
        assert [alert.triggers for alert in world.pages()] == [1]


async def _stops_as_a_failure_is_noticed(folder: Path) -> None:
    """The page is there, now or after the next start."""
    async with shop(folder, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        await world.service.kill()
        await world.until(
            lambda: "check changed" in world.daemon.log().partition("ready ")[2], "the failure is noticed"
        )
        assert await world.daemon.stop() == 0
        await world.daemon.start()
        await world.until(lambda: world.pages(ANA) and world.roots(), "ana is paged")
        await world.service.start()
        await world.until_over()
        assert [alert.triggers for alert in world.pages()] == [1]
        assert len(world.roots()) == 1


async def test_a_second_daemon_on_the_same_data_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    """It ends with its reason; the first one is not disturbed."""
    async with shop(tmp_path, scraped=False) as world:
        await world.daemon.start()
        second = DaemonProcess(tmp_path, world.daemon.config)
        second.log_file = tmp_path / "second.log"
        try:
            await second.start(ready=False)
            assert await second.gone() == 4
            assert f"process {world.daemon.pid}" in second.log()
        finally:
            await second.end()
        await world.until_watched()


async def test_what_cannot_be_written_is_told_and_delays_pages_at_most(tmp_path: Path) -> None:
    """A full disk, a database that somebody else holds, a sample log that cannot go on: each is told by /health, and the
    page goes out without help."""
    await side_by_side(
        _the_disk_is_full(tmp_path / "disk"),
        _somebody_holds_the_database(tmp_path / "database"),
        _no_sample_can_be_kept(tmp_path / "samples"),
    )


async def _the_disk_is_full(folder: Path) -> None:
    """While nothing can be committed nothing is promised; the page follows when there is room."""
    async with shop(folder, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        world.daemon.fill_disk()
        await world.service.kill()

        async def says_so() -> bool:
            status, document = await _health(world)
            return status == 503 and document["database"].startswith("error")

        await world.until(says_so, "/health tells that nothing can be committed")
        # long enough for every part to try, fail and say so
        full_until = Clock().now() + 3 * SECOND
        await world.until(lambda: Clock().now() > full_until, "it stays full for a while")
        assert not world.pages()
        world.daemon.empty_disk()
        await world.until(lambda: world.pages(ANA) and world.roots(), "the page goes out")
        await world.service.start()
        await world.until_over()

        async def is_well() -> bool:
            return (await _health(world))[0] == 200

        # parts that failed pause before they begin again
        await world.until(is_well, "everything is up again", 30)
        assert await world.daemon.stop() == 0


async def _somebody_holds_the_database(folder: Path) -> None:
    """As a backup does that takes too long: longer than the daemon waits for one commit."""
    async with shop(folder, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        with closing(sqlite3.connect(world.daemon.data / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await world.service.kill()

            async def says_so() -> bool:
                status, document = await _health(world)
                return status == 503 and "locked" in document["database"]

            await world.until(says_so, "/health tells that the database is locked")
            assert not world.pages()
            other.execute("ROLLBACK")
        await world.until(lambda: world.pages(ANA) and world.roots(), "the page goes out")
        await world.service.start()
        await world.until_over()


async def _no_sample_can_be_kept(folder: Path) -> None:
    """The sample log cannot be written, the database can: that is degraded, not down, and it heals by itself."""
    async with shop(folder, scraped=False) as world:
        await world.daemon.start()
        await world.until_watched()
        samples = world.daemon.data / "samples"
        await world.until(lambda: list(samples.glob("*1.samples")), "samples are kept")
        # after a failure the log goes on in its next file, which is in the way
        obstacle = samples / "0000000002.samples"
        obstacle.mkdir()
        world.daemon.fill_disk()

        async def says_so() -> bool:
            return (await _health(world))[1]["cache"].startswith("error")

        await world.until(says_so, "/health tells that samples are not kept")
        world.daemon.empty_disk()
        await world.service.kill()
        await world.until(lambda: world.pages(ANA) and world.roots(), "the page goes out")
        status, document = await _health(world)
        assert (status, document["status"], document["database"]) == (200, "degraded", "connected")
        obstacle.rmdir()

        async def is_well() -> bool:
            return (await _health(world))[1]["cache"] == "connected"

        await world.until(is_well, "samples are kept again")
        await world.service.start()
        await world.until_over()


async def test_an_unreachable_daemon_is_not_mistaken_for_a_well_one(tmp_path: Path) -> None:
    """`watchkeeper health` fails against nobody, and says so."""
    async with shop(tmp_path, scraped=False) as world:
        await world.daemon.start()
        assert (await world.daemon.command("health"))[0] == 0
        world.daemon.kill()
        await world.daemon.gone()
        code, output = await world.daemon.command("health")
        assert (code, bool(output.strip())) == (3, True)
