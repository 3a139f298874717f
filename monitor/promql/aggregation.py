"""Aggregations: series into groups.

Where all series are present the groups follow from the labels alone. Otherwise steps with the same pattern of presence are
taken together, so that each group's values at those steps form a full array and the kernels of `kernels` apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.columns.distinct import distinct, runs
from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.xxh import series_share
from monitor.promql import kernels
from monitor.promql.matrix import Block, Bools, Floats, Ints
from monitor.promql.numbers import general, plain

_REDUCTIONS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "sum": kernels.total,
    "avg": kernels.mean,
    "min": kernels.smallest,
    "max": kernels.largest,
    "count": kernels.size,
    "group": kernels.ones,
    "stddev": kernels.deviation,
    "stdvar": kernels.variance,
}


@dataclass(frozen=True, slots=True)
class Groups:
    """How series fall into groups."""

    codes: Ints
    """(S,) the group of each series."""
    labels: Sequence[Labels]
    """(G,) of the groups."""

    by_size: Sequence[tuple[Ints, Ints]]
    """Groups with equally many members: (g,) group numbers and (g, m) rows."""


def grouped(labels: Sequence[Labels], grouping: tuple[str, ...], *, without: bool) -> Groups:
    """The groups of these label sets."""
    if not without and not grouping:
        return _groups(np.zeros(len(labels), dtype=np.int64), (Labels(),) if labels else ())
    codes: dict[Labels, int] = {}
    dropped = frozenset((*grouping, METRIC_NAME))
    if without:
        keys = (one.without(*dropped) for one in labels)
    else:
        wanted = frozenset(grouping)
        keys = (one.only(wanted) for one in labels)
    numbers = [codes.setdefault(key, len(codes)) for key in keys]
    return _groups(np.array(numbers, dtype=np.int64), list(codes))


def _groups(codes: Ints, labels: Sequence[Labels]) -> Groups:
    return Groups(codes, labels, tuple(_by_size(codes, np.arange(len(codes)))))


def reduce_groups(op: str, block: Block, groups: Groups, rank: Floats | None = None) -> Block:
    """sum, avg, min, max, count, group, stddev, stdvar; quantile with `rank` (N,)."""
    steps = block.values.shape[1]
    values = np.full((len(groups.labels), steps), np.nan)
    present: Bools | None = None
    if block.present is None:
        for numbers, rows in groups.by_size:
            values[numbers] = _reduced(op, block.values[rows.T], rank)
    else:
        present = np.zeros(values.shape, dtype=bool)
        for chosen, alive in _patterns(block.present):
            sub_rank = None if rank is None else rank[chosen]
            for numbers, rows in _by_size(groups.codes[alive], alive):
                part = block.values[rows.T[:, :, None], chosen]
                values[np.ix_(numbers, chosen)] = _reduced(op, part, sub_rank)
                present[np.ix_(numbers, chosen)] = True
    return Block(groups.labels, values, present, _marked(block, groups))


def _reduced(op: str, members: Floats, rank: Floats | None) -> Floats:
    """(m, g, k) to (g, k)."""
    last = np.moveaxis(members, 0, -1)
    if op == "quantile":
        return kernels.quantile(last, np.nan if rank is None else rank)
    return _REDUCTIONS[op](last)


def _by_size(codes: Ints, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    if len(codes) == 0:
        return
    if not codes.any():
        yield np.zeros(1, dtype=np.int64), rows[None, :]
        return
    order = np.argsort(codes, kind="stable")
    numbers, starts, sizes = runs(codes[order])
    for size in distinct(sizes):
        alike = np.flatnonzero(sizes == size)
        yield numbers[alike], rows[order[starts[alike][:, None] + np.arange(size)]]


def _patterns(present: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Steps with the same series present: (k,) steps and (s,) rows."""
    steps = present.shape[1]
    if steps == 1:
        yield np.zeros(1, dtype=np.int64), np.flatnonzero(present[:, 0])
        return
    groups: dict[bytes, list[int]] = {}
    for step, pattern in enumerate(np.packbits(present.T, axis=1)):
        groups.setdefault(pattern.tobytes(), []).append(step)
    for chosen in groups.values():
        yield np.array(chosen), np.flatnonzero(present[:, chosen[0]])


