"""What may be sent, and what an answer means: every decision about a row, as plain functions.

| the row                 | surely not there (RetryLater)     | may be there (Unknown)                        | Rejected |
|-------------------------|-----------------------------------|-----------------------------------------------|----------|
| a page of an open case  | for ever, with growing pauses     | again; idempotent, looked up, or marked       | given up |
| a resolve               | for a day                         | the same                                      | given up |
| another page            | for an hour                       | the same                                      | given up |
| anything else           | for a quarter of an hour          | again if that cannot repeat it, else dropped  | given up |

A page that failed `alarm_after` times is also told to the fallback and reported, so that the policy can move on, while the
attempts themselves go on: a vendor may come back before anybody else reacts. The row remembers that this was done, because
attempts that a crash cut off count as well, and the one that reaches the number may never be concluded. The page ends when its
incident is acknowledged or resolved, because the next claim then finds it stale. An acknowledgement that a later decision has
overtaken is not sent either: by then somebody may have given the incident back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from monitor.model.notifications import (
    Delivered,
    DeliveryOutcome,
    DeliveryReport,
    Destination,
    MessageKind,
    OutboxRow,
    OutboxState,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import DAY, HOUR, MINUTE, SECOND, Millis, Timestamp
from monitor.notify.outbox import Began, Claimed, Finish, Head, IncidentMark
from monitor.notify.redirects import at_the_end, decided_key, instead, passed_on

_FIRST_PAUSE: Millis = 2 * SECOND
LONGEST_PAUSE: Millis = 300 * SECOND
"""Of our own; a vendor may wish for more."""
LONGEST_WISH: Millis = HOUR
"""A vendor that asks for more patience than this is not believed."""


_ANSWERS_A_PAGE = frozenset({MessageKind.RESOLVE, MessageKind.ACKNOWLEDGE})


class Repeats(Enum):
    """What a second attempt does when the first may have arrived."""

    HARMLESS = "harmless"
    """The vendor recognises the key: nothing is doubled."""
    ASKED = "asked"
    """The kind asks the vendor first whether it is there."""
    VISIBLE = "visible"
    """People see it twice; so it is marked as a possible repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on."""

    alarm_after: int = 5
    """Failed attempts of a page or resolve before somebody else is told. At the default pauses after some ten seconds, at most
    half a minute."""
    page: Millis = HOUR
    """For pages without an incident (plain notifications), since they were decided. Those of an open incident go on."""
    resolve: Millis = DAY
    other: Millis = 15 * MINUTE


def backoff(failures: int, fraction: float) -> Millis:
    """The pause after so many failures (from 1): uniform between 0 and a ceiling that doubles from 2 s to 300 s.
    `fraction` in [0, 1) is the dice."""
    ceiling = min(_FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
    return int(ceiling * fraction)


def admit(head: Head, now: Timestamp) -> Finish | None:
    """May this row be started? None: yes. Otherwise how it ends instead. To be asked in the transaction that claims."""
    row = head.row
    if row.message.kind.wakes and row.incident and not _wanted(row, head.incident):
        why = "acknowledged, resolved or overtaken before it was sent"
        return Finish(state=OutboxState.CANCELLED, due_at=now, error=why, uncertain=head.uncertain, counted=False)
    if row.message.kind is MessageKind.ACKNOWLEDGE and _given_back(row, head.incident):
        why = "overtaken by a later decision before it was sent"
        return Finish(state=OutboxState.CANCELLED, due_at=now, error=why, uncertain=head.uncertain, counted=False)
    if row.message.kind in _ANSWERS_A_PAGE and head.began is Began.CANCELLED and not head.uncertain:
        why = f"no page was ever sent there, so there is none to {row.message.kind.value}"
        rows = passed_on(row, head.redirected_to, now)
        return Finish(state=OutboxState.CANCELLED, due_at=now, error=why, counted=False, rows=rows)
    return None


def unneeded(claimed: Claimed, why: str, now: Timestamp) -> Finish:
    """The destination has no use for such a message."""
    rows = passed_on(claimed.row, claimed.redirected_to, now)
    return Finish(
        state=OutboxState.CANCELLED, due_at=now, error=why, uncertain=claimed.uncertain, counted=False, rows=rows
    )


def unrepeatable(claimed: Claimed, repeats: Repeats, now: Timestamp) -> Finish | None:
    """An informational message whose former attempt may have arrived is rather lost than doubled. None: send it."""
    if claimed.uncertain and repeats is Repeats.VISIBLE and not _matters(claimed.row):
        why = "an attempt may have arrived, and nobody is waiting for it: not repeated"
        return Finish(state=OutboxState.FAILED, due_at=now, error=why, uncertain=True, counted=False)
    return None


def put_back(claimed: Claimed, until: Timestamp) -> Finish:
    """Not now: a limit, or a lease that is too short to send in. No attempt was made."""
    state = OutboxState.UNKNOWN if claimed.uncertain else OutboxState.PENDING
    return Finish(state=state, due_at=until, uncertain=claimed.uncertain, counted=False)


def homeless(claimed: Claimed, fallback: Destination | None, now: Timestamp) -> Finish:
    """No configuration knows the destination any more."""
    return _give_up(claimed, "it is no longer in the configuration", fallback, now, counted=False)


def conclude(
    claimed: Claimed,
    outcome: DeliveryOutcome,
    *,
    repeats: Repeats,
    fallback: Destination | None,
    patience: Patience,
    fraction: float,
    now: Timestamp,
) -> Finish:
    """What an answer means for the row."""
    row = claimed.row
    failures = claimed.attempts + 1
    match outcome:
        case Delivered(handle):
            report = _report(claimed, now, arrived=True)
            rows = passed_on(row, claimed.redirected_to, now, settled=claimed.settled_there)
            return Finish(state=OutboxState.SENT, due_at=now, handle=handle, rows=rows, reports=(report,))
        case Rejected(why):
            return _give_up(claimed, why, fallback, now)
        case RetryLater(why, after):
            pause = backoff(failures, fraction) if after is None else min(max(after, 0), LONGEST_WISH)
            uncertain = claimed.uncertain
        case Unknown(why):
            pause = backoff(failures, fraction)
            uncertain = True
            if repeats is Repeats.VISIBLE and not _matters(row):
                return _give_up(claimed, why, None, now, uncertain=True)
    if now + pause > _last_chance(claimed, patience):
        return _give_up(claimed, why, fallback, now, uncertain=uncertain)
    state = OutboxState.UNKNOWN if uncertain else OutboxState.PENDING
    finish = Finish(state=state, due_at=now + pause, error=why, uncertain=uncertain)
    if failures >= patience.alarm_after and not claimed.alarmed and _matters(row):
        return _alarmed(finish, claimed, why, fallback if row.message.kind.wakes else None, now)
    return finish


def _wanted(row: OutboxRow, incident: IncidentMark | None) -> bool:
    return incident is not None and incident.open and incident.epoch <= row.epoch


def _given_back(row: OutboxRow, incident: IncidentMark | None) -> bool:
    """Of an incident that was resolved meanwhile an old acknowledgement misleads nobody: its end is behind it."""
    return incident is not None and incident.open and incident.epoch > row.epoch


def _matters(row: OutboxRow) -> bool:
    return row.message.kind.wakes or row.message.kind is MessageKind.RESOLVE


def _last_chance(claimed: Claimed, patience: Patience) -> Timestamp:
    row = claimed.row
    if row.message.kind is MessageKind.RESOLVE:
        return row.message.at + patience.resolve
    if not row.message.kind.wakes:
        return row.message.at + patience.other
    if row.incident:
        return _END_OF_TIME
    return row.message.at + patience.page


_END_OF_TIME: Timestamp = 2**62


def _give_up(
    claimed: Claimed,
    why: str,
    fallback: Destination | None,
    now: Timestamp,
    *,
    uncertain: bool = False,
    counted: bool = True,
) -> Finish:
    finish = Finish(
        state=OutboxState.FAILED,
        due_at=now,
        error=why,
        uncertain=uncertain or claimed.uncertain,
        counted=counted,
        rows=passed_on(claimed.row, claimed.redirected_to, now),
    )
    row = claimed.row
    # somebody must close by hand what the one who was paged cannot be told is over
    open_end = row.message.kind is MessageKind.RESOLVE and bool(row.incident) and not finish.rows
    return _alarmed(finish, claimed, why, fallback if row.message.kind.wakes or open_end else None, now)


def _alarmed(finish: Finish, claimed: Claimed, why: str, fallback: Destination | None, now: Timestamp) -> Finish:
    """With the word to others. The row for the fallback is inserted once however often this happens."""
    row = claimed.row
    rows: tuple[OutboxRow, ...] = ()
    if fallback is not None and fallback != row.destination and not at_the_end(row):
        rows = (instead(row, fallback, why, now),)
    report = _report(
        claimed,
        now,
        arrived=False,
        why=why,
        redirected_to=rows[0].destination if rows else None,
        trying=finish.state is not OutboxState.FAILED,
    )
    return Finish(
        state=finish.state,
        due_at=finish.due_at,
        error=finish.error,
        uncertain=finish.uncertain,
        counted=finish.counted,
        alarmed=True,
        rows=finish.rows + rows,
        reports=(*finish.reports, report),
    )


def _report(
    claimed: Claimed,
    now: Timestamp,
    *,
    arrived: bool,
    why: str = "",
    redirected_to: Destination | None = None,
    trying: bool = False,
) -> DeliveryReport:
    row = claimed.row
    return DeliveryReport(
        dedupe_key=row.dedupe_key,
        destination=row.destination,
        kind=row.message.kind,
        at=now,
        arrived=arrived,
        incident=row.incident,
        epoch=row.epoch,
        order_key=decided_key(row.order_key),
        why=why,
        redirected_to=redirected_to,
        trying=trying,
    )
