"""Queries: an expression made ready once, evaluated as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from monitor.columns.frame import SampleSource
from monitor.model.errors import QueryError, QueryLimitError
from monitor.model.labels import Labels
from monitor.model.samples import Sample, Series, Vector
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.promql.annotations import INFO, WARNING, Annotations
from monitor.promql.check import check_supported
from monitor.promql.durations import durations_of, resolve_millis
from monitor.promql.evaluator import Evaluator, Task
from monitor.promql.features import DELAYED_NAMES, STABLE, START_TIMESTAMPS, Features, named_features
from monitor.promql.matrix import Block, Ints
from monitor.promql.nodes import Expr, Text, unwrapped
from monitor.promql.parser import parse
from monitor.promql.plans import Plans, without_name
from monitor.promql.printer import to_text
from monitor.promql.sharing import Sharing
from monitor.promql.signatures import ValueType
from monitor.promql.typecheck import type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How queries are evaluated."""

    lookback: Millis = 5 * MINUTE
    """How old the newest sample of a selector may be."""
    default_subquery_step: Millis = MINUTE
    """The step of `[1h:]`; Prometheus takes the global evaluation interval."""
    max_samples: int = 50_000_000
    """How many samples a query may hold in memory."""
    max_points: int = 11_000
    """How many steps a range query may have beside the first one."""
    delayed_names: bool = False
    """Drop metric names at the end of the query and not in each function: Prometheus's
    promql-delayed-name-removal."""
    start_timestamps: bool = False
    """Let `rate`, `increase`, `irate` and `resets` follow start timestamps: Prometheus's use-start-timestamps."""
    features: Features = STABLE
    """Which parts of the language are allowed."""

    @classmethod
    def flagged(cls, names: Collection[str]) -> Options:
        """By the names of Prometheus's flags. Raises ValueError for one that has nothing to do with PromQL."""
        return cls(
            features=named_features(names),
            delayed_names=DELAYED_NAMES in names,
            start_timestamps=START_TIMESTAMPS in names,
        )


@dataclass(frozen=True, slots=True)
class ScalarValue:
    """A number at an instant."""

    timestamp: Timestamp
    value: float


@dataclass(frozen=True, slots=True)
class StringValue:
    """A text at an instant."""

    timestamp: Timestamp
    value: str


Value: TypeAlias = ScalarValue | StringValue | Vector | tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query found."""

    value: Value
    kind: ValueType
    """VECTOR: a tuple of samples; MATRIX: a tuple of series, sorted by labels; else the value's own type."""
    annotations: tuple[str, ...] = ()
    """Texts as the HTTP API shows them, `PromQL warning: ... (1:5)`."""
    samples: int = 0
    """How many were looked at."""

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(text for text in self.annotations if text.startswith(WARNING))

    @property
    def infos(self) -> tuple[str, ...]:
        return tuple(text for text in self.annotations if text.startswith(INFO))


Check: TypeAlias = Callable[[], None]

