"""Outbox, loop and kinds together against the twin: faults, crashes, and one vendor that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module

import pytest

from monitor.clock import Clock
from monitor.model.notifications import Destination, MessageKind, OutboxRow, OutboxState
from monitor.model.times import SECOND
from monitor.notify.delivering import Delivery, Pace
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.making import make_kinds
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import SlackOptions
from monitor.notify.outbox import IncidentMark
from tests.support.delivering import FakeAddressBook, FakeMeters, Tasks
from tests.support.messages import INCIDENT, a_row
from tests.support.outbox_store import FakeOutboxStore
from tests.support.surroundings import Around, around
from tests.support.twin import FaultKind, Twin, running_twin

# a slow machine needs longer for these imports than the short deadline of the tests
_IMPORTED = [import_module(name) for name in ("pagerduty", "slack_sdk.web.async_client")]
_PAGERDUTY = Destination("user:ana", "pagerduty")
_SLACK = Destination("shop", "slack")
_CONSOLE = Destination("fallback", "console")
_PAGE, _ACK, _END = MessageKind.TRIGGER, MessageKind.ACKNOWLEDGE, MessageKind.RESOLVE


@dataclass
class World:
    """Everything but the daemon's process, which `daemon` plays."""

    twin: Twin
    place: Around
    store: FakeOutboxStore
    book: FakeAddressBook
    clock: Clock

    @asynccontextmanager
    async def daemon(self) -> AsyncGenerator[Delivery]:
        """One life of the daemon. Leaving cuts off whatever is under way, as a kill does."""
        tasks = Tasks()
        delivery = Delivery(
            store=self.store,
            book=self.book,
            kinds=make_kinds(self.place.surroundings),
            clock=self.clock,
            fraction=lambda: 0.02,
            start=tasks.start,
            meters=FakeMeters(),
            pace=Pace(deadline=1 * SECOND, lease=10 * SECOND),
        )
        await self.store.expire_leases(self.clock.now(), orphaned=True)
        delivery.begin()
        try:
            yield delivery
        finally:
            await tasks.stop()
            await delivery.close()
        assert tasks.errors == []

    def row(self, destination: Destination, kind: MessageKind = _PAGE, key: str = "page", epoch: int = 1) -> OutboxRow:
        return a_row(
            kind,
            key=f"{key} {destination}",
            integration=destination.integration,
            receiver=destination.receiver,
            epoch=epoch,
            at=self.clock.now(),
        )

    async def until_ended(self, count: int) -> None:
        async with asyncio.timeout(20):
            while sum(one.ended for one in await self.store.rows()) < count:
                await self.clock.sleep(10)


@asynccontextmanager
async def world() -> AsyncGenerator[World]:
    async with running_twin() as twin, around(twin.trust()) as place:
        book = FakeAddressBook(
            {
                _PAGERDUTY: PagerDutyOptions(routing_key=SecretSource("k" * 32), url=twin.https_url),
                _SLACK: SlackOptions(token=SecretSource("xoxb-1"), channel="#shop", base_url=twin.slack_url),
                _CONSOLE: ConsoleOptions(),
            },
            _CONSOLE,
        )
        found = World(twin, place, FakeOutboxStore(), book, Clock())
        await found.store.set_incident(INCIDENT, IncidentMark(epoch=1, open=True))
        yield found


async def _whole_course(found: World) -> None:
    """Page both vendors, then resolve."""
    async with found.daemon() as delivery:
        await found.store.add(found.row(_PAGERDUTY), found.row(_SLACK))
        delivery.wake()
        await found.until_ended(2)
        await found.store.set_incident(INCIDENT, IncidentMark(epoch=2, open=False))
        await found.store.add(found.row(_PAGERDUTY, _END, "end", 2), found.row(_SLACK, _END, "end", 2))
        delivery.wake()
        await found.until_ended(4)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (FaultKind.STATUS, 500),
        (FaultKind.STATUS, 503),
        (FaultKind.STATUS, 429),
        (FaultKind.DROP, 0),
        (FaultKind.CUT, 0),
        (FaultKind.GARBAGE, 0),
        (FaultKind.HANG, 0),
        (FaultKind.STALL, 0),
    ],
    ids=lambda value: str(getattr(value, "value", value)),
)
async def test_whatever_the_vendor_does_one_page_arrives_and_is_resolved(fault: FaultKind, status: int) -> None:
    """Nothing lost, nothing doubled: at PagerDuty thanks to the key, at Slack thanks to the look into its history."""
    async with world() as found:
        found.twin.slack.quiet_channels.add("CSHOP")
        for call in ("pagerduty", "slack.chat"):
            found.twin.fail(fault, call, status=status or 500, retry_after=1 if status == 429 else None)
        await _whole_course(found)
        assert [row.state for row in await found.store.rows()] == [OutboxState.SENT] * 4
        (alert,) = found.twin.pagerduty.alerts
        assert alert.status == "resolved"
        (root,) = found.twin.slack.roots()
        assert root.text.startswith("RESOLVED")
        assert "possible repeat" not in " ".join(root.former)


