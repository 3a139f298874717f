"""Webhooks against the twin's plain hook."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from monitor.model.notifications import Delivered, DeliveryOutcome, OutboxRow, Rejected, RetryLater, Unknown
from monitor.model.times import SECOND
from monitor.net.http_config import Authorization, Header, HttpClient
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.webhook import Webhook, WebhookOptions
from tests.support.messages import T0, a_row
from tests.support.surroundings import around, sending
from tests.support.twin import FaultKind, Twin, running_twin


@dataclass
class Line:
    """The kind and the twin at its other end."""

    kind: Webhook
    twin: Twin

    async def send(
        self, row: OutboxRow, options: WebhookOptions | None = None, *, uncertain: bool = False
    ) -> DeliveryOutcome:
        plain = WebhookOptions(url=SecretSource(f"{self.twin.http_url}/hook/token-x"))
        return await self.kind.deliver(sending(row, options if options is not None else plain, uncertain=uncertain))

    def last(self) -> tuple[dict[str, str], bytes]:
        body = self.twin.record[-1].body
        headers = body["headers"]
        assert isinstance(headers, dict)
        return {str(name): str(value) for name, value in headers.items()}, str(body["raw"]).encode()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


@pytest_asyncio.fixture
async def line() -> AsyncGenerator[Line]:
    async with running_twin() as twin, around() as place:
        yield Line(Webhook(place.surroundings), twin)


async def test_a_signed_body_can_be_checked_by_its_receiver(line: Line) -> None:
    """HMAC-SHA256 over time and body, with the secret as it stands in its file at the moment of sending."""
    options = WebhookOptions(
        url=SecretSource(f"{line.twin.http_url}/hook/a"),
        secret=SecretSource("s3cret"),
        client=HttpClient(
            authorization=Authorization(secret="t0ken"), more_headers=(Header(name="X-Team", values=("shop",)),)
        ),
    )
    assert await line.send(a_row(), options) == Delivered("")
    headers, body = line.last()
    digest = hmac.new(b"s3cret", f"{T0 // 1000}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Watchkeeper-Signature"] == f"t={T0 // 1000},v1={digest}"
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["X-Team"] == "shop"
    assert json.loads(body)["incident"]["number"] == 12


async def test_a_secret_file_is_read_at_each_send(line: Line, tmp_path: Path) -> None:
    """A key that was changed on disk counts from the next attempt on; one that is missing is waited for."""
    path = tmp_path / "url"
    options = WebhookOptions(url=SecretSource.file(str(path)))
    missing = await line.send(a_row(), options)
    path.write_text(f"{line.twin.http_url}/hook/one\n")
    await line.send(a_row(), options)
    path.write_text(f"{line.twin.http_url}/hook/two\n")
    await line.send(a_row(), options)
    assert missing == RetryLater(f"the secret file {path} cannot be read: FileNotFoundError")
    assert [one.body["path"] for one in line.twin.record] == ["/hook/one", "/hook/two"]


async def test_every_attempt_of_a_row_carries_the_same_delivery_id(line: Line) -> None:
    """So a receiver can drop what it has had, and a possible repeat is marked for people."""
    await line.send(a_row())
    first, _ = line.last()
    await line.send(a_row(), uncertain=True)
    second, body = line.last()
    assert first["X-Watchkeeper-Delivery"] == second["X-Watchkeeper-Delivery"]
    assert json.loads(body)["possibleRepeat"] is True


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, Rejected("unexpected status code 302")),
        (400, Rejected("unexpected status code 400")),
        (404, Rejected("unexpected status code 404")),
        (408, Rejected("unexpected status code 408")),
        (429, RetryLater("unexpected status code 429", 7 * SECOND)),
        (500, RetryLater("unexpected status code 500")),
        (503, RetryLater("unexpected status code 503", 7 * SECOND)),
        (504, Unknown("unexpected status code 504")),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
async def test_what_an_answer_means(line: Line, status: int, expected: DeliveryOutcome) -> None:
    """A gateway that gave up waiting says nothing about what is behind it; a redirect to nowhere is an answer."""
    line.twin.fail(FaultKind.STATUS, status=status, retry_after=7 if status in (429, 503) else None)
    assert await line.send(a_row()) == expected


@pytest.mark.parametrize("fault", [FaultKind.DROP, FaultKind.CUT])
async def test_a_connection_that_broke_leaves_it_open(line: Line, fault: FaultKind) -> None:
    """Whether the body was read before it broke cannot be seen from here."""
    line.twin.fail(fault)
    assert isinstance(await line.send(a_row()), Unknown)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/token-x", RetryLater),
        ("http://nowhere.invalid/token-x", RetryLater),
        ("token-x", Rejected),
        ("http://[token-x/", Rejected),
        ("ftp://127.0.0.1/token-x", Rejected),
        ("", Rejected),
    ],
)
async def test_an_address_that_leads_nowhere(line: Line, url: str, expected: type) -> None:
    """The words tell what is wrong and never the address, which may hold a token."""
    outcome = await line.send(a_row(), WebhookOptions(url=SecretSource(url)))
    assert isinstance(outcome, expected)
    assert "token-x" not in repr(outcome)
