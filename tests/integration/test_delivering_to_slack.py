"""Slack against the twin, through the vendor's package and, where an `http_config` asks for more, by calls of our own."""

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
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import Slack, SlackOptions
from tests.support.messages import INCIDENT, a_row
from tests.support.surroundings import around, sending
from tests.support.twin import FaultKind, Twin, running_twin

_TOKEN = "xoxb-0123456789-secret"


@dataclass
class Line:
    """The kind and the twin at its other end."""

    kind: Slack
    twin: Twin
    options: SlackOptions

    async def send(
        self,
        row: OutboxRow,
        *,
        options: SlackOptions | None = None,
        handle: str = "",
        uncertain: bool = False,
        followed: bool = False,
        seconds: float = 5,
    ) -> DeliveryOutcome:
        one = sending(
            row,
            options if options is not None else self.options,
            handle=handle,
            uncertain=uncertain,
            followed=followed,
        )
        async with asyncio.timeout(seconds):
            return await self.kind.deliver(one)

    async def root(self) -> str:
        """Open the incident; the root's handle."""
        outcome = await self.send(_row())
        assert isinstance(outcome, Delivered)
        return outcome.handle

    @property
    def calls(self) -> list[str]:
        return [one.call for one in self.twin.record]


@pytest_asyncio.fixture(params=[PLAIN, HttpClient(headers=(("X-Team", "shop"),))], ids=["package", "own calls"])
async def line(request: pytest.FixtureRequest) -> AsyncGenerator[Line]:
    async with running_twin() as twin, around() as place:
        options = SlackOptions(
            token=SecretSource(_TOKEN), channel="#shop", base_url=twin.slack_url, client=request.param
        )
        yield Line(Slack(place.surroundings), twin, options)


def _row(kind: MessageKind = MessageKind.TRIGGER, key: str = "r1", *, of_incident: bool = True) -> OutboxRow:
    return a_row(kind, key=key, integration="slack", of_incident=of_incident)


async def test_an_incident_is_one_root_message_edited_in_place_with_its_timeline_as_a_thread(line: Line) -> None:
    """Trigger posts; acknowledgement and resolve edit that message and each add one reply."""
    handle = await line.root()
    assert await line.send(_row(MessageKind.ACKNOWLEDGE, "r2"), handle=handle) == Delivered(handle)
    assert await line.send(_row(MessageKind.RESOLVE, "r3"), handle=handle) == Delivered(handle)
    (root,) = line.twin.slack.roots()
    assert handle == f"CSHOP/{root.ts}"
    assert root.edits == 2
    assert root.text.startswith("RESOLVED: shop-api is down")
    replies = line.twin.slack.replies(root.ts)
    assert [reply.text.splitlines()[0] for reply in replies] == [
        "*ACKNOWLEDGED: shop-api is down*",
        "*RESOLVED: shop-api is down*",
    ]
    assert not any(reply.broadcast for reply in replies)


async def test_paging_again_is_shown_in_the_channel_too(line: Line) -> None:
    """A thread alone wakes nobody who has not looked into it."""
    handle = await line.root()
    await line.send(_row(MessageKind.REMINDER, "r2"), handle=handle)
    assert [reply.broadcast for reply in line.twin.slack.replies(handle.partition("/")[2])] == [True]


async def test_a_row_with_a_later_one_behind_it_leaves_the_edit_to_that(line: Line) -> None:
    """Edits are coalesced to the last state; the timeline keeps every entry."""
    handle = await line.root()
    await line.send(_row(MessageKind.UPDATE, "r2"), handle=handle, followed=True)
    assert line.twin.slack.roots()[0].edits == 0
    assert len(line.twin.slack.replies(handle.partition("/")[2])) == 1


@pytest.mark.parametrize("fault", [FaultKind.DROP, FaultKind.GARBAGE])
async def test_a_root_whose_answer_was_lost_is_found_again_and_not_posted_twice(line: Line, fault: FaultKind) -> None:
    """Our own metadata in the channel's history tells that it is there, also when only the channel's name is known."""
    line.twin.fail(fault, "slack.chat.postMessage")
    assert isinstance(await line.send(_row()), Unknown)
    outcome = await line.send(_row(), uncertain=True)
    (root,) = line.twin.slack.roots()
    assert outcome == Delivered(f"CSHOP/{root.ts}")
    assert line.twin.slack.replies(root.ts) == []


