"""What arrived at the twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One call."""

    at: Timestamp
    call: str
    """`pagerduty.enqueue`, `slack.chat.postMessage`, `slack.webhook`, ..."""
    body: Mapping[str, object]
    accepted: bool
    """It was taken in, whatever the sender was told."""
    status: int
    """What was answered; 0: nothing."""
    fault: str = ""
    error: str = ""
    """Why it was refused."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Window:
    """At most so many in any span of so many milliseconds."""

    def __init__(self, most: int, span: int) -> None:
        self._most = most
        self._span = span
        self._times: dict[str, list[Timestamp]] = {}

    def take(self, name: str, now: Timestamp) -> int:
        """0: taken. Otherwise the seconds to wait, at least 1."""
        times = [at for at in self._times.get(name, []) if now - at < self._span]
        self._times[name] = times
        if len(times) >= self._most:
            return max(-(-(times[0] + self._span - now) // 1000), 1)
        times.append(now)
        return 0
