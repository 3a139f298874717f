"""PagerDuty against the twin, over TLS and through the vendor's package."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    MessageKind,
    OutboxRow,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import SECOND
from monitor.notify.kinds.pagerduty import PagerDuty, PagerDutyOptions
from monitor.notify.kinds.secret import SecretSource
from tests.support.collector import collecting
from tests.support.messages import INCIDENT, a_row
from tests.support.surroundings import around, sending, unused_surroundings
from tests.support.twin import FaultKind, Twin, running_twin

_KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Line:
    """The kind and the twin at its other end."""

    kind: PagerDuty
    twin: Twin
    options: PagerDutyOptions

    async def send(self, row: OutboxRow, options: PagerDutyOptions | None = None) -> DeliveryOutcome:
        async with asyncio.timeout(8):
            return await self.kind.deliver(sending(row, options if options is not None else self.options))


@pytest_asyncio.fixture
async def line() -> AsyncGenerator[Line]:
    async with running_twin() as twin, around(twin.trust()) as place:
        kind = PagerDuty(place.surroundings)
        yield Line(kind, twin, PagerDutyOptions(routing_key=SecretSource(_KEY), url=twin.https_url))
        await kind.close()


def _page(kind: MessageKind = MessageKind.TRIGGER, key: str = "r1", *, of_incident: bool = True) -> OutboxRow:
    return a_row(kind, key=key, integration="pagerduty", of_incident=of_incident)


def _again(kind: MessageKind, wake: int) -> OutboxRow:
    """Of an incident that has paged again so often after somebody had it."""
    row = _page(kind, key=f"{kind.value}{wake}")
    assert row.message.incident is not None
    return replace(row, message=replace(row.message, incident=replace(row.message.incident, wake=wake)))


async def test_an_incident_is_triggered_acknowledged_and_resolved_under_one_key(line: Line) -> None:
    """One alert at PagerDuty, with the incident's own key as its handle."""
    handles = [
        await line.send(_page(kind))
        for kind in (MessageKind.TRIGGER, MessageKind.REMINDER, MessageKind.ACKNOWLEDGE, MessageKind.RESOLVE)
    ]
    assert handles == [Delivered(f"wk:shop:{INCIDENT}")] * 4
    (alert,) = line.twin.pagerduty.alerts
    assert alert.log == ["trigger", "trigger", "acknowledge", "resolve"]
    assert alert.summary == "shop-api is down"


async def test_a_page_after_an_acknowledgement_is_an_alert_of_its_own(line: Line) -> None:
    """PagerDuty notifies nobody of an acknowledged alert. The one before is ended with it, and the end of the incident ends
    whatever is left, also where the page came to somebody else."""
    for row in (
        _page(),
        _page(MessageKind.ACKNOWLEDGE),
        _again(MessageKind.TRIGGER, 1),
        _again(MessageKind.ACKNOWLEDGE, 1),
    ):
        assert isinstance(await line.send(row), Delivered)
    first, second = line.twin.pagerduty.alerts
    assert (first.dedup_key, first.log) == (f"wk:shop:{INCIDENT}", ["trigger", "acknowledge", "resolve"])
    assert (second.dedup_key, second.log) == (f"wk:shop:{INCIDENT}:1", ["trigger", "acknowledge"])
    assert await line.send(_again(MessageKind.RESOLVE, 1)) == Delivered(f"wk:shop:{INCIDENT}:1")
    assert line.twin.pagerduty.open() == []


async def test_plain_notifications_use_alertmanagers_key(line: Line) -> None:
    """sha256 of the group key, so that alerts opened by Alertmanager can be closed by us."""
    outcome = await line.send(_page(of_incident=False))
    assert outcome == Delivered("67e17b89b5afea92d92d3468bf225c961f46e9be1f13ac563c7925e3d5125b9e")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected("unexpected status code 400")),
        (401, Rejected("unexpected status code 401")),
        (403, Rejected("unexpected status code 403")),
        (413, Rejected("unexpected status code 413")),
        (500, Unknown("unexpected status code 500")),
        (502, Unknown("unexpected status code 502")),
        (503, Unknown("unexpected status code 503")),
        (504, Unknown("unexpected status code 504")),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
