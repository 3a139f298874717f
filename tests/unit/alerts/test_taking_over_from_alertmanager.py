"""What Alertmanager told is not told again, and is ended when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.inheriting import Heard, Inheritance, inherit
from monitor.alerts.mending import Repairs
from monitor.alerts.placement import Routing
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
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


def _story(
    heard: Sequence[Heard], steps: Sequence[tuple[Millis, Sequence[Labels], Millis]], *, after: Routing = ROUTING
) -> list[tuple[int, str]]:
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
        dispatcher = Dispatcher(store, time.clock, after, on_events=lambda: None, on_outbox=lambda _: None)
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


def test_an_end_that_came_while_nobody_watched_is_told() -> None:
    """Prometheus repeats the end for a quarter of an hour; what Alertmanager never told of makes no noise."""
    assert _story([_heard(A)], [(5 * SECOND, [A], 0)]) == [(35, NotifyReason.ALL_RESOLVED.value)]
    assert _story([_heard(A)], [(5 * SECOND, [B], 0)]) == []
    assert _story([], [(5 * SECOND, [A], 0)]) == []


def test_a_receiver_that_was_renamed_since_does_not_keep_the_daemon_from_starting() -> None:
    """Nobody is there who was told, so what fires is told anew."""
    renamed = replace(
        ROUTING,
        root=replace(ROUTING.root, receiver="other"),
        receivers={**ROUTING.receivers, "other": Receiver(name="other", integrations=(Integration(destination=CHAT),))},
    )
    renamed = replace(renamed, receivers={name: one for name, one in renamed.receivers.items() if name != "hook"})
    told = _story([_heard(A)], [(5 * SECOND, [A], 4 * HOUR)], after=renamed)
    assert told == [(5, NotifyReason.FIRST.value)]


def test_what_was_taken_over_counts_also_where_a_refire_is_told() -> None:
    """The switch is about what ended unheard; these fire on."""
    mended = replace(ROUTING, repairs=Repairs(notify_on_refire=True))
    assert _story([_heard(A)], [(5 * SECOND, [A], 4 * HOUR)], after=mended) == []


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
