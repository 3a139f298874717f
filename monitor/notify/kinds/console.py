"""The console: where pages go when nothing else is configured, so that none is ever silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model.notifications import Delivered, DeliveryOutcome, Message, Unknown
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.wording import plain_text
from monitor.notify.kinds.sending import Sending, Surroundings
from monitor.notify.throttling import Toll

_CONTROLS = {code: None for code in range(0x20) if code not in (0x0A, 0x09)} | dict.fromkeys(range(0x7F, 0xA0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """The console has no options."""


class Console:
    """Prints the message."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._print_line = surroundings.print_line

    def takes(self, message: Message, options: object) -> str:
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return ()

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        # labels come from outside: a terminal must not obey what is in them
        text = plain_text(sending.message, repeat=sending.uncertain).translate(_CONTROLS)
        try:
            for line in text.splitlines():
                self._print_line(line)
        except (OSError, ValueError) as error:
            return Unknown(f"the console cannot be written: {type(error).__name__}")
        return Delivered()

    async def close(self) -> None:
        """It holds nothing."""
