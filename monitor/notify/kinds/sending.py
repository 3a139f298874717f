"""What a kind is given and what it must be able to do."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from monitor.model.errors import BugError
from monitor.model.notifications import DeliveryOutcome, Destination, Message, OutboxRow
from monitor.model.times import Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.throttling import Toll

if TYPE_CHECKING:
    import aiohttp

    from monitor.net.asking import Asking

T = TypeVar("T")

Addresses: TypeAlias = Callable[[Destination, Message, frozenset[str]], Mapping[str, str]]
"""The templated options of an integration with these names (`responders` is all of `responders.0.name` and so on), rendered
over a message. One that cannot be rendered is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One attempt."""

    row: OutboxRow
    options: object
    """The kind's own options class; see `own_options`."""
    now: Timestamp
    attempt: int = 1
    """From 1."""
    uncertain: bool = False
    """A former attempt may have arrived: ask the vendor, or mark this one as a possible repeat."""
    handle: str = ""
    """The message that was sent before with the same order key, if any."""
    followed: bool = False
    """A later row is due already: no need to draw the state that it draws anyway."""

    @property
    def message(self) -> Message:
        return self.row.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the kinds share. One session and one TLS context for all."""

    instance: str
    """Names this Watchkeeper in keys that vendors keep; stable over restarts."""
    session: Callable[[], aiohttp.ClientSession]
    """The shared client session, made at first use in the running loop."""
    tls: Callable[[], ssl.SSLContext]
    """The shared client context, made at first use."""
    print_line: Callable[[str], None]
    """Writes a line to the console."""
    asking: Callable[[], Asking]
    """Asks over the shared session as an `http_config` says; made at first use."""
    rendered: Callable[[str, Message], str]
    """Renders a template that is read only at the moment of sending, as an address is. Raises TemplateError."""
    addresses: Addresses
    """See `addressing`."""


class Kind(Protocol):
    """One integration."""

    def takes(self, message: Message, options: object) -> str:
        """Why such a message is of no use to this destination; empty if it takes it."""
        ...

    def repeats(self, options: object) -> Repeats:
        """What a second attempt does when the first may have arrived."""
        ...

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        """The limits that this delivery falls under."""
        ...

    def deliver(self, sending: Sending) -> Awaitable[DeliveryOutcome]:
        """One attempt. May be cancelled at the deadline. Raises nothing but bugs; no text in an outcome holds a secret."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


def own_options(options: object, kind: type[T]) -> T:
    """The options as the kind's own class. Raises BugError: the address book mixed them up."""
    if not isinstance(options, kind):
        raise BugError(f"options of {type(options).__name__} were given to the kind of {kind.__name__}")
    return options
