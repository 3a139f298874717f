"""What probing remembers over a restart, and the store that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.model.checks import Verdict
from monitor.probe.heartbeat import HeartbeatState


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCheck:
    """One check's memory."""

    target: str
    """A verdict about another target is not taken over."""
    verdict: Verdict
    heartbeat: HeartbeatState | None = None


class CheckStateStore(Protocol):
    """Where the memory lies. Both calls may be slow; probing goes on meanwhile."""

    async def load(self) -> Mapping[str, SavedCheck]:
        """Everything that was saved, by the check's name. Called once, before the first attempt."""
        ...

    async def save(self, changes: Mapping[str, SavedCheck]) -> None:
        """Keep these, replacing earlier ones of the same names; durable when it returns. Saving the same twice changes
        nothing. Raises StoreError; the changes are then offered again."""
        ...
