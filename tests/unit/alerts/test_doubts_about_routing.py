"""What is doubted in routing: only what is proven, each with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.inhibition import Inhibition, InhibitRule
from monitor.alerts.lint import doubts
from monitor.alerts.muting import MutingRules
from monitor.alerts.routes import Route
from monitor.calendar.intervals import TimeInterval
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import DAY, HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000
"""2026-01-01."""
MATCHERS = (
    'team="a"',
    'team=~"a|b"',
    'team!="a"',
    'team=~"a.*"',
    'team=~".+"',
    'team!~"a|b"',
    'zone="x"',
    'zone=~"x-[0-9]+"',
    'zone=~"x.*"',
    'zone=""',
    'zone=~"x|"',
    'zone=~".*"',
)
LABELS = st.dictionaries(
    st.sampled_from(["team", "zone"]), st.sampled_from(["", "a", "b", "ab", "c", "x", "x-1", "x-", "y", "x\n1", "a\n"])
)


def route(matchers: str = "{}", *children: Route, continue_: bool = False, **more: object) -> Route:
    made = Route(receiver="r", matchers=parse_matchers(matchers), continue_=continue_, children=children)
    return replace(made, **more)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Route:
    children = draw(st.lists(trees(depth - 1), max_size=3)) if depth else []
    matchers = ",".join(draw(st.lists(st.sampled_from(MATCHERS), min_size=1, max_size=2)))
    return route(matchers, *children, continue_=draw(st.booleans()))


def numbered(node: Route, place: tuple[str | int, ...] = ("route",)) -> Route:
    """The tree in which each receiver is the place of its route."""
    children = tuple(numbered(child, (*place, "routes", n)) for n, child in enumerate(node.children))
    return replace(node, receiver=repr(place), children=children)


def told(root: Route, muting: MutingRules | None = None) -> dict[tuple[str | int, ...], str]:
    return {one.place: one.problem for one in doubts(root, muting or MutingRules(), now=NOW)}


@given(st.lists(trees(), max_size=4), st.lists(LABELS, min_size=1, max_size=30))
def test_what_is_never_reached_is_reached_by_nothing(children: list[Route], sets: list[dict[str, str]]) -> None:
    """Whatever the labels are: neither the route nor one below it takes the alert. With line breaks only where it says so."""
    root = numbered(route("{}", *children))
    never = [
        one for one in doubts(root, MutingRules(), now=NOW) if "reached" in one.problem or "takes this" in one.problem
    ]
    for labels in sets:
        taken = {found.receiver for found in root.match(labels)}
        for doubt in never:
            if "line break" in doubt.problem and any("\n" in value for value in labels.values()):
                continue
            assert not any(name.startswith(repr(doubt.place)[:-1]) for name in taken), (doubt, labels)


@given(st.lists(st.sampled_from(MATCHERS), max_size=2), st.lists(st.sampled_from(MATCHERS), max_size=2), st.data())
def test_a_rule_that_is_said_to_inhibit_nothing_inhibits_nothing(
    sources: list[str], targets: list[str], data: st.DataObject
) -> None:
    """Whatever fires."""
    rule = InhibitRule(
        sources=parse_matchers(",".join(sources) or "{}"),
        targets=parse_matchers(",".join(targets) or "{}"),
        equal=tuple(data.draw(st.sets(st.sampled_from(["team", "zone"])))),
    )
    if not any("nothing" in one for one in told(route(), MutingRules(inhibit_rules=(rule,))).values()):
        return
    inhibition = Inhibition([rule])
    sets = [Labels(one) for one in data.draw(st.lists(LABELS, min_size=1, max_size=10))]
    for labels in sets:
        alert = Alert(labels=labels, annotations=EMPTY, starts_at=NOW, ends_at=NOW + HOUR, updated_at=NOW)
        inhibition.learn(alert, NOW)
    assert not any(inhibition.inhibited(labels, NOW) for labels in sets)


def test_a_sibling_before_takes_it() -> None:
    """Also when it stands beside a route above; not when it continues, comes later or takes only a part."""
    core, narrow = route('team=~"core|db"'), route('team="core",severity="page"')
    assert told(route("{}", core, narrow)) == {
        (
            "route",
            "routes",
            1,
        ): 'is never reached: {team=~"core|db"} comes before it and takes everything that it matches'
    }
    assert set(told(route("{}", core, route('severity="page"', route('team="db"'), route('team="x"'))))) == {
        ("route", "routes", 1, "routes", 0)
    }
    assert told(route("{}", replace(core, continue_=True), narrow)) == {}
    assert told(route("{}", narrow, core)) == {}


def test_siblings_take_it_together() -> None:
    """Neither of the two would."""
    found = told(route("{}", route('zone="a"'), route('zone!="a"'), route('team="x"')))
    assert list(found) == [("route", "routes", 2)]
    assert "together" in found["route", "routes", 2]


def test_what_lies_below_an_unreachable_route_is_not_told_again() -> None:
    """One doubt for one mistake."""
    assert list(told(route("{}", route(), route('team="a"', route('team="b"'))))) == [("route", "routes", 1)]


def test_line_breaks_are_put_aside_only_in_words() -> None:
    """A dot matches none."""
    found = told(route("{}", Route(receiver="r", matchers=parse_matchers('team=~".*"')), route('zone="a"')))
    assert "values with a line break aside" in found["route", "routes", 1]


@pytest.mark.parametrize(
    ("matchers", "problem"),
    [
        ('team="a",team="b"', 'can match nothing: team="a" contradicts team="b"'),
        ('team=~"a$b"', 'team=~"a$b" can match nothing'),
        ('team=~"a|b|c",team!="a",team!~"b|c"', '{team=~"a|b|c",team!="a",team!~"b|c"} can match nothing'),
    ],
)
def test_matchers_that_nothing_meets(matchers: str, problem: str) -> None:
    """With what contradicts what, where two do."""
    assert told(route("{}", route(matchers))) == {("route", "routes", 0): problem}


def test_timers_that_come_otherwise_than_written() -> None:
    """Told where they are given, not where they are inherited."""
    odd = 7 * MINUTE
    inner = route('zone="x"', group_interval=odd)
    assert list(told(route("{}", route('team="a"', inner, group_interval=odd)))) == [("route", "routes", 0)]
    assert "after 4h5m" in told(route("{}", inner))["route", "routes", 0]
    assert "longer" in told(route(repeat_interval=10 * DAY))["route",]
    assert told(route(repeat_interval=4 * HOUR, group_interval=HOUR)) == {}


def test_times_that_never_come() -> None:
    """By the calendar of 400 years; what is over is told as that, and unused ones."""
    february = ((2, 2),)
    intervals = {
        "thirty-first": (TimeInterval(days_of_month=((31, 31),), months=february),),
        "leap-monday": (TimeInterval(days_of_month=((29, 29),), weekdays=((1, 1),), months=february),),
        "early": (TimeInterval(days_of_month=((-31, -31),), months=february), TimeInterval(times=())),
        "past": (TimeInterval(years=((1999, 2024),)),),
        "wrong-weekday": (
            TimeInterval(years=((2027, 2027),), months=((1, 1),), days_of_month=((1, 1),), weekdays=((1, 1),)),
        ),
        "both": (TimeInterval(years=((1999, 1999),)), TimeInterval(years=((2026, 2026),))),
    }
    root = route("{}", route('a="b"', mute_time_intervals=("leap-monday", "both")))
    found = {str(place[1]): problem for place, problem in told(root, MutingRules(intervals=intervals)).items()}
    assert found == {
        "thirty-first": "never comes",
        "early": "never comes",
        "wrong-weekday": "never comes",
        "past": "is over and never comes again",
    }
    assert told(route(), MutingRules(intervals={"x": (TimeInterval(),)})) == {
        ("time_intervals", "x"): "no route uses it"
    }


def test_routes_that_nobody_hears() -> None:
    """Active never, or muted whenever active."""
    intervals = {"never": (TimeInterval(years=((1999, 1999),), months=()),), "work": (TimeInterval(),)}
    silent = [
        route('a="1"', active_time_intervals=("never",)),
        route('a="2"', active_time_intervals=("work", "never"), mute_time_intervals=("work",)),
        route('a="3"', active_time_intervals=("work", "never")),
    ]
    found = told(route("{}", *silent), MutingRules(intervals=intervals))
    assert {place for place in found if place[0] == "route"} == {("route", "routes", 0), ("route", "routes", 1)}


@pytest.mark.parametrize(
    ("sources", "targets", "equal", "words"),
    [
        ('severity="page"', 'severity="page"', (), "the same alerts"),
        ('team="a",x="1"', 'team="b"', ("team",), "never have an equal team"),
        ('alertname="NodeDown"', 'alertname!=""', ("node",), "sources are targets as well"),
        ('a=~"x$y"', 'b="1"', (), "the source side: "),
        ('a="1"', 'b="1",b="2"', (), "the target side: "),
        ('severity="page"', 'severity="warning"', ("node",), ""),
        ("{}", "{}", (), ""),
    ],
)
def test_rules_that_inhibit_nothing_or_themselves(
    sources: str, targets: str, equal: tuple[str, ...], words: str
) -> None:
    """And none that do what they say. Without any matchers a rule is doubted when it is read."""
    rule = InhibitRule(sources=parse_matchers(sources), targets=parse_matchers(targets), equal=equal)
    found = told(route(), MutingRules(inhibit_rules=(rule,)))
    assert (words in found["inhibit_rules", 0]) if words else found == {}


def test_receivers_that_no_route_uses() -> None:
    """Of those that are asked about."""
    found = doubts(route(), MutingRules(), receivers=["r", "lost"], now=NOW)
    assert [(one.place, one.problem) for one in found] == [(("receivers", "lost"), "no route in this file uses it")]


def test_many_routes_are_looked_at_quickly() -> None:
    """A thousand siblings that differ by one label, and one behind them all."""
    many = [route(f'team="t{n}",severity=~"page|warning"') for n in range(1000)]
    assert list(told(route("{}", *many, route('team="t7",severity="page"')))) == [("route", "routes", 1000)]
