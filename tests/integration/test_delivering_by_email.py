"""Email against a server of our own on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    MessageKind,
    OutboxRow,
    Rejected,
    RetryLater,
    Undelivered,
    Unknown,
)
from monitor.notify.kinds.email import Email, EmailOptions
from monitor.notify.kinds.secret import SecretSource
from tests.support.messages import a_row
from tests.support.smtp_sink import SmtpSink, running_sink
from tests.support.surroundings import around, sending


async def _send(sink: SmtpSink, row: OutboxRow, *, uncertain: bool = False, **changes: object) -> DeliveryOutcome:
    options = EmailOptions(
        to=("Ana <ana@example.com>", "bo@example.com"),
        sender="Watchkeeper <wk@example.com>",
        host="127.0.0.1",
        port=sink.port,
    )
    async with around(sink.trust()) as place:
        kind = Email(place.surroundings)
        return await kind.deliver(sending(row, replace(options, **changes), uncertain=uncertain))  # pyright: ignore[reportArgumentType]


def _row(kind: MessageKind = MessageKind.TRIGGER, key: str = "r1") -> OutboxRow:
    return a_row(kind, key=key, integration="email")


async def test_a_mail_goes_over_starttls_with_text_and_html() -> None:
    """Both forms say the title; the markup of the second holds nothing that an alert wrote."""
    async with running_sink() as sink:
        outcome = await _send(sink, _row())
    (mail,) = sink.mails
    assert outcome == Delivered(mail.content["Message-ID"])
    assert mail.tls
    assert (mail.sender, mail.to) == ("wk@example.com", ("ana@example.com", "bo@example.com"))
    assert mail.content["Subject"] == "shop-api is down"
    text = mail.content.get_body(("plain",))
    html = mail.content.get_body(("html",))
    assert text is not None and html is not None
    assert "No answer from <https://shop.example.com/healthz> & its twin." in text.get_content()
    assert "&lt;https://shop.example.com/healthz&gt; &amp; its twin." in html.get_content()


async def test_tls_from_the_first_byte_with_a_login() -> None:
    """Implicit TLS, as on port 465."""
    async with running_sink(implicit_tls=True) as sink:
        sink.users["wk"] = "pass"
        await _send(sink, _row(), implicit_tls=True, username="wk", password=SecretSource("pass"))
    assert [(mail.tls, mail.login) for mail in sink.mails] == [(True, "wk")]


async def test_mails_of_one_incident_share_a_thread_and_a_repeat_shares_the_id() -> None:
    """Mail programs show one conversation, and show a repeated mail once; it is marked all the same."""
    async with running_sink() as sink:
        await _send(sink, _row())
        await _send(sink, _row(), uncertain=True)
        await _send(sink, _row(MessageKind.RESOLVE, "r2"))
    first, repeat, resolve = (mail.content for mail in sink.mails)
    assert first["References"] == resolve["References"]
    assert first["Message-ID"] == repeat["Message-ID"] != resolve["Message-ID"]
    assert repeat["Subject"] == "[possible repeat] shop-api is down"


async def test_a_label_cannot_add_a_header() -> None:
    """Line ends in a title become spaces."""
    row = _row()
    row = replace(row, message=replace(row.message, title="down\r\nBcc: eve@example.com"))
    async with running_sink() as sink:
        await _send(sink, row)
    (mail,) = sink.mails
    assert mail.content["Bcc"] is None
    assert "down Bcc: eve@example.com" in mail.content["Subject"]


@pytest.mark.parametrize(
    ("verb", "reply", "expected", "failure", "arrived"),
    [
        ("EHLO", "drop", RetryLater, DeliveryFailure.OTHER, False),
        ("MAIL", "451 later", RetryLater, DeliveryFailure.SERVER, False),
        ("MAIL", "530 who are you", Rejected, DeliveryFailure.AUTH, False),
        ("MAIL", "550 never", Rejected, DeliveryFailure.CLIENT, False),
        ("RCPT", "450 later", RetryLater, DeliveryFailure.SERVER, False),
        ("RCPT", "550 nobody", Rejected, DeliveryFailure.CLIENT, False),
        ("RCPT", "drop", RetryLater, DeliveryFailure.OTHER, False),
        ("DATA", "452 full", RetryLater, DeliveryFailure.SERVER, False),
        ("BODY", "451 later", RetryLater, DeliveryFailure.SERVER, False),
        ("BODY", "554 spam", Rejected, DeliveryFailure.CLIENT, False),
        ("BODY", "drop", Unknown, DeliveryFailure.OTHER, True),
    ],
)
async def test_where_the_conversation_broke_off_decides(
    verb: str, reply: str, expected: type[Undelivered], failure: DeliveryFailure, arrived: bool
) -> None:
    """Before the body nothing has arrived; after it only the server knows. Failures are counted by Alertmanager's reasons."""
    async with running_sink() as sink:
        sink.replies[verb] = reply
        outcome = await _send(sink, _row())
    assert isinstance(outcome, expected)
    assert outcome.failure is failure
    assert bool(sink.mails) is arrived


async def test_a_refused_login_is_final_and_does_not_tell_the_password() -> None:
    """The server's own text repeats it; ours has the code only."""
    async with running_sink() as sink:
        sink.users["wk"] = "right"
        outcome = await _send(sink, _row(), username="wk", password=SecretSource("wrong"))
    assert isinstance(outcome, Rejected)
    assert outcome == Rejected("the mail server refused login, sender or greeting (535)")
    assert outcome.failure is DeliveryFailure.AUTH


async def test_a_server_without_starttls_is_refused_unless_that_is_allowed() -> None:
    """`require_tls` keeps its promise; without it the mail goes in the clear."""
    async with running_sink() as sink:
        sink.offers_tls = False
        refused = await _send(sink, _row())
        allowed = await _send(sink, _row(), require_tls=False)
    assert isinstance(refused, Rejected)
    assert refused == Rejected("the mail server offers no STARTTLS, and require_tls is set")
    assert refused.failure is DeliveryFailure.CLIENT
    assert isinstance(allowed, Delivered)
    assert [mail.tls for mail in sink.mails] == [False]


async def test_nobody_listening_is_tried_again_later() -> None:
    """No connection, nothing sent."""
    async with running_sink() as sink:
        outcome = await _send(sink, _row(), port=1)
    assert isinstance(outcome, RetryLater)


@pytest.mark.parametrize(("verb", "expected"), [("MAIL", RetryLater), ("BODY", Unknown)])
async def test_a_server_that_is_silent_for_too_long_is_told_apart(verb: str, expected: type[Undelivered]) -> None:
    """Each command has its time, and what ran out is counted as a deadline."""
    async with running_sink() as sink, around(sink.trust()) as place:
        sink.replies[verb] = "hang"
        options = EmailOptions(to=("ana@example.com",), sender="wk@example.com", host="127.0.0.1", port=sink.port)
        outcome = await Email(place.surroundings, reply_seconds=0.5).deliver(sending(_row(), options))
    assert isinstance(outcome, expected)
    assert outcome.failure is DeliveryFailure.DEADLINE


async def test_a_hanging_server_can_be_cut_off() -> None:
    """The deadline is delivering's; the kind gives way at once."""
    async with running_sink() as sink:
        sink.replies["BODY"] = "hang"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await _send(sink, _row())
    assert len(sink.mails) == 1