async def test_a_vendor_that_hangs_delays_no_page_of_another() -> None:
    """Slack hangs on every call; PagerDuty has the page at once."""
    async with world() as found:
        found.twin.fail(FaultKind.STALL, "slack", times=-1)
        async with found.daemon() as delivery:
            for n in range(10):
                await found.store.add(a_row(key=f"s{n}", order=f"o{n}", integration="slack", receiver="shop"))
            await found.store.add(found.row(_PAGERDUTY))
            delivery.wake()
            async with asyncio.timeout(0.9):
                await found.twin.until_received(1, "pagerduty")


async def test_a_crash_between_bytes_and_answer_neither_loses_nor_doubles_a_page() -> None:
    """Both vendors take it in and do not answer; the daemon dies; the next one clears it up."""
    async with world() as found:
        found.twin.fail(FaultKind.HANG, "pagerduty")
        found.twin.fail(FaultKind.HANG, "slack")
        async with found.daemon() as delivery:
            await found.store.add(found.row(_PAGERDUTY), found.row(_SLACK))
            delivery.wake()
            async with asyncio.timeout(5):
                await found.twin.until_received(2)
        assert {row.state for row in await found.store.rows()} == {OutboxState.LEASED}
        async with found.daemon():
            await found.until_ended(2)
        assert [alert.triggers for alert in found.twin.pagerduty.alerts] == [2]
        assert len(found.twin.slack.messages) == 1


async def test_a_page_that_was_acknowledged_during_a_crash_is_not_sent_again_but_is_resolved() -> None:
    """It may have arrived, so its acknowledgement and its end are told; no trigger starts any more."""
    async with world() as found:
        found.twin.fail(FaultKind.HANG, "pagerduty")
        async with found.daemon() as delivery:
            await found.store.add(found.row(_PAGERDUTY))
            delivery.wake()
            async with asyncio.timeout(5):
                await found.twin.until_received(1)
        await found.store.set_incident(INCIDENT, IncidentMark(epoch=3, open=False))
        await found.store.add(found.row(_PAGERDUTY, _ACK, "ack", 2), found.row(_PAGERDUTY, _END, "end", 3))
        async with found.daemon():
            await found.until_ended(3)
        assert [alert.log for alert in found.twin.pagerduty.alerts] == [["trigger", "acknowledge", "resolve"]]


async def test_a_key_that_pagerduty_does_not_know_ends_at_the_fallback_with_the_reason() -> None:
    """Loudly, and with the end of the incident too."""
    async with world() as found:
        found.twin.pagerduty.unknown_keys.add("k" * 32)
        async with found.daemon() as delivery:
            await found.store.add(found.row(_PAGERDUTY))
            delivery.wake()
            await found.until_ended(2)
            await found.store.set_incident(INCIDENT, IncidentMark(epoch=2, open=False))
            await found.store.add(found.row(_PAGERDUTY, _END, "end", 2))
            delivery.wake()
            await found.until_ended(4)
        lines = found.place.lines
        assert "Meant for user:ana/pagerduty[0], which could not be reached: unexpected status code 400" in lines
        assert any(line.startswith("RESOLVED: shop-api is down") for line in lines)
        assert not any("kkkk" in line for line in lines)


async def test_a_burst_stays_within_slacks_limit() -> None:
    """Five incidents at once: none is refused, and none waits longer than its turn."""
    async with world() as found:
        async with found.daemon() as delivery:
            for n in range(4):
                await found.store.add(
                    a_row(
                        MessageKind.UPDATE,
                        key=f"s{n}",
                        order=f"o{n}",
                        integration="slack",
                        receiver="shop",
                        of_incident=False,
                        at=found.clock.now(),
                    )
                )
            delivery.wake()
            await found.until_ended(4)
        assert {one.status for one in found.twin.record} == {200}
        times = [one.at for one in found.twin.received("slack.chat.postMessage")]
        assert times[-1] - times[0] >= 4_400
