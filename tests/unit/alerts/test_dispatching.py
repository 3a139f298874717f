"""The alert side from report to notification, through the production shell in virtual time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from monitor.alerts.dispatching import Dispatcher
from monitor.alerts.muting import Mute
from monitor.alerts.placement import Routing
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.clock import Clock
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.errors import BugError, StoreError
from monitor.model.incidents import IncidentEvent
from monitor.model.labels import Labels
from monitor.model.notifications import DeliveryReport, Destination, Message, MessageKind, NotifyReason
from monitor.model.times import HOUR, MINUTE, SECOND, Millis, Timestamp
from monitor.simulate.loop import VirtualLoop, VirtualTime, run
from monitor.state.alert_store import SqlAlertStore
from monitor.state.codec import loads
from monitor.state.database import Database
from monitor.state.inbox import put_undelivered

START: Timestamp = 1_767_225_600_000
_TEAM = Route(receiver="team")
HOOK = Destination("team", "webhook", 0)
OTHER = Destination("other", "webhook", 0)
SHOP = parse_matchers('service="shop"')


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


class Gate:
    """Does the database's work inline, or holds it back so that writes share a batch."""

    def __init__(self) -> None:
        self._held: list[tuple[Callable[[], None], Callable[[], None]]] | None = None

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for work, done in held:
            work()
            done()

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        if self._held is not None:
            self._held.append((work, done))
            return
        work()
        done()

    def close(self) -> None:
        """Nothing to close."""


class World:
    """A dispatcher on a database in memory, and what it left for others."""

    def __init__(self, loop: VirtualLoop, routing: Routing) -> None:
        self.time = VirtualTime(loop, START)
        self.runner = Gate()
        self.database = Database.open(None, self.runner)
        self.routing = routing

    async def open(
        self, broken: Callable[[str, Exception], None] = lambda what, error: None, *, alive_at: int | None = None
    ) -> Dispatcher:
        self.store = await SqlAlertStore.load(self.database)
        dispatcher = Dispatcher(
            self.store,
            self.time.clock,
            self.routing,
            on_events=lambda: None,
            on_outbox=lambda _: None,
            broken=broken,
        )
        await dispatcher.start(alive_at)
        self.task = asyncio.get_running_loop().create_task(dispatcher.run())
        return dispatcher

    @property
    def clock(self) -> Clock:
        return self.time.clock

    async def until(self, at: Timestamp) -> None:
        await self.clock.sleep_until(START + at)

    async def rows(self) -> list[sqlite3.Row]:
        return await self.database.read(lambda c: c.execute("SELECT * FROM outbox ORDER BY seq").fetchall())

    async def messages(self) -> list[Message]:
        rows = await self.database.read(lambda c: c.execute("SELECT message FROM outbox_rows ORDER BY seq").fetchall())
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


def test_whoever_is_cut_off_leaves_a_group_that_is_told_in_time() -> None:
    """A push whose client went away while it was committed is committed; nothing else wakes the dispatcher for it."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await world.until(SECOND)
        world.runner.hold()
        pushing = asyncio.get_running_loop().create_task(dispatcher.accept([_alert("Down", START)]))
        await asyncio.sleep(0)  # noqa: TID251 - lets it begin
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)
        world.runner.release()
        await world.until(40 * SECOND)
        assert [message.kind for message in await world.messages()] == [MessageKind.TRIGGER]

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


@pytest.mark.parametrize(
    ("away", "ends"),
    [
        (10 * SECOND, 4 * MINUTE + 10 * SECOND),
        (2 * MINUTE, 6 * MINUTE),
        (HOUR, HOUR + 4 * MINUTE),
        (None, 5 * MINUTE + 40 * SECOND),
    ],
)
def test_after_a_restart_silence_ends_an_alert_as_late_as_the_daemon_was_away(away: int | None, ends: int) -> None:
    """Its rule went for good meanwhile: four minutes of belief are four minutes in which it could have been reported."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(40 * SECOND)
        world.task.cancel()
        seen = world.clock.now()
        await world.until(40 * SECOND + (away or 0))
        await world.open(alive_at=None if away is None else seen)
        (group,) = await world.store.groups()
        assert [alert.ends_at - START for alert in group.members] == [ends]

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


