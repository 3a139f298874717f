"""Alertmanager's configuration: route tree and receivers, with its keys, defaults and error texts.

Sections that we know but do not serve yet warn; keys that nobody knows are errors. Source: Alertmanager config/config.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from monitor.alerts.routes import Route
from monitor.config.fields import AsList, AsMapping, Flag, Free, Section, Span, Text
from monitor.config.findings import Findings
from monitor.config.receivers import KNOWN_INTEGRATIONS, GlobalSection, ReceiverParts, read_receiver
from monitor.config.yamltree import Document, Path, Tree
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import parse_matchers
from monitor.matching.printing import matchers_text
from monitor.model.times import HOUR, MINUTE, SECOND, Millis


class RouteSection(Section):
    """One node of the route tree."""

    receiver: Text = ""
    """The receiver of this node; inherited from the parent when absent."""
    group_by: Annotated[list[Text] | None, AsList] = None
    """Labels that make a group; `['...']` groups by all labels."""
    match: Annotated[dict[str, Text], AsMapping] = {}
    """Deprecated form of matchers: label to exact value."""
    match_re: Annotated[dict[str, Text], AsMapping] = {}
    """Deprecated form of matchers: label to regular expression."""
    matchers: Annotated[list[Text], AsList] = []
    """Conditions such as `severity="critical"`; all must hold."""
    continue_: Flag = Field(default=False, alias="continue")
    """Go on to the next sibling after this node matched."""
    group_wait: Span | None = None
    """How long a new group waits for company. Default 30s."""
    group_interval: Span | None = None
    """The pause between notifications of one group. Default 5m."""
    repeat_interval: Span | None = None
    """After so long an unchanged group is notified again. Default 4h."""
    mute_time_intervals: Annotated[list[Text], AsList] = []
    """Known, not served yet."""
    active_time_intervals: Annotated[list[Text], AsList] = []
    """Known, not served yet."""
    labels: Annotated[dict[str, Text], AsMapping] = {}
    """Known, not served yet."""
    page_first: Flag | None = None
    """Watchkeeper's own: the first alert of a new group is notified at once, the rest is grouped."""
    routes: Annotated[list[RouteSection], AsList] = []
    """Child nodes, asked in order."""


