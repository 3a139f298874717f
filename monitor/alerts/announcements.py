"""Whom a maintenance window is announced to, and when: some time before an occurrence, at its beginning and its end.

| what is due                              | while we looked on          | after we were away                         |
|------------------------------------------|-----------------------------|--------------------------------------------|
| a notice before it begins                | is given                    | the latest one only, until it begins        |
| that it begins                           | is told                     | is told as long as it is under way          |
| that it ends                             | is told                     | is told to whom it was announced, however late |
| that it does not take place, ends at another time | is told to whom it was announced | the same                              |

What was announced is stored in the transaction that puts the announcement into the outbox. So after a restart at any instant
nothing is announced twice and nothing is left out, and whoever was told of a beginning is told of its end, though the window
itself may be gone from the configuration by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from monitor.alerts.maintenance import MaintenanceWindow, Occurrence, running, upcoming
from monitor.alerts.maintenance_book import Entry, Told, name_of
from monitor.alerts.notices import News, news_rows, spoken_wait
from monitor.calendar.walls import wall_text
from monitor.matching.printing import matchers_text
from monitor.model.notifications import Destination, OutboxRow
from monitor.model.times import Timestamp, spoken_instant

_NAME: Final = "Maintenance"
"""What the announcement's only alert is called, for receivers that know alerts only."""


class Stage(Enum):
    """What is said of an occurrence."""

    SOON = "soon"
    BEGUN = "begun"
    CHANGED = "changed"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One announcement."""

    stage: Stage
    to: str
    occurrence: Occurrence
    """As it stands now; one that has ended ended then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcing:
    """What is to be announced, and when to look again."""

    notices: tuple[Notice, ...]
    told: Told | None
    wake_at: Timestamp | None


def announce(window: MaintenanceWindow | None, entry: Entry, now: Timestamp) -> Announcing:
    """What is due of this window. None: it is gone, and whoever was told of it is told that."""
    if window is None or not window.announce_to:
        notices, told = _followed(entry.told, None, (), now)
        return Announcing(notices=tuple(notices), told=told, wake_at=None)
    cuts = entry.cuts_of(window)
    here, ahead = running(window, cuts, now), upcoming(window, cuts, now, 1)
    notices, told = _followed(entry.told, here, ahead, now)
    if here is not None:
        if told is None or not told.begun:
            notices.append(Notice(stage=Stage.BEGUN, to=window.announce_to, occurrence=here))
            told = _told(window, here, begun=True)
        return Announcing(notices=tuple(notices), told=told, wake_at=here.ends_at)
    if not ahead:
        return Announcing(notices=tuple(notices), told=told, wake_at=None)
    (soon,) = ahead
    due = [before for before in window.announce_before if soon.starts_at - before <= now]
    if due and (told is None or told.before > min(due)):
        notices.append(Notice(stage=Stage.SOON, to=window.announce_to, occurrence=soon))
        told = _told(window, soon, before=min(due))
    looks = [soon.starts_at, *(soon.starts_at - before for before in window.announce_before if before not in due)]
    return Announcing(notices=tuple(notices), told=told, wake_at=min(looks))


def rows(
    key: str,
    window: MaintenanceWindow | None,
    notice: Notice,
    to: Sequence[Destination],
    external_url: str,
    now: Timestamp,
) -> tuple[OutboxRow, ...]:
    """The announcement, ready for the outbox."""
    shown = window if window is not None else MaintenanceWindow(name=name_of(key), matchers=())
    one = notice.occurrence
    over_at = None
    if notice.stage in (Stage.ENDED, Stage.CANCELLED):
        over_at = min(one.ends_at, now) if one.ends_at is not None else now
    news = News(
        key=f"maintenance|{key}|{one.starts_at}|{notice.stage.value}|{now}",
        order_key=f"maintenance|{key}|{one.starts_at}",
        name=_NAME,
        labels={"window": shown.name},
        title=_title(shown, notice, now),
        text=_text(shown, one, notice.stage),
        since=one.starts_at,
        over_at=over_at,
    )
    return news_rows(news, notice.to, to, external_url, now)


def _followed(
    told: Told | None, here: Occurrence | None, ahead: Sequence[Occurrence], now: Timestamp
) -> tuple[list[Notice], Told | None]:
    """What became of the occurrence that was announced last, and what of it is still to be followed."""
    if told is None:
        return [], None
    if told.begun:
        now_is = here
    elif here is not None:
        now_is = here if here.starts_at == told.starts_at else None
    else:
        now_is = ahead[0] if ahead and ahead[0].starts_at == told.starts_at else None
    if now_is is None or now_is.starts_at != told.starts_at:
        if not told.begun and told.starts_at > now:
            return [_notice(Stage.CANCELLED, told, told.ends_at)], None
        passed = told.ends_at is not None and told.ends_at <= now
        return [_notice(Stage.ENDED, told, told.ends_at if passed else now)], None
    if now_is.ends_at != told.ends_at:
        return [_notice(Stage.CHANGED, told, now_is.ends_at)], replace(told, ends_at=now_is.ends_at)
    return [], told


def _notice(stage: Stage, told: Told, ends_at: Timestamp | None) -> Notice:
    return Notice(stage=stage, to=told.to, occurrence=Occurrence(starts_at=told.starts_at, ends_at=ends_at))


def _told(window: MaintenanceWindow, one: Occurrence, *, begun: bool = False, before: Timestamp = 0) -> Told:
    return Told(to=window.announce_to, starts_at=one.starts_at, ends_at=one.ends_at, begun=begun, before=before)


def _title(window: MaintenanceWindow, notice: Notice, now: Timestamp) -> str:
    name, one = f'Maintenance "{window.name}"', notice.occurrence
    match notice.stage:
        case Stage.SOON:
            return f"{name} begins in {spoken_wait(one.starts_at - now)}"
        case Stage.BEGUN:
            return f"{name} has begun"
        case Stage.CHANGED:
            return f"{name} now ends at another time"
        case Stage.ENDED:
            return f"{name} is over"
        case Stage.CANCELLED:
            return f"{name} does not take place"


def _text(window: MaintenanceWindow, one: Occurrence, stage: Stage) -> str:
    lines = [window.comment] if window.comment else []
    lines.append(f"From {_spoken(one.starts_at, window.location)}" if one.starts_at else "From long ago")
    lines.append(
        f"until {_spoken(one.ends_at, window.location)}." if one.ends_at is not None else "without an end in sight."
    )
    if window.matchers and stage not in (Stage.ENDED, Stage.CANCELLED):
        lines.append(f"Nobody is told meanwhile of alerts with {matchers_text(window.matchers)}.")
    if window.created_by:
        lines.append(f"Planned by {window.created_by}.")
    return "\n".join(lines)


def _spoken(at: Timestamp, location: str) -> str:
    utc = spoken_instant(at)
    return f"{wall_text(at, location)} ({utc})" if location else utc
