"""Recording rules, and the ends of series that a rule no longer gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from typing import Final

from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE, Vector
from monitor.rules.groups import RecordingRule
from monitor.rules.states import LimitError
from monitor.rules.written import Written


@dataclass(frozen=True, slots=True)
class Named:
    """The names that a rule gave to the elements of its last answer."""

    elements: tuple[Labels, ...] = ()
    series: tuple[Labels, ...] = ()


UNNAMED: Final = Named()


def record(rule: RecordingRule, answer: Vector, named: Named, *, limit: int = 0) -> tuple[Written, Named]:
    """The samples to write: the rule's name and labels put on. Raises EvaluationError when two become one series,
    LimitError above the limit."""
    elements = tuple([sample.labels for sample in answer])
    if len(elements) != len(named.elements) or not all(map(is_, elements, named.elements)):
        over = {METRIC_NAME: rule.name, **rule.labels}
        named = Named(elements, tuple([labels.merged(over) for labels in elements]))
        if len(set(named.series)) < len(elements):
            raise EvaluationError("vector contains metrics with the same labelset after applying rule labels")
    if limit > 0 and len(elements) > limit:
        raise LimitError(f"exceeded limit of {limit} with {len(elements)} series")
    return Written(named.series, tuple([sample.value for sample in answer])), named


def ended(before: tuple[Labels, ...], now: tuple[Labels, ...]) -> Sequence[tuple[Labels, float]]:
    """Stale markers for the series that the last evaluation gave and this one does not."""
    if before is now:
        return ()
    present = set(now)
    return tuple((labels, STALE) for labels in before if labels not in present)
