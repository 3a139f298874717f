"""The functions of range vectors: which samples, which windows on them, and what they are put to.

A range vector never exists as a value: a range function asks for runs of samples and for the windows that each step looks
through.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from monitor.columns.frame import Frame
from monitor.matching.matchers import Matcher
from monitor.model.errors import BugError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import Millis, Timestamp
from monitor.promql import extended, starts, windows
from monitor.promql.calls import Calls
from monitor.promql.matrix import Block, Bools, Floats, Ints
from monitor.promql.nodes import Call, DurationExpr, Expr, MatrixSelector, Shift, Subquery, unwrapped
from monitor.promql.quoting import go_quote
from monitor.promql.rates import Reach
from monitor.promql.selection import Run, runs, runs_of_block
from monitor.promql.sharing import Ranged, Sharing
from monitor.promql.signatures import ValueType

_COUNTERS = frozenset({"rate", "increase"})
_COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")
_KEEP_NAME = frozenset({"last_over_time", "first_over_time"})


class RangeCalls(Calls):
    """The part of the evaluator that looks through windows."""

    @abstractmethod
    def shifted(self, at: Ints, shift: Shift) -> Ints: ...

    @abstractmethod
    def duration(self, span: Millis, tree: DurationExpr | None, *, positive: bool = True) -> Millis: ...

    @abstractmethod
    def select(
        self, node: Expr, matchers: Sequence[Matcher], low: Timestamp, high: Timestamp
    ) -> tuple[Sequence[Frame], Sequence[Labels]]: ...

    @abstractmethod
    def joined(self, node: Expr, parts: Sequence[Sequence[Labels]]) -> Sequence[Labels]: ...

    @abstractmethod
    def count(self, samples: int) -> None: ...

    @abstractmethod
    def room(self, series: int, steps: int) -> None: ...

    def runs_of(self, node: Expr, at: Ints) -> tuple[Iterable[Run], Sequence[Labels], Bools | None, Reach]:
        """A range vector expression: runs of samples, to be gone through once, labels, marks, and the windows on them."""
        node = unwrapped(node)
        if isinstance(node, MatrixSelector):
            moved = self.shifted(at, node.selector.shift)
            reach = Reach(at, moved, self.duration(node.range, node.range_expr))
            low, high = int(moved.min()) - reach.span, int(moved.max())
            if node.selector.anchored or node.selector.smoothed:
                low -= self.task.lookback
            if node.selector.smoothed:
                high += self.task.lookback
            frames, labels = self.select(node, node.selector.matchers, low + 1, high)
            return self._counted(runs(frames, low, high, self.task.max_samples)), labels, None, reach
        if isinstance(node, Subquery):
            moved = self.shifted(at, node.shift)
            reach = Reach(at, moved, self.duration(node.range, node.range_expr))
            # A step under a millisecond is none at all: then the default counts, as in Prometheus.
            step = self.duration(node.step, node.step_expr) or self.task.subquery_step
            first = (int(moved.min()) - reach.span) // step * step + step
            self.room(1, (int(moved.max()) - first) // step + 1)
            inner_at = np.arange(first, int(moved.max()) + 1, step, dtype=np.int64)
            if len(inner_at) == 0:
                return [], (), None, reach
            block = self.vector(node.expr, inner_at)
            return runs_of_block(block, inner_at), block.labels, block.marked, reach
        raise BugError(f"no range vector: {type(node).__name__}")

    def over_range(self, node: Call, at: Ints) -> Block:
        """A range function."""
        name = node.function.name
        place = node.function.arguments.index(ValueType.MATRIX)
        arguments = tuple(self.scalar(argument, at) for number, argument in enumerate(node.args) if number != place)
        inner = unwrapped(node.args[place])
        selector = inner.selector if isinstance(inner, MatrixSelector) else None
        if selector is not None and (selector.anchored or selector.smoothed):
            extended.check_use(selector, name)
        else:
            selector = None
        if selector is None and isinstance(inner, MatrixSelector) and self.task.starts and name in starts.FUNCTIONS:
            return self._ranged(node, self._started(node, inner, at), arguments)
        if self.task.shared is not None and isinstance(inner, MatrixSelector) and selector is None:
            labels, values, present = self._shared(name, inner, arguments, at, self.task.shared)
            return self._ranged(node, Block(labels, values, None if bool(present.all()) else present), arguments)
        found, labels, marked, reach = self.runs_of(inner, at)
        self.room(len(labels), len(at))
        if selector is None:
            values, present = windows.apply(name, found, len(labels), reach, arguments, self.task.check)
        else:
            values = np.full((len(labels), len(at)), np.nan)
            present = np.zeros(values.shape, dtype=bool)
            for run in found:
                values[run.place], present[run.place] = extended.apply(
                    name, run, reach, self.task.lookback, self.task.check, smoothed=selector.smoothed
                )
        return self._ranged(node, Block(labels, values, None if bool(present.all()) else present, marked), arguments)

    def _ranged(self, node: Call, block: Block, arguments: tuple[Floats, ...]) -> Block:
        name = node.function.name
        if name == "quantile_over_time" and block.labels:  # where there is nothing, nobody asks for the quantile
            self.check_quantile(arguments[0][np.logical_or.reduce(block.mask, axis=0)], node.args[0])
        if name in _COUNTERS:
            self._doubt_counters(node, block.labels, block.present)
        return block if name in _KEEP_NAME else self.unnamed(node, block, whole=True)

    def _shared(
        self, name: str, inner: MatrixSelector, arguments: tuple[Floats, ...], at: Ints, shared: Sharing
    ) -> tuple[Sequence[Labels], Floats, Bools]:
        """A range function of a selector, at one instant: worked out once for all queries that share. Labels, values and
        presence (S, 1)."""
        matchers = inner.selector.matchers
        moved = self.shifted(at, inner.selector.shift)
        reach = Reach(at, moved, self.duration(inner.range, inner.range_expr))
        low, high = int(moved[0]) - reach.span, int(moved[0])

        def make() -> Ranged:
            frames = self.task.source.select(matchers, low + 1, high)
            parts = [frame.labels for frame in frames]
            series = len(self.joined(inner, parts))  # before the work: there may be no time for so many
            found = self._counted(runs(frames, low, high, self.task.max_samples))
            del frames  # each is let go of when it was looked through
            values, present = windows.apply(name, found, series, reach, arguments, self.task.check)
            return Ranged(parts, values, present)

        state = shared.state(matchers)
        if state is None:
            ranged = make()
        else:
            key = (name, matchers, low, high, int(at[0]), tuple([float(argument[0]) for argument in arguments]))
            ranged = shared.results.get(key, state, make)
        return self.joined(inner, ranged.parts), ranged.values, ranged.present

    def _counted(self, found: Iterable[Run]) -> Iterator[Run]:
        for run in found:
            self.count(run.size)
            yield run

    def starts_of(self, node: Expr, labels: Sequence[Labels], low: Timestamp, high: Timestamp) -> starts.Starts:
        """The start timestamps of these series' samples in (low, high]."""
        ask = self.plans.get(node, "created", (labels,), lambda: starts.wanted(labels))
        found = starts.Starts(self.task.source.select(ask.matchers, low + 1, high) if ask.rows else (), ask)
        self.count(found.samples)
        return found

    def _started(self, node: Call, inner: MatrixSelector, at: Ints) -> Block:
        """A function that follows start timestamps, on a selector."""
        name = node.function.name
        found, labels, _, reach = self.runs_of(inner, at)
        self.room(len(labels), len(at))
        found = list(found)
        stamps = self.starts_of(inner, labels, int(reach.low.min()), int(reach.high.max()))
        marked = [(run, stamps.of(run.numbers, run.times) if stamps else None) for run in found]
        plain = [run for run, own in marked if own is None]
        values, present = windows.apply(name, plain, len(labels), reach, (), self.task.check)
        for run, own in marked:
            if own is not None:
                part = starts.apply(name, starts.Started(run, own), reach, self.task.check)
                values[run.place], present[run.place] = part[:2]
                for row in np.flatnonzero(part[2]).tolist():
                    metric = go_quote(labels[run.numbers[row]].get(METRIC_NAME, ""))
                    problem = "sample has start time that overlaps with previous sample timestamp for metric"
                    self.annotations.warn(f"{problem} {metric}", node.args[0])
        return Block(labels, values, None if bool(present.all()) else present)

    def _doubt_counters(self, node: Call, labels: Sequence[Labels], present: Bools | None) -> None:
        def doubtful() -> dict[str, list[int]]:
            names: dict[str, list[int]] = {}
            for row, one in enumerate(labels):
                name = one.get(METRIC_NAME, "")
                if name and not name.endswith(_COUNTER_ENDINGS):
                    names.setdefault(name, []).append(row)
            return names

        for name, rows in self.plans.get(node, "doubtful", (labels,), doubtful).items():
            if present is None or bool(present[rows].any()):
                ending = "/".join(_COUNTER_ENDINGS)
                problem = f"metric might not be a counter, name does not end in {ending}"
                self.annotations.inform(f"{problem}: {go_quote(name)}", node.args[0])
