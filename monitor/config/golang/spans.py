"""Durations of Go itself, beside Prometheus's own: some keys hold Go's `time.Duration`, which knows fractions and no days.

Two sorts of fields take them. A plain one is a misfit if it is not right, and takes a bare number as nanoseconds; one of a
type that reads its own text refuses it in the words of Go's `time.ParseDuration`. Source: Go time/format.go, go-yaml v2
decode.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from monitor.config.golang.kinds import Reading, Span, misfit
from monitor.config.yamltree import Path, Scalar, Tree
from monitor.gotemplate import moments
from monitor.model.labels import quote
from monitor.model.times import Millis

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds."""
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_MOST: Final = (1 << 63) - 1
_NANOS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GoSpan(Span):
    """A duration as Go writes it (`1h30m`, `1.5s`, no days); milliseconds inside, none below zero."""

    word: ClassVar[str] = "duration (no days)"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if not isinstance(tree, Scalar):
            problem = "a duration is wanted here, such as 30s"
            return misfit(tree, path, self.go or "time.Duration", reading, problem, self.default)
        if tree.is_null:
            return self.default
        found = None if self.go else tree.natural()
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) <= _MOST:
            return max(found // _NANOS, 0)
        remedy = "write a number with its unit, such as 30s or 1h30m; there are no days"
        try:
            return max(parse_go_duration(tree.text), 0)
        except ValueError as error:
            if self.go:
                reading.refuse(path, str(error), remedy)
                return self.default
            return misfit(tree, path, "time.Duration", reading, f"is no duration: {remedy}", self.default)

    def shown_default(self) -> str:
        return format_go_duration(self.default) if self.default else ""

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer"]}


def parse_go_duration(text: str) -> Millis:
    """Read `1h30m` or `1.5s`. Raises ValueError in the words of Go's time.ParseDuration."""
    wrong = f"time: invalid duration {quote(text)}"
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(wrong)
    total = 0
    while rest:
        part = _PART.match(rest)
        if part is None or not (part[1] or part[2]):
            raise ValueError(wrong)
        whole, fraction, unit = part[1], part[2] or "", part[3]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quote(text)}")
        if unit not in _UNITS:
            raise ValueError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        total += int(whole or 0) * _UNITS[unit] + int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
        if total > _MOST:
            raise ValueError(wrong)
        rest = rest[part.end() :]
    return (-total if text[0] == "-" else total) // _NANOS


def format_go_duration(span: Millis) -> str:
    """`1m0s`."""
    return moments.Span(span * _NANOS).go_string()
