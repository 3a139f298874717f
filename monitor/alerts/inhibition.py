"""Inhibition: an alert that fires explains others, which then keep quiet.

A rule's sources are the firing alerts that match its source side; a target is inhibited while any of them has the same
values of the `equal` labels (a missing label is an empty one). An alert that matches both sides is inhibited only by sources
that do not match the target side as well, so nothing inhibits itself and no two alerts inhibit each other. Whether a source
is itself muted makes no difference, but for rules that say so (`by_what_is_heard`, ours and not Alertmanager's, as are `alike` and
`within`).

Sources are filed by rule and by their `equal` values when they come, so that a target costs a look-up for each rule that
could concern it, never a comparison with each source. Source: Alertmanager inhibit/inhibit.go; that any firing source
counts is 0.34.1's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.matching.index import MatcherIndex
from monitor.matching.matchers import Matcher, all_match
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp

_Key = tuple[int, tuple[str, ...]]
"""Place of the rule, and the values of its equal labels."""

_TIDY_EVERY: Final = 4_096
"""After so many reports what has ended without one is thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitRule:
    """One rule. An empty side matches every alert."""

    name: str = ""
    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    by_what_is_heard: bool = False
    """Only by sources that neither a silence nor a maintenance window keeps quiet. Not Alertmanager's."""
    alike: tuple[str, ...] = ()
    """Only by sources in which these labels have one value. Not Alertmanager's."""
    within: Millis | None = None
    """Only what began no later than so long after the source; None: whenever it began. Not Alertmanager's."""

    def takes(self, labels: Labels) -> bool:
        """May an alert with these labels, which the source side matches, be a source?"""
        return len({labels.get(name, "") for name in self.alike}) <= 1

    def values(self, labels: Labels) -> tuple[str, ...]:
        """The values that a source and its targets share."""
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class Inhibited:
    """Why an alert is inhibited."""

    by: Labels
    """The source's."""
    rule: InhibitRule
    until: Timestamp
    """The end of belief in the last of the sources that inhibit it; a newer report puts it off."""


@dataclass(frozen=True, slots=True)
class _Source:
    labels: Labels
    starts_at: Timestamp
    ends_at: Timestamp
    is_target: bool


@dataclass(frozen=True, slots=True)
class _Target:
    """Of a rule that asks when its targets began."""

    starts_at: Timestamp
    ends_at: Timestamp


Heard: TypeAlias = Callable[[Labels], bool]
"""Is an alert with these labels neither silenced nor in maintenance?"""


def _always(labels: Labels) -> bool:
    return True


class Inhibition:
    """The rules with the sources that are known. What it knows can be learnt again from the alerts at any time."""

    def __init__(self, rules: Iterable[InhibitRule] = ()) -> None:
        self.rules = tuple(rules)
        self._as_source = MatcherIndex[int]()
        self._as_target = MatcherIndex[int]()
        for place, rule in enumerate(self.rules):
            self._as_source.put(place, (rule.sources,))
            self._as_target.put(place, (rule.targets,))
        self._sources: dict[_Key, dict[str, _Source]] = {}
        self._asking = frozenset(place for place, rule in enumerate(self.rules) if rule.within is not None)
        self._targets: dict[str, _Target] = {}
        """By fingerprint."""
        self._reports = 0

    def __repr__(self) -> str:
        return f"Inhibition({len(self.rules)} rules, {sum(map(len, self._sources.values()))} sources)"

    def __bool__(self) -> bool:
        """May anything be inhibited?"""
        return bool(self._sources)

    def learn(self, alert: Alert, now: Timestamp, *, held_until: Timestamp | None = None) -> bool:
        """An alert was reported. True if some alerts may be inhibited, or no longer inhibited, because of it. `held_until`:
        see `muting.Overlay`."""
        changed = False
        for place in self._as_source.matching(alert.labels) if self.rules else ():
            rule = self.rules[place]
            if not rule.takes(alert.labels):
                continue
            key = (place, rule.values(alert.labels))
            filed = self._sources.setdefault(key, {})
            known = filed.get(alert.fingerprint)
            if held_until is not None and known is not None and known.ends_at > max(held_until, alert.ends_at):
                continue
            if alert.resolved(now):
                changed |= filed.pop(alert.fingerprint, None) is not None
                if not filed:
                    del self._sources[key]
                continue
            before = filed.get(alert.fingerprint)
            starts_at = _began(before, alert)
            changed |= before is None or before.ends_at <= now or before.starts_at != starts_at
            is_target = before.is_target if before is not None else all_match(rule.targets, alert.labels)
            filed[alert.fingerprint] = _Source(alert.labels, starts_at, alert.ends_at, is_target)
        if self._asking:
            self._learn_target(alert, now)
        self._reports += 1
        if self._reports % _TIDY_EVERY == 0:
            self._tidy(now)
        return changed

    def inhibited(self, labels: Labels, now: Timestamp, heard: Heard = _always) -> Inhibited | None:
        """What inhibits an alert with these labels: the first rule that does, in the order of the configuration. `heard` is
        asked about sources of rules that want to know."""
        matching = self._as_target.matching(labels) if self._sources else []
        for place in sorted(matching) if matching else ():
            two_sided = all_match(self.rules[place].sources, labels)
            if found := self.source_of(place, labels, now, one_sided=two_sided, heard=heard):
                return found
        return None

    def source_of(
        self, place: int, labels: Labels, now: Timestamp, *, one_sided: bool, heard: Heard = _always
    ) -> Inhibited | None:
        """A firing source of this rule with the same equal labels; `one_sided`: one that is not a target as well."""
        rule = self.rules[place]
        target = self._targets.get(labels.fingerprint) if rule.within is not None else None
        by: Labels | None = None
        until = now
        for source in self._sources.get((place, rule.values(labels)), {}).values():
            if source.ends_at <= now or (one_sided and source.is_target):
                continue
            if target is not None and target.starts_at - source.starts_at > (rule.within or 0):
                continue
            if rule.by_what_is_heard and not heard(source.labels):
                continue
            by, until = by if by is not None else source.labels, max(until, source.ends_at)
        return Inhibited(by, rule, until) if by is not None else None

    def _learn_target(self, alert: Alert, now: Timestamp) -> None:
        known = self._targets.get(alert.fingerprint)
        if alert.resolved(now):
            self._targets.pop(alert.fingerprint, None)
        elif known is not None or not self._asking.isdisjoint(self._as_target.matching(alert.labels)):
            self._targets[alert.fingerprint] = _Target(_began(known, alert), alert.ends_at)

    def _tidy(self, now: Timestamp) -> None:
        for key, filed in list(self._sources.items()):
            for fingerprint in [one for one, source in filed.items() if source.ends_at <= now]:
                del filed[fingerprint]
            if not filed:
                del self._sources[key]
        for fingerprint in [one for one, target in self._targets.items() if target.ends_at <= now]:
            del self._targets[fingerprint]


def _began(before: _Source | _Target | None, alert: Alert) -> Timestamp:
    """Since when it fires: a report that overlaps the one before tells of the same activity."""
    if before is None or alert.starts_at >= before.ends_at:
        return alert.starts_at
    return min(before.starts_at, alert.starts_at)
