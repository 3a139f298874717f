"""The route tree: which groups an alert belongs to.

A node matches when all its matchers match. Children are asked in order and the first match ends the search unless it says
`continue`; a node none of whose children matched takes the alert itself. Receiver, grouping and timers are inherited,
matchers and `continue` are not. Source: Alertmanager dispatch/route.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.matching.matchers import Matcher, all_match
from monitor.model.labels import Labels, quote
from monitor.model.times import HOUR, MINUTE, SECOND, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One node, options already inherited."""

    receiver: str
    id: str = "{}"
    """Unique in the tree: the key of each level with its place among its siblings."""
    key: str = "{}"
    """The matchers of each level, as they stand in group keys."""
    matchers: tuple[Matcher, ...] = ()
    continue_: bool = False
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False
    group_wait: Millis = 30 * SECOND
    group_interval: Millis = 5 * MINUTE
    repeat_interval: Millis = 4 * HOUR
    page_first: bool = False
    """Ours: the first alert of a new group is notified at once, the following ones are grouped."""
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    """Templates by name, for messages: what stands in a route and not in its alerts."""
    children: tuple[Route, ...] = ()

    def match(self, labels: Mapping[str, str]) -> tuple[Route, ...]:
        """All nodes that take an alert with these labels, in order; empty if this node itself does not match."""
        if not all_match(self.matchers, labels):
            return ()
        found: list[Route] = []
        for child in self.children:
            matched = child.match(labels)
            found.extend(matched)
            if matched and not child.continue_:
                break
        return tuple(found) or (self,)

    def walk(self) -> Iterator[Route]:
        """This node and all below, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def group_labels(self, labels: Labels) -> Labels:
        """The labels that make the group of an alert."""
        return labels if self.group_by_all else labels.only(self.group_by)


def group_key(route: Route, labels: Labels) -> str:
    """`{}/{team="a"}:{alertname="Foo", severity="crit"}`, byte for byte Alertmanager's. Its sha256 is the dedup key of
    PagerDuty and others, so an incident that Alertmanager opened can be resolved by us."""
    return f"{route.key}:{labels_text(labels)}"


def labels_text(labels: Labels) -> str:
    """`{a="x", b="y"}`, as Alertmanager prints a label set."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"
