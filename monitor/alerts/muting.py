"""What keeps an alert quiet now, and why: the stages of Alertmanager's pipeline, in its order.

Inhibition, hours outside of which a route is not active, hours in which it is muted, silences; then our own maintenance
windows. All that apply are told, not only the first, so that people see what must end before they hear of the alert.
Muting is a look at things, never a state of the alert: nothing is stored, and what ends by the clock ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from monitor.alerts.inhibition import Inhibition, InhibitRule
from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.maintenance_book import MaintenanceBook, WindowIndex, file_key
from monitor.alerts.routes import Route
from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.spans import Watched, latest
from monitor.calendar.intervals import TimeInterval
from monitor.model.alerts import Alert, MuteReason
from monitor.model.labels import Labels
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """One reason why an alert is quiet."""

    reason: MuteReason
    by: tuple[str, ...]
    """Ids of silences, names of intervals or windows, the fingerprint of the alert that inhibits."""
    until: Timestamp | None = None
    """When it will end if nobody does anything; None when that is not known."""


class Overlay(Protocol):
    """What keeps alerts quiet. Used within decisions only, so never by two at once."""

    def learn(self, alert: Alert, now: Timestamp, *, held_until: Timestamp | None = None) -> bool:
        """An alert was reported. True if others may be muted, or no longer muted, because of it. `held_until`: nobody
        reported it; one of its groups held it as firing until then, and now believes this. Who holds it for longer is
        right."""
        ...

    def mutes_any(self, route: Route | None) -> bool:
        """False: `mutes` finds nothing for whatever labels by this route, now."""
        ...

    def mutes(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[Mute, ...]:
        """Why an alert with these labels must not notify now by this route; empty if nothing mutes it."""
        ...

    def next_change(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
        """When the answer of `mutes` may next change by time alone."""
        ...


class NothingMuted:
    """The overlay of a configuration without any muting."""

    def learn(self, alert: Alert, now: Timestamp, *, held_until: Timestamp | None = None) -> bool:
        return False

    def mutes_any(self, route: Route | None) -> bool:
        return False

    def mutes(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[Mute, ...]:
        return ()

    def next_change(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MutingRules:
    """What configuration says about muting."""

    inhibit_rules: tuple[InhibitRule, ...] = ()
    intervals: Mapping[str, tuple[TimeInterval, ...]] = field(default_factory=dict[str, tuple[TimeInterval, ...]])
    """By name."""
    maintenance: tuple[MaintenanceWindow, ...] = ()


class Muting:
    """The overlay of one configuration. `silences` and `maintenance` outlive it: they are the same under the next one."""

    def __init__(self, rules: MutingRules, silences: SilenceBook, maintenance: MaintenanceBook | None = None) -> None:
        self.rules = rules
        self.silences = silences
        self.inhibition = Inhibition(rules.inhibit_rules)
        self.maintenance = MaintenanceBook() if maintenance is None else maintenance
        self._intervals = {name: Watched(intervals) for name, intervals in rules.intervals.items()}
        self._windows = WindowIndex(self.maintenance, {file_key(one.name): one for one in rules.maintenance})

    def __repr__(self) -> str:
        return f"Muting({self.inhibition}, {self.silences}, {len(self._intervals)} intervals)"

    def learn(self, alert: Alert, now: Timestamp, *, held_until: Timestamp | None = None) -> bool:
        return self.inhibition.learn(alert, now, held_until=held_until)

    def mutes_any(self, route: Route | None) -> bool:
        return bool(
            self.inhibition
            or self.silences
            or self._windows
            or self.maintenance.own
            or (route is not None and (route.active_time_intervals or route.mute_time_intervals))
        )

    def mutes(self, labels: Labels, route: Route | None, now: Timestamp) -> tuple[Mute, ...]:
        found: list[Mute] = []
        if inhibited := self.inhibition.inhibited(labels, now, partial(self._is_heard, now)):
            found.append(Mute(reason=MuteReason.INHIBITION, by=(inhibited.by.fingerprint,)))
        if route is not None and (route.active_time_intervals or route.mute_time_intervals):
            found += self._by_the_clock(route, now)
        if self.silences and (silences := self.silences.muting(labels, now)):
            ends_at = max(one.ends_at for one in silences)
            found.append(Mute(reason=MuteReason.SILENCE, by=tuple(one.id for one in silences), until=ends_at))
        if windows := [*self._windows.muting(labels, now), *self.maintenance.own.muting(labels, now)]:
            names = tuple(one.window.name for one in windows)
            found.append(Mute(reason=MuteReason.MAINTENANCE, by=names, until=latest([one.until for one in windows])))
        return tuple(found)

    def next_change(self, labels: Labels, route: Route | None, now: Timestamp) -> Timestamp | None:
        times = self._next_changes(labels, now)
        if inhibited := self.inhibition.inhibited(labels, now, partial(self._is_heard, now)):
            times.append(inhibited.until)
            if inhibited.rule.by_what_is_heard:
                times += self._next_changes(inhibited.by, now)
        if route is not None:
            names = {*route.active_time_intervals, *route.mute_time_intervals}
            times += [self._intervals[name].next_change(now) for name in names]
        return min((at for at in times if at is not None), default=None)

    def _is_heard(self, now: Timestamp, labels: Labels) -> bool:
        return not (
            (self.silences and self.silences.muting(labels, now))
            or self._windows.muting(labels, now)
            or self.maintenance.own.muting(labels, now)
        )

    def _next_changes(self, labels: Labels, now: Timestamp) -> list[Timestamp | None]:
        """Of silences and windows."""
        books = (self.silences, self._windows, self.maintenance.own)
        return [book.next_change(labels, now) for book in books]

    def _by_the_clock(self, route: Route, now: Timestamp) -> list[Mute]:
        found: list[Mute] = []
        active = [self._intervals[name] for name in route.active_time_intervals]
        if active and not any(one.holds(now) for one in active):
            until = min((at for one in active if (at := one.next_change(now)) is not None), default=None)
            names = route.active_time_intervals
            found.append(Mute(reason=MuteReason.OUTSIDE_ACTIVE_INTERVAL, by=names, until=until))
        if muted := tuple(name for name in route.mute_time_intervals if self._intervals[name].holds(now)):
            until = latest([self._intervals[name].next_change(now) for name in muted])
            found.append(Mute(reason=MuteReason.MUTE_INTERVAL, by=muted, until=until))
        return found
