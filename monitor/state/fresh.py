"""Messages that were decided a moment ago, so that what delivers them need not read them back.

A message of a hundred alerts costs more to read back from its document than to deliver. Only a memory: whatever is not
here is in the database. A number whose insertion was rolled back may be given to another row later, and that insertion
puts its own message in the place.
"""

from __future__ import annotations

from typing import Final

from monitor.model.notifications import Message

_MOST: Final = 256


class FreshMessages:
    """The latest messages by the number of their row. Of the database's thread."""

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}

    def __repr__(self) -> str:
        return f"FreshMessages({len(self._messages)})"

    def put(self, seq: int, message: Message) -> None:
        """This was inserted."""
        self._messages.pop(seq, None)
        self._messages[seq] = message
        if len(self._messages) > _MOST:
            del self._messages[next(iter(self._messages))]

    def get(self, seq: int) -> Message | None:
        return self._messages.get(seq)

    def drop(self, seq: int) -> None:
        """Nobody will ask for it again."""
        self._messages.pop(seq, None)
