"""What the integrations have in common that are told by calls over HTTP.

Such a kind is one file: its options, and `tell`, which makes the calls that pure dressing code has written and says what
the answers mean. Secrets are read, and rendered where they are templates, at the moment of sending. Whatever keeps a call
from being made or answered is an outcome already.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from monitor.model.errors import StoreError, TemplateError
from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, Rejected, RetryLater
from monitor.model.times import Millis
from monitor.net.http_config import HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.keys import ends_of_former
from monitor.notify.kinds.addressing import addressed
from monitor.notify.kinds.answers import GATEWAY_GAVE_UP, RETRIED, by_status
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError, answer_of
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import ONCALL, Limit, Toll

SERVER_ERRORS: Final = frozenset(range(500, 600))
"""Of a vendor that recognises what it has had: whether a failed server took it in is open, and a repetition harmless."""
JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}
_QUOTED: Final = 200
_ENDING_SECONDS: Final = 4.0
"""A page waits no longer for the ends of what was before it."""
_READ: Final[ContextVar[list[str]]] = ContextVar("secrets that were read for the delivery under way")


def json_call(url: str, body: object, headers: Mapping[str, str] = MappingProxyType({})) -> Call:
    """A POST of a document."""
    return Call(url=url, headers={**JSON, **headers}, body=json.dumps(body, ensure_ascii=False).encode())


class HttpOptions(Protocol):
    """Options of such a kind: frozen dataclasses."""

    @property
    def client(self) -> HttpClient: ...

    @property
    def address(self) -> str:
        """Whose limits count, without telling a secret."""
        ...


T = TypeVar("T", bound=HttpOptions)


class Stop(Exception):  # noqa: N818 - an outcome on its way, not an error
    """The delivery ends here."""

    def __init__(self, outcome: DeliveryOutcome) -> None:
        super().__init__(repr(outcome))
        self.outcome = outcome


class OverHttp(Generic[T]):
    """See `sending.Kind`. Subclasses set the class variables and write `tell`."""

    name: ClassVar[str]
    repeated: ClassVar[Repeats] = Repeats.VISIBLE
    limit: ClassVar[Limit] = ONCALL
    wakes_people: ClassVar[bool] = False
    """It has one alert under one key, and notifies nobody of it again once it is acknowledged: a page that comes then has
    another key."""
    addressing: ClassVar[frozenset[str]] = frozenset()
    """The templated options that say whom it is for (see `addressing`)."""
    options: type[T]

    def __init__(self, surroundings: Surroundings) -> None:
        self._asking = surroundings.asking
        self._rendered = surroundings.rendered
        self._addresses = surroundings.addresses
        self.instance = surroundings.instance

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return self.repeated

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        toll = Toll(f"{self.name} {own_options(sending.options, self.options).address}", self.limit)
        # A page is charged alone: what ends the alert of before may fail, and no page waits for it.
        ends = self.wakes_people and not sending.message.kind.wakes
        return (toll,) * (1 + len(ends_of_former(sending.message)) if ends else 1)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        _READ.set([])  # each delivery is a task of its own
        try:
            whole = addressed(sending, self.addressing, self._addresses)
            options = own_options(sending.options, self.options)
            outcome = await self.tell(options, whole)
            if self.wakes_people and isinstance(outcome, Delivered):
                outcome = await self._end_former(options, sending, outcome)
            return outcome
        except (Stop, NoAnswerError) as ended:
            return ended.outcome
        except StoreError as error:
            return RetryLater(str(error))

    async def _end_former(self, options: T, sending: Sending, outcome: Delivered) -> DeliveryOutcome:
        """A page that arrived has arrived, whatever becomes of the alert of before: the end of the incident ends that as well."""
        ends = ends_of_former(sending.message)
        if not sending.message.kind.wakes:
            for message in ends:
                ended = await self._end(options, sending, message)
                if not isinstance(ended, Delivered):
                    return ended
            return outcome
        try:
            async with asyncio.timeout(_ENDING_SECONDS):
                for message in ends:
                    await self._end(options, sending, message)
        except TimeoutError:
            pass
        return outcome

    async def _end(self, options: T, sending: Sending, message: Message) -> DeliveryOutcome:
        row = replace(sending.row, message=message)
        try:
            return await self.tell(options, addressed(replace(sending, row=row), self.addressing, self._addresses))
        except (Stop, NoAnswerError) as failed:
            return failed.outcome
        except StoreError as error:
            return RetryLater(str(error))

    async def tell(self, options: T, sending: Sending) -> DeliveryOutcome:
        """Make the calls. May raise Stop, NoAnswerError and StoreError. Each kind has its own."""
        raise NotImplementedError  # not an ABC: a kind is made through the catalogue, which a test does for all

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""

    async def call(self, options: T, call: Call, *, within: Millis = 0) -> CallAnswer:
        """One call. Raises NoAnswerError."""
        return await answer_of(self._asking(), options.client, call, within=within)

    async def must(self, options: T, call: Call, sending: Sending, *, within: Millis = 0) -> CallAnswer:
        """The same where only 2xx lets the delivery go on. Raises Stop for any other answer."""
        answer = await self.call(options, call, within=within)
        outcome = self.judged(answer, sending)
        if not isinstance(outcome, Delivered):
            raise Stop(outcome)
        return answer

    def judged(self, answer: CallAnswer, sending: Sending) -> DeliveryOutcome:
        """What an answer means."""
        again = RETRIED.get(self.name, frozenset[int]())
        lost = GATEWAY_GAVE_UP if self.repeated is Repeats.VISIBLE else SERVER_ERRORS
        said = answer.words(_READ.get())
        return by_status(answer.status, answer.retry_after, sending.now, lost=lost, again=again, body=said)

    def quoted(self, answer: CallAnswer, text: str) -> str:
        """A part of what the vendor answered, to be told to people."""
        return answer.clean(text, _READ.get())[:_QUOTED]

    def secret(self, source: SecretSource, message: Message, what: str) -> str:
        """The secret as it is now; a template is rendered. Raises StoreError, and Stop if there is none."""
        text = source.read()
        if "{{" in text:
            try:
                text = self._rendered(text, message).strip()
            except TemplateError:
                # its text may show parts of the secret
                raise Stop(Rejected(f"the template of the {what} failed")) from None
        _READ.get().append(text)
        if not text:
            raise Stop(Rejected(f"the {what} is empty"))
        return text
