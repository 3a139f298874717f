"""What is allowed in routing and yet hardly meant: routes that nothing reaches, rules that never act, times that never come.

Only what is proven is told. A route is never reached when whatever meets its matchers and those above it is taken by
siblings that come before and do not continue, its own or those of the routes above; whether that is so is asked of the
matchers as sets of values (`matching.implication`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.alerts.dedup import RETENTION
from monitor.alerts.inhibition import InhibitRule
from monitor.alerts.muting import MutingRules
from monitor.alerts.routes import Route
from monitor.matching.implication import Prover
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.printing import matcher_text, matchers_text
from monitor.model.times import Millis, Timestamp, format_duration, to_datetime

Place: TypeAlias = tuple[str | int, ...]
"""`("route", "routes", 2)`, `("inhibit_rules", 0)`, `("receivers", name)`, `("time_intervals", name)`."""

_LINE_BREAKS: Final = " (values with a line break aside)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One doubtful thing."""

    place: Place
    problem: str
    remedy: str


def doubts(
    root: Route,
    muting: MutingRules,
    *,
    receivers: Collection[str] = (),
    retention: Millis = RETENTION,
    now: Timestamp,
) -> tuple[Doubt, ...]:
    """Everything doubtful. `receivers`: those that routes must use, else they are of no use."""
    found = _Looking(muting, retention, now)
    return (
        *found.routes(root, ("route",), (), ()),
        *found.timers(root, None, ("route",)),
        *found.hours(root),
        *(one for number, rule in enumerate(muting.inhibit_rules) for one in found.inhibition(rule, number)),
        *_unused(root, receivers),
    )


@dataclass(frozen=True, slots=True)
class _Taker:
    """A route that takes all that it matches, and the values that it demands: among many siblings, those that demand
    another one need no further look."""

    route: Route
    demands: tuple[tuple[str, str], ...]

    def is_elsewhere(self, exact: Mapping[str, str]) -> bool:
        return any(exact.get(name, value) != value for name, value in self.demands)


def _demanded(matchers: Iterable[Matcher]) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.value) for one in matchers if one.op is MatchOp.EQUAL)


