"""Sending a test message through the real path: outbox, limits, kind, vendor."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.app.rooms import Rooms
from monitor.model.changes import AuditEntry
from monitor.model.errors import NotFoundError
from monitor.model.incidents import Actor, Severity
from monitor.model.notifications import Destination, Message, MessageKind, NotifyReason, OutboxRow, OutboxState
from monitor.model.times import SECOND, Millis

_PATIENCE: Millis = 20 * SECOND
_CHANCES = 2
"""Attempts that are waited for: a first failure may be mended by the second."""
_LOOK_EVERY: Millis = 100


async def send_test(rooms: Rooms, receiver: str, actor: Actor) -> Sequence[str]:
    """A line for each integration of the receiver or person (`user:ana`): what became of it within twenty seconds, or
    after two attempts that failed. Raises
    NotFoundError."""
    book = rooms.configuration.paging.book
    known = book.destinations
    names = (receiver, f"user:{receiver}")
    found = [one for one in known if one.receiver in names]
    if not found and ":" in receiver:
        kind = receiver.partition(":")[0]
        found = [one for one in (Destination(receiver, kind),) if book.options(one) is not None]
    if not found:
        have = ", ".join(sorted({one.receiver for one in known})) or "none"
        raise NotFoundError(f'no receiver is named "{receiver}"; there are: {have}')
    clock, outbox = rooms.drivers.clock, rooms.probes.stores.outbox
    now = clock.now()
    serial = rooms.drivers.chance.ulid(now)
    rows = [_row(one, rooms, actor, serial, now) for one in found]
    await outbox.add(*rows)
    await rooms.probes.stores.audit.add(
        AuditEntry(at=now, actor=actor, action="send-test", subject=f"receiver:{receiver}")
    )
    rooms.delivery.wake()
    return [f"{row.destination}: {await _outcome(rooms, row, now + _PATIENCE)}" for row in rows]


def _row(destination: Destination, rooms: Rooms, actor: Actor, serial: str, now: int) -> OutboxRow:
    environment = rooms.configuration.environment
    message = Message(
        kind=MessageKind.TEST,
        reason=NotifyReason.MANUAL,
        at=now,
        title=f"Test message from Watchkeeper{f' ({environment})' if environment else ''}",
        text=f"{actor.name} asked for it. Nothing is wrong; if you can read this, {destination} works.",
        severity=Severity.INFO,
        since=now,
        source=rooms.instance,
        external_url=rooms.configuration.external_url,
    )
    key = f"test|{serial}|{destination}"
    return OutboxRow(dedupe_key=key, order_key=key, destination=destination, message=message, due_at=now)


async def _outcome(rooms: Rooms, row: OutboxRow, until: int) -> str:
    clock, outbox = rooms.drivers.clock, rooms.probes.stores.outbox
    while True:
        sent = await outbox.find(row.dedupe_key)
        if sent is not None and sent.state is OutboxState.SENT:
            return "delivered"
        if sent is not None and sent.state in (OutboxState.FAILED, OutboxState.CANCELLED):
            return f"failed: {sent.error}"
        if sent is not None and sent.error and sent.attempts >= _CHANCES:
            return f"not delivered: {sent.error} ({sent.attempts} attempts; it is tried again)"
        if clock.now() >= until:
            return f"not delivered yet: {sent.error if sent is not None and sent.error else 'no answer'}"
        await clock.sleep(_LOOK_EVERY)
