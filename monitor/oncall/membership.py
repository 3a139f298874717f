"""Which alerts an incident stands for, and whether all of them are to be kept quiet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from monitor.model.alerts import MuteReason
from monitor.model.incidents import Member, Severity
from monitor.model.times import MINUTE, Timestamp

_KEPT: Final = 50
"""Alerts that are over and that the group has forgotten, kept for the message that ends the incident."""

FORGOTTEN: Final = 15 * MINUTE
"""An alert that comes back sooner flaps, and is known to whoever was told of it; later it is another outage."""

ONE_OUTAGE: Final = 2 * MINUTE
"""Checks of one service do not see its outage at one moment; whoever acknowledged so lately is still looking at it."""

OUTLIVES: Final = 15 * MINUTE
"""So long an alert may outlive what explains it: rates remember an outage for minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What muting means for the incident as a whole."""

    loud: tuple[Member, ...]
    """Firing members that nothing keeps quiet."""
    reasons: tuple[MuteReason, ...] = ()
    """Why all firing members are quiet; empty when one is loud or none fires."""
    until: Timestamp | None = None


def merged(before: tuple[Member, ...], reported: tuple[Member, ...], opened_at: Timestamp) -> tuple[Member, ...]:
    """The members after a report. One that the report lacks outlives its group: it keeps its last state, so that a reload
    which regroups alerts ends no incident; of those that are over only the last few are kept, with what explained them at the
    end. What was over before the incident opened never belonged to it, though its group may still name it."""
    known = {member.fingerprint for member in before}
    reported = tuple(
        member
        for member in reported
        if member.firing or member.fingerprint in known or (member.ends_at or 0) > opened_at
    )
    causes = {member.fingerprint: member.explained_by for member in before}
    reported = tuple(
        member
        if member.firing or member.explained_by or not causes.get(member.fingerprint)
        else replace(member, explained_by=causes[member.fingerprint])
        for member in reported
    )
    told = {member.fingerprint for member in reported}
    left = [member for member in before if member.fingerprint not in told]
    over = [member for member in left if not member.firing]
    dropped = {member.fingerprint for member in over[: max(len(over) - _KEPT, 0)]}
    return tuple(member for member in left if member.fingerprint not in dropped) + reported


def joined(before: tuple[Member, ...], after: tuple[Member, ...]) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    """Members that began to fire, and members that stopped."""
    fired = {member.fingerprint for member in before if member.firing}
    came = tuple(member for member in after if member.firing and member.fingerprint not in fired)
    went = tuple(member for member in after if not member.firing and member.fingerprint in fired)
    return came, went


def heard(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Members that fire and that nothing keeps quiet, not even maintenance that came too late to hold the incident."""
    return tuple(member for member in members if member.firing and not member.muted_by)


def explained(members: tuple[Member, ...], known: Iterable[str]) -> tuple[Member, ...]:
    """Members that fire and that nothing keeps quiet but another one which fires and whose fingerprint is `known`, or which
    is explained itself: whoever knows of that one has their cause. Of what is silenced nobody knows by this."""
    quiet = {one.fingerprint: one for one in members if one.firing and set(one.muted_by) == {MuteReason.INHIBITION}}
    causes = {one.fingerprint for one in members if one.firing}.intersection(known)
    while more := {mark for mark, one in quiet.items() if one.explained_by in causes} - causes:
        causes |= more
    return tuple(one for one in quiet.values() if one.explained_by in causes)


def has_outgrown(member: Member, before: tuple[Member, ...], members: tuple[Member, ...]) -> bool:
    """Does what explained alerts with its mark until now still go on, known to people, and not explain this one?"""
    told = heard(members)
    known = told + explained(members, (one.fingerprint for one in told))
    causes = {one.explained_by for one in before if mark(one) == mark(member)}
    return any(one.fingerprint in causes for one in known)


