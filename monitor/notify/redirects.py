"""Rows that another destination gets because the first could not be reached.

A redirected page lives in an order key of its own, derived from the first one. What ends or settles the first (resolve,
acknowledgement) is passed on to it, so that every page that was sent is also resolved where it was sent; and so is the
first page after an acknowledgement that was passed on, so that nobody believes that somebody still has it.

Whoever is told instead may be out of reach as well, and then the next one is told: each integration of a fallback is a step.
What the configuration names leads nowhere twice, but a configuration may change in between; so the steps are bounded, and the
last of them is the house's, whatever was still to be tried.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.model.notifications import Destination, MessageKind, Missed, OutboxRow
from monitor.model.times import Timestamp

_MARK = ">instead"
_LONGEST_REASON = 300
_MOST_STEPS = 24
_BELONGS_THERE = "what it goes with came here instead"
_PASSED_ON = frozenset({MessageKind.RESOLVE, MessageKind.ACKNOWLEDGE})


def redirected_key(order_key: str) -> str:
    """The order key of what is told to somebody else instead; keys of rows grow by the same mark."""
    return order_key + _MARK


def decided_key(order_key: str) -> str:
    """The order key of the row that was decided, of those that came of it as well."""
    return order_key.partition(_MARK)[0]


def at_the_last_step(row: OutboxRow) -> bool:
    """It may be redirected once more: not to the next of many, but to the one that nobody should be without."""
    return row.order_key.count(_MARK) == _MOST_STEPS - 1


def at_the_end(row: OutboxRow) -> bool:
    """Such a row is not redirected any more: channels that are down must not play ball for ever."""
    return row.order_key.count(_MARK) >= _MOST_STEPS


def instead(row: OutboxRow, to: Destination, why: str, now: Timestamp) -> OutboxRow:
    """The same message for somebody else, saying whom it was meant for and why it comes to them. The texts that were made
    for the first one are left behind: they are in its vendor's form, and know nothing of this."""
    missed = Missed(destination=row.destination, why=why[:_LONGEST_REASON])
    reason = f"Meant for {missed.destination}, which could not be reached: {missed.why}"
    message = replace(
        row.message,
        text=f"{reason}\n{row.message.text}" if row.message.text else reason,
        fields=(),
        meant_for=row.message.meant_for or missed,
    )
    return replace(
        row,
        dedupe_key=row.dedupe_key + _MARK,
        order_key=redirected_key(row.order_key),
        destination=to,
        message=message,
        due_at=now,
    )


def passed_on(
    row: OutboxRow, to: Destination | None, now: Timestamp, *, settled: bool = False
) -> tuple[OutboxRow, ...]:
    """What goes to the one who was told instead when this row has come to its end; usually nothing. `settled`: the latest
    that was decided for them is an acknowledgement."""
    kind = row.message.kind
    wanted = kind in _PASSED_ON or (settled and kind.wakes)
    if to is None or not wanted or at_the_end(row):
        return ()
    missed = Missed(destination=row.destination, why=_BELONGS_THERE)
    return (
        replace(
            row,
            dedupe_key=row.dedupe_key + _MARK,
            order_key=redirected_key(row.order_key),
            destination=to,
            message=replace(row.message, fields=(), meant_for=row.message.meant_for or missed),
            due_at=now,
        ),
    )
