"""Alertmanager's route tree, as configuration writes it: inheritance, keys and ids, and what a node must not say.

Source: Alertmanager config/config.go, dispatch/route.go.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from monitor.alerts.routes import Route
from monitor.config.fields import AsList, AsMapping, AsOptional, Flag, GoSection, Span, Text
from monitor.config.findings import Findings
from monitor.config.matcher_lists import MatcherLists, read_matchers
from monitor.config.yamltree import Document, Path
from monitor.matching.matchers import Matcher
from monitor.matching.parse import Syntax, is_label_name
from monitor.matching.printing import matchers_text


class RouteSection(GoSection):
    """One node of the route tree."""

    go_types = {
        "group_by": "[]string",
        "match": "map[string]string",
        "match_re": "map[string]string",
        "matchers": "[]string",
        "mute_time_intervals": "[]string",
        "active_time_intervals": "[]string",
        "labels": "map[string]string",
        "routes": "[]*config.Route",
    }

    receiver: Text = ""
    """The receiver of this node; inherited from the parent when absent."""
    group_by: Annotated[list[Text] | None, AsList] = None
    """Labels that make a group; `['...']` groups by all labels."""
    match: Annotated[dict[str, Text], AsMapping] = {}
    """Deprecated form of matchers: label to exact value."""
    match_re: Annotated[dict[str, Annotated[Text | None, AsOptional]], AsMapping] = {}
    """Deprecated form of matchers: label to regular expression."""
    matchers: Annotated[list[Text], AsList] = []
    """Conditions such as `severity="critical"`; all must hold."""
    continue_: Flag = Field(default=False, alias="continue")
    """Go on to the next sibling after this node matched."""
    group_wait: Span | None = None
    """How long a new group waits for company. Default 30s. Incidents open without it."""
    group_interval: Span | None = None
    """The pause between notifications of one group. Default 5m."""
    repeat_interval: Span | None = None
    """After so long an unchanged group is notified again. Default 4h."""
    mute_time_intervals: Annotated[list[Text], AsList] = []
    """Names of time intervals in which this node notifies nobody. Not inherited."""
    active_time_intervals: Annotated[list[Text], AsList] = []
    """Names of time intervals outside of which this node notifies nobody. Not inherited."""
    labels: Annotated[dict[str, Text], AsMapping] = {}
    """Known, not served yet."""
    page_first: Flag | None = None
    """Watchkeeper's own: the first alert of a new group is notified at once, the rest is grouped."""
    routes: Annotated[list[RouteSection], AsList] = []
    """Child nodes, asked in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the tree stands, and what it may name."""

    document: Document
    path: Path
    findings: Findings
    receivers: Collection[str]
    intervals: Collection[str]
    syntax: Syntax = Syntax.FALLBACK

    def wrong(self, path: Path, problem: str, remedy: str = "") -> None:
        self.findings.wrong(self.document, path, problem, remedy)


def read_route_tree(section: RouteSection, place: Place) -> Route | None:
    """The tree below this root, its options inherited. None if something is wrong; then the findings tell."""
    before = len(place.findings.errors)
    root = route_tree(section, place)
    _check_root(section, place)
    _check_names(section, place.path, place)
    return root if root.receiver and len(place.findings.errors) == before else None


def route_tree(section: RouteSection, place: Place) -> Route:
    """The tree below any node, as if it were a root."""
    return _node(section, Route(receiver=""), place.path, 0, place, root=True)


def _check_root(route: RouteSection, place: Place) -> None:
    """Each at its own key: what is wrong with another one hides it not."""
    if not route.receiver:
        place.wrong((*place.path, "receiver"), "root route must specify a default receiver")
    for key in ("match", "match_re", "matchers"):
        if getattr(route, key):
            place.wrong((*place.path, key), "root route must not have any matchers", "remove them")
            break
    if route.mute_time_intervals:
        text = "root route must not have any mute time intervals"
        place.wrong((*place.path, "mute_time_intervals"), text, "move them to a route below it")
    if route.active_time_intervals:
        text = "root route must not have any active time intervals"
        place.wrong((*place.path, "active_time_intervals"), text, "move them to a route below it")
    if route.continue_:
        place.wrong((*place.path, "continue"), "cannot have continue in root route", "remove it")


def _node(section: RouteSection, parent: Route, path: Path, number: int, place: Place, *, root: bool = False) -> Route:
    matchers = _matchers(section, path, place)
    level = matchers_text(matchers)
    own = replace(
        _inherit(section, parent, path, place),
        id=level if root else f"{parent.id}/{level}/{number}",
        key=level if root else f"{parent.key}/{level}",
        matchers=matchers,
        continue_=section.continue_,
        mute_time_intervals=tuple(section.mute_time_intervals),
        active_time_intervals=tuple(section.active_time_intervals),
        children=(),
    )
    children = [_node(child, own, (*path, "routes", at), at, place) for at, child in enumerate(section.routes)]
    return replace(own, children=tuple(children))


def _check_names(section: RouteSection, path: Path, place: Place) -> None:
    if section.receiver and section.receiver not in place.receivers:
        place.wrong(
            (*path, "receiver"),
            f'undefined receiver "{section.receiver}" used in route',
            f"defined receivers: {', '.join(sorted(place.receivers)) or 'none'}",
        )
    for key in ("mute_time_intervals", "active_time_intervals"):
        for name in getattr(section, key):
            if name not in place.intervals:
                place.wrong(
                    (*path, key),
                    f'undefined time interval "{name}" used in route',
                    f"defined time intervals: {', '.join(sorted(place.intervals)) or 'none'}",
                )
    for number, child in enumerate(section.routes):
        _check_names(child, (*path, "routes", number), place)


def _inherit(section: RouteSection, parent: Route, path: Path, place: Place) -> Route:
    own = parent
    if section.receiver:
        own = replace(own, receiver=section.receiver)
    if section.group_by is not None:
        names = section.group_by
        _check_grouping(names, (*path, "group_by"), place)
        own = replace(own, group_by=frozenset(names) - {"..."}, group_by_all="..." in names)
    if section.group_interval == 0:
        place.wrong((*path, "group_interval"), "group_interval cannot be zero")
    if section.repeat_interval == 0:
        place.wrong((*path, "repeat_interval"), "repeat_interval cannot be zero")
    return replace(
        own,
        group_wait=own.group_wait if section.group_wait is None else section.group_wait,
        group_interval=section.group_interval or own.group_interval,
        repeat_interval=section.repeat_interval or own.repeat_interval,
        page_first=own.page_first if section.page_first is None else section.page_first,
        labels=tuple(sorted({**dict(own.labels), **section.labels}.items())),
    )


def _check_grouping(names: list[str], path: Path, place: Place) -> None:
    for name in names:
        if name != "..." and not is_label_name(name, place.syntax):
            place.wrong(path, f'invalid label name "{name}" in group_by list')
    if "..." in names and len(names) > 1:
        place.wrong(path, "cannot have wildcard group_by (`...`) and other labels at the same time")
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            place.wrong(path, f'duplicated label "{name}" in group_by')


def _matchers(section: RouteSection, path: Path, place: Place) -> tuple[Matcher, ...]:
    lists = MatcherLists(exact=section.match, expressions=section.match_re, texts=section.matchers)
    return read_matchers(lists, ("match", "match_re", "matchers"), path, place.document, place.findings, place.syntax)
