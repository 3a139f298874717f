"""The shell of silences: who asks for one is answered when it is stored, and then it mutes.

Nothing else needs to happen when a silence begins or ends: decisions over alerts look into the same book, and groups that
an incident hears of set their own timers by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from monitor.alerts.silences import (
    NO_LIMITS,
    Silence,
    SilenceDraft,
    SilenceLimits,
    SilenceState,
    SilenceStep,
    expire,
    forget,
    merge,
    place,
    query,
)
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.matching.parse import Syntax
from monitor.model.changes import AuditEntry
from monitor.model.errors import NotFoundError
from monitor.model.incidents import Actor


class SilenceStore(Protocol):
    """Where silences live. One writer."""

    async def transact(
        self,
        decide: Callable[[Mapping[str, Silence]], SilenceStep],
        audit: Callable[[SilenceStep], AuditEntry | None],
    ) -> SilenceStep:
        """In one write transaction: call `decide` with all silences by id, write and remove what it says, insert its outbox
        rows (one whose `dedupe_key` exists is left alone), and the entry that `audit` makes of it. Returns what was decided
        once it is committed and in force. Raises StoreError, and what `decide` raises; then nothing was written."""
        ...

    async def silences(self) -> Sequence[Silence]:
        """All of them, in no particular order."""
        ...


class Silencing:
    """Makes, edits and ends silences."""

    def __init__(
        self,
        store: SilenceStore,
        clock: Clock,
        chance: Chance,
        *,
        changed: Callable[[], None],
        limits: SilenceLimits = NO_LIMITS,
        syntax: Syntax = Syntax.FALLBACK,
    ) -> None:
        """`changed` is called after a commit that changed what is muted."""
        self._store = store
        self._clock = clock
        self._chance = chance
        self._changed = changed
        self._limits = limits
        self._syntax = syntax

    async def place(self, draft: SilenceDraft, actor: Actor) -> str:
        """Make a silence, or edit the one that the draft names; returns its id, which is a new one where an edit in place
        would falsify history. Raises RequestError or NotFoundError with Alertmanager's texts, or StoreError."""
        new_id = self._chance.uuid()

        def decide(silences: Mapping[str, Silence]) -> SilenceStep:
            now = self._clock.now()
            return place(silences, draft, new_id, now, limits=self._limits, syntax=self._syntax)

        return (await self._do(decide, actor, "edit silence" if draft.id else "silence", draft.comment)).id

    async def expire(self, id_: str, actor: Actor) -> None:
        """End a silence now; nothing changes if it has ended. Raises NotFoundError or StoreError."""
        await self._do(
            lambda silences: expire(silences, id_, self._clock.now(), limits=self._limits), actor, "end silence", ""
        )

    async def merge(self, silences: Sequence[Silence], actor: Actor) -> None:
        """Take over silences of another store, as an import does. Raises StoreError."""
        await self._do(
            lambda own: merge(own, silences, self._clock.now()), actor, "import silences", f"{len(silences)} given"
        )

    async def silence(self, id_: str) -> Silence:
        """Raises NotFoundError or StoreError."""
        for one in await self._store.silences():
            if one.id == id_:
                return one
        raise NotFoundError("silence not found")

    async def silences(self, states: Collection[SilenceState] = frozenset(SilenceState)) -> list[Silence]:
        """In the order in which they are shown: active by their end, pending by their start, expired."""
        return query(await self._store.silences(), self._clock.now(), states)

    async def forget(self) -> None:
        """Throw away what ended long ago. Raises StoreError."""
        await self._store.transact(lambda silences: forget(silences, self._clock.now()), lambda _: None)

    async def _do(
        self, decide: Callable[[Mapping[str, Silence]], SilenceStep], actor: Actor, action: str, detail: str
    ) -> SilenceStep:
        def audit(step: SilenceStep) -> AuditEntry | None:
            if not step.put:
                return None
            subject = f"silence:{step.id}" if step.id else "silences"
            return AuditEntry(at=self._clock.now(), actor=actor, action=action, subject=subject, detail=detail)

        step = await self._store.transact(decide, audit)
        if step.put:
            self._changed()
        return step