def kept_quiet(members: tuple[Member, ...]) -> frozenset[str]:
    """Marks of what fires and is silenced, in maintenance or out of its hours, and nowhere heard or known by its explanation:
    whoever is told of nothing does not know them."""
    told = heard(members)
    known = told + explained(members, (one.fingerprint for one in told))
    quiet = (one for one in members if one.firing and set(one.muted_by) - {MuteReason.INHIBITION})
    return frozenset(map(mark, quiet)) - frozenset(map(mark, known))


def mark(member: Member) -> str:
    """What people know an alert by: its name; if a check saw it, with the check, for another one may watch something else."""
    check = member.labels.get("check", "")
    return f"{member.name} of {check}" if check else member.name


def is_told(member: Member, told: tuple[str, ...]) -> bool:
    """Do people who were told of these marks know of it?"""
    return member.name in told or mark(member) in told


def told_of(told: tuple[str, ...], members: Iterable[Member]) -> tuple[str, ...]:
    """The marks that were told of and those of these members, each once, in order."""
    return tuple(dict.fromkeys((*told, *map(mark, members))))


def without(told: tuple[str, ...], members: Iterable[Member]) -> tuple[str, ...]:
    """These marks but for those of the members."""
    if not told:
        return told
    gone = {mark(member) for member in members}
    return tuple(one for one in told if one not in gone)


def is_of_one_outage(member: Member, told: tuple[str, ...], acked_at: Timestamp | None, now: Timestamp) -> bool:
    """Does another check see, right after the acknowledgement, what one has seen that people were told of?"""
    if acked_at is None or not 0 <= now - acked_at <= ONE_OUTAGE:
        return False
    return any(one.startswith(f"{member.name} of ") for one in told)


def long_over(known: str, before: tuple[Member, ...], now: Timestamp) -> bool:
    """Has no alert with this mark been heard, or been explained by one that was, for so long that it is forgotten?
    An end that lies ahead of the clock tells of no time that has passed: rather a page too many."""
    told = heard(before)
    going_on = told + explained(before, (one.fingerprint for one in told))
    lately = (one for one in before if not one.firing and 0 <= now - (one.ends_at or 0) < FORGOTTEN)
    return not any(is_told(one, (known,)) for some in (going_on, lately) for one in some)


def is_ahead(member: Member, now: Timestamp) -> bool:
    """Was it over before the clock was put back?"""
    return not member.firing and (member.ends_at or 0) > now


def why_quiet(member: Member, members: tuple[Member, ...]) -> tuple[tuple[MuteReason, str], ...]:
    """Each reason with a sentence; what another member explains names it."""
    cause = next((one.name for one in members if one.firing and one.fingerprint == member.explained_by), "")
    return tuple(
        (reason, f"explained by {cause}" if cause and reason is MuteReason.INHIBITION else reason.sentence)
        for reason in member.muted_by
    )


def overlay(members: tuple[Member, ...], until: Timestamp | None, *, begun: bool) -> Overlay:
    """Maintenance keeps quiet only what has not begun: an open incident keeps walking when a window opens over it."""
    firing = tuple(member for member in members if member.firing)
    muting = [
        [reason for reason in member.muted_by if not (begun and reason is MuteReason.MAINTENANCE)] for member in firing
    ]
    loud = tuple(member for member, reasons in zip(firing, muting, strict=True) if not reasons)
    if loud or not firing:
        return Overlay(loud=loud)
    reasons = tuple(dict.fromkeys(reason for some in muting for reason in some))
    return Overlay(loud=(), reasons=reasons, until=until)


def worst(members: tuple[Member, ...]) -> Severity:
    """The highest severity among them; info for none."""
    return max((member.severity for member in members), key=lambda severity: severity.rank, default=Severity.INFO)


def names_of(known: tuple[str, ...], members: tuple[Member, ...]) -> tuple[str, ...]:
    """These names and those of these members, each once, in order."""
    return tuple(dict.fromkeys((*known, *(member.name for member in members))))
