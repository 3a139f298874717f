"""What the integrations have in common that are told by calls over HTTP.

Such a kind is one file: its options, and `tell`, which makes the calls that pure dressing code has written and says what
the answers mean. Secrets are read, and rendered where they are templates, at the moment of sending. Whatever keeps a call
from being made or answered is an outcome already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from monitor.model.errors import StoreError, TemplateError
from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, Rejected, RetryLater
from monitor.model.times import Millis
from monitor.net.http_config import HttpClient
from monitor.notify.attempts import Repeats
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
        return (Toll(f"{self.name} {own_options(sending.options, self.options).address}", self.limit),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        _READ.set([])  # each delivery is a task of its own
        try:
            whole = addressed(sending, self.addressing, self._addresses)
            return await self.tell(own_options(sending.options, self.options), whole)
        except (Stop, NoAnswerError) as ended:
            return ended.outcome
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