def _marked(block: Block, groups: Groups) -> Bools | None:
    """A group that keeps the names of marked series is marked itself."""
    if block.marked is None:
        return None
    marked = np.zeros(len(groups.labels), dtype=bool)
    np.logical_or.at(marked, groups.codes, block.marked)
    return marked


def select_best(op: str, block: Block, groups: Groups, limits: Floats) -> Block:
    """topk and bottomk with `limits` (N,): the same series, fewer present; in order for one step."""
    chosen = np.zeros(block.values.shape, dtype=bool)
    order: list[int] = []
    for step, limit in enumerate(_counts(limits)):
        if limit < 1:
            continue
        alive = np.arange(len(block.labels)) if block.present is None else np.flatnonzero(block.present[:, step])
        for _, rows in sorted(
            (
                (int(number), members)
                for numbers, table in _by_size(groups.codes[alive], alive)
                for number, members in zip(numbers, table, strict=True)
            ),
            key=lambda pair: pair[0],
        ):
            values = block.values[rows, step]
            keys = -values if op == "topk" else values
            best = rows[np.argsort(keys, kind="stable")[:limit]]  # NaN goes last
            chosen[best, step] = True
            order += best.tolist()
    if len(limits) != 1:
        return Block(block.labels, block.values, chosen, block.marked)
    marked = None if block.marked is None else block.marked[order]
    return Block([block.labels[row] for row in order], block.values[order], None, marked, ordered=True)


def limit_count(block: Block, groups: Groups, limits: Floats) -> Block:
    """limitk: the first k series of each group."""
    chosen = np.zeros(block.values.shape, dtype=bool)
    mask = block.mask
    for step, limit in enumerate(_counts(limits)):
        seen = np.zeros(len(groups.labels), dtype=np.int64)
        for row in np.flatnonzero(mask[:, step]):
            code = groups.codes[row]
            if seen[code] < limit:
                seen[code] += 1
                chosen[row, step] = True
    return Block(block.labels, block.values, chosen, block.marked)


def limit_ratio(block: Block, ratios: Floats) -> tuple[Block, list[float]]:
    """limit_ratio with `ratios` (N,): a series is in or out by a hash of its labels, so that r and r-1 complement each
    other. Also the largest and the smallest ratio, if they had to be capped. Raises EvaluationError for NaN."""
    if bool(np.isnan(ratios).any()):
        raise EvaluationError("Ratio value is NaN")
    capped = np.clip(ratios, -1.0, 1.0)
    shares = np.array([series_share(labels) for labels in block.labels])[:, None]
    with np.errstate(all="ignore"):
        keep = np.where(capped >= 0, shares < capped, shares >= 1.0 + capped)
    most, least = float(ratios.max()), float(ratios.min())
    outside = [*([most] if most > 1 else []), *([least] if least < -1 else [])]
    return Block(block.labels, block.values, block.mask & keep, block.marked), outside


def count_values(block: Block, name: str, grouping: tuple[str, ...], *, without: bool) -> Block:
    """How often each value occurs; the value becomes the label `name`, unless `without` takes just that away."""
    groups = grouped(block.labels, (*grouping, name) if without else grouping, without=without)
    told = not (without and name in (*grouping, METRIC_NAME))
    counts: dict[Labels, Floats] = {}
    steps = block.values.shape[1]
    mask = block.mask
    codes: list[int] = groups.codes.tolist()
    for row, code in enumerate(codes):
        base = groups.labels[code]
        for step in map(int, np.flatnonzero(mask[row])):
            key = base.with_(**{name: plain(float(block.values[row, step]))}) if told else base
            if key not in counts:
                counts[key] = np.zeros(steps)
            counts[key][step] += 1
    if not counts:
        return Block((), np.empty((0, steps)))
    values = np.array(list(counts.values()))
    present = values > 0
    return Block(list(counts), values, None if bool(present.all()) else present)


def _counts(limits: Floats) -> list[int]:
    """The parameter k as whole numbers. Raises EvaluationError for what is none."""
    out: list[int] = []
    for limit in limits.tolist():
        if limit != limit:
            raise EvaluationError("Parameter value is NaN")
        if not -(2.0**63) <= limit < 2.0**63:
            side = "underflows" if limit < 0 else "overflows"
            raise EvaluationError(f"Scalar value {general(limit)} {side} int64")
        out.append(int(limit))
    return out
