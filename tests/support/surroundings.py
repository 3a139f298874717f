"""What kinds share, for tests against real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import aiohttp

from monitor.alerts.templating.options import NotificationTemplates
from monitor.app.texts import LateTexts
from monitor.model.notifications import OutboxRow
from monitor.net.asking import Asking
from monitor.notify.kinds.sending import Sending, Surroundings
from tests.support.messages import T0


@dataclass
class Around:
    """The surroundings and what was printed into them."""

    surroundings: Surroundings
    lines: list[str] = field(default_factory=list[str])
    given: list[NotificationTemplates] = field(default_factory=lambda: [NotificationTemplates()])
    """The templates of the configurations that were read; the latest is in force."""


@asynccontextmanager
async def around(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Around]:
    """Surroundings with a session of their own."""
    lines: list[str] = []
    context = tls if tls is not None else ssl.create_default_context()
    async with aiohttp.ClientSession() as session:
        asking = Asking(lambda: session)
        given = [NotificationTemplates()]
        texts = LateTexts(lambda: given[-1])
        surroundings = Surroundings(
            instance="shop",
            session=lambda: session,
            tls=lambda: context,
            print_line=lines.append,
            asking=lambda: asking,
            rendered=texts,
            addresses=texts.addresses,
        )
        yield Around(surroundings, lines, given)
    # closed transports say goodbye in the next round of the loop
    await asyncio.sleep(0)


def unused_surroundings(lines: list[str] | None = None) -> Surroundings:
    """For kinds that are not to send anything: whatever they reach for fails."""
    return Surroundings(
        instance="shop",
        session=_unused,
        tls=_unused,
        print_line=(lines if lines is not None else []).append,
        asking=_unused,
        rendered=_unused,
        addresses=_nobody,
    )


def _nobody(*_: object) -> Mapping[str, str]:
    return {}


def _unused(*_: object) -> NoReturn:
    raise AssertionError("not needed here")


def sending(
    row: OutboxRow,
    options: object,
    *,
    uncertain: bool = False,
    handle: str = "",
    followed: bool = False,
    attempt: int = 1,
) -> Sending:
    """One attempt at T0."""
    return Sending(
        row=row, options=options, now=T0, attempt=attempt, uncertain=uncertain, handle=handle, followed=followed
    )
