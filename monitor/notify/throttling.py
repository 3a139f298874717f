"""How often a vendor may be called: limits per address, kept so that a page never waits behind chatter.

Each limit has two lines. Everybody may use the shared one; pages also have one reserved for them, so a storm of edits, or of
ends, leaves their share untouched, and both together stay within the vendor's limit. (An end may take many calls, one for each
alert that its incident has opened there; nobody sleeps worse when it comes late.) A line hands out slots: whoever must wait is
told *when* and keeps that slot, so a burst of n rows costs n returns and not n².

Sources: PagerDuty about 120 events a minute and integration key (rolling); Slack about one message a second and channel,
chat.update 50 a minute (its tier 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from monitor.model.times import HOUR, MINUTE, SECOND, Millis, Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One slot every `every`, and up to `burst` at once after a quiet time."""

    every: Millis
    burst: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limit of one kind of address."""

    shared: Rate
    reserved: Rate | None = None
    """For urgent rows, which are pages, beside the shared one."""


@dataclass(frozen=True, slots=True)
class Toll:
    """An address that a delivery uses, with its limit. The address names no secret."""

    address: str
    limit: Limit


PAGERDUTY = Limit(shared=Rate(every=MINUTE // 55, burst=10), reserved=Rate(every=2 * SECOND, burst=5))
"""At most 55 + 10 + 30 + 5 = 100 events in any minute."""
SLACK_CHANNEL = Limit(shared=Rate(every=1_500), reserved=Rate(every=4_100))
"""Together one message in 1.1 s."""
SLACK_EDIT = Limit(shared=Rate(every=3 * SECOND))
EMAIL = Limit(shared=Rate(every=2 * SECOND, burst=10), reserved=Rate(every=2 * SECOND, burst=10))
ONCALL = Limit(shared=Rate(every=SECOND, burst=10), reserved=Rate(every=2 * SECOND, burst=10))
"""For vendors that publish no limit, or one far above this."""
WEBHOOK = Limit(shared=Rate(every=10, burst=500), reserved=Rate(every=10, burst=500))


@dataclass(frozen=True, slots=True)
class Throttle:
    """Every line's next free slot, and the slots that are promised but not yet used."""

    free_at: Mapping[tuple[str, bool], Timestamp] = field(default_factory=lambda: MappingProxyType({}))
    """(address, reserved) to the earliest instant at which the line would be full again after a quiet time."""
    promised: Mapping[str, Timestamp] = field(default_factory=lambda: MappingProxyType({}))
    """Row key to its slot."""

    def ask(self, key: str, tolls: Sequence[Toll], *, urgent: bool, now: Timestamp) -> tuple[Throttle, Timestamp]:
        """When may this row go? An instant ≤ now means at once. A later one is promised to `key`, and the row that comes
        back then with the same key passes; but while a line is full for an hour nothing is promised, and whoever comes back asks
        anew. A promise that the clock has moved away from by more than an hour is void."""
        slot = self.promised.get(key)
        if slot is not None and slot - now < HOUR:
            if slot > now:
                return self, slot
            return replace(self, promised={k: at for k, at in self.promised.items() if k != key}), now
        free_at = {line: at for line, at in self.free_at.items() if at > now and at - now < HOUR}
        latest = now
        for toll in tolls:
            line, rate = _choose(free_at, toll, urgent, now)
            slot = _slot(free_at, line, rate, now)
            free_at[line] = max(now, free_at.get(line, now)) + rate.every
            if free_at[line] - now >= HOUR:
                return self, now + HOUR // 2  # full for an hour: no slot so far ahead could be told from a clock's jump
            latest = max(latest, slot)
        promised = self.promised
        if latest > now:
            promised = {**{k: at for k, at in promised.items() if now - at < HOUR}, key: latest}
        return Throttle(MappingProxyType(free_at), MappingProxyType(dict(promised))), latest

    def moved(self, by: Millis) -> Throttle:
        """The same after the wall clock was set by so much."""
        return Throttle(
            MappingProxyType({line: at + by for line, at in self.free_at.items()}),
            MappingProxyType({key: at + by for key, at in self.promised.items()}),
        )


def _choose(
    free_at: Mapping[tuple[str, bool], Timestamp], toll: Toll, urgent: bool, now: Timestamp
) -> tuple[tuple[str, bool], Rate]:
    """The line in which the row's turn comes first."""
    shared = (toll.address, False)
    reserved = toll.limit.reserved
    if not urgent or reserved is None:
        return shared, toll.limit.shared
    own = (toll.address, True)
    if _slot(free_at, shared, toll.limit.shared, now) <= _slot(free_at, own, reserved, now):
        return shared, toll.limit.shared
    return own, reserved


def _slot(
    free_at: Mapping[tuple[str, bool], Timestamp], line: tuple[str, bool], rate: Rate, now: Timestamp
) -> Timestamp:
    return max(now, free_at.get(line, now) - (rate.burst - 1) * rate.every)