async def test_a_root_that_never_arrived_is_posted_by_the_next_attempt(line: Line) -> None:
    """The history does not hold it, so posting it repeats nothing and is not marked."""
    line.twin.slack.quiet_channels.add("CSHOP")
    line.twin.fail(FaultKind.CUT, "slack.chat.postMessage")
    assert isinstance(await line.send(_row()), Unknown)
    assert isinstance(await line.send(_row(), uncertain=True), Delivered)
    (root,) = line.twin.slack.roots()
    assert "possible repeat" not in root.text


async def test_a_reply_whose_answer_was_lost_is_found_again(line: Line) -> None:
    """The edit is made again, which changes nothing; the reply stands once."""
    handle = await line.root()
    line.twin.fail(FaultKind.DROP, "slack.chat.postMessage")
    row = _row(MessageKind.REMINDER, "r2")
    assert isinstance(await line.send(row, handle=handle), Unknown)
    assert await line.send(row, handle=handle, uncertain=True) == Delivered(handle)
    assert len(line.twin.slack.replies(handle.partition("/")[2])) == 1


async def test_a_later_page_finds_the_root_that_no_answer_told_us_of(line: Line) -> None:
    """The trigger was taken in and then cancelled as stale: the next step's page must not open a second root."""
    await line.root()
    row = _row(key="r2")
    assert row.message.incident is not None
    later = replace(row, message=replace(row.message, incident=replace(row.message.incident, step=2)))
    await line.send(later)
    assert len(line.twin.slack.roots()) == 1


async def test_where_the_history_may_not_be_read_a_second_page_is_marked(line: Line) -> None:
    """Without the right to look, a page that may be doubled says so."""
    line.twin.fail(FaultKind.DROP, "slack.chat.postMessage")
    await line.send(_row())
    options = replace(line.options, channel="#elsewhere")
    assert isinstance(await line.send(_row(), options=options, uncertain=True), Delivered)
    assert line.twin.slack.roots()[-1].text.startswith("[possible repeat] shop-api")


async def test_a_resolve_finds_nothing_to_end_and_says_nothing(line: Line) -> None:
    """No root, so nobody was ever told."""
    line.twin.slack.quiet_channels.add("CSHOP")
    assert await line.send(_row(MessageKind.RESOLVE)) == Delivered("")
    assert line.twin.slack.messages == []


async def test_a_root_that_somebody_deleted_is_posted_anew(line: Line) -> None:
    """The incident goes on even if its message does not."""
    handle = await line.root()
    line.twin.slack.delete(handle.partition("/")[2])
    outcome = await line.send(_row(MessageKind.REMINDER, "r2"), handle=handle)
    (root,) = line.twin.slack.roots()
    assert outcome == Delivered(f"CSHOP/{root.ts}")


async def test_a_page_is_not_held_up_by_an_edit_that_may_not_be_made_now(line: Line) -> None:
    """The limit on edits is Slack's own and apart; chatter waits for it, a page does not."""
    handle = await line.root()
    line.twin.fail(FaultKind.STATUS, "slack.chat.update", status=429, retry_after=9, times=2)
    update = await line.send(_row(MessageKind.UPDATE, "r2"), handle=handle)
    page = await line.send(_row(MessageKind.REMINDER, "r3"), handle=handle)
    assert update == RetryLater("chat.update: rate limit", 9 * SECOND)
    assert page == Delivered(handle)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_leaves_open_whether_it_was_posted(line: Line, status: int) -> None:
    """Slack answers errors with a page of HTML; the next attempt looks into the history."""
    line.twin.fail(FaultKind.STATUS, status=status)
    assert await line.send(_row()) == Unknown(f"unexpected status code {status}")
    assert line.calls == ["slack.chat.postMessage"]


