"""The alert side from report to notification, through the production shell in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.pipeline import Routing
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.clock import Clock
from monitor.model.alerts import Alert
from monitor.model.incidents import IncidentEvent
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, Message, MessageKind, NotifyReason
from monitor.model.times import HOUR, MINUTE, SECOND, Millis, Timestamp
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.alert_store import SqlAlertStore
from monitor.state.codec import loads
from monitor.state.database import Database, Inline

START: Timestamp = 1_767_225_600_000
_TEAM = Route(receiver="team")
HOOK = Destination("team", "webhook", 0)


def _routing(root: Route = _TEAM) -> Routing:
    return Routing(
        root=replace(root, group_by=frozenset({"alertname"})),
        receivers={
            "team": Receiver(name="team", integrations=(Integration(destination=HOOK),)),
            "page": Receiver(name="page", policy="payments"),
        },
    )


def _alert(name: str, now: Timestamp, *, ends: Timestamp | None = None, **labels: str) -> Alert:
    return Alert(
        labels=Labels({"alertname": name, "severity": "critical", **labels}),
        annotations=Labels({"summary": f"{name} is ill"}),
        starts_at=now,
        ends_at=now + 4 * MINUTE if ends is None else ends,
        updated_at=now,
    )


class World:
    """A dispatcher on a database in memory, and what it left for others."""

    def __init__(self, loop: VirtualLoop, routing: Routing) -> None:
        self.time = VirtualTime(loop, START)
        self.database = Database.open(None, Inline())
        self.routing = routing

    async def open(self) -> Dispatcher:
        self.store = await SqlAlertStore.load(self.database)
        dispatcher = Dispatcher(
            self.store, self.time.clock, self.routing, on_events=lambda: None, on_outbox=lambda: None
        )
        await dispatcher.start()
        self.task = asyncio.get_running_loop().create_task(dispatcher.run())
        return dispatcher

    @property
    def clock(self) -> Clock:
        return self.time.clock

    async def until(self, at: Timestamp) -> None:
        await self.clock.sleep_until(START + at)

    async def messages(self) -> list[Message]:
        rows = await self.database.read(lambda c: c.execute("SELECT message FROM outbox ORDER BY seq").fetchall())
        return [loads(Message, row["message"]) for row in rows]

    async def events(self) -> list[IncidentEvent]:
        rows = await self.database.read(lambda c: c.execute("SELECT doc FROM inbox ORDER BY id").fetchall())
        return [loads(IncidentEvent, row["doc"]) for row in rows]


def test_a_group_waits_for_company_then_speaks_once() -> None:
    """Two alerts within group_wait make one notification; a repeat of the same alerts makes none."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START, instance="a")])
        await world.until(10 * SECOND)
        await dispatcher.accept([_alert("Down", START + 10 * SECOND, instance="b")])
        await world.until(29 * SECOND)
        assert await world.messages() == []
        await world.until(31 * SECOND)
        (first,) = await world.messages()
        assert (first.kind, first.reason, len(first.alerts)) == (MessageKind.TRIGGER, NotifyReason.FIRST, 2)
        for minute in range(1, 11):
            await world.until(minute * MINUTE)
            await dispatcher.accept([_again(_alert("Down", START, instance=i), world) for i in "ab"])
        assert len(await world.messages()) == 1

    _play(_routing(), story)


def test_a_resolved_alert_is_told_at_the_next_flush_and_the_group_ends() -> None:
    """Resolved members leave in the next flush; an empty group is gone."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(60 * SECOND)
        now = world.clock.now()
        await dispatcher.accept([replace(_alert("Down", START), ends_at=now, updated_at=now)])
        await world.until(30 * SECOND + 5 * MINUTE + SECOND)
        assert [message.kind for message in await world.messages()] == [MessageKind.TRIGGER, MessageKind.RESOLVE]
        assert await world.store.groups() == ()

    _play(_routing(), story)


def test_an_alert_that_nobody_reports_any_more_resolves_when_its_end_has_passed() -> None:
    """The last report says until when it holds."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(10 * MINUTE)
        assert [message.kind for message in await world.messages()] == [MessageKind.TRIGGER, MessageKind.RESOLVE]

    _play(_routing(), story)


