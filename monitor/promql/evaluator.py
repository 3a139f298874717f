"""One evaluation of one expression: the walk over the tree.

Each node is evaluated once, for all steps together. A scalar is an (N,) array, a vector a `Block`, a range vector never exists
as a value: range functions ask for runs of samples and the windows on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.columns.distinct import distinct
from monitor.columns.frame import Frame, SampleSource
from monitor.matching.matchers import Matcher
from monitor.model.errors import BugError, EvaluationError
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp
from monitor.promql import aggregation, extended, matching
from monitor.promql.annotations import Annotations
from monitor.promql.arithmetic import COMPARISON, calculate
from monitor.promql.durations import resolve_millis
from monitor.promql.inspect import walk
from monitor.promql.matrix import Block, Floats, Ints, merged, narrowed
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Bound,
    Call,
    DurationExpr,
    Expr,
    Matching,
    Number,
    Paren,
    Shift,
    Subquery,
    Text,
    Unary,
    VectorSelector,
    children,
    unwrapped,
)
from monitor.promql.numbers import general
from monitor.promql.plans import Plans, without_name
from monitor.promql.quoting import go_quote
from monitor.promql.ranges import RangeCalls
from monitor.promql.selection import newest, newest_at_one, runs, too_many
from monitor.promql.sharing import Sharing
from monitor.promql.signatures import SET_OPERATORS, ValueType
from monitor.promql.typecheck import type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one evaluation works under."""

    source: SampleSource
    start: Timestamp
    end: Timestamp
    step: Millis
    """0 for an instant query."""
    lookback: Millis
    subquery_step: Millis
    max_samples: int
    delayed_names: bool
    check: Callable[[], None]
    starts: bool = False
    """Resets and first increments by start timestamps."""
    shared: Sharing | None = None
    """Of queries at the same instant."""


