"""Alerts that come and go, held as firing while they do.

Where somebody asks for it, each change of an alert between firing and not firing is counted. An alert that changed more often
than a limit within a window flaps: from then on it is taken to fire, whatever is reported, so that nobody gets a message
for each swing; one says that it flaps. It is calm again when no more than half of the limit are left in the window. If it
is over by then, that is its end; if it fires, a message says so.

The changes of an alert are kept with its group, written with the decisions that they come from: a restart forgets none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.matching.matchers import Matcher, all_match
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp, spoken_duration

ANNOTATION: Final = "watchkeeper_flapping"
"""Under which a held alert says how often it changed; a name that is no user's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapRule:
    """Which alerts are damped, and from when on."""

    matchers: tuple[Matcher, ...] = ()
    receivers: frozenset[str] = frozenset()
    """Of the groups in which they are damped; all if there are none."""
    changes: int
    """So many changes are borne; one more is flapping."""
    window: Millis

    def concerns(self, receiver: str, labels: Mapping[str, str]) -> bool:
        return (not self.receivers or receiver in self.receivers) and all_match(self.matchers, labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap:
    """What is remembered of one alert of a group."""

    fingerprint: str
    changes: tuple[Timestamp, ...] = ()
    """When it changed, as far as that counts still, in order."""
    fires: bool = False
    """What its source said last."""
    held_since: Timestamp | None = None
    """It flaps since then."""

    @property
    def over(self) -> bool:
        """It is held as firing though its source says that it does not fire."""
        return self.held_since is not None and not self.fires


def rule_for(rules: Iterable[FlapRule], receiver: str, labels: Labels) -> FlapRule | None:
    """The first that concerns it."""
    return next((rule for rule in rules if rule.concerns(receiver, labels)), None)


def changed(flap: Flap, rule: FlapRule, at: Timestamp) -> Flap:
    """It began to fire, or ended."""
    counted = (*(one for one in flap.changes if one > at - rule.window), at)[-(rule.changes + 1) :]
    since = flap.held_since
    if since is None and len(counted) > rule.changes:
        since = at
    return replace(flap, changes=counted, fires=not flap.fires, held_since=since)


def calm_at(flap: Flap, rule: FlapRule) -> Timestamp:
    """When few enough changes will be left in the window, if no more come."""
    left = rule.changes // 2
    return (flap.changes[-1 - left] + rule.window) if len(flap.changes) > left else 0


def forgotten_at(flaps: Sequence[Flap], rules: Sequence[FlapRule]) -> Timestamp:
    """When nothing of these counts any more, whatever rule concerned them."""
    longest = max((rule.window for rule in rules), default=0)
    return max((flap.changes[-1] + longest for flap in flaps if flap.changes), default=0)


class Damping:
    """What one decision makes of the alerts of one group."""

    def __init__(self, rules: Sequence[FlapRule], receiver: str, flaps: Iterable[Flap]) -> None:
        self._rules = rules
        self._receiver = receiver
        self._flaps = {flap.fingerprint: flap for flap in flaps}

    @property
    def flaps(self) -> tuple[Flap, ...]:
        return tuple(self._flaps[name] for name in sorted(self._flaps))

    def is_over(self, fingerprint: str) -> bool:
        """Is it held though its source says that it does not fire?"""
        flap = self._flaps.get(fingerprint)
        return flap is not None and flap.over

    def taken(self, alert: Alert, known: Alert | None, now: Timestamp) -> Alert:
        """What to make a member, of a report (merged with the member, if there is one)."""
        rule = self._rule(alert.labels)
        if rule is None:
            return alert
        flap = self._flaps.get(alert.fingerprint, Flap(fingerprint=alert.fingerprint))
        if known is not None and flap.fires and known.ends_at <= now:
            flap = changed(flap, rule, known.ends_at)  # its time was over, and nobody had noticed
        if flap.fires is alert.resolved(now):
            flap = changed(flap, rule, now)
        self._flaps[alert.fingerprint] = flap
        return alert if flap.held_since is None else _held(alert, known, flap, rule)

    def settled(self, members: Iterable[Alert], now: Timestamp) -> tuple[dict[str, Alert], tuple[Alert, ...]]:
        """The members that differ at this instant: those whose time is over and that are held, and those that are calm again.
        With them, as they were, those that are held now though their time is over."""
        found: dict[str, Alert] = {}
        ended: list[Alert] = []
        by_name = {alert.fingerprint: alert for alert in members}
        for name, flap in list(self._flaps.items()):
            alert = by_name.get(name)
            rule = self._rule(alert.labels) if alert is not None else None
            if alert is None:
                continue
            if rule is None:  # a reload took it away
                if flap.held_since is not None:
                    found[name] = _calmed(alert, flap, now)
                del self._flaps[name]
                continue
            if flap.fires and alert.ends_at <= now:
                flap = changed(flap, rule, alert.ends_at)
                if flap.held_since is not None:
                    ended.append(alert)
                    found[name] = alert = _held(alert, alert, flap, rule)
            if flap.held_since is not None and calm_at(flap, rule) <= now:
                found[name] = _calmed(alert, flap, now)
                flap = replace(flap, held_since=None)
            self._flaps[name] = flap
        self._forget(now)
        return found, tuple(ended)

    def _forget(self, now: Timestamp) -> None:
        for name, flap in list(self._flaps.items()):
            if flap.held_since is None and not flap.fires and forgotten_at((flap,), self._rules) <= now:
                del self._flaps[name]

    def _rule(self, labels: Labels) -> FlapRule | None:
        return rule_for(self._rules, self._receiver, labels)


def _held(alert: Alert, known: Alert | None, flap: Flap, rule: FlapRule) -> Alert:
    """The alert as it is taken to be while it flaps: firing since it began to, and saying so."""
    words = f"{len(flap.changes)} changes in the last {spoken_duration(rule.window)}"
    return replace(
        alert,
        annotations=alert.annotations.with_(**{ANNOTATION: words}),
        starts_at=alert.starts_at if known is None else min(alert.starts_at, known.starts_at),
        # Looked at anew with each flush of its group; a report that it fires says when it is to be believed.
        ends_at=alert.ends_at if flap.fires else calm_at(flap, rule) + rule.window,
        ends_by_timeout=alert.ends_by_timeout or not flap.fires,
    )


def _calmed(alert: Alert, flap: Flap, now: Timestamp) -> Alert:
    """The alert when it is held no longer."""
    notes = alert.annotations.without(ANNOTATION)
    return (
        replace(alert, annotations=notes, ends_at=now, updated_at=now)
        if flap.over
        else replace(alert, annotations=notes)
    )