def test_a_commit_that_fails_leaves_nothing_in_memory() -> None:
    """The event of a rolled back decision is made again when the alert comes again, whoever else was in the batch."""

    async def story(world: World) -> None:
        dispatcher = await world.open()

        def poison(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA defer_foreign_keys=ON")
            connection.execute("INSERT INTO outbox_messages VALUES (99, '{}')")

        world.runner.hold()
        lost = asyncio.gather(
            world.database.write(poison),
            dispatcher.accept([_alert("Down", START)]),
            dispatcher.accept([_alert("Down", START, instance="b")]),
            return_exceptions=True,
        )
        await world.clock.sleep(1)
        world.runner.release()
        assert all(isinstance(result, StoreError) for result in await lost)
        assert await world.events() == []
        await dispatcher.accept([_alert("Down", START)])
        assert [len(event.members) for event in await world.events()] == [1]

    _play(_routing(Route(receiver="page")), story)


def test_members_that_leave_a_group_in_a_reload_still_resolve_their_incident() -> None:
    """A new route takes one of two services away: the incident hears of its end all the same."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START, service="api"), _alert("Down", START, service="shop")])
        shop = Route(
            receiver="team", key='{}/{service="shop"}', id='{}/{service="shop"}/0', matchers=SHOP, group_wait=0
        )
        await dispatcher.apply(_routing(Route(receiver="page", children=(shop,))))
        await world.until(SECOND)
        now = world.clock.now()
        for service in ("api", "shop"):
            await dispatcher.accept([replace(_alert("Down", START, service=service), ends_at=now, updated_at=now)])
        heard: dict[str, bool] = {}
        for event in await world.events():
            heard.update((member.labels["service"], member.firing) for member in event.members)
        assert heard == {"api": False, "shop": False}
        await world.until(HOUR)
        assert await world.store.groups() == ()

    _play(_routing(Route(receiver="page")), story)


def test_who_was_told_of_a_group_that_a_reload_moves_away_is_told_that_it_is_over_there() -> None:
    """Every notification that was sent is ended, also one whose alert had resolved and was not flushed yet."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(31 * SECOND)
        other = Route(receiver="other", group_by=frozenset({"alertname"}))
        receivers = {"other": Receiver(name="other", integrations=(Integration(destination=OTHER),))}
        await dispatcher.apply(Routing(root=other, receivers=receivers))
        await world.until(2 * MINUTE)
        rows = [(row["receiver"], row["kind"]) for row in await world.rows()]
        assert rows == [("team", "trigger"), ("team", "resolve"), ("other", "trigger")]

    _play(_routing(), story)


def test_a_notification_that_was_given_up_is_decided_again_at_the_next_flush() -> None:
    """As in Alertmanager: who was not told is told at the next group interval, not after the repeat interval."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_again(_alert("Down", START), world, lasts=HOUR)])
        await world.until(31 * SECOND)
        (row,) = await world.rows()
        report = DeliveryReport(
            dedupe_key=row["dedupe_key"],
            destination=HOOK,
            kind=MessageKind.TRIGGER,
            at=world.clock.now(),
            arrived=False,
            order_key=row["order_key"],
            why="404",
        )
        await world.database.write(lambda connection: put_undelivered(connection, report))
        dispatcher.nudge()
        await world.until(10 * MINUTE)
        reasons = [message.reason for message in await world.messages()]
        assert reasons == [NotifyReason.FIRST, NotifyReason.FIRST]
        assert await world.store.undelivered() == []

    _play(_routing(), story)


def test_one_broken_group_does_not_stop_the_others() -> None:
    """It is set aside for a minute and reported; the others are notified on time."""
    broken: list[str] = []

    class Trap:
        """Mutes nothing, and breaks for one alert."""

        def learn(self, alert: Alert, now: Timestamp, *, held_until: Timestamp | None = None) -> bool:
            return False

        def mutes_any(self, route: Route | None) -> bool:
            return True

        def mutes(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[Mute, ...]:
            if labels["alertname"] == "Bad":
                raise BugError("cannot be decided")
            return ()

        def next_change(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
            return None

    async def story(world: World) -> None:
        dispatcher = await world.open(broken=lambda what, error: broken.append(f"{what}: {error}"))
        await dispatcher.accept([_alert("Bad", START), _alert("Good", START)])
        await world.until(31 * SECOND)
        assert [message.alerts[0].labels["alertname"] for message in await world.messages()] == ["Good"]
        await world.until(95 * SECOND)
        assert [line.partition(": ")[2] for line in broken] == ["cannot be decided"] * 2

    _play(replace(_routing(), overlay=Trap()), story)


def test_a_reload_that_cannot_be_written_changes_nothing() -> None:
    """Alerts are routed as before."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Up", START)])
        await world.database.read(lambda connection: connection.execute("PRAGMA query_only=ON"))
        with pytest.raises(StoreError):
            await dispatcher.apply(_routing(Route(receiver="page")))
        await world.database.read(lambda connection: connection.execute("PRAGMA query_only=OFF"))
        await dispatcher.accept([_alert("Down", START)])
        assert [group.receiver for group in await world.store.groups()] == ["team", "team"]

    _play(_routing(), story)


def test_a_start_with_the_clock_put_back_does_not_wait_for_it() -> None:
    """A flush that was due in half a minute is not an hour away."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_again(_alert("Down", START), world, lasts=2 * HOUR)])
        world.task.cancel()
        world.time.jump(-HOUR)
        await world.open()
        await world.clock.sleep(6 * MINUTE)
        assert len(await world.messages()) == 1

    _play(_routing(), story)


def test_a_jump_is_written_down_once_whoever_notices_it() -> None:
    """A report that comes while the loop writes it down waits for that; else its group would end, believed too briefly."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        await dispatcher.accept([_alert("Down", START)])
        await world.until(SECOND)
        world.time.jump(-15 * MINUTE)
        world.runner.hold()
        dispatcher.nudge()
        await world.clock.sleep(0)
        report = asyncio.get_running_loop().create_task(dispatcher.accept([_again(_alert("Up", START), world)]))
        for _ in range(9):
            await world.clock.sleep(0)
            world.runner.release()
            world.runner.hold()
        world.runner.release()
        await report
        (down,) = [group for group in await world.store.groups() if dict(group.labels.pairs)["alertname"] == "Down"]
        assert down.members[0].ends_at == START + 4 * MINUTE - 15 * MINUTE

    _play(_routing(), story)


def test_thousands_of_alerts_in_one_push_let_others_have_their_turn() -> None:
    """They are placed some hundreds at a time and taken in together, under the routes that a reload has brought meanwhile."""

    async def story(world: World) -> None:
        dispatcher = await world.open()
        alerts = [_alert("Down", START, instance=str(number)) for number in range(2_000)]
        push = asyncio.get_running_loop().create_task(dispatcher.accept(alerts))
        turns = 0
        while not push.done():
            turns += 1
            if turns == 3:
                await dispatcher.apply(_routing(replace(_TEAM, receiver="page")))
            await world.clock.sleep(0)
        assert turns > 8
        (group,) = await world.store.groups()
        assert (group.receiver, len(group.members)) == ("page", 2_000)
        assert len(await world.events()) == 1

    _play(_routing(), story)


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