_PLAIN: Final = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One evaluation under way."""

    evaluator: Evaluator
    annotations: Annotations
    at: Ints = field(repr=False)


class Query:
    """A compiled expression. Safe to evaluate in several threads at once; keeps what it learns about label sets."""

    __slots__ = ("_durations", "_plans", "kind", "options", "text", "tree")

    def __init__(self, expression: str | Expr, options: Options = _PLAIN) -> None:
        """Raises QueryError for a text that cannot be parsed or evaluated here."""
        self.text = expression if isinstance(expression, str) else to_text(expression)
        self.tree = parse(self.text, options.features)
        check_supported(self.tree, options.features)
        self.kind = type_of(self.tree)
        self.options = options
        self._durations = tuple(durations_of(self.tree))
        self._plans = Plans()

    def __repr__(self) -> str:
        return f"Query({self.text!r}, {len(self._plans)} plans)"

    def instant(
        self,
        source: SampleSource,
        at: Timestamp,
        check: Check | None = None,
        shared: Sharing | None = None,
        learning: int | None = None,
    ) -> Answer:
        """The value at one instant. `shared`: what other queries at this instant have worked out; `learning`: how many label
        sets there is time to learn of at once. Raises QueryError for durations that are impossible here, EvaluationError,
        QueryLimitError, LearningError and whatever `check` raises."""
        run = self._start(source, at, at, 0, check, shared, learning)
        match self.kind:
            case ValueType.STRING:
                inner = unwrapped(self.tree)
                return self._answer(run, StringValue(at, inner.value if isinstance(inner, Text) else ""))
            case ValueType.SCALAR:
                return self._answer(run, ScalarValue(at, float(run.evaluator.scalar(self.tree, run.at)[0])))
            case ValueType.MATRIX:
                return self._answer(run, _windows(run, self.tree))
            case ValueType.VECTOR:
                block = run.evaluator.final(self.tree, run.evaluator.vector(self.tree, run.at))
                return self._answer(run, _samples(block, at))

    def range(
        self,
        source: SampleSource,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        check: Check | None = None,
        learning: int | None = None,
    ) -> Answer:
        """The value at start, start + step, ... up to end, as series sorted by labels. Raises QueryError for types that
        have no range, and what `instant` raises."""
        if self.kind not in (ValueType.SCALAR, ValueType.VECTOR):
            problem = f'invalid expression type "{self.kind.spoken}" for range query, must be Scalar or instant Vector'
            raise QueryError(problem, start=self.tree.start, end=self.tree.end)
        if step <= 0:
            raise QueryError("zero or negative query resolution step widths are not accepted. Try a positive integer")
        if (end - start) // step > self.options.max_points:
            raise QueryLimitError(
                f"exceeded maximum resolution of {self.options.max_points:,} points per timeseries. Try decreasing the "
                "query resolution (?step=XX)"
            )
        run = self._start(source, start, end, step, check, learning=learning)
        if len(run.at) == 0:
            return self._answer(run, (), ValueType.MATRIX)
        if self.kind is ValueType.SCALAR:
            block = Block((Labels(),), run.evaluator.scalar(self.tree, run.at)[None, :])
        else:
            block = run.evaluator.final(self.tree, run.evaluator.vector(self.tree, run.at))
        return self._answer(run, _series(block, run.at), ValueType.MATRIX)

    def _start(
        self,
        source: SampleSource,
        start: Timestamp,
        end: Timestamp,
        step: Millis,
        check: Check | None,
        shared: Sharing | None = None,
        learning: int | None = None,
    ) -> _Run:
        options = self.options
        for tree, positive in self._durations:  # before anything is read, also where nothing would be found
            resolve_millis(tree, step=step, span=end - start, positive=positive)
        annotations = Annotations(self.text)
        task = Task(
            source=source,
            start=start,
            end=end,
            step=step,
            lookback=options.lookback,
            subquery_step=options.default_subquery_step,
            max_samples=options.max_samples,
            delayed_names=options.delayed_names,
            starts=options.start_timestamps,
            check=check or _no_check,
            shared=shared,
        )
        at = np.arange(start, end + 1, step, dtype=np.int64) if step else np.array([start], dtype=np.int64)
        plans = self._plans if learning is None else self._plans.at_most(learning)
        return _Run(evaluator=Evaluator(task, plans, annotations), annotations=annotations, at=at)

    def _answer(self, run: _Run, value: Value, kind: ValueType | None = None) -> Answer:
        return Answer(
            value=value, kind=kind or self.kind, annotations=run.annotations.texts(), samples=run.evaluator.samples
        )


def _no_check() -> None:
    pass


def _samples(block: Block, at: Timestamp) -> Vector:
    labels = block.labels
    if block.present is None:
        return tuple(Sample(one, at, value) for one, value in zip(labels, block.values[:, 0].tolist(), strict=True))
    rows = np.flatnonzero(block.present[:, 0])
    values = block.values[rows, 0].tolist()
    return tuple(Sample(labels[row], at, value) for row, value in zip(rows.tolist(), values, strict=True))


def _series(block: Block, at: Ints) -> tuple[Series, ...]:
    times = at.tolist()
    out: list[Series] = []
    for row in sorted(range(len(block.labels)), key=lambda row: block.labels[row].pairs):
        values = block.values[row].tolist()
        if block.present is None:
            points = tuple(zip(times, values, strict=True))
        else:
            there = block.present[row].tolist()
            points = tuple(point for point, here in zip(zip(times, values, strict=True), there, strict=True) if here)
        if points:
            out.append(Series(block.labels[row], points))
    return tuple(out)


def _windows(run: _Run, tree: Expr) -> tuple[Series, ...]:
    """A range vector at one instant: the samples themselves."""
    found, labels, marked, reach = run.evaluator.runs_of(tree, run.at)
    start, end = int(reach.low[0]), int(reach.high[0])
    out: list[Series] = []
    for part in found:
        low = int(np.searchsorted(part.times, start, "right"))
        high = int(np.searchsorted(part.times, end, "right"))
        times = part.times[low:high].tolist()
        if not times:
            continue
        for place, values in enumerate(part.values[:, low:high].tolist()):
            row = part.first + place if part.rows is None else int(part.rows[place])
            named = labels[row] if marked is None or not marked[row] else without_name([labels[row]])[0]
            out.append(Series(named, tuple(zip(times, values, strict=True))))
    return tuple(sorted(out, key=lambda series: series.labels.pairs))
