"""Policies: who is paged, in which order, and what happens when nobody answers.

A policy is immutable data. An incident pins the version it started with, so that an edit in the middle of a night neither
skips nor doubles a step; the newest version is taken up when the list is walked again. *Who* a target means is never
pinned: targets are resolved at the instant of the page, through the `Directory`, so that a hand-over counts at once.

Delays are elapsed time, never wall time. The pause before the list is walked again, and before the policy counts as
exhausted, is `repeat_after`; where it is not given it is the longest delay of the list, and five minutes where there is
none, since a first step that comes `after: 0s` must not follow on the last one's heels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from monitor.model.notifications import Destination
from monitor.model.times import MINUTE, Millis, Timestamp

FOREVER = -1
"""For `Policy.repeat`: walk the list again and again."""

_SHORTEST_PAUSE: Millis = MINUTE


class TargetKind(Enum):
    """What a policy may name."""

    USER = "user"
    """A person, by name."""
    SCHEDULE = "schedule"
    """Whoever is on call there at that instant; may be nobody."""
    RECEIVER = "receiver"
    """All integrations of a receiver."""
    SLACK = "slack"
    """A channel, as `slack:#payments`."""
    EMAIL = "email"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One thing that a step notifies, as yet unresolved."""

    kind: TargetKind
    name: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `user:ana`, `schedule:payments`, `slack:#ops`, `receiver:page`, `console:`. Raises ValueError."""
        prefix, colon, name = text.strip().partition(":")
        kind = _KINDS.get(prefix.strip().lower())
        if not colon or kind is None:
            known = ", ".join(f"{word}:NAME" for word in _KINDS)
            raise ValueError(f'"{text}" names no target: write one of {known}')
        name = name.strip()
        if not name and kind is not TargetKind.CONSOLE:
            raise ValueError(f'"{text}" lacks the name after "{prefix}:"')
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"


_KINDS = {kind.value: kind for kind in TargetKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """One step of a policy."""

    notify: tuple[Target, ...]
    after: Millis = 0
    """Since the previous step; for the first one since the incident opened."""

    def __post_init__(self) -> None:
        if self.after < 0:
            raise ValueError("a step cannot come before the one above it: `after` must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnExhausted:
    """What goes on when all steps were walked and nobody acknowledged. There is no silence: a reminder goes out for as
    long as the incident is open."""

    notify: tuple[Target, ...] = ()
    """Empty: the fallback, and without one the last step's targets."""
    every: Millis = 30 * MINUTE

    def __post_init__(self) -> None:
        if self.every < _SHORTEST_PAUSE:
            raise ValueError("a reminder comes once a minute at most: raise `every` of on_exhausted")


class OnNewAlert(Enum):
    """What an alert of another name, or of a higher severity, does to an incident that somebody acknowledged."""

    REPAGE = "repage"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A whole escalation policy."""

    name: str
    steps: tuple[PolicyStep, ...]
    repeat: int = 0
    """How often the list is walked again after the first time; FOREVER for no end."""
    repeat_after: Millis | None = None
    """From the last step to the next walk, or to being exhausted; None: see the module."""
    on_exhausted: OnExhausted = OnExhausted()
    ack_timeout: Millis | None = None
    """An acknowledged incident that is still open pages again after so long; None: never."""
    on_new_alert: OnNewAlert = OnNewAlert.REPAGE
    reopen_if_still_firing: Millis = 15 * MINUTE
    """After a person's resolve, for how long alerts that never stopped are believed to be dealt with."""
    fallback: tuple[Target, ...] = ()
    """Paged when the last step reaches nobody, or when a page cannot be delivered."""
    warning_escalates: bool = False
    """Do incidents that have only warnings (or less) go past the first step?"""

    def __post_init__(self) -> None:
        if self.repeat < FOREVER:
            raise ValueError("`repeat` is how often the steps are walked again: 0 or more, or -1 for no end")
        if self.repeat_after is not None and self.repeat_after < _SHORTEST_PAUSE:
            raise ValueError("the steps start again after a minute at least: raise `repeat_after`")
        if self.ack_timeout is not None and self.ack_timeout < _SHORTEST_PAUSE:
            raise ValueError("an acknowledgement holds for a minute at least: raise `ack_timeout`")
        if self.reopen_if_still_firing < 0:
            raise ValueError("`reopen_if_still_firing` must not be negative")

    @property
    def pause(self) -> Millis:
        """From the last step of a walk to what comes next; at least a minute."""
        if self.repeat_after is not None:
            return self.repeat_after
        longest = max((step.after for step in self.steps), default=0)
        return max(longest, _SHORTEST_PAUSE) if longest else 5 * MINUTE

    def walks_again_after(self, loop: int) -> bool:
        """Is the list walked once more when walk number `loop` (from 0) is over?"""
        return self.repeat == FOREVER or loop < self.repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A policy as it was when an incident took it up; equal contents have equal hashes."""

    policy: Policy
    hash: str
    """Twelve hex digits of the content."""

    @classmethod
    def of(cls, policy: Policy) -> PolicyVersion:
        return cls(policy=policy, hash=hashlib.sha256(repr(policy).encode()).hexdigest()[:12])


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be paged."""

    name: str
    contacts: tuple[Destination, ...] = ()
    """In order of preference: a page goes to the first; a later one is tried when a delivery failed for good."""


@dataclass(frozen=True, slots=True, order=True)
class Reached:
    """Where a page for somebody goes."""

    destination: Destination
    person: str = ""
    """Empty for a channel or receiver, which is nobody in particular."""

    def __str__(self) -> str:
        return self.person or self.destination.receiver.removesuffix(":")


class Directory(Protocol):
    """Who is meant, at an instant. Pure: equal arguments give equal answers for the life of the object, and a target or
    a person that does not exist (any more) gives the empty tuple and never raises."""

    def resolve(self, target: Target, at: Timestamp) -> tuple[Reached, ...]:
        """Each person's preferred contact, or all integrations of a receiver or channel."""
        ...

    def contacts(self, person: str) -> tuple[Destination, ...]:
        """All contacts of a person, the preferred one first."""
        ...


def reach(targets: tuple[Target, ...], directory: Directory, now: Timestamp) -> tuple[Reached, ...]:
    """Resolve the targets of one step. The same person, or the same destination, is reached once."""
    found: list[Reached] = []
    people: set[str] = set()
    places: set[Destination] = set()
    for target in targets:
        for one in directory.resolve(target, now):
            if one.destination in places or (one.person and one.person in people):
                continue
            places.add(one.destination)
            people.add(one.person)
            found.append(one)
    return tuple(found)
