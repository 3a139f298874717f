"""What pushed alerts take: from their JSON to the webhooks that have accepted them, over a database on disk.

The shape is that of the measuring harness: 10,000 alerts in 100 groups, a hundred in a call; plain, and with 1,000
silences and 100 inhibition rules.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.inhibition import InhibitRule
from monitor.alerts.muting import Muting, MutingRules
from monitor.alerts.placement import Routing
from monitor.alerts.pushed import pushed_alert
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.silences import Silence
from monitor.clock import Clock
from monitor.matching.parse import parse_matchers
from monitor.model.notifications import Destination
from monitor.model.times import HOUR, MINUTE, SECOND, Timestamp
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

_ALERTS, _GROUPS, _BATCH, _RULES, _SILENCES = 10_000, 100, 100, 100, 1_000
_HOOK = Destination("hook", "webhook")


def measure() -> list[Figure]:
    """Ten thousand alerts, plain and among rules."""
    figures: list[Figure] = []
    for name, muted in (("pushed alert", False), ("pushed alert, muting", True)):
        with tempfile.TemporaryDirectory() as folder:
            taken, told = asyncio.run(_story(Path(folder), muted=muted))
        figures.append(Figure(name=name, value=taken, unit="us", what="CPU from its JSON to the commit"))
        figures.append(
            Figure(name=f"{name}, told", value=told, unit="us", what="CPU from there to its accepted webhook")
        )
    return figures


async def _story(folder: Path, *, muted: bool) -> tuple[float, float]:
    clock, tasks, told = Clock(), Tasks(), asyncio.Event()
    left = _ALERTS if not muted else sum(not _is_muted(number) for number in range(_ALERTS))

    async def hook(request: web.Request) -> web.Response:
        nonlocal left
        left -= (await request.read()).count(b'"fingerprint"')
        if left <= 0:
            told.set()
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
        delivery = Delivery(
            store=SqlOutboxStore(database),
            book=FakeAddressBook({_HOOK: WebhookOptions(url=SecretSource(f"http://127.0.0.1:{port}/"))}),
            kinds=make_kinds(place.surroundings),
            clock=clock,
            fraction=lambda: 0.5,
            start=tasks.start,
            meters=FakeMeters(),
        )
        dispatcher = Dispatcher(
            await SqlAlertStore.load(database),
            clock,
            _routing(clock.now(), muted=muted),
            on_events=lambda: None,
            on_outbox=delivery.wake,
        )
        await dispatcher.start()
        delivery.begin()
        if muted:
            roots = [{"labels": {"alertname": f"RootCause{rule}", "rack": f"r{rule}"}} for rule in range(_RULES)]
            await _push(dispatcher, json.dumps(roots).encode(), clock.now())
        bodies = [
            json.dumps([_alert(number) for number in range(start, start + _BATCH)]).encode()
            for start in range(0, _ALERTS, _BATCH)
        ]
        began = time.process_time()
        for body in bodies:
            await _push(dispatcher, body, clock.now())
        taken = time.process_time() - began
        began = time.process_time()
        tasks.start("alerts", dispatcher.run())
        await asyncio.wait_for(told.wait(), 30)
        spent = time.process_time() - began
        await tasks.stop()
        await delivery.close()
    await database.close()
    await runner.cleanup()
    assert tasks.errors == []
    return taken / _ALERTS * 1e6, spent / _ALERTS * 1e6


async def _push(dispatcher: Dispatcher, body: bytes, now: Timestamp) -> None:
    pushed: Sequence[Mapping[str, Mapping[str, str]]] = json.loads(body)
    await dispatcher.accept(
        [
            pushed_alert(
                one["labels"],
                one.get("annotations", {}),
                starts_at=now,
                ends_at=now + HOUR,
                generator_url="http://127.0.0.1/graph",
                resolve_timeout=5 * MINUTE,
                now=now,
            )
            for one in pushed
        ]
    )


def _alert(number: int) -> dict[str, dict[str, str]]:
    warning = number % 3 == 0
    return {
        "labels": {
            "alertname": "HighLatency" if warning else "ServiceDown",
            "group": f"g{number % _GROUPS}",
            "instance": f"host-{number}",
            "rack": f"r{number // _GROUPS % 150}",
            "severity": "warning" if warning else "critical",
            "service": f"svc-{number % 37}",
        },
        "annotations": {"summary": f"host-{number} is not healthy", "runbook": "docs/runbook"},
    }


def _is_muted(number: int) -> bool:
    return number < _SILENCES or (number % 3 == 0 and number // _GROUPS % 150 < _RULES)


def _routing(now: Timestamp, *, muted: bool) -> Routing:
    rules: list[InhibitRule] = []
    silences: list[Silence] = []
    if muted:
        for rule in range(_RULES):
            sources = parse_matchers(f'alertname="RootCause{rule}"')
            targets = parse_matchers(f'severity="warning",rack="r{rule}"')
            rules.append(InhibitRule(sources=sources, targets=targets, equal=("rack",)))
        for number in range(_SILENCES):
            sets = (parse_matchers(f'instance="host-{number}"'),)
            end = now + HOUR
            silences.append(
                Silence(
                    id=f"s{number}",
                    matcher_sets=sets,
                    starts_at=now,
                    ends_at=end,
                    updated_at=now,
                    expires_at=end + HOUR,
                )
            )
    return Routing(
        root=Route(receiver="hook", group_by=frozenset({"group"}), group_wait=SECOND, group_interval=SECOND),
        receivers={"hook": Receiver(name="hook", integrations=(Integration(destination=_HOOK),))},
        overlay=Muting(MutingRules(inhibit_rules=tuple(rules)), SilenceBook(silences)),
    )
