"""Recording rules, and the ends of series that a rule no longer gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE, Vector
from monitor.rules.groups import RecordingRule
from monitor.rules.states import LimitError


def record(rule: RecordingRule, answer: Vector, *, limit: int = 0) -> Sequence[tuple[Labels, float]]:
    """The samples to write: the rule's name and labels put on. Raises EvaluationError when two become one series,
    LimitError above the limit."""
    over = {METRIC_NAME: rule.name, **rule.labels}
    samples = {sample.labels.merged(over): sample.value for sample in answer}
    if len(samples) < len(answer):
        raise EvaluationError("vector contains metrics with the same labelset after applying rule labels")
    if limit > 0 and len(samples) > limit:
        raise LimitError(f"exceeded limit of {limit} with {len(samples)} series")
    return tuple(samples.items())


def ended(before: Iterable[Labels], now: Sequence[tuple[Labels, float]]) -> Sequence[tuple[Labels, float]]:
    """Stale markers for the series that the last evaluation gave and this one does not."""
    present = {labels for labels, _ in now}
    return tuple((labels, STALE) for labels in before if labels not in present)
