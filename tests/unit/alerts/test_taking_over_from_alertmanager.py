"""What Alertmanager told is not told again, and is ended when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.inheriting import Heard, Inheritance, inherit
from monitor.alerts.pipeline import AlertStep, Routing
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, Message, NotifyReason
from monitor.model.times import HOUR, MINUTE, SECOND, Millis
from monitor.model.xxh import labels_hash
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.alert_store import SqlAlertStore
from monitor.state.codec import loads
from monitor.state.database import Database, Inline

START = 1_767_225_600_000
HOOK = Destination("hook", "webhook")
CHAT = Destination("chat", "slack")
SHOP = Route(
    receiver="chat",
    key='{}/{team="shop"}',
    id='{}/{team="shop"}/0',
    matchers=parse_matchers('team="shop"'),
    group_by=frozenset({"alertname"}),
)
ROUTING = Routing(
    root=Route(receiver="hook", group_by=frozenset({"alertname"}), group_interval=MINUTE, children=(SHOP,)),
    receivers={
        "hook": Receiver(name="hook", integrations=(Integration(destination=HOOK),)),
        "chat": Receiver(name="chat", integrations=(Integration(destination=CHAT),)),
    },
)
A, B = (Labels({"alertname": "Down", "instance": name}) for name in "ab")


def _heard(
    *firing: Labels, key: str = '{}:{alertname="Down"}', destination: Destination = HOOK, at: int = -HOUR
) -> Heard:
    return Heard(
        group_key=key,
        destination=destination,
        at=START + at,
        firing=frozenset(map(labels_hash, firing)),
        resolved=frozenset(),
        expires_at=START + at + 8 * HOUR,
    )


def _story(heard: Sequence[Heard], steps: Sequence[tuple[Millis, Sequence[Labels], Millis]]) -> list[tuple[int, str]]:
    """What is told when: at each step (after the start) these alerts are pushed, believed for so long."""
    loop = VirtualLoop()
    time = VirtualTime(loop, START)
    told: list[tuple[int, str]] = []

    async def whole() -> None:
        database = Database.open(None, Inline())
        store = await SqlAlertStore.load(database)
        await store.transact([], lambda _: AlertStep(groups=inherit(heard, ROUTING, START).groups))
        # Another life, as after the command that imported.
        store = await SqlAlertStore.load(database)
        dispatcher = Dispatcher(store, time.clock, ROUTING, on_events=lambda: None, on_outbox=lambda _: None)
        await dispatcher.start()
        task = asyncio.get_running_loop().create_task(dispatcher.run())
        for at, alerts, lasts in steps:
            await time.clock.sleep_until(START + at)
            now = time.clock.now()
            await dispatcher.accept(
                [
                    Alert(
                        labels=labels,
                        annotations=Labels(),
                        starts_at=START - 2 * HOUR,
                        ends_at=now + lasts,
                        updated_at=now,
                    )
                    for labels in alerts
                ]
            )
        await time.clock.sleep(10 * MINUTE)
        rows = await database.read(lambda c: c.execute("SELECT message FROM outbox_rows ORDER BY seq").fetchall())
        told.extend(
            ((message.at - START) // SECOND, message.reason.value)
            for message in (loads(Message, row["message"]) for row in rows)
        )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()

    run(whole(), loop)
    return told


def test_an_alert_that_was_told_is_not_told_again() -> None:
    """Its receiver knows it from the time before."""
    assert _story([_heard(A, B)], [(5 * SECOND, [A, B], 4 * HOUR)]) == []
    assert _story([], [(5 * SECOND, [A, B], 4 * HOUR)]) == [(5, NotifyReason.FIRST.value)]


def test_an_alert_that_is_new_is_told() -> None:
    """With those that were known."""
    assert _story([_heard(A)], [(5 * SECOND, [A, B], 4 * HOUR)]) == [(5, NotifyReason.NEW_ALERTS.value)]


def test_the_repeat_interval_goes_on_where_it_was() -> None:
    """Told nearly four hours ago, so told again soon."""
    repeated = _story([_heard(A, at=-4 * HOUR + 2 * MINUTE)], [(5 * SECOND, [A], 4 * HOUR)])
    assert repeated == [(125, NotifyReason.REPEAT.value)]


def test_whoever_was_told_is_told_of_the_end() -> None:
    """Also of an alert that Alertmanager alone has seen."""
    assert _story([_heard(A)], [(5 * SECOND, [A], 30 * SECOND)]) == [(65, NotifyReason.ALL_RESOLVED.value)]
    assert _story([_heard(A, B)], [(5 * SECOND, [A], 30 * SECOND)]) == [(65, NotifyReason.ALL_RESOLVED.value)]


def test_entries_find_their_group_by_key_and_receiver() -> None:
    """What no route, no receiver or no integration answers to is told of, and so is what has expired."""
    shop = _heard(A, key='{}/{team="shop"}:{alertname="Down"}', destination=CHAT)
    strangers = [
        _heard(A, key='{}/{team="gone"}:{alertname="Down"}'),
        _heard(A, key='{}:{instance="a"}'),
        _heard(A, key="{}:not labels"),
        _heard(A, key='{}:{alertname=~"D.*"}'),
        _heard(A, destination=Destination("hook", "webhook", 1)),
        _heard(A, destination=CHAT),
    ]
    found = inherit([shop, *strangers, _heard(A, at=-9 * HOUR)], ROUTING, START)
    assert [group.id for group in found.groups] == ['{}/{team="shop"}/0:{alertname="Down"}']
    assert found.homeless == tuple(strangers)
    assert found.expired == 1
    assert inherit([], ROUTING, START) == Inheritance(groups=(), homeless=(), expired=0)
