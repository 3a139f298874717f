"""Alertmanager's configuration: route tree and receivers, with its keys, defaults and error texts.

Sections that we know but do not serve yet warn; keys that nobody knows are errors. Source: Alertmanager config/config.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from monitor.alerts.muting import MutingRules
from monitor.alerts.routes import Route
from monitor.calendar.intervals import TimeInterval
from monitor.config.fields import AsList, Free, Section, Text
from monitor.config.findings import Findings
from monitor.config.muting import (
    InhibitRuleSection,
    NamedIntervalsSection,
    read_inhibit_rule,
    read_named_intervals,
)
from monitor.config.receivers import KNOWN_INTEGRATIONS, GlobalSection, ReceiverParts, read_receiver
from monitor.config.route_tree import Place, RouteSection, read_route_tree
from monitor.config.yamltree import Document, Path, Tree


class AlertmanagerSection(Section):
    """The whole file."""

    global_: GlobalSection = Field(default_factory=GlobalSection, alias="global")
    """Defaults for receivers."""
    route: RouteSection | None = None
    """The root of the route tree."""
    receivers: Annotated[list[Free], AsList] = []
    """Named receivers with their integrations."""
    inhibit_rules: Annotated[list[InhibitRuleSection], AsList] = []
    """Which alerts keep quiet while which others fire."""
    time_intervals: Annotated[list[NamedIntervalsSection], AsList] = []
    """Named intervals for the mute_time_intervals and active_time_intervals of routes."""
    mute_time_intervals: Annotated[list[NamedIntervalsSection], AsList] = []
    """Deprecated name of time_intervals; both share their names."""
    templates: Annotated[list[Text], AsList] = []
    """Known, not served yet."""
    tracing: Free = None
    """Known, not served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerParts:
    """What a valid file amounts to."""

    root: Route
    receivers: Mapping[str, ReceiverParts]
    muting: MutingRules = field(default_factory=MutingRules)


def read_alertmanager(
    document: Document, tree: Tree, path: Path, findings: Findings, locate: Callable[[str], str]
) -> AlertmanagerParts | None:
    """Read the section at `path`. None if something is wrong; then the findings tell. `locate` makes a path of a file
    that the configuration names absolute."""
    section = findings.validate(AlertmanagerSection, document, tree, path)
    if section is None or not isinstance(tree, dict):
        return None
    before = len(findings.errors)
    _warn_unserved(section, document, path, findings)
    if "resolve_timeout" in section.global_.model_fields_set:
        problem = "is not used: alerts cannot be pushed yet, and those of our own rules end when their rule says so"
        findings.doubt(document, (*path, "global", "resolve_timeout"), problem)
    receivers = _receivers(section, tree, document, path, findings, locate)
    route = section.route
    if route is None:
        findings.wrong(document, path, "no route provided in config", "add a `route` with a default `receiver`")
        return None
    intervals = _intervals(section, document, path, findings)
    inhibit_rules = tuple(
        read_inhibit_rule(rule, document, (*path, "inhibit_rules", number), findings)
        for number, rule in enumerate(section.inhibit_rules)
    )
    root = read_route_tree(
        route,
        Place(document=document, path=(*path, "route"), findings=findings, receivers=receivers, intervals=intervals),
    )
    if root is None or len(findings.errors) > before:
        return None
    return AlertmanagerParts(
        root=root, receivers=receivers, muting=MutingRules(inhibit_rules=inhibit_rules, intervals=intervals)
    )


def _intervals(
    section: AlertmanagerSection, document: Document, path: Path, findings: Findings
) -> dict[str, tuple[TimeInterval, ...]]:
    found: dict[str, tuple[TimeInterval, ...]] = {}
    for key, words in (("mute_time_intervals", "mute time interval"), ("time_intervals", "time interval")):
        read_named_intervals(getattr(section, key), found, words, document, (*path, key), findings)
    return found


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


def _warn_unserved(section: AlertmanagerSection, document: Document, path: Path, findings: Findings) -> None:
    for name in ("templates", "tracing"):
        if getattr(section, name):
            findings.doubt(
                document, (*path, name), "is known but not served yet", "alerts are notified as if it were absent"
            )

    def walk(route: RouteSection, here: Path) -> None:
        if route.labels:
            findings.doubt(document, (*here, "labels"), "is known but not served yet", "only templates could show them")
        for number, child in enumerate(route.routes):
            walk(child, (*here, "routes", number))

    if section.route is not None:
        walk(section.route, (*path, "route"))


__all__ = ["KNOWN_INTEGRATIONS", "AlertmanagerParts", "AlertmanagerSection", "RouteSection", "read_alertmanager"]
