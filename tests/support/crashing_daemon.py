"""The daemon, composed so that it dies by SIGKILL at one point of a message's way, once.

The composition is production's; only the stores and the notifying kinds are wrapped, and what they wrap is production's
too. A marker file makes the death a single one over all lives of the process. The point "after bytes sent" is not here: a
test sees it at the vendor's side and kills from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path

from monitor.app.daemon import Daemon, run_daemon
from monitor.app.drivers import Stores
from monitor.config.loading import Configuration, Overrides
from monitor.config.reading import Reading
from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, OutboxRow, OutboxState
from monitor.model.times import Millis, Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.kinds.sending import Kind, Sending
from monitor.notify.outbox import Claimed, Finish
from monitor.notify.throttling import Toll
from monitor.oncall.incident import IncidentKey
from monitor.oncall.stores import Decide, Decision, Snapshot
from monitor.state.database import Database
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore


class Point(Enum):
    """Where the process dies."""

    BEFORE_DECIDE = "before-decide"
    """What happened is in the inbox, and on-call has begun the transaction that would say so."""
    AFTER_DECIDE = "after-decide"
    """That transaction is committed, and nobody has heard of it."""
    AFTER_CLAIM = "after-claim"
    """The message's row is leased, and nothing has been sent."""
    AFTER_REPLY = "after-reply"
    """The vendor has accepted, and that is not written down."""
    AFTER_COMMIT = "after-commit"
    """It is written down, and nothing else has happened since."""


class Death:
    """Waiting for a message of one kind and integration to come to the point."""

    def __init__(self, point: Point, kind: MessageKind, integration: str, marker: Path) -> None:
        self.point = point
        self._kind = kind
        self._integration = integration
        self._marker = marker

    def reached(self, point: Point, rows: Sequence[OutboxRow]) -> None:
        """Does not return from the point, if one of these rows is the message, the first time in all lives."""
        if point is not self.point or not any(self._is_meant(row) for row in rows):
            return
        try:
            os.close(os.open(self._marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def _is_meant(self, row: OutboxRow) -> bool:
        return row.message.kind is self._kind and row.destination.integration == self._integration


class DyingIncidents(SqlIncidentStore):
    """Dies around the transaction that decides on the message."""

    def __init__(self, database: Database, death: Death) -> None:
        super().__init__(database)
        self._death = death

    async def transact(self, keys: Sequence[IncidentKey], decide: Decide) -> Decision:
        def decided(snapshot: Snapshot) -> Decision:
            decision = decide(snapshot)
            # nothing of it has left this function, so this is as good as before
            self._death.reached(Point.BEFORE_DECIDE, decision.rows)
            return decision

        decision = await super().transact(keys, decided)
        self._death.reached(Point.AFTER_DECIDE, decision.rows)
        return decision


class DyingOutbox(SqlOutboxStore):
    """Dies after the claim, or after the end was written."""

    def __init__(self, database: Database, death: Death) -> None:
        super().__init__(database)
        self._death = death
        self._claimed: dict[int, OutboxRow] = {}

    async def claim(self, integration: str, now: Timestamp, limit: int, lease: Millis) -> Sequence[Claimed]:
        claimed = await super().claim(integration, now, limit, lease)
        self._claimed.update({one.seq: one.row for one in claimed})
        self._death.reached(Point.AFTER_CLAIM, [one.row for one in claimed])
        return claimed

    async def finish(self, seq: int, fence: int, finish: Finish, now: Timestamp) -> bool:
        written = await super().finish(seq, fence, finish, now)
        if written and finish.state is OutboxState.SENT:
            self._death.reached(Point.AFTER_COMMIT, [self._claimed[seq]])
        return written


class DyingKind:
    """Dies with the vendor's answer in its hand."""

    def __init__(self, kind: Kind, death: Death) -> None:
        self._kind = kind
        self._death = death

    def takes(self, message: Message, options: object) -> str:
        return self._kind.takes(message, options)

    def repeats(self, options: object) -> Repeats:
        return self._kind.repeats(options)

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return self._kind.tolls(sending)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        outcome = await self._kind.deliver(sending)
        if isinstance(outcome, Delivered):
            self._death.reached(Point.AFTER_REPLY, [sending.row])
        return outcome

    async def close(self) -> None:
        await self._kind.close()


class CrashingDaemon(Daemon):
    """Production's composition with the wrappers around what can die."""

    def __init__(
        self,
        configuration: Configuration,
        overrides: Overrides,
        print_line: Callable[[str], None],
        *,
        death: Death,
    ) -> None:
        self._death = death
        super().__init__(configuration, overrides, print_line)

    def make_stores(self, database: Database) -> Stores:
        stores = super().make_stores(database)
        stores.incidents = DyingIncidents(database, self._death)
        stores.outbox = DyingOutbox(database, self._death)
        return stores

    def _kinds(self, instance: str) -> Mapping[str, Kind]:
        return {name: DyingKind(kind, self._death) for name, kind in super()._kinds(instance).items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.crashing_daemon", description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--point", required=True, choices=[point.value for point in Point])
    parser.add_argument("--kind", required=True, choices=[kind.value for kind in MessageKind])
    parser.add_argument("--integration", required=True, help="whose message it is: pagerduty, slack, ...")
    parser.add_argument("--marker", required=True, type=Path, help="this file is made at the death")
    given = parser.parse_args()
    death = Death(Point(given.point), MessageKind(given.kind), given.integration, given.marker)
    overrides = Overrides(config=given.config, data=given.data)
    return asyncio.run(
        run_daemon(
            Reading.of(overrides).finish(),
            overrides,
            print_line=lambda line: print(line, flush=True),
            compose=partial(CrashingDaemon, death=death),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
