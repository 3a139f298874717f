"""apprise: the package itself, told through its own notifiers for JSON, XML and forms, at a collector on loopback."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs

import pytest

from monitor.model.incidents import Severity
from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    Message,
    MessageKind,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import SECOND
from monitor.notify.kinds.apprise import Apprise, AppriseOptions
from monitor.notify.kinds.secret import SecretSource
from tests.support.collector import Collector, Reply, collecting
from tests.support.messages import a_message, a_row
from tests.support.surroundings import sending, unused_surroundings

HUSH = "s3cret-word"
FREE_FOR_NOBODY = "json://127.0.0.1:9/x"

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # the package's own import


@pytest.fixture
async def kind() -> AsyncGenerator[Apprise]:
    found = Apprise(unused_surroundings())
    yield found
    await found.close()


def url(service: Collector, schema: str = "json", path: str = f"/{HUSH}") -> str:
    return service.url.replace("http", schema) + path


async def tell(
    kind: Apprise, address: str, message: Message | None = None, *, uncertain: bool = False, **options: object
) -> DeliveryOutcome:
    row = a_row(of_incident=False, integration="apprise")
    row = replace(row, message=message or row.message)
    own = replace(AppriseOptions(url=SecretSource(address)), **options)  # pyright: ignore[reportArgumentType]
    return await kind.deliver(sending(row, own, uncertain=uncertain))


async def test_a_message_arrives_in_our_words_or_in_those_of_its_templates(kind: Apprise) -> None:
    """Title, body and how bad it is; a possible repeat says so."""
    plain = a_message(of_incident=False)
    own = replace(plain, fields=(("title", "ill"), ("body", "<b>very</b>")))
    async with collecting() as service:
        assert await tell(kind, url(service)) == Delivered()
        assert await tell(kind, url(service), own, uncertain=True, format="html") == Delivered()
        over = a_message(MessageKind.RESOLVE, of_incident=False)
        assert await tell(kind, url(service), replace(over, severity=Severity.WARNING)) == Delivered()
        first, second, third = (one.json() for one in service.arrived)
    assert service.lines()[0] == f"POST /{HUSH}"
    assert first["title"] == "FIRING critical: shop-api is down"
    assert first["message"].splitlines()[0] == "No answer from <https://shop.example.com/healthz> & its twin."
    assert [one["type"] for one in (first, second, third)] == ["failure", "failure", "success"]
    assert second["title"] == "[possible repeat] ill"
    assert "very" in second["message"]


@pytest.mark.parametrize("schema", ["xml", "form"])
async def test_other_schemes_are_the_packages_own_affair(kind: Apprise, schema: str) -> None:
    """Whatever it can reach is told by its URL alone."""
    async with collecting() as service:
        assert await tell(kind, url(service, schema)) == Delivered()
        body = service.last.body.decode()
    title = parse_qs(body)["title"][0] if schema == "form" else body
    assert "FIRING critical: shop-api is down" in title


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Rejected("unexpected status code 404")),
        (401, Rejected("unexpected status code 401")),
        (429, RetryLater("unexpected status code 429")),
        (500, RetryLater("unexpected status code 500")),
        (504, Unknown("unexpected status code 504")),
    ],
)
async def test_a_status_that_the_package_logs_is_judged_as_any_other(
    kind: Apprise, status: int, outcome: DeliveryOutcome
) -> None:
    """What its log says beside that is not told, for it may name the address."""
    async with collecting() as service:
        service.answer(Reply(status=status, body=HUSH))
        assert await tell(kind, url(service)) == outcome


async def test_what_the_package_does_not_tell_is_not_known(kind: Apprise) -> None:
    """Nobody there, or an answer that never came: to it that is one."""
    outcome = await tell(kind, FREE_FOR_NOBODY)
    assert outcome == Unknown("apprise could not send it, and does not tell whether the service has it")


async def test_one_of_several_that_is_out_of_reach_leaves_it_open_whether_the_others_have_it(kind: Apprise) -> None:
    """A repetition is marked then."""
    async with collecting() as service:
        address = f"mmost://127.0.0.1:{service.url.rpartition(':')[2]}/{HUSH}{HUSH}{HUSH}?channels=a,b"
        service.answer(Reply(), Reply(status=503))
        outcome = await tell(kind, address)
        assert len(service.arrived) == 2
    assert outcome == Unknown("unexpected status code 503")


async def test_a_service_that_does_not_answer_holds_up_neither_the_loop_nor_the_others(kind: Apprise) -> None:
    """Its own time ends it; four such threads and one more message: that one was never sent."""
    async with collecting() as service:
        service.always(f"/{HUSH}", Reply(after=1.5))
        await tell(kind, FREE_FOR_NOBODY)  # the import is over
        began = time.monotonic()
        slow = [asyncio.ensure_future(tell(kind, url(service), timeout=SECOND // 2)) for _ in range(5)]
        beats = 0
        while time.monotonic() - began < 0.4:
            await asyncio.sleep(0.01)
            beats += 1
        outcomes = await asyncio.gather(*slow)
        assert beats > 15
        assert time.monotonic() - began < 1.4
        await asyncio.sleep(1.2)
    assert outcomes.count(Unknown("no answer within 500ms")) >= 4


async def test_the_url_is_read_at_each_send_and_told_nowhere(
    kind: Apprise, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither by the outcome nor by the package's log, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "url"
    outcomes: list[DeliveryOutcome] = []

    async def tell_file() -> None:
        row = a_row(of_incident=False, integration="apprise")
        outcomes.append(await kind.deliver(sending(row, AppriseOptions(url=SecretSource.file(str(file))))))

    await tell_file()
    async with collecting() as service:
        for text in (url(service), f"nonsense://{HUSH}", f"discord://{HUSH}", f"json://127.0.0.1:9/{HUSH}", ""):
            file.write_text(text, encoding="utf-8")
            service.answer(Reply(status=400, body=HUSH))
            await tell_file()
    assert outcomes[0] == RetryLater(f"the secret file {file} cannot be read: FileNotFoundError")
    assert outcomes[1] == Rejected("unexpected status code 400")
    assert outcomes[2:4] == [Rejected("apprise knows no service of such a URL")] * 2
    assert isinstance(outcomes[4], Unknown)
    assert outcomes[5] == RetryLater(f"the secret file {file} is empty")
    out, err = capfd.readouterr()
    assert HUSH not in f"{outcomes} {caplog.text} {out} {err} {AppriseOptions(url=SecretSource(HUSH))}"


async def test_without_the_package_the_way_to_it_is_told() -> None:
    """A message waits for it: who installs it later has lost none."""

    def gone() -> ModuleType:
        raise ImportError

    kind = Apprise(unused_surroundings(), gone)
    try:
        outcome = await tell(kind, FREE_FOR_NOBODY)
    finally:
        await kind.close()
    assert outcome == RetryLater("the package apprise is not installed: pip install 'watchkeeper[apprise]'")