class Evaluator(RangeCalls):
    """Evaluates one tree once."""

    def __init__(self, task: Task, plans: Plans, annotations: Annotations) -> None:
        self.task = task
        self.plans = plans
        self.annotations = annotations
        self.samples = 0

    def scalar(self, node: Expr, at: Ints) -> Floats:
        """A scalar expression at each step, (N,)."""
        match node:
            case Number():
                return np.full(len(at), node.value)
            case Paren():
                return self.scalar(node.expr, at)
            case Unary():
                inner = self.scalar(node.expr, at)
                return -inner if node.op == "-" else inner
            case Binary():
                left, right = self.scalar(node.left, at), self.scalar(node.right, at)
                if node.op in COMPARISON:
                    return COMPARISON[node.op](left, right).astype(np.float64)
                return calculate(node.op, left, right)
            case Call():
                return self.scalar_call(node, at)
            case _:
                raise BugError(f"no scalar: {type(node).__name__}")

    def vector(self, node: Expr, at: Ints) -> Block:
        """An instant vector expression at each step."""
        self.task.check()
        match node:
            case VectorSelector():
                return self.newest(node, at)[0]
            case Paren():
                return self.vector(node.expr, at)
            case Unary():
                inner = self.vector(node.expr, at)
                if node.op == "+":
                    return inner
                negated = Block(inner.labels, -inner.values, inner.present, inner.marked)
                return self.unnamed(node, negated, whole=True)
            case Aggregation():
                return self._aggregate(node, at)
            case Call():
                return self.call(node, at)
            case Binary():
                return self._binary(node, at)
            case _:
                raise BugError(f"no vector: {type(node).__name__}")

    def newest(self, node: VectorSelector, at: Ints) -> tuple[Block, Floats]:
        """A selector's newest samples and their times in seconds (S, N)."""
        moved = self.shifted(at, node.shift)
        if node.smoothed:
            return self._smoothed(node, moved)
        if len(moved) == 1:
            quick = newest_at_one(self.task.source, node.matchers, int(moved[0]), self.task.lookback)
            if quick is not None:
                self.plans.meet(node, quick[0].labels)
                self.count(quick[0].values.size)
                return quick
        low, high = int(moved.min()) - self.task.lookback, int(moved.max())
        frames, labels = self.select(node, node.matchers, low + 1, high)
        self.room(len(labels), len(moved))
        block, stamps = newest(frames, labels, moved, self.task.lookback)
        self.count(block.values.size)
        return block, stamps

    def _smoothed(self, node: VectorSelector, moved: Ints) -> tuple[Block, Floats]:
        lookback = self.task.lookback
        low, high = int(moved.min()) - lookback, int(moved.max()) + lookback
        frames, labels = self.select(node, node.matchers, low + 1, high)
        self.room(len(labels), len(moved))
        values = np.full((len(labels), len(moved)), np.nan)
        present = np.zeros(values.shape, dtype=bool)
        for run in runs(frames, low, high, self.task.max_samples):
            rows = run.place
            values[rows], present[rows] = extended.interpolated(run, moved, lookback)
        self.count(values.size)
        return Block(labels, values, present), np.broadcast_to(moved / 1000, values.shape)

    def shifted(self, at: Ints, shift: Shift) -> Ints:
        """Evaluation times after `@` and offset."""
        if shift.at is None:
            moved = at
        else:
            fixed = shift.at
            if isinstance(fixed, Bound):
                fixed = self.task.start if fixed is Bound.START else self.task.end
            moved = np.full(len(at), fixed, dtype=np.int64)
        offset = self.duration(shift.offset, shift.offset_expr, positive=False)
        return moved - offset if offset else moved

    def seen_at(self, node: Expr, at: Ints) -> Ints:
        """Where the first selector in an expression looks at each step."""
        while True:
            if isinstance(node, VectorSelector):
                return self.shifted(at, node.shift)
            if isinstance(node, Subquery):
                at = self.shifted(at, node.shift)
            below = children(node)
            if not below:
                return at
            node = next(
                (child for child in below if any(isinstance(one, VectorSelector) for one in walk(child))), below[0]
            )

    def duration(self, span: Millis, tree: DurationExpr | None, *, positive: bool = True) -> Millis:
        """A range, step or offset in this query."""
        if tree is None:
            return span
        return resolve_millis(tree, step=self.task.step, span=self.task.end - self.task.start, positive=positive)

    def unnamed(self, node: Expr, block: Block, *, whole: bool = False) -> Block:
        """The result of something that makes another metric of its input. `whole`: it was made series by series and not
        step by step, so equal series are refused even where they do not overlap."""
        if self.task.delayed_names:
            marked = np.ones(len(block.labels), dtype=bool)
            return Block(block.labels, block.values, block.present, marked)

        def plan() -> tuple[Sequence[Labels], bool]:
            labels = without_name(block.labels)
            return labels, len(set(labels)) == len(labels)

        labels, unique = self.plans.get(node, "unnamed", (block.labels,), plan)
        out = Block(labels, block.values, block.present)
        return out if unique else merged(out, overlapping=whole)

    def final(self, tree: Expr, block: Block) -> Block:
        """With delayed name removal the marked names go now."""
        if block.marked is None or not bool(block.marked.any()):
            return merged(block) if self.task.delayed_names else block
        bare = without_name(block.labels)
        labels = [bare[row] if marked else block.labels[row] for row, marked in enumerate(block.marked.tolist())]
        return merged(Block(labels, block.values, block.present, ordered=block.ordered))

    def check_quantile(self, ranks: Floats, node: Expr) -> None:
        """Warn of quantiles outside [0, 1]."""
        for rank in distinct(ranks[~((ranks >= 0) & (ranks <= 1))]):
            self.annotations.warn(f"quantile value should be between 0 and 1, got {general(float(rank))}", node)

    def _check_extremes(self, ranks: Floats, node: Expr) -> None:
        """The same for an aggregation, where Prometheus looks at all steps together: of no more than NaN, the largest and
        the smallest."""
        outside = distinct(ranks[~((ranks >= 0) & (ranks <= 1))])  # NaN is the last
        above, below = outside[outside > 1], outside[outside < 0]
        self.check_quantile(np.concatenate((outside[np.isnan(outside)], above[-1:], below[:1])), node)

    def select(
        self, node: Expr, matchers: Sequence[Matcher], low: Timestamp, high: Timestamp
    ) -> tuple[Sequence[Frame], Sequence[Labels]]:
        frames = self.task.source.select(matchers, low, high)
        return frames, self.joined(node, [frame.labels for frame in frames])

    def joined(self, node: Expr, parts: Sequence[Sequence[Labels]]) -> Sequence[Labels]:
        """All labels that were selected in a row; the same object as long as the parts are the same."""
        if len(parts) == 1:
            labels = parts[0]
        else:
            labels = self.plans.get(node, "labels", parts, lambda: [one for part in parts for one in part])
        self.plans.meet(node, labels)
        return labels

    def room(self, series: int, steps: int) -> None:
        """Before a matrix of this size is made: raises QueryLimitError if it would hold more than a query may."""
        if series * steps > self.task.max_samples:
            raise too_many()

    def count(self, samples: int) -> None:
        self.samples += samples
        if self.samples > self.task.max_samples:
            raise too_many()

    def _aggregate(self, node: Aggregation, at: Ints) -> Block:
        block = self.vector(node.expr, at)
        if node.op == "count_values":
            name = self._text(node.param)
            if name == "" or any(0xDC80 <= ord(char) <= 0xDCFF for char in name):
                raise EvaluationError(f"invalid label name {go_quote(name)}")
            return aggregation.count_values(block, name, node.grouping, without=node.without)
        groups = self.plans.get(
            node,
            "groups",
            (block.labels,),
            lambda: aggregation.grouped(block.labels, node.grouping, without=node.without),
        )
        if node.param is None:
            return aggregation.reduce_groups(node.op, block, groups)
        parameter = self.scalar(node.param, at)
        match node.op:
            case "quantile":
                self._check_extremes(parameter, node.param)
                return aggregation.reduce_groups(node.op, block, groups, parameter)
            case "limitk":
                return aggregation.limit_count(block, groups, parameter)
            case "limit_ratio":
                limited, capped = aggregation.limit_ratio(block, parameter)
                for ratio in capped:
                    problem = f"ratio value should be between -1 and 1, got {general(ratio)}"
                    self.annotations.warn(f"{problem}, capping to {1 if ratio > 0 else -1}", node.param)
                return limited
            case _:
                return aggregation.select_best(node.op, block, groups, parameter)

    def _text(self, node: Expr | None) -> str:
        inner = unwrapped(node) if node is not None else None
        if isinstance(inner, Text):
            return inner.value
        raise BugError("a string expression that is no string")

    def _binary(self, node: Binary, at: Ints) -> Block:
        left_scalar = type_of(node.left) is ValueType.SCALAR
        right_scalar = type_of(node.right) is ValueType.SCALAR
        if left_scalar or right_scalar:
            return self._with_scalar(node, at, swapped=left_scalar)
        left, right = self.vector(node.left, at), self.vector(node.right, at)
        if node.op in SET_OPERATORS:
            return self._set_operator(node, left, right)
        drops = node.op not in COMPARISON or node.return_bool
        delayed = self.task.delayed_names
        pairing = self.plans.get(
            node,
            "pairs",
            (left.labels, right.labels),
            lambda: matching.pair(left.labels, right.labels, node, drop=drops and not delayed),
        )
        return matching.operate(node, left, right, pairing, mark=drops and delayed)

    def _with_scalar(self, node: Binary, at: Ints, *, swapped: bool) -> Block:
        if swapped:
            number, block = self.scalar(node.left, at), self.vector(node.right, at)
            first, second = number, block.values
        else:
            block, number = self.vector(node.left, at), self.scalar(node.right, at)
            first, second = block.values, number
        if node.op in COMPARISON:
            holds = COMPARISON[node.op](first, second)
            if not node.return_bool:
                return Block(block.labels, block.values, narrowed(block.present, holds), block.marked)
            values = holds.astype(np.float64)
        else:
            values = calculate(node.op, first, second)
        return self.unnamed(node, Block(block.labels, values, block.present, block.marked))

    def _set_operator(self, node: Binary, left: Block, right: Block) -> Block:
        matched = node.matching or Matching()
        groups = self.plans.get(
            node,
            "signatures",
            (left.labels, right.labels),
            lambda: matching.signatures(left.labels, right.labels, matched),
        )
        if node.op != "or":
            return matching.combine_sets(node.op, left, right, groups)
        labels, unique = self.plans.get(
            node,
            "united",
            (left.labels, right.labels),
            lambda: _joined(left.labels, right.labels),
        )
        out = matching.united(left, right, groups, labels)
        return out if unique or self.task.delayed_names else merged(out)


def _joined(left: Sequence[Labels], right: Sequence[Labels]) -> tuple[Sequence[Labels], bool]:
    labels = [*left, *right]
    return labels, len(set(labels)) == len(labels)
