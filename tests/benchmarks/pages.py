"""What a page takes: from an alert that a rule reports to the webhook that has accepted it, over a database on disk."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from aiohttp import web

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.placement import Routing
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.clock import Clock
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination
from monitor.model.times import HOUR
from monitor.notify.delivering import Delivery
from monitor.notify.kinds.making import make_kinds
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.webhook import WebhookOptions
from monitor.state.alert_store import SqlAlertStore
from monitor.state.database import Database, WriterThread
from monitor.state.outbox_store import SqlOutboxStore
from tests.benchmarks.figures import Figure
from tests.support.delivering import FakeAddressBook, FakeMeters, Tasks
from tests.support.surroundings import around

_PAGES = 60
_HOOK = Destination("hook", "webhook")


def measure() -> list[Figure]:
    """One alert after the other, each of a group of its own that waits for nobody."""
    with tempfile.TemporaryDirectory() as folder:
        waits, cpu, commits = asyncio.run(_pages(Path(folder)))
    ordered = sorted(waits)
    return [
        Figure(
            name="page", value=statistics.median(ordered), unit="ms", what="wall time from a reported alert to its page"
        ),
        Figure(
            name="page p95",
            value=ordered[int(0.95 * len(ordered))],
            unit="ms",
            what="the same, one in twenty is slower",
        ),
        Figure(
            name="page cpu", value=cpu, unit="ms", what="CPU for one page, the receiving end's small share included"
        ),
        Figure(name="page commits", value=commits, unit="commits", what="transactions for one page"),
    ]


async def _pages(folder: Path) -> tuple[list[float], float, float]:
    clock, tasks = Clock(), Tasks()
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def hook(request: web.Request) -> web.Response:
        await request.read()
        arrived.put_nowait(time.perf_counter())
        return web.Response()

    application = web.Application()
    application.router.add_post("/", hook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]

    database = Database.open(folder / "state.db", WriterThread())
    async with around() as place:
        outbox = SqlOutboxStore(database)
        delivery = Delivery(
            store=outbox,
            book=FakeAddressBook({_HOOK: WebhookOptions(url=SecretSource(f"http://127.0.0.1:{port}/"))}),
            kinds=make_kinds(place.surroundings),
            clock=clock,
            fraction=lambda: 0.5,
            start=tasks.start,
            meters=FakeMeters(),
        )
        routing = Routing(
            root=Route(receiver="hook", group_by_all=True, group_wait=0),
            receivers={"hook": Receiver(name="hook", integrations=(Integration(destination=_HOOK),))},
            recent_changes=lambda _alerts, _at: (),
        )
        dispatcher = Dispatcher(
            await SqlAlertStore.load(database), clock, routing, on_events=lambda: None, on_outbox=delivery.wake
        )
        await dispatcher.start()
        delivery.begin()
        tasks.start("alerts", dispatcher.run())
        waits: list[float] = []
        cpu, commits = 0.0, 0
        for number in range(-5, _PAGES):  # the first ones warm up
            if not number:
                cpu, commits, waits = time.process_time(), database.commits, []
            began = time.perf_counter()
            await dispatcher.accept([_alert(number, clock)])
            waits.append((await arrived.get() - began) * 1000)
            await asyncio.sleep(0.02)
        cpu, commits = time.process_time() - cpu, database.commits - commits
        await tasks.stop()
        await delivery.close()
    await database.close()
    await runner.cleanup()
    assert tasks.errors == []
    return waits, cpu / _PAGES * 1000, commits / _PAGES


def _alert(number: int, clock: Clock) -> Alert:
    now = clock.now()
    return Alert(
        labels=Labels({"alertname": "Down", "check": f"c{number}"}),
        annotations=EMPTY,
        starts_at=now,
        ends_at=now + HOUR,
        updated_at=now,
        generator_url="",
        value=0.0,
    )
