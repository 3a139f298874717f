"""Groups and rules as they are run: checked, parsed, with group labels merged under those of the rules.

Two groups are equal when they would do the same; a reload leaves an equal group alone. Expressions compare by meaning,
wherever they stand in a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from monitor.model.labels import EMPTY, Labels
from monitor.model.times import Millis
from monitor.promql.nodes import Expr
from monitor.rules.options import PLAIN, RuleOptions
from monitor.rules.texts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule:
    """An expression whose result becomes series of this name."""

    name: str
    expr: Expr
    query: str
    """The expression as Prometheus prints it."""
    labels: Labels = EMPTY

    @property
    def identity(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What finds the rule again after a reload."""
        return ("record", self.name, self.labels.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingRule:
    """An expression each of whose result's elements is an alert."""

    name: str
    expr: Expr
    query: str
    """The expression as Prometheus prints it."""
    for_: Millis = 0
    """How long the expression must hold before the alert fires."""
    keep_firing_for: Millis = 0
    labels: tuple[tuple[str, Text], ...] = ()
    annotations: tuple[tuple[str, Text], ...] = ()
    early: bool = True
    """May be looked at between slots."""
    options: RuleOptions = PLAIN
    """What Prometheus has no key for."""

    @property
    def identity(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What finds the rule again after a reload."""
        return ("alert", self.name, tuple((name, text.source) for name, text in self.labels))

    @property
    def asks(self) -> bool:
        """Do its templates query?"""
        return any(text.asks for _, text in (*self.labels, *self.annotations))

    @property
    def timeless(self) -> bool:
        """Do its templates give the same for the same element at any time?"""
        return all(text.timeless for _, text in (*self.labels, *self.annotations))

    @property
    def valueless(self) -> bool:
        """Do its labels stay the same whatever the value?"""
        return all(text.valueless for _, text in self.labels)

    @property
    def plain(self) -> bool:
        """Are its texts put together from labels and the value alone?"""
        return all(text.compiled is None or text.parts is not None for _, text in (*self.labels, *self.annotations))


Rule: TypeAlias = RecordingRule | AlertingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Rules that are evaluated one after the other."""

    name: str
    file: str
    interval: Millis
    query_offset: Millis = 0
    """Queries look, and samples are written, so much before the slot."""
    limit: int = 0
    """Series of a recording rule, or alerts of an alerting rule; 0 is no limit."""
    labels: Labels = EMPTY
    """Merged into the rules already."""
    rules: tuple[Rule, ...] = ()
    parallel: int = 1
    """So many rules that do not depend on each other may be evaluated at once."""
    key: str = field(init=False)
    """`file;name`, unique."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.file};{self.name}")
