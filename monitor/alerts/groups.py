"""Groups: the alerts that one route notifies together, and what was last said about them.

A group is born with its first firing alert, flushes after `group_wait` and then every `group_interval`, and ends when a
flush leaves it empty. Source: Alertmanager dispatch/dispatch.go, types.Alert.Merge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from monitor.alerts.flapping import Flap
from monitor.model import copies
from monitor.model.alerts import Alert, MuteReason
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, NotifyReason
from monitor.model.times import Millis, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyEntry:
    """What one integration was last told about a group."""

    destination: Destination
    firing: tuple[str, ...]
    """Fingerprints, sorted."""
    resolved: tuple[str, ...]
    at: Timestamp
    unheard: tuple[str, ...] = ()
    """Of those that fire, the ones that were muted at a flush since; kept where the end of muting is to be told."""
    flapping: tuple[str, ...] = ()
    """Of those that fire, the ones that it was told to be flapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MutedMember:
    """A member that a flush left out."""

    fingerprint: str
    reason: MuteReason
    by: tuple[str, ...]
    """Ids of silences, names of intervals, the fingerprint of the alert that inhibits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What a flush decided, and why."""

    at: Timestamp
    reasons: tuple[tuple[Destination, NotifyReason], ...] = ()
    """For each integration; empty when every member was muted."""
    muted: tuple[MutedMember, ...] = ()
    """The first hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """The stored state of one group."""

    id: str
    """Route id and group labels: unique, also where two routes share a key."""
    key: str
    route: str
    """The route's id."""
    receiver: str
    labels: Labels
    policy: str = ""
    """The escalation policy of its receiver; empty if it does not escalate."""
    members: tuple[Alert, ...] = ()
    """Sorted by fingerprint."""
    log: tuple[NotifyEntry, ...] = ()
    created_at: Timestamp = 0
    next_flush: Timestamp | None = None
    """None: the route is gone (a reload); the group only lives on to resolve its incident."""
    flushed: bool = False
    epoch: int = 0
    told: tuple[str, ...] = ()
    """What the incident side was last told: each firing member's fingerprint with its mute reasons, sorted."""
    held_until: Timestamp | None = None
    """What it was told about the end of muting, when all members are muted."""
    look_at: Timestamp | None = None
    """When what mutes its members may change by time alone; known for groups that an incident hears of."""
    last_flush: Flushed | None = None
    flaps: tuple[Flap, ...] = ()
    """Where flapping is damped: how its alerts changed, those that are gone included."""
    forget_at: Timestamp | None = None
    """Set when the group has ended while somebody still believes that it fires (see `remembered`)."""

    def member(self, fingerprint: str) -> Alert | None:
        place = bisect_left(self.members, fingerprint, key=_fingerprint)
        found = self.members[place] if place < len(self.members) else None
        return found if found is not None and found.fingerprint == fingerprint else None

    def with_members(self, changed: Mapping[str, Alert], *, next_flush: Timestamp | None, **more: object) -> AlertGroup:
        """A copy in which these alerts (by fingerprint) replace or join the members, and that is flushed then. `more`:
        other fields that it has as well."""
        members = list(self.members)
        for fingerprint, alert in changed.items():
            place = bisect_left(members, fingerprint, key=_fingerprint)
            known = place < len(members) and members[place].fingerprint == fingerprint
            members[place : place + known] = [alert]
        return copies.changed(self, members=tuple(members), next_flush=next_flush, **more)

    def firing(self, now: Timestamp) -> tuple[Alert, ...]:
        return tuple([alert for alert in self.members if alert.ends_at > now])

    def resolved(self, now: Timestamp) -> tuple[Alert, ...]:
        return tuple([alert for alert in self.members if alert.ends_at <= now])

    def moved(self, by: Millis) -> AlertGroup:
        """The same group with all its times moved: the wall clock was set by so much, and what was to come after five
        minutes still comes after five minutes."""
        return replace(
            self,
            members=tuple(
                replace(
                    alert,
                    starts_at=alert.starts_at + by,
                    ends_at=alert.ends_at + by,
                    updated_at=alert.updated_at + by,
                )
                for alert in self.members
            ),
            log=tuple(replace(entry, at=entry.at + by) for entry in self.log),
            created_at=self.created_at + by,
            flaps=tuple(
                replace(flap, changes=tuple(at + by for at in flap.changes), held_since=_moved(flap.held_since, by))
                for flap in self.flaps
            ),
            next_flush=_moved(self.next_flush, by),
            held_until=_moved(self.held_until, by),
            look_at=_moved(self.look_at, by),
            forget_at=_moved(self.forget_at, by),
        )

    def wake_at(self) -> Timestamp | None:
        """When to look again without anything new: the next flush, the end of belief in a member that an incident was
        told to be firing, or the end of what mutes one."""
        if not self.told and self.look_at is None and self.forget_at is None:
            return self.next_flush
        told = {entry.partition(":")[0] for entry in self.told}
        times = [alert.ends_at for alert in self.members if alert.fingerprint in told] if told else []
        times += [at for at in (self.next_flush, self.look_at, self.forget_at) if at is not None]
        return min(times, default=None)

    def remembered(self, until: Timestamp) -> AlertGroup:
        """What stays of a group whose members resolved while nobody was told: the log, so that as in Alertmanager the same
        alerts are not new to those who never heard of their end."""
        return AlertGroup(
            id=self.id,
            key=self.key,
            route=self.route,
            receiver=self.receiver,
            labels=self.labels,
            policy=self.policy,
            log=self.log,
            flaps=self.flaps,
            forget_at=until,
        )


_fingerprint = attrgetter("labels.fingerprint")


def _moved(at: Timestamp | None, by: Millis) -> Timestamp | None:
    return None if at is None else at + by


def ends_by_time(alert: Alert) -> bool:
    """Was its end still to come when it was reported last? Then nobody has told it."""
    return alert.ends_at > alert.updated_at


def taken_together(old: Alert | None, new: Alert, now: Timestamp) -> Alert:
    """What to remember after a new report: one merged activity if the two overlap, otherwise the new one alone."""
    if old is None:
        return new
    ends_within = old.starts_at < new.ends_at < old.ends_at
    starts_within = old.starts_at < new.starts_at < old.ends_at
    return merge(old, new, now) if ends_within or starts_within else new


def merge(one: Alert, other: Alert, now: Timestamp) -> Alert:
    """Two reports of one activity, in either order: the earliest start, the newest words. An end that somebody reported
    outlives an earlier one; an end that only a timeout gave does not."""
    old, new = (one, other) if one.updated_at <= other.updated_at else (other, one)
    ends_at = new.ends_at
    if old.ends_at > new.ends_at and (old.resolved(now) if new.resolved(now) else not old.ends_by_timeout):
        ends_at = old.ends_at
    starts_at = min(old.starts_at, new.starts_at)
    return (
        new
        if (starts_at, ends_at) == (new.starts_at, new.ends_at)
        else copies.changed(new, starts_at=starts_at, ends_at=ends_at)
    )