class _Looking:
    """What the questions about one configuration share."""

    def __init__(self, muting: MutingRules, retention: Millis, now: Timestamp) -> None:
        self._muting = muting
        self._retention = retention
        self._now = now
        self._exactly = Prover()
        self._nearly = Prover(one_line=True)

    def routes(
        self, route: Route, place: Place, above: tuple[Matcher, ...], taken: tuple[_Taker, ...]
    ) -> Iterator[Doubt]:
        """Routes below this one that no alert reaches. `taken`: what comes before it or a route above it, and takes all
        that it matches."""
        before: list[_Taker] = []
        for number, child in enumerate(route.children):
            here = (*place, "routes", number)
            doubt = self._never_matches(child, here, above) or self._taken_before(
                here, (*above, *child.matchers), (*taken, *before)
            )
            if doubt is not None:
                yield doubt
            else:
                yield from self.routes(child, here, (*above, *child.matchers), (*taken, *before))
            if not child.continue_:
                before.append(_Taker(child, _demanded(child.matchers)))

    def _never_matches(self, route: Route, place: Place, above: tuple[Matcher, ...]) -> Doubt | None:
        if problem := self._contradiction(route.matchers):
            return Doubt(place=place, problem=problem, remedy="no alert takes this route: correct its matchers")
        if self._exactly.impossible((*above, *route.matchers)):
            return Doubt(
                place=place,
                problem=f"{matchers_text(route.matchers)} contradicts the routes above it: no alert takes this route",
                remedy="move it out of them, or correct its matchers",
            )
        return None

    def _taken_before(self, place: Place, matchers: tuple[Matcher, ...], all_before: Iterable[_Taker]) -> Doubt | None:
        exact = dict(_demanded(matchers))
        before = [one.route for one in all_before if not one.is_elsewhere(exact)]
        for prover, aside in ((self._exactly, ""), (self._nearly, _LINE_BREAKS)):
            by = next((one for one in before if prover.implies(matchers, one.matchers)), None)
            if by is not None:
                return Doubt(
                    place=place,
                    problem=f"is never reached: {matchers_text(by.matchers)} comes before it and takes everything that "
                    f"it matches{aside}",
                    remedy="move it before that route, or let that one `continue: true`",
                )
            if before and prover.covered(matchers, [one.matchers for one in before]):
                return Doubt(
                    place=place,
                    problem=f"is never reached: the routes before it together take everything that it matches{aside}",
                    remedy="move it before them, or let one of them `continue: true`",
                )
        return None

    def _contradiction(self, matchers: Sequence[Matcher]) -> str:
        """Why no alert meets these matchers; empty if one may."""
        for one in matchers:
            if self._exactly.impossible((one,)):
                return f"{matcher_text(one)} can match nothing"
        for place, one in enumerate(matchers):
            for other in matchers[:place]:
                if self._exactly.impossible((one, other)):
                    return f"can match nothing: {matcher_text(other)} contradicts {matcher_text(one)}"
        return f"{matchers_text(matchers)} can match nothing" if self._exactly.impossible(matchers) else ""

    def timers(self, route: Route, parent: Route | None, place: Place) -> Iterator[Doubt]:
        """Timers that come otherwise than they are written, each where it is first given."""
        repeat, interval = route.repeat_interval, route.group_interval
        if parent is None or (repeat, interval) != (parent.repeat_interval, parent.group_interval):
            if repeat % interval:
                comes = -(-repeat // interval) * interval
                yield Doubt(
                    place=place,
                    problem=f"repeat_interval {format_duration(repeat)} is no multiple of group_interval "
                    f"{format_duration(interval)}: a group is only looked at then, so it is repeated after "
                    f"{format_duration(comes)}",
                    remedy=f"write repeat_interval: {format_duration(comes)}",
                )
            if repeat > self._retention:
                yield Doubt(
                    place=place,
                    problem=f"repeat_interval {format_duration(repeat)} is longer than it is remembered what was told of "
                    f"a group that is over ({format_duration(self._retention)}; Alertmanager forgets the others then as "
                    "well, and tells them again)",
                    remedy="shorten it, or lengthen Alertmanager's --data.retention",
                )
        for number, child in enumerate(route.children):
            yield from self.timers(child, route, (*place, "routes", number))

    def hours(self, root: Route) -> Iterator[Doubt]:
        """Intervals that never come or that nobody uses, and routes that nobody hears because of them."""
        used = {name for route in root.walk() for name in (*route.mute_time_intervals, *route.active_time_intervals)}
        never = {name for name, spans in self._muting.intervals.items() if not any(one.comes(1) for one in spans)}
        # A year back: zones may still be in it.
        year = to_datetime(self._now).year - 1
        for name, spans in self._muting.intervals.items():
            place = ("time_intervals", name)
            if name in never:
                yield Doubt(place=place, problem="never comes", remedy="no date meets all of its fields")
            elif not any(one.comes(year) for one in spans):
                yield Doubt(
                    place=place, problem="is over and never comes again", remedy="take it out, or mend its years"
                )
            elif name not in used:
                yield Doubt(place=place, problem="no route uses it", remedy="is it spelt right?")
        yield from self._unheard(root, ("route",), never)

    def _unheard(self, route: Route, place: Place, never: Collection[str]) -> Iterator[Doubt]:
        active = set(route.active_time_intervals)
        if active and active <= {*never, *route.mute_time_intervals}:
            yield Doubt(
                place=place,
                problem="nobody ever hears of it: whenever one of its active_time_intervals comes, it is muted"
                if not active <= set(never)
                else "nobody ever hears of it: none of its active_time_intervals ever comes",
                remedy="correct active_time_intervals",
            )
        for number, child in enumerate(route.children):
            yield from self._unheard(child, (*place, "routes", number), never)

    def inhibition(self, rule: InhibitRule, number: int) -> Iterator[Doubt]:
        """A rule that can keep nothing quiet, or whose sources are its targets."""
        place = ("inhibit_rules", number)
        for side, matchers in (("source", rule.sources), ("target", rule.targets)):
            if problem := self._contradiction(matchers):
                yield Doubt(
                    place=place, problem=f"the {side} side: {problem}", remedy="it inhibits nothing: correct it"
                )
                return
        for label in rule.equal:
            both = [one for one in (*rule.sources, *rule.targets) if one.name == label]
            if self._exactly.impossible(both):
                yield Doubt(
                    place=place,
                    problem=f"source and target never have an equal {label}: {matchers_text(both)}",
                    remedy=f"it inhibits nothing: take {label} out of `equal`, or correct the matchers",
                )
                return
        if not self._exactly.implies(rule.sources, rule.targets):
            return
        if self._exactly.implies(rule.targets, rule.sources):
            if rule.sources or rule.targets:  # without matchers it is told when it is read
                yield Doubt(
                    place=place,
                    problem="source and target are the same alerts, and those do not inhibit each other: it inhibits "
                    "nothing",
                    remedy="leave out of the target what is to be heard",
                )
            return
        yield Doubt(
            place=place,
            problem="its sources are targets as well: of several that fire together each is told, since an alert that "
            "is on both sides is only inhibited by one that is not",
            remedy=f"say which targets are meant, with a matcher that leaves {matchers_text(rule.sources)} out",
        )


def _unused(root: Route, receivers: Collection[str]) -> Iterator[Doubt]:
    used = {route.receiver for route in root.walk()}
    for name in receivers:
        if name not in used:
            yield Doubt(
                place=("receivers", name),
                problem="no route in this file uses it",
                remedy="is it spelt right? A maintenance window that was added at run time may still be announced to it",
            )
