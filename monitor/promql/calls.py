"""The functions that are neither range functions nor plain mathematics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from monitor.model.errors import BugError, EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import Timestamp
from monitor.promql import elementwise, histograms, infos, relabelling, windows
from monitor.promql.buckets import Repair, bucket_fraction, bucket_quantile, sound_quantiles
from monitor.promql.matrix import Block, Bools, Floats, Ints, empty, merged, one_series
from monitor.promql.nodes import Call, Expr, MatrixSelector, Text, VectorSelector, unwrapped
from monitor.promql.quoting import go_quote

if TYPE_CHECKING:
    from monitor.promql.annotations import Annotations
    from monitor.promql.evaluator import Task
    from monitor.promql.plans import Plans
    from monitor.promql.rates import Reach
    from monitor.promql.selection import Run
    from monitor.promql.starts import Starts

BucketFunction: TypeAlias = "Callable[[int, Sequence[tuple[float, float]]], tuple[float, Repair | None]]"
"""(step, buckets) to the value at that step, and what had to be repaired."""

_SORTS = frozenset({"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"})


class Calls(ABC):
    """The part of the evaluator that knows the functions by name."""

    task: Task
    plans: Plans
    annotations: Annotations

    @abstractmethod
    def vector(self, node: Expr, at: Ints) -> Block: ...

    @abstractmethod
    def scalar(self, node: Expr, at: Ints) -> Floats: ...

    @abstractmethod
    def newest(self, node: VectorSelector, at: Ints) -> tuple[Block, Floats]: ...

    @abstractmethod
    def seen_at(self, node: Expr, at: Ints) -> Ints: ...

    @abstractmethod
    def runs_of(self, node: Expr, at: Ints) -> tuple[Iterable[Run], Sequence[Labels], Bools | None, Reach]: ...

    @abstractmethod
    def starts_of(self, node: Expr, labels: Sequence[Labels], low: Timestamp, high: Timestamp) -> Starts: ...

    @abstractmethod
    def over_range(self, node: Call, at: Ints) -> Block: ...

    @abstractmethod
    def unnamed(self, node: Expr, block: Block, *, whole: bool = False) -> Block: ...

    @abstractmethod
    def check_quantile(self, ranks: Floats, node: Expr) -> None: ...

    def scalar_call(self, node: Call, at: Ints) -> Floats:
        """Functions whose result is a scalar, (N,)."""
        task = self.task
        match node.function.name:
            case "time":
                return at / 1000
            case "pi":
                return np.full(len(at), np.pi)
            case "start":
                return np.full(len(at), task.start / 1000)
            case "end":
                return np.full(len(at), task.end / 1000)
            case "range":
                return np.full(len(at), (task.end - task.start) / 1000)
            case "step":
                return np.full(len(at), task.step / 1000)
            case "min_of":
                return elementwise.smaller(self.scalar(node.args[0], at), self.scalar(node.args[1], at))
            case "max_of":
                return elementwise.larger(self.scalar(node.args[0], at), self.scalar(node.args[1], at))
            case "scalar":
                block = self.vector(node.args[0], at)
                if not block.labels:
                    return np.full(len(at), np.nan)
                mask = block.mask
                row = np.argmax(mask, axis=0)
                return np.where(mask.sum(axis=0) == 1, block.values[row, np.arange(len(at))], np.nan)
            case name:
                raise BugError(f"no scalar function: {name}")

    def call(self, node: Call, at: Ints) -> Block:
        """Functions whose result is a vector."""
        name = node.function.name
        if name in windows.FUNCTIONS:
            return self.over_range(node, at)
        if name in elementwise.MATH:
            block = self.vector(node.args[0], at)
            with np.errstate(all="ignore"):
                return self._mapped(node, block, elementwise.MATH[name](block.values))
        if name in elementwise.DATE_FUNCTIONS:
            if not node.args:
                return one_series(elementwise.date_part(name, at / 1000))
            block = self.vector(node.args[0], at)
            return self._mapped(node, block, elementwise.date_part(name, block.values))
        if name in _SORTS:
            return self._sorted(node, self.vector(node.args[0], at))
        match name:
            case "vector":
                return one_series(self.scalar(node.args[0], at))
            case "absent" | "absent_over_time":
                return self._absent(node, at)
            case "timestamp":
                return self._timestamp(node, at)
            case "start_timestamp":
                return self._start_timestamp(node, at)
            case "round" | "clamp" | "clamp_min" | "clamp_max":
                return self._bounded(node, at)
            case "info":
                return self._info(node, at)
            case "label_replace" | "label_join":
                return self._relabelled(node, self.vector(node.args[0], at))
            case "histogram_quantile" | "histogram_quantiles" | "histogram_fraction":
                return self._histogram(node, at)
            case _:
                raise BugError(f"no function: {name}")

    def _mapped(self, node: Call, block: Block, values: Floats) -> Block:
        return self.unnamed(node, Block(block.labels, values, block.present, block.marked))

    def _bounded(self, node: Call, at: Ints) -> Block:
        block = self.vector(node.args[0], at)
        numbers = [self.scalar(argument, at) for argument in node.args[1:]]
        with np.errstate(all="ignore"):
            match node.function.name:
                case "round":
                    nearest = numbers[0] if numbers else np.ones(len(at))
                    return self._mapped(node, block, elementwise.round_to(block.values, nearest))
                case "clamp_min":
                    return self._mapped(node, block, elementwise.larger(numbers[0], block.values))
                case "clamp_max":
                    return self._mapped(node, block, elementwise.smaller(numbers[0], block.values))
                case _:
                    low, high = numbers
                    values = elementwise.clamp(block.values, low, high)
                    senseless = high < low
                    if bool(senseless.any()):
                        block = Block(block.labels, values, block.mask & ~senseless, block.marked)
                    return self._mapped(node, block, values)

    def _timestamp(self, node: Call, at: Ints) -> Block:
        inner = unwrapped(node.args[0])
        if isinstance(inner, VectorSelector):
            block, stamps = self.newest(inner, at)
            return self._mapped(node, block, np.broadcast_to(stamps, block.values.shape))
        block = self.vector(inner, at)
        return self._mapped(node, block, np.broadcast_to(at / 1000, block.values.shape))

    def _start_timestamp(self, node: Call, at: Ints) -> Block:
        """Since when each sample counts; 0 where that is not known, nothing for what are no samples."""
        inner = unwrapped(node.args[0])
        if not isinstance(inner, VectorSelector):
            return empty(len(at))
        block, seconds = self.newest(inner, at)
        times = np.rint(seconds * 1000).astype(np.int64)
        values = np.zeros(block.values.shape)
        there = times[block.mask]
        if there.size:
            known = self.starts_of(inner, block.labels, int(there.min()) - 1, int(there.max()))
            for row, own in enumerate(times):
                stamps = known.of((row,), own)
                if stamps is not None:
                    values[row] = stamps[0] / 1000
        return self._mapped(node, block, values)

    def _absent(self, node: Call, at: Ints) -> Block:
        inner = unwrapped(node.args[0])
        selector = inner.selector if isinstance(inner, MatrixSelector) else inner
        labels = relabelling.absent_labels(selector.matchers) if isinstance(selector, VectorSelector) else Labels()
        if node.function.name == "absent":
            block = self.vector(inner, at)
            there: Bools = np.logical_or.reduce(block.mask, axis=0) if block.labels else np.zeros(len(at), dtype=bool)
        else:
            found, _, _, reach = self.runs_of(inner, at)
            there = np.zeros(len(at), dtype=bool)
            for run in found:
                start = np.searchsorted(run.times, reach.low, "right")
                there |= np.searchsorted(run.times, reach.high, "right") > start
        return one_series(np.ones(len(at)), np.logical_not(there), labels)

    def _info(self, node: Call, at: Ints) -> Block:
        first, *others = node.args

        def plan() -> tuple[infos.Wanted, VectorSelector]:
            second = unwrapped(others[0]) if others else None
            ask = infos.wanted(second.matchers if isinstance(second, VectorSelector) else ())
            return ask, VectorSelector(name="", matchers=ask.names + ask.data, start=node.start, end=node.end)

        ask, selector = self.plans.get(node, "selector", (), plan)
        base = self.vector(first, at)
        found, stamps = self.newest(selector, self.seen_at(first, at))
        return infos.enriched(base, found, stamps, ask)

    def _sorted(self, node: Call, block: Block) -> Block:
        if self.task.step:
            problem = "sort is ineffective for range queries since results are always ordered by labels"
            self.annotations.warn(problem, node)
            return block
        if block.values.shape[1] != 1:
            return block
        rows = np.flatnonzero(block.mask[:, 0])
        name = node.function.name
        if name in ("sort", "sort_desc"):
            keys = block.values[rows, 0]
            order = rows[np.argsort(keys if name == "sort" else -keys, kind="stable")].tolist()
        else:
            names = [text.value for text in map(unwrapped, node.args[1:]) if isinstance(text, Text)]
            order = sorted(
                rows.tolist(),
                key=lambda row: relabelling.sort_key(block.labels[row], names),
                reverse=name == "sort_by_label_desc",
            )
        marked = None if block.marked is None else block.marked[order]
        return Block([block.labels[row] for row in order], block.values[order], None, marked, ordered=True)

    def _relabelled(self, node: Call, block: Block) -> Block:
        texts = [text.value for text in map(unwrapped, node.args[1:]) if isinstance(text, Text)]

        def plan() -> tuple[Sequence[Labels], Bools, bool]:
            if node.function.name == "label_replace":
                labels, changed = relabelling.replaced(block.labels, texts[0], texts[1], texts[2], texts[3])
            else:
                labels = relabelling.joined(block.labels, texts[0], texts[1], texts[2:])
                changed = [True] * len(labels)
            return labels, np.array(changed, dtype=bool), len(set(labels)) == len(labels)

        labels, changed, unique = self.plans.get(node, "labels", (block.labels,), plan)
        marked = block.marked
        if marked is not None and texts[0] == METRIC_NAME:
            marked = marked & ~changed
        out = Block(labels, block.values, block.present, marked)
        return out if unique else merged(out)

    def _histogram(self, node: Call, at: Ints) -> Block:
        name = node.function.name
        if name == "histogram_quantiles":
            return self._quantiles(node, at)
        numbers = [self.scalar(argument, at) for argument in node.args[:-1]]
        argument = node.args[-1]
        block = self.vector(argument, at)
        if name == "histogram_fraction":
            out = self._of_buckets(
                node,
                block,
                histograms.Told(self.annotations, argument, at),
                lambda step, row: (bucket_fraction(float(numbers[0][step]), float(numbers[1][step]), row), None),
            )
        else:
            self.check_quantile(numbers[0], node.args[0])
            told = histograms.Told(self.annotations, argument, at)
            out = self._of_buckets(node, block, told, self._quantile_of(numbers[0]), numbers[0])
            told.repairs()
        return self.unnamed(node, out)

    def _quantile_of(self, ranks: Floats) -> BucketFunction:
        return lambda step, row: bucket_quantile(float(ranks[step]), row)

    def _quantiles(self, node: Call, at: Ints) -> Block:
        """histogram_quantiles: each quantile of each histogram, with the quantile as a label."""
        argument, label, *others = node.args
        name = label.value if isinstance(label, Text) else ""
        if name == "":
            raise EvaluationError(f"invalid label name {go_quote(name)}")
        block, told = self.vector(argument, at), histograms.Told(self.annotations, argument, at)
        labels: list[Labels] = []
        values: list[Floats] = []
        present: list[Bools] = []
        for other in others:
            ranks = self.scalar(other, at)
            self.check_quantile(ranks, other)
            part = self._of_buckets(node, block, told, self._quantile_of(ranks), ranks)
            if any(name in one for one in part.labels):
                raise EvaluationError(f"label {go_quote(name)} is there already")
            texts = np.array([histograms.quantile_text(rank) for rank in ranks.tolist()])
            for text in dict.fromkeys(texts.tolist()):
                labels += [one.merged({name: text}) for one in part.labels]
                values.append(part.values)
                present.append(part.mask & (texts == text))
        told.repairs()
        return self.unnamed(node, Block(labels, np.concatenate(values), np.concatenate(present)))

    def _of_buckets(
        self, node: Call, block: Block, told: histograms.Told, function: BucketFunction, ranks: Floats | None = None
    ) -> Block:
        """One value for each classic histogram and step, from its (upper bound, count) pairs. `ranks`: the function is the
        quantile of these."""

        planned = self.plans.get(node, "buckets", (block.labels,), lambda: histograms.layout(block.labels))
        labels, members = planned.labels, planned.members
        steps = int(block.values.shape[1])
        values = np.full((len(labels), steps), np.nan)
        present = np.zeros(values.shape, dtype=bool)
        mask = block.mask
        for row in planned.bad:
            if bool(mask[row].any()):
                told.bad_bound(block.labels[row])
        known = np.zeros(values.shape, dtype=bool)
        for places, rows, bounds in planned.alike:
            if ranks is None:
                break
            self.task.check()
            values[places], sound = sound_quantiles(ranks, bounds, block.values[rows])
            known[places] = present[places] = sound & mask[rows].all(axis=1)
        for place in np.flatnonzero(~known.all(axis=1)).tolist():
            self.task.check()
            rows = members[place]
            for step in np.flatnonzero(~known[place]).tolist():
                values[place, step] = np.nan
                buckets = [(bound, float(block.values[row, step])) for bound, row in rows if mask[row, step]]
                if not buckets:
                    continue
                present[place, step] = True
                values[place, step], repair = function(step, buckets)
                if repair is not None:
                    told.repair(repair, labels[place].get(METRIC_NAME, ""), step)
        return Block(labels, values, None if bool(present.all()) else present)