def test_repeats_come_at_the_first_flush_after_the_repeat_interval() -> None:
    """A group that goes on firing is said again, for the reason `repeat interval elapsed`."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        for minute in range(80):
            await world.until(minute * MINUTE)
            await dispatcher.accept([_again(_alert("Down", START), world, lasts=4 * MINUTE)])
        reasons = [message.reason for message in await world.messages()]
        assert reasons == [NotifyReason.FIRST, NotifyReason.REPEAT]

    _play(_routing(Route(receiver="team", repeat_interval=HOUR)), story)


def test_a_restart_says_nothing_twice_and_forgets_nothing() -> None:
    """The notification log and the timers survive: no second first notification, and the resolve still goes out."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(40 * SECOND)
        world.task.cancel()
        await world.until(20 * MINUTE)
        dispatcher = await world.open()
        await world.until(21 * MINUTE)
        assert len(await world.messages()) == 1
        now = world.clock.now()
        await dispatcher.accept([replace(_alert("Down", START), ends_at=now, updated_at=now)])
        await world.until(30 * MINUTE)
        assert [message.kind for message in await world.messages()] == [MessageKind.TRIGGER, MessageKind.RESOLVE]

    _play(_routing(), story)


def test_an_escalating_receiver_hears_of_each_change_at_once_with_all_members() -> None:
    """Events leave before group timers: one for the first alert, one for the second, one for each resolve."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START, instance="a")])
        await dispatcher.accept([_alert("Down", START, instance="b")])
        await dispatcher.accept([_alert("Down", START, instance="b")])
        events = await world.events()
        assert [[member.firing for member in event.members] for event in events] == [[True], [True, True]]
        assert {event.policy for event in events} == {"payments"}
        await world.until(4 * MINUTE + 1)
        assert [member.firing for member in (await world.events())[-1].members] == [False, False]

    _play(_routing(Route(receiver="page")), story)


def test_members_of_an_incident_outlive_a_reload_that_changes_their_route() -> None:
    """After a reload the alert notifies elsewhere, and its resolve still reaches the incident it belonged to."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await dispatcher.apply(_routing())
        now = world.clock.now() + SECOND
        await world.until(SECOND)
        await dispatcher.accept([replace(_alert("Down", START), ends_at=now, updated_at=now)])
        events = await world.events()
        assert [[member.firing for member in event.members] for event in events] == [[True], [False]]
        await world.until(HOUR)
        assert await world.store.groups() == ()

    _play(_routing(Route(receiver="page")), story)


def test_a_reload_that_changes_nothing_for_a_group_keeps_its_timer_and_log() -> None:
    """No notification is doubled and none is delayed by a reload."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(20 * SECOND)
        await dispatcher.apply(_routing())
        await world.until(31 * SECOND)
        assert len(await world.messages()) == 1
        await dispatcher.apply(_routing(Route(receiver="team", group_interval=MINUTE)))
        await dispatcher.accept([_again(_alert("Down", START), world, lasts=30 * MINUTE)])
        await world.until(20 * MINUTE)
        assert len(await world.messages()) == 1

    _play(_routing(), story)


def test_page_first_notifies_the_first_alert_at_once_and_groups_the_rest() -> None:
    """`page_first` costs no waiting for the first alert of a group."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START, instance="a")])
        await world.until(1)
        assert len(await world.messages()) == 1
        await dispatcher.accept([_alert("Down", START, instance="b"), _alert("Down", START, instance="c")])
        await world.until(31 * SECOND)
        assert [len(message.alerts) for message in await world.messages()] == [1, 3]

    _play(_routing(Route(receiver="team", page_first=True)), story)


def _again(alert: Alert, world: World, lasts: Millis = 4 * MINUTE) -> Alert:
    now = world.clock.now()
    return replace(alert, updated_at=now, ends_at=now + lasts)


def _play(routing: Routing, story: Callable[[World], Awaitable[None]]) -> None:
    loop = VirtualLoop()
    world = World(loop, routing)

    async def whole() -> None:
        await story(world)
        world.task.cancel()
        await asyncio.gather(world.task, return_exceptions=True)
        await world.database.close()

    run(whole(), loop)
