"""Is a channel up? Counted from the answers themselves: no test messages are ever sent to find out.

Three failures in a row and the channel counts as down, which becomes a metric and an alert of our own. While it is down
only pages and resolves knock, each at its own pace; chatter waits until one of them, or its own turn, gets through. What
nobody has tried for an hour is not known to be down any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import Delivered, DeliveryOutcome
from monitor.model.times import HOUR, SECOND, Millis, Timestamp

_DOWN_AFTER = 3
_KNOCK_EVERY = 30 * SECOND
_BELIEVED_FOR: Millis = HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What we know of one channel."""

    failures: int = 0
    """In a row."""
    knock_at: Timestamp = 0
    """While it is down: when the next unimportant row may try."""
    why: str = ""
    """The latest failure."""
    at: Timestamp = 0
    """When that was."""

    @property
    def up(self) -> bool:
        return self.failures < _DOWN_AFTER

    def after(self, outcome: DeliveryOutcome, now: Timestamp) -> Circuit:
        """The circuit with this answer counted."""
        match outcome:
            case Delivered():
                return Circuit()
            case _:
                return Circuit(failures=self.failures + 1, knock_at=now + _KNOCK_EVERY, why=outcome.why, at=now)

    def lapses_at(self, now: Timestamp) -> Timestamp | None:
        """When it is down no longer, if nothing is tried until then; ≤ now: it is not any more. None: it is up."""
        if self.up:
            return None
        return now if self.at - now > _BELIEVED_FOR else self.at + _BELIEVED_FOR

    def opens_at(self, *, urgent: bool, now: Timestamp) -> Timestamp:
        """When a row may try: ≤ now means at once."""
        if self.up or urgent or self.knock_at - now > _KNOCK_EVERY:
            return now
        return max(self.knock_at, now)
