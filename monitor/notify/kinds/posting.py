"""The shell of every integration that is told by one HTTP call: its wire facts are data, the sending is here once.

A vendor is a `Wire`: how a message becomes a call, and what an answer means. Addresses, tokens and other secrets are read
for each attempt; none of them is left in the text of an outcome, also when a vendor repeats it in its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar

from monitor.model.errors import StoreError
from monitor.model.notifications import DeliveryOutcome, Message, MessageKind, Rejected, RetryLater, Unknown
from monitor.model.times import Timestamp
from monitor.net.http_config import HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.answers import by_status
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError, answer_of
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import WEBHOOK, Limit, Toll

_SEPARATORS: Final = re.compile(r"[/?&=]")
_SHORTEST: Final = 8
"""Shorter parts of an address are words such as `hook` and `v1`."""


class CalledOptions(Protocol):
    """What the options of such an integration have in common."""

    @property
    def client(self) -> HttpClient: ...


OptionsT = TypeVar("OptionsT", bound=CalledOptions)


def by_status_alone(answer: CallAnswer, now: Timestamp) -> DeliveryOutcome:
    """For vendors whose status says everything."""
    return by_status(answer.status, answer.retry_after, now, body=answer.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire(Generic[OptionsT]):
    """One vendor's door."""

    name: str
    options: type[OptionsT]
    build: Callable[[Sending, OptionsT, Callable[[SecretSource], str]], Call]
    """The call for a message. Secrets are read through the last argument, and then never shown. Raises StoreError when
    one cannot be read, and ValueError (with the reason) for what can never be sent."""
    secrets: Callable[[OptionsT], Sequence[SecretSource]]
    """The address first, by which calls are counted."""
    judge: Callable[[CallAnswer, Timestamp], DeliveryOutcome] = by_status_alone
    repeats: Repeats = Repeats.VISIBLE
    limit: Limit = WEBHOOK


class Posted(Generic[OptionsT]):
    """Implements `sending.Kind` for a wire."""

    def __init__(self, wire: Wire[OptionsT], surroundings: Surroundings) -> None:
        self._wire = wire
        self._asking = surroundings.asking

    def __repr__(self) -> str:
        return f"Posted({self._wire.name})"

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return self._wire.repeats

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        address = self._wire.secrets(own_options(sending.options, self._wire.options))[0]
        return (Toll(f"{self._wire.name} {address.address}", self._wire.limit),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, self._wire.options)
        seen: list[str] = []

        def read(secret: SecretSource) -> str:
            text = secret.read()
            seen.append(text)
            return text

        try:
            call = self._wire.build(sending, options, read)
            if options.client.authorization is not None:
                seen.append(options.client.authorization.secret)
            answer = await answer_of(self._asking(), options.client, call)
        except StoreError as error:
            return RetryLater(str(error))
        except ValueError as error:
            return Rejected(str(error))
        except NoAnswerError as error:
            return error.outcome
        return hushed(self._wire.judge(answer, sending.now), [*seen, *answer.confided])

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""


def hushed(outcome: DeliveryOutcome, secrets: Iterable[str]) -> DeliveryOutcome:
    """The outcome without these texts. Of an address the parts of its path are hidden as well: one of them is the token."""
    if not isinstance(outcome, RetryLater | Rejected | Unknown):
        return outcome
    why = outcome.why
    # the longest first: a word of an address may be a part of its token
    for text in sorted({text for secret in secrets for text in _told_by(secret)}, key=len, reverse=True):
        why = why.replace(text, "<secret>")
    return replace(outcome, why=why)


def _told_by(secret: str) -> Iterator[str]:
    if secret:
        yield secret
    if "://" in secret:
        yield from (part for part in _SEPARATORS.split(secret)[1:] if len(part) >= _SHORTEST)
