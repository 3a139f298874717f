"""The function info(): labels of info metrics, such as `target_info`, put on the series of the same instance and job.

Source: prometheus promql/info.go. What the base series has wins; of several info series of one metric the one with the newest
sample counts; without a name matcher `target_info` is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.promql.matrix import SAME_LABELS, Block, Bools, Floats, empty

_IDENTITY = ("instance", "job")
_POSITIVE = (MatchOp.EQUAL, MatchOp.MATCHES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the second argument of info() asks for."""

    names: tuple[Matcher, ...]
    """Which info metrics."""
    data: tuple[Matcher, ...]
    """Which of their labels; empty: all."""


def wanted(matchers: Sequence[Matcher]) -> Wanted:
    """Read the matchers of the second argument."""
    names = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
    data = tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)
    if not names:
        names = [Matcher(METRIC_NAME, MatchOp.EQUAL, "target_info")]
    elif not any(matcher.op in _POSITIVE for matcher in names):
        names.append(Matcher(METRIC_NAME, MatchOp.MATCHES, ".+_info"))
    return Wanted(tuple(names), data)


def enriched(base: Block, found: Block, stamps: Floats, ask: Wanted) -> Block:
    """The base series with the labels of the info series that are present at the same step. `stamps` are the times of the
    info samples in seconds. Raises EvaluationError when two info series contradict each other."""
    steps = int(base.values.shape[1])
    known = found.mask
    rows_of: dict[Labels, list[int]] = {}
    for row, labels in enumerate(found.labels):
        identity = labels.only(_IDENTITY)
        if identity:
            rows_of.setdefault(identity, []).append(row)
    places: dict[tuple[Labels, bool], int] = {}
    values: list[Floats] = []
    filled: list[Bools] = []
    mask = base.mask
    for row, labels in enumerate(base.labels):
        name = labels.get(METRIC_NAME, "")
        marked = base.marked is not None and bool(base.marked[row])
        rows = rows_of.get(labels.only(_IDENTITY), [])
        itself = all(matcher.matches(name) for matcher in ask.names)
        for step in map(int, np.flatnonzero(mask[row])):
            result: Labels | None = labels
            if not itself:
                present = [number for number in rows if known[number, step]]
                result = _with_infos(labels, found.labels, present, stamps[:, step], ask)
            if result is None:
                continue
            place = places.setdefault((result, marked), len(places))
            if place == len(values):
                values.append(np.full((steps,), np.nan))
                filled.append(np.zeros((steps,), dtype=bool))
            if filled[place][step]:
                raise EvaluationError(SAME_LABELS)
            values[place][step] = base.values[row, step]
            filled[place][step] = True
    if not values:
        return empty(steps)
    marks = np.array([marked for _, marked in places], dtype=bool)
    series = [labels for labels, _ in places]
    return Block(series, np.array(values), np.array(filled), marks if bool(marks.any()) else None)


def _with_infos(
    labels: Labels, infos: Sequence[Labels], rows: Sequence[int], stamps: Floats, ask: Wanted
) -> Labels | None:
    """One base series with its info labels; None when what was asked for is not there."""
    newest: dict[str, int] = {}
    for row in rows:
        name = infos[row].get(METRIC_NAME, "")
        other = newest.get(name)
        if other is not None and stamps[other] == stamps[row]:
            raise EvaluationError(
                f"found duplicate series for info metric: existing {infos[other]} @ {int(stamps[other] * 1000)}, "
                f"new {infos[row]} @ {int(stamps[row] * 1000)}"
            )
        if other is None or stamps[row] > stamps[other]:
            newest[name] = row
    asked = frozenset(matcher.name for matcher in ask.data)
    added: dict[str, str] = {}
    for row in newest.values():
        for name, value in infos[row].pairs:
            if name in _IDENTITY or name == METRIC_NAME or (asked and name not in asked) or name in labels:
                continue
            if added.get(name, value) != value:
                raise EvaluationError(f"conflicting label: {name}")
            added[name] = value
    if not newest and any(not matcher.matches("") and matcher.name not in labels for matcher in ask.data):
        return None
    return labels.merged(added)
