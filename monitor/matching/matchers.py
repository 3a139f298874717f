"""One condition on one label, as in `{job="api", code=~"5.."}`.

A label that a set lacks counts as the empty text, so `{env=""}` and `{env!="prod"}` also match sets without `env`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from monitor.matching.regex import Regex, closes_in_order, compile_re2
from monitor.model.labels import quote


class MatchOp(Enum):
    """The four ways to compare a label with a text."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


_EQUAL, _MATCHES = MatchOp.EQUAL, MatchOp.MATCHES
"""To ask an enum's class for its member costs more than the comparison."""


class Matcher:
    """A compiled condition; equal and hashable by (name, op, value). Raises ValueError for a bad regular expression."""

    __slots__ = ("name", "op", "regex", "value")

    def __init__(self, name: str, op: MatchOp, value: str, *, dot_matches_newline: bool = True) -> None:
        self.name = name
        self.op = op
        self.value = value
        self.regex: Regex | None = None
        if op in (MatchOp.MATCHES, MatchOp.NOT_MATCHES):
            self.regex = _read_alone(value) if dot_matches_newline else Regex(value, dot_matches_newline=False)

    def matches(self, value: str) -> bool:
        """Does a label with this value satisfy the condition? Pass the empty text for a missing label."""
        if self.op is _EQUAL:
            return value == self.value
        if self.regex is not None:
            return self.regex.matches(value) is (self.op is _MATCHES)
        return value != self.value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Matcher):
            return (self.name, self.op, self.value) == (other.name, other.op, other.value)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.op, self.value))

    def __str__(self) -> str:
        return f"{self.name}{self.op.value}{quote(self.value)}"

    def __repr__(self) -> str:
        return f"Matcher({self})"


def _read_alone(pattern: str) -> Regex:
    """As Prometheus 3 reads an expression: first without the anchors, so that `a)(b` is none, and errors do not show them."""
    try:
        regex = Regex(pattern)
    except ValueError:
        compile_re2(pattern)
        raise
    if not closes_in_order(pattern):
        compile_re2(pattern)
    return regex


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Do these labels satisfy every condition?"""
    for matcher in matchers:  # noqa: SIM110 - asked for every alert and list of matchers; `all` costs twice as much
        if not matcher.matches(labels.get(matcher.name, "")):
            return False
    return True
