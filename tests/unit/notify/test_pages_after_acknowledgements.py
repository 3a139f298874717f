"""A page that comes after an acknowledgement, at vendors that notify nobody of what is acknowledged already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitor.model.errors import StoreError
from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    Message,
    MessageKind,
    OutboxRow,
    Rejected,
    RetryLater,
)
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.keys import dedup_key, ends_of_former, page_key
from monitor.notify.kinds.calling import NoAnswerError
from monitor.notify.kinds.over_http import OverHttp, Stop
from monitor.notify.kinds.sending import Sending
from monitor.notify.throttling import Throttle
from tests.support.messages import INCIDENT, T0, a_row
from tests.support.surroundings import sending, unused_surroundings

KEY = f"wk:shop:{INCIDENT}"
TRIGGER, RESOLVE = MessageKind.TRIGGER, MessageKind.RESOLVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Options of the vendor."""

    client: HttpClient = PLAIN
    address: str = "a"


class Vendor(OverHttp[Account]):
    """Answers as it is told, and takes everything in after that."""

    name = "vendor"
    options = Account
    wakes_people = True
    script: list[DeliveryOutcome | Exception] = field(default_factory=list[DeliveryOutcome | Exception])

    def __init__(self, *script: DeliveryOutcome | Exception) -> None:
        super().__init__(unused_surroundings())
        self.script = list(script)
        self.taken: list[tuple[str, str]] = []

    async def tell(self, options: Account, sending: Sending) -> DeliveryOutcome:
        key = page_key(sending.message, instance=self.instance, row_key=sending.row.dedupe_key)
        self.taken.append((sending.message.kind.value, key.removeprefix(KEY)))
        outcome = self.script.pop(0) if self.script else Delivered(key)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def woken(kind: MessageKind, wake: int) -> OutboxRow:
    """A row of an incident that has paged again so often after somebody had it."""
    row = a_row(kind)
    assert row.message.incident is not None
    return replace(row, message=replace(row.message, incident=replace(row.message.incident, wake=wake)))


def keys(message: Message) -> list[str]:
    return [page_key(one, instance="shop", row_key="r").removeprefix(KEY) for one in ends_of_former(message)]


def test_each_acknowledgement_that_did_not_last_makes_another_key() -> None:
    """Where people are woken; what a vendor only keeps in order stays under the incident's own."""
    again = woken(TRIGGER, 2).message
    assert page_key(again, instance="shop", row_key="r") == f"{KEY}:2"
    assert page_key(again, instance="i" * 223, row_key="r") == f"wk:{'i' * 223}:{INCIDENT}:2"
    assert len(page_key(again, instance="i" * 225, row_key="r")) < 100
    assert (
        dedup_key(again, instance="shop", row_key="r") == page_key(a_row().message, instance="shop", row_key="r") == KEY
    )


def test_pages_and_ends_end_what_was_before_and_nothing_else_does() -> None:
    """A page the one before it; the end all of them, the latest first and not without bound."""
    assert keys(woken(TRIGGER, 2).message) == [":1"]
    assert keys(woken(RESOLVE, 2).message) == [":1", ""]
    assert keys(woken(RESOLVE, 99).message) == [f":{wake}" for wake in range(98, 88, -1)]
    assert keys(woken(MessageKind.ACKNOWLEDGE, 2).message) == keys(woken(MessageKind.UPDATE, 2).message) == []
    assert ends_of_former(a_row(of_incident=False).message) == ()


async def test_the_page_goes_first_and_has_arrived_whatever_comes_of_the_others() -> None:
    """The end of the incident comes back to them."""
    no_answer, no_key = NoAnswerError(RetryLater("no connection")), StoreError("the key's file is gone")
    for trouble in (RetryLater("busy"), Stop(Rejected("no")), no_answer, no_key):
        vendor = Vendor(Delivered("new"), trouble)
        assert await vendor.deliver(sending(woken(TRIGGER, 1), Account())) == Delivered("new")
        assert vendor.taken == [("trigger", ":1"), ("resolve", "")]


async def test_a_page_that_did_not_arrive_ends_nothing() -> None:
    """Nobody may be left without any alert."""
    vendor = Vendor(RetryLater("busy"))
    assert await vendor.deliver(sending(woken(TRIGGER, 1), Account())) == RetryLater("busy")
    assert vendor.taken == [("trigger", ":1")]


async def test_an_end_has_arrived_when_every_alert_has_ended() -> None:
    """Until then it is told again, all of it."""
    vendor = Vendor(Delivered("new"), RetryLater("busy"))
    row = woken(RESOLVE, 1)
    assert await vendor.deliver(sending(row, Account())) == RetryLater("busy")
    assert await vendor.deliver(sending(row, Account())) == Delivered(f"{KEY}:1")
    assert vendor.taken == [("resolve", ":1"), ("resolve", "")] * 2


def test_no_page_waits_at_the_vendors_limit_for_the_alerts_of_before() -> None:
    """Eight incidents that page at once, each for the sixth time, go out as eight do that page for the first."""

    def slots(wake: int) -> list[int]:
        vendor, throttle, found = Vendor(), Throttle(), list[int]()
        for number in range(8):
            tolls = vendor.tolls(sending(woken(TRIGGER, wake), Account()))
            throttle, slot = throttle.ask(f"row {number}", tolls, urgent=True, now=T0)
            found.append(slot)
        return found

    assert slots(5) == slots(0)
    assert len(Vendor().tolls(sending(woken(RESOLVE, 2), Account()))) == 3