async def test_a_refusal_is_final_and_a_server_error_is_not(line: Line, status: int, expected: DeliveryOutcome) -> None:
    """Each surfaces after exactly one call; a repetition after a server error is harmless, because the key is the same."""
    line.twin.fail(FaultKind.STATUS, status=status)
    assert await line.send(_page()) == expected
    assert len(line.twin.received()) == 1


async def test_a_rate_limit_surfaces_at_once_with_the_vendors_wish(line: Line) -> None:
    """The package would sleep and repeat for ever; the outbox knows better."""
    line.twin.fail(FaultKind.STATUS, status=429, retry_after=17)
    assert await line.send(_page()) == RetryLater("unexpected status code 429", 17 * SECOND)
    assert len(line.twin.received()) == 1


@pytest.mark.parametrize("fault", [FaultKind.DROP, FaultKind.GARBAGE, FaultKind.HANG])
async def test_a_lost_answer_is_unknown_and_the_next_attempt_doubles_nothing(line: Line, fault: FaultKind) -> None:
    """The event was taken in; sending it again joins the same alert."""
    line.twin.fail(fault)
    assert isinstance(await line.send(_page()), Unknown)
    assert isinstance(await line.send(_page()), Delivered)
    assert len(line.twin.pagerduty.alerts) == 1


async def test_a_port_where_nobody_listens_is_tried_again_later(line: Line) -> None:
    """Nothing was sent, so nothing is unclear."""
    options = PagerDutyOptions(routing_key=SecretSource(_KEY), url="https://127.0.0.1:1")
    assert await line.send(_page(), options) == RetryLater("no connection: ConnectError")


async def test_a_late_trigger_opens_nothing_under_the_key_of_a_new_generation(line: Line) -> None:
    """A resolve without an alert is accepted and dropped: sending one too many does no harm."""
    assert await line.send(_page(MessageKind.RESOLVE)) == Delivered(f"wk:shop:{INCIDENT}")
    assert line.twin.pagerduty.alerts == []


async def test_the_routing_key_appears_in_no_outcome_and_no_log(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, neither the key nor its last letters are told."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(line.options)]
    for status in (400, 401, 429, 500):
        line.twin.fail(FaultKind.STATUS, status=status)
        told.append(repr(await line.send(_page())))
    told += [record.getMessage() for record in caplog.records]
    assert not any(_KEY[-4:] in text for text in told)


async def test_an_address_without_tls_is_called_without_the_package(line: Line) -> None:
    """The package insists on https; a file of Alertmanager's may name a proxy of one's own."""
    options = PagerDutyOptions(routing_key=SecretSource(_KEY), url=line.twin.http_url)
    assert await line.send(_page(), options) == Delivered(f"wk:shop:{INCIDENT}")
    assert len(line.twin.pagerduty.alerts) == 1


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("/v2/enqueue", "/v2/enqueue"),
        ("/v2/enqueue/", "/v2/enqueue"),
        ("", "/v2/enqueue"),
        ("/", "/v2/enqueue"),
        ("/relay/pd", "/relay/pd"),
        ("/relay/v2/enqueue", "/relay/v2/enqueue"),
        ("/relay?team=a", "/relay?team=a"),
    ],
)
async def test_the_path_of_a_relay_is_called_as_it_is_written(url: str, called: str) -> None:
    """As Alertmanager does; a host alone is PagerDuty's, or stands in for it."""
    async with collecting() as sink, around() as place:
        kind = PagerDuty(place.surroundings)
        await kind.deliver(sending(_page(), PagerDutyOptions(routing_key=SecretSource(_KEY), url=sink.url + url)))
        await kind.close()
        assert sink.lines() == [f"POST {called}"]


def test_updates_of_an_incident_are_of_no_use_to_pagerduty() -> None:
    """A trigger would be the only way to say them, and that wakes people."""
    kind = PagerDuty(unused_surroundings())
    options = PagerDutyOptions(routing_key=SecretSource(_KEY))
    assert kind.takes(_page(MessageKind.UPDATE).message, options) != ""
    assert kind.takes(_page(MessageKind.TRIGGER).message, options) == ""
