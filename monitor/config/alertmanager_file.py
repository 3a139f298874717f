"""Alertmanager's configuration: route tree and receivers, with its keys, defaults and error texts.

Sections that we know but do not serve yet warn; keys that nobody knows are errors. Source: Alertmanager config/config.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import Field

from monitor.alerts.muting import MutingRules
from monitor.alerts.routes import Route
from monitor.calendar.intervals import TimeInterval
from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager.whole import WholeFile, located
from monitor.config.fields import AsList, AsMapping, AsOptional, Free, GoSection, Text
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.muting import (
    InhibitRuleSection,
    NamedIntervalsSection,
    read_inhibit_rule,
    read_named_intervals,
)
from monitor.config.places import WrittenAt
from monitor.config.receivers import ReceiverParts, receiver_parts
from monitor.config.route_tree import Place, RouteSection, read_route_tree
from monitor.config.template_files import check_fields, read_template_files
from monitor.config.yamltree import Document, Path, Scalar, Tree, natural
from monitor.matching.parse import Syntax
from monitor.model.times import MINUTE, Millis


class AlertmanagerSection(GoSection):
    """The whole file."""

    go_types = {
        "receivers": "[]*config.Receiver",
        "inhibit_rules": "[]*config.InhibitRule",
        "time_intervals": "[]config.TimeInterval",
        "mute_time_intervals": "[]config.MuteTimeInterval",
        "templates": "[]string",
    }

    global_: Free = Field(default=None, alias="global")
    """Defaults for receivers."""
    route: RouteSection | None = None
    """The root of the route tree."""
    receivers: Annotated[list[Free], AsList] = []
    """Named receivers with their integrations."""
    inhibit_rules: Annotated[list[Annotated[InhibitRuleSection, AsMapping]], AsList] = []
    """Which alerts keep quiet while which others fire."""
    time_intervals: Annotated[list[Annotated[NamedIntervalsSection | None, AsOptional]], AsList] = []
    """Named intervals for the mute_time_intervals and active_time_intervals of routes."""
    mute_time_intervals: Annotated[list[Annotated[NamedIntervalsSection | None, AsOptional]], AsList] = []
    """Deprecated name of time_intervals; both share their names."""
    templates: Annotated[list[Text], AsList] = []
    """Files with templates, as patterns; relative to this file."""
    tracing: Free = None
    """Known, not served."""
    event_recorder: Free = None
    """Known, not served."""


_BESIDE: Final = (
    "it is Watchkeeper's own, and Alertmanager would refuse the file: write the routes under `alertmanager:` in "
    "watchkeeper.yml instead"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerParts:
    """What a valid file amounts to."""

    root: Route
    receivers: Mapping[str, ReceiverParts]
    muting: MutingRules = field(default_factory=MutingRules)
    template_files: tuple[tuple[str, str], ...] = ()
    """Names and texts of the files with named templates, the shipped ones first."""
    resolve_timeout: Millis = 5 * MINUTE
    """A pushed alert that names no end is over after this."""
    syntax: Syntax = Syntax.FALLBACK
    """Of matchers and label names."""
    route: WrittenAt | None = None
    """Where the root stands."""
    printed: str = ""
    """The file as Alertmanager prints it, complete and with secrets covered."""


def read_alertmanager(
    document: Document,
    tree: Tree,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
    *,
    ours: bool = False,
) -> AlertmanagerParts | None:
    """Read the section at `path`. None if something is wrong; then the findings tell. `locate` makes a path of a file
    that the configuration names absolute. `ours`: it stands in our own file, where receivers have keys of our own too."""
    found = read_whole(document, tree, path, findings, locate, ours=ours)
    return None if found is None else found[1]


def read_whole(
    document: Document,
    tree: Tree,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
    syntax: Syntax = Syntax.FALLBACK,
    *,
    ours: bool = False,
) -> tuple[WholeFile, AlertmanagerParts] | None:
    """The same, with the file as it stands after reading. `syntax`: of matchers and label names."""
    reading = Reading(document, findings, locate)
    if not isinstance(tree, dict) or not tree:
        if isinstance(tree, dict) or (isinstance(tree, Scalar) and tree.is_null):
            reading.refuse(path, "no route provided in config", "add a `route` with a default `receiver`")
        else:
            reading.refuse(path, "is not a mapping", "write `key: value` lines below it")
        return None
    before = len(findings.errors)
    section, left = findings.salvage(AlertmanagerSection, document, tree, path)
    if section is None or not isinstance(left, dict):
        return None
    route = tree.get("route")
    routeless = route is None or (isinstance(route, Scalar) and route.is_null)
    tree = left
    if not ours:
        for place in _paging_first(tree.get("route"), (*path, "route")):
            text = "field page_first not found in type config.plain"
            reading.misfit(place, text, '"page_first" is not a known key here', _BESIDE)
    _warn_unserved(section, document, path, findings)
    shared = GLOBAL.read(tree.get("global", {}), (*path, "global"), reading)
    assert isinstance(shared, Values)
    listed = tree.get("receivers", [])
    found = receiver_parts(listed, (*path, "receivers"), shared, reading, ours=ours, defaults=True)
    receivers = {name: parts for name, (_, parts) in found.items()}
    if section.route is None and not routeless:
        return None
    if section.route is None:
        reading.refuse(path, "no routes provided", "add a `route` with a default `receiver`")
        return None
    intervals = _intervals(section, document, path, findings)
    inhibit_rules = tuple(
        read_inhibit_rule(rule, document, (*path, "inhibit_rules", number), findings, syntax)
        for number, rule in enumerate(section.inhibit_rules)
    )
    root = read_route_tree(
        section.route,
        Place(
            document=document,
            path=(*path, "route"),
            findings=findings,
            receivers=receivers,
            intervals=intervals,
            syntax=syntax,
        ),
    )
    patterns = [locate(pattern) for pattern in section.templates]
    template_files = read_template_files(patterns, document, (*path, "templates"), findings)
    check_fields(receivers.values(), template_files, document, findings, ours=False)
    if root is None or len(findings.errors) > before:
        return None
    sections = {key: natural(value) for key, value in tree.items() if key not in ("global", "receivers")}
    others = {key: located(value, locate) for key, value in sections.items() if value is not None}
    named = tuple(receiver for receiver, _ in found.values())
    whole = WholeFile(shared=shared, receivers=named, others=others, syntax=syntax, locate=locate)
    parts = AlertmanagerParts(
        root=root,
        receivers=receivers,
        muting=MutingRules(inhibit_rules=inhibit_rules, intervals=intervals),
        template_files=template_files,
        resolve_timeout=shared.whole("resolve_timeout"),
        syntax=syntax,
        route=document.where((*path, "route")),
        printed=whole.printed_text(),
    )
    return whole, parts


def _paging_first(route: Tree | None, path: Path) -> Iterator[Path]:
    """Where routes have Watchkeeper's own key."""
    if not isinstance(route, dict):
        return
    if "page_first" in route:
        yield (*path, "page_first")
    children = route.get("routes")
    for number, child in enumerate(children if isinstance(children, list) else ()):
        yield from _paging_first(child, (*path, "routes", number))


def _intervals(
    section: AlertmanagerSection, document: Document, path: Path, findings: Findings
) -> dict[str, tuple[TimeInterval, ...]]:
    found: dict[str, tuple[TimeInterval, ...]] = {}
    for key, words in (("mute_time_intervals", "mute time interval"), ("time_intervals", "time interval")):
        read_named_intervals(getattr(section, key), found, words, document, (*path, key), findings)
    return found


def _warn_unserved(section: AlertmanagerSection, document: Document, path: Path, findings: Findings) -> None:
    for name in ("tracing", "event_recorder"):
        if getattr(section, name):
            findings.doubt(
                document, (*path, name), "is known but not served yet", "alerts are notified as if it were absent"
            )
