"""What silences need between their beginning and their end: a reminder before the end, and an end when their cause is over.

A silence that ends while its alerts still fire wakes somebody who may not expect it; so a receiver hears of it some time
before. One that is `until_resolved` ends by itself when all alerts that it mutes have resolved, so that the next outage is
heard; it waits until it has muted one that fired, and its planned end still holds. Neither is asked of each alert: only
silences that are near their end or wait for resolution are looked at, and only when something may have changed for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.notices import News, spoken_wait
from monitor.alerts.silences import NO_LIMITS, Silence, SilenceLimits, SilenceState, expire
from monitor.matching.index import MatcherIndex
from monitor.matching.printing import matchers_text
from monitor.model.alerts import Alert
from monitor.model.labels import ALERT_NAME
from monitor.model.times import Millis, Timestamp, spoken_instant

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """Who hears that a silence is about to end."""

    to: str = ""
    """The receiver; empty: nobody."""
    before: Millis = 0
    """How long before; 0: only where the silence says so."""

    def due_at(self, silence: Silence) -> Timestamp | None:
        """When a reminder of this silence's end is due; None if none is, or it was given. None is given of a silence that
        is not longer than the notice."""
        before = self.before if silence.remind_before is None else silence.remind_before
        if not self.to or before <= 0 or silence.reminded_of == silence.ends_at:
            return None
        due_at = silence.ends_at - before
        return due_at if due_at > silence.starts_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What is to be done."""

    put: tuple[Silence, ...] = ()
    ended: tuple[str, ...] = ()
    """Ids of those of `put` that end now."""
    reminded: tuple[Silence, ...] = ()
    """Those of `put` whose end is told of now."""
    wake_at: Timestamp | None = None
    """When the passing of time alone may ask for more."""


def at_hand(silences: Iterable[Silence], reminders: Reminders, now: Timestamp) -> list[Silence]:
    """The active silences that alerts must be looked through for."""
    return [one for one in silences if one.state(now) is SilenceState.ACTIVE and _at_hand(one, reminders, now)]


def muted_by(silences: Sequence[Silence], alerts: Iterable[Alert], now: Timestamp) -> dict[str, tuple[Alert, ...]]:
    """By silence: the alerts that it concerns and that fire, or have fired while it was active."""
    index = MatcherIndex[str]()
    for one in silences:
        index.put(one.id, one.matcher_sets)
    found: dict[str, list[Alert]] = {one.id: [] for one in silences}
    since = {one.id: one.starts_at for one in silences}
    for alert in alerts if silences else ():
        if alert.resolved(now) and alert.ends_at <= min(since.values()):
            continue
        for id_ in index.matching(alert.labels):
            if not alert.resolved(now) or alert.ends_at > since[id_]:
                found[id_].append(alert)
    return {id_: tuple(each) for id_, each in found.items()}


def care(
    silences: Mapping[str, Silence],
    muted: Mapping[str, Sequence[Alert]],
    reminders: Reminders,
    now: Timestamp,
    *,
    limits: SilenceLimits = NO_LIMITS,
) -> Care:
    """`muted` is what `muted_by` found for those at hand; others are not touched."""
    put: dict[str, Silence] = {}
    ended: list[str] = []
    reminded: list[Silence] = []
    wakes: list[Timestamp] = []
    for silence in silences.values():
        match silence.state(now):
            case SilenceState.EXPIRED:
                continue
            case SilenceState.PENDING:
                wakes.append(silence.starts_at)
                continue
            case SilenceState.ACTIVE:
                pass
        concerned = muted.get(silence.id)
        firing = [alert for alert in concerned or () if not alert.resolved(now)]
        if silence.until_resolved and concerned is not None:
            if concerned and not silence.seen_at:
                silence = put[silence.id] = replace(silence, seen_at=now)
            if silence.seen_at and not firing:
                put.update((one.id, one) for one in expire({silence.id: silence}, silence.id, now, limits=limits).put)
                ended.append(silence.id)
                continue
            if firing:  # if nobody reports them any more, they have resolved by then
                wakes.append(max(alert.ends_at for alert in firing))
        due_at = reminders.due_at(silence)
        if due_at is not None and due_at > now:
            wakes.append(due_at)
        elif due_at is not None and firing:
            put[silence.id] = replace(silence, reminded_of=silence.ends_at)
            reminded.append(put[silence.id])
    return Care(put=tuple(put.values()), ended=tuple(ended), reminded=tuple(reminded), wake_at=min(wakes, default=None))


def reminder(silence: Silence, firing: Sequence[Alert], now: Timestamp) -> News:
    """That the silence is about to end, and what will be heard then."""
    concerns = " or ".join(map(matchers_text, silence.matcher_sets))
    names = Counter(alert.labels.get(ALERT_NAME, "no name") for alert in firing)
    shown = ", ".join(f"{name}: {number}" for name, number in names.most_common(_SHOWN))
    more = len(names) - _SHOWN
    number = f"{len(firing)} alerts" if len(firing) != 1 else "1 alert"
    lines = [
        silence.comment,
        f"It still mutes {number} ({shown}{f' and {more} more' if more > 0 else ''}).",
        f"Until {spoken_instant(silence.ends_at)}, by {silence.created_by or 'somebody'}.",
        f"To make it longer: watchkeeper silence update {silence.id} --for 2h",
    ]
    return News(
        key=f"silence|{silence.id}|{silence.ends_at}|reminder",
        order_key=f"silence|{silence.id}",
        name="SilenceEnds",
        labels={"silence": silence.id},
        title=f"A silence of {number} ends in {spoken_wait(silence.ends_at - now)}: {concerns}"[:240],
        text="\n".join(line for line in lines if line),
        since=silence.starts_at,
    )


def _at_hand(silence: Silence, reminders: Reminders, now: Timestamp) -> bool:
    due_at = reminders.due_at(silence)
    return silence.until_resolved or (due_at is not None and due_at <= now)