async def test_slacks_refusals_are_final_and_named(line: Line) -> None:
    """A wrong token or channel cannot get better by trying."""
    line.twin.slack.missing_channels.add("#shop")
    assert await line.send(_row()) == Rejected("chat.postMessage: channel_not_found")
    line.twin.slack.bad_tokens.add(_TOKEN)
    assert await line.send(_row()) == Rejected("chat.postMessage: invalid_auth")


async def test_a_hanging_call_can_be_cut_off(line: Line) -> None:
    """The deadline is delivering's; the kind gives way at once."""
    line.twin.fail(FaultKind.HANG)
    with pytest.raises(TimeoutError):
        await line.send(_row(), seconds=0.3)


async def test_nobody_listening_is_tried_again_later(line: Line) -> None:
    """A connection that never stood carried nothing."""
    options = replace(line.options, base_url="http://127.0.0.1:1/api/")
    outcome = await line.send(_row(), options=options)
    assert isinstance(outcome, RetryLater)
    assert "no connection" in outcome.why


async def test_plain_groups_are_posted_in_alertmanagers_shape(line: Line) -> None:
    """Templated options as they were rendered, each notification a message of its own."""
    row = _row(of_incident=False)
    fields = (
        ("title", "T <b>"),
        ("text", "*x*"),
        ("color", "warning"),
        ("fields.0.title", "a"),
        ("fields.0.value", "b"),
    )
    await line.send(replace(row, message=replace(row.message, fields=fields)))
    (post,) = line.twin.slack.roots()
    (attachment,) = post.content["attachments"]
    assert (attachment["title"], attachment["text"], attachment["color"]) == ("T <b>", "*x*", "warning")
    assert attachment["fields"] == [{"title": "a", "value": "b", "short": False}]


async def test_a_plain_group_message_whose_answer_was_lost_is_found_again(line: Line) -> None:
    """By the outbox key in its metadata."""
    line.twin.fail(FaultKind.DROP)
    await line.send(_row(of_incident=False))
    assert isinstance(await line.send(_row(of_incident=False), uncertain=True), Delivered)
    assert len(line.twin.slack.messages) == 1


async def test_an_incoming_webhook_is_the_lesser_mode(line: Line) -> None:
    """Every message on its own, no handle, repeats marked."""
    options = SlackOptions(webhook_url=SecretSource(f"{line.twin.http_url}/services/T1/B1/secret"))
    assert await line.send(_row(), options=options) == Delivered("")
    assert await line.send(_row(MessageKind.RESOLVE, "r2"), options=options, uncertain=True) == Delivered("")
    texts = [str(post["text"]) for post in line.twin.slack.webhook_posts]
    assert texts == ["shop-api is down", "[possible repeat] RESOLVED: shop-api is down"]


async def test_slacks_limit_surfaces_with_its_wish(line: Line) -> None:
    """A burst runs into the channel's limit; the outbox waits as long as it is told."""
    outcomes = [await line.send(_row(key=f"r{n}", of_incident=False)) for n in range(5)]
    assert [type(outcome) for outcome in outcomes[:3]] == [Delivered] * 3
    last = outcomes[-1]
    assert isinstance(last, RetryLater)
    assert last.after is not None and SECOND <= last.after <= 3 * SECOND


async def test_the_token_appears_in_no_outcome_and_no_log(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, and however loud logging is set."""
    caplog.set_level(logging.DEBUG)
    told = [repr(line.options)]
    for kind in (FaultKind.STATUS, FaultKind.DROP, FaultKind.GARBAGE):
        line.twin.fail(kind)
        told.append(repr(await line.send(_row())))
    bad = SlackOptions(webhook_url=SecretSource("http://127.0.0.1:1/services/T/B/hush"))
    told.append(repr(await line.send(_row(), options=bad)))
    told.append(repr(bad))
    told += [record.getMessage() for record in caplog.records]
    assert not any("secret" in text.replace("<secret>", "") or "hush" in text for text in told)


async def test_metadata_names_the_incident_and_the_row(line: Line) -> None:
    """By which an interaction or a later start finds what a message is about."""
    await line.root()
    (root,) = line.twin.slack.roots()
    payload = root.content["metadata"]["event_payload"]
    assert payload == {"incident": INCIDENT, "outbox": "r1", "epoch": 1, "role": "root"}