class AlertmanagerSection(Section):
    """The whole file."""

    global_: GlobalSection = Field(default_factory=GlobalSection, alias="global")
    """Defaults for receivers."""
    route: RouteSection | None = None
    """The root of the route tree."""
    receivers: Annotated[list[Free], AsList] = []
    """Named receivers with their integrations."""
    inhibit_rules: Annotated[list[Free], AsList] = []
    """Known, not served yet."""
    time_intervals: Annotated[list[Free], AsList] = []
    """Known, not served yet."""
    mute_time_intervals: Annotated[list[Free], AsList] = []
    """Known, not served yet."""
    templates: Annotated[list[Text], AsList] = []
    """Known, not served yet."""
    tracing: Free = None
    """Known, not served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerParts:
    """What a valid file amounts to."""

    root: Route
    receivers: Mapping[str, ReceiverParts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inherited:
    receiver: str = ""
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False
    group_wait: Millis = 30 * SECOND
    group_interval: Millis = 5 * MINUTE
    repeat_interval: Millis = 4 * HOUR
    page_first: bool = False
    key: str = ""
    id: str = ""


@dataclass(slots=True, kw_only=True)
class _Reading:
    document: Document
    findings: Findings
    receivers: Mapping[str, ReceiverParts]
    route_path: Path
    used: set[str] = field(default_factory=set[str])


def read_alertmanager(
    document: Document, tree: Tree, path: Path, findings: Findings, locate: Callable[[str], str]
) -> AlertmanagerParts | None:
    """Read the section at `path`. None if something is wrong; then the findings tell. `locate` makes a path of a file
    that the configuration names absolute."""
    section = findings.validate(AlertmanagerSection, document, tree, path)
    if section is None or not isinstance(tree, dict):
        return None
    _warn_unserved(section, document, path, findings)
    if "resolve_timeout" in section.global_.model_fields_set:
        problem = "is not used: alerts cannot be pushed yet, and those of our own rules end when their rule says so"
        findings.doubt(document, (*path, "global", "resolve_timeout"), problem)
    receivers = _receivers(section, tree, document, path, findings, locate)
    route = section.route
    if route is None:
        findings.wrong(document, path, "no route provided in config", "add a `route` with a default `receiver`")
        return None
    reading = _Reading(document=document, findings=findings, receivers=receivers, route_path=(*path, "route"))
    _check_root(route, reading)
    before = len(findings.errors)
    root = _route(route, _Inherited(), reading.route_path, 0, reading, root=True)
    if root is None or len(findings.errors) > before:
        return None
    return AlertmanagerParts(root=root, receivers=receivers)


def _receivers(
    section: AlertmanagerSection,
    tree: dict[str, Tree],
    document: Document,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
) -> dict[str, ReceiverParts]:
    found: dict[str, ReceiverParts] = {}
    items = tree.get("receivers")
    for place, item in enumerate(items if isinstance(items, list) else []):
        here = (*path, "receivers", place)
        receiver = read_receiver(document, item, here, section.global_, findings, locate)
        if receiver is None:
            continue
        if receiver.name in found:
            findings.wrong(
                document, here, f'notification config name "{receiver.name}" is not unique', "rename one of them"
            )
        found[receiver.name] = receiver
    return found


def _check_root(route: RouteSection, reading: _Reading) -> None:
    document, path = reading.document, reading.route_path
    if not route.receiver:
        reading.findings.wrong(document, path, "root route must specify a default receiver")
    if route.match or route.match_re or route.matchers:
        reading.findings.wrong(document, path, "root route must not have any matchers")
    if route.mute_time_intervals:
        reading.findings.wrong(document, path, "root route must not have any mute time intervals")
    if route.active_time_intervals:
        reading.findings.wrong(document, path, "root route must not have any active time intervals")
    if route.continue_:
        reading.findings.wrong(document, path, "cannot have continue in root route")


def _route(
    section: RouteSection, parent: _Inherited, path: Path, place: int, reading: _Reading, *, root: bool = False
) -> Route | None:
    document, findings = reading.document, reading.findings
    matchers = findings.attempt(document, path, lambda: _matchers(section)) or ()
    if section.receiver and section.receiver not in reading.receivers:
        findings.wrong(
            document,
            (*path, "receiver"),
            f'undefined receiver "{section.receiver}" used in route',
            f"defined receivers: {', '.join(sorted(reading.receivers)) or 'none'}",
        )
    own = _inherit(section, parent, path, reading)
    level = matchers_text(matchers)
    own = replace(
        own,
        key=level if root else f"{parent.key}/{level}",
        id=level if root else f"{parent.id}/{level}/{place}",
    )
    children = [
        _route(child, own, (*path, "routes", number), number, reading) for number, child in enumerate(section.routes)
    ]
    return Route(
        receiver=own.receiver,
        id=own.id,
        key=own.key,
        matchers=matchers,
        continue_=section.continue_,
        group_by=own.group_by,
        group_by_all=own.group_by_all,
        group_wait=own.group_wait,
        group_interval=own.group_interval,
        repeat_interval=own.repeat_interval,
        page_first=own.page_first,
        mute_time_intervals=tuple(section.mute_time_intervals),
        active_time_intervals=tuple(section.active_time_intervals),
        children=tuple(child for child in children if child is not None),
    )


def _inherit(section: RouteSection, parent: _Inherited, path: Path, reading: _Reading) -> _Inherited:
    own = parent
    if section.receiver:
        own = replace(own, receiver=section.receiver)
    if section.group_by is not None:
        names = section.group_by
        if "..." in names and len(names) > 1:
            reading.findings.wrong(
                reading.document,
                (*path, "group_by"),
                "cannot have wildcard group_by (`...`) and other labels at the same time",
            )
        for name in names:
            if names.count(name) > 1:
                reading.findings.wrong(reading.document, (*path, "group_by"), f'duplicated label "{name}" in group_by')
                break
        own = replace(own, group_by=frozenset(names) - {"..."}, group_by_all="..." in names)
    if section.group_interval == 0:
        reading.findings.wrong(reading.document, (*path, "group_interval"), "group_interval cannot be zero")
    if section.repeat_interval == 0:
        reading.findings.wrong(reading.document, (*path, "repeat_interval"), "repeat_interval cannot be zero")
    return replace(
        own,
        group_wait=own.group_wait if section.group_wait is None else section.group_wait,
        group_interval=section.group_interval or own.group_interval,
        repeat_interval=section.repeat_interval or own.repeat_interval,
        page_first=own.page_first if section.page_first is None else section.page_first,
    )


def _matchers(section: RouteSection) -> tuple[Matcher, ...]:
    found = [Matcher(name, MatchOp.EQUAL, value) for name, value in section.match.items()]
    found += [
        Matcher(name, MatchOp.MATCHES, f"^(?:{value})$", dot_matches_newline=False)
        for name, value in section.match_re.items()
    ]
    for text in section.matchers:
        found.extend(parse_matchers(text))
    return tuple(sorted(found, key=lambda matcher: (matcher.name, matcher.value, _OPS.index(matcher.op))))


_OPS = (MatchOp.EQUAL, MatchOp.NOT_EQUAL, MatchOp.MATCHES, MatchOp.NOT_MATCHES)


def _warn_unserved(section: AlertmanagerSection, document: Document, path: Path, findings: Findings) -> None:
    for name in ("inhibit_rules", "time_intervals", "mute_time_intervals", "templates", "tracing"):
        if getattr(section, name):
            findings.doubt(
                document, (*path, name), "is known but not served yet", "alerts are notified as if it were absent"
            )

    def walk(route: RouteSection, here: Path) -> None:
        for name in ("mute_time_intervals", "active_time_intervals", "labels"):
            if getattr(route, name):
                findings.doubt(
                    document, (*here, name), "is known but not served yet", "this route notifies at all times"
                )
        for number, child in enumerate(route.routes):
            walk(child, (*here, "routes", number))

    if section.route is not None:
        walk(section.route, (*path, "route"))


__all__ = ["KNOWN_INTEGRATIONS", "AlertmanagerParts", "AlertmanagerSection", "RouteSection", "read_alertmanager"]
