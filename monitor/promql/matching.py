"""Operators between two vectors: who meets whom.

Signatures, partners and result labels follow from the label sets alone and are planned once; what depends on the step is
only who is present. Errors are raised for steps at which they occur, as if each step were evaluated for itself. Source:
prometheus promql/engine.go VectorBinop, VectorAnd, VectorOr, VectorUnless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.model.errors import BugError, EvaluationError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.promql.arithmetic import COMPARISON, calculate
from monitor.promql.matrix import RESERVED, Block, Bools, Floats, Ints, merged
from monitor.promql.nodes import Binary, Cardinality, Matching
from monitor.promql.quoting import go_quote, label_text


@dataclass(frozen=True, slots=True)
class Signatures:
    """Both sides' match groups."""

    left: Ints
    right: Ints
    """(S,) each: the match group of each series."""
    keys: Sequence[Labels]
    """(C,) the labels of the match groups."""


def signatures(left: Sequence[Labels], right: Sequence[Labels], matching: Matching) -> Signatures:
    """The match groups of two sides."""
    codes: dict[Labels, int] = {}
    wanted = frozenset(matching.labels)
    ignored = (*matching.labels, METRIC_NAME)

    def numbers(labels: Sequence[Labels]) -> Ints:
        keys = (one.only(wanted) if matching.on else one.without(*ignored) for one in labels)
        return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)

    return Signatures(numbers(left), numbers(right), list(codes))


def combine_sets(op: str, left: Block, right: Block, groups: Signatures) -> Block:
    """`and`, `unless`: the left series where their group is (not) on the right. `or`: both, see `united`."""
    there = _present_groups(right, groups.right, len(groups.keys))[groups.left]
    keep = left.mask & (there if op == "and" else ~there)
    return Block(left.labels, left.values, keep, left.marked)


def united(left: Block, right: Block, groups: Signatures, labels: Sequence[Labels]) -> Block:
    """`or`: all left series, and right ones of groups that are not on the left. `labels` are both sides' in a row."""
    there = _present_groups(left, groups.left, len(groups.keys))[groups.right]
    marked = None
    if left.marked is not None or right.marked is not None:
        marked = np.concatenate(
            [np.zeros(len(side.labels), dtype=bool) if side.marked is None else side.marked for side in (left, right)]
        )
    return Block(
        labels,
        np.concatenate([left.values, right.values]),
        np.concatenate([left.mask, right.mask & ~there]),
        marked,
    )


def _present_groups(block: Block, codes: Ints, count: int) -> Bools:
    """(C, N) is anything of this group present?"""
    out = np.zeros((count, block.values.shape[1]), dtype=bool)
    if len(codes):
        np.logical_or.at(out, codes, block.mask)
    return out


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who meets whom in arithmetic and comparison. The "many" side is the left one unless group_right."""

    groups: Signatures
    many: Ints
    """(P,) rows of the many side, or -1 for its filler."""
    one: Ints
    """(P,) rows of the one side, or -1 for its filler."""
    labels: Sequence[Labels]
    """(P,) of the results."""
    simple: bool
    """Nobody can meet twice, whoever is present."""
    codes: Ints
    """(P,) the match group of each pair."""
    many_codes: Ints
    one_codes: Ints
    """The match groups of each side's series."""
    rivals: Ints
    """(P,) results that must not be present together have the same number."""


def pair(left: Sequence[Labels], right: Sequence[Labels], node: Binary, *, drop: bool) -> Pairing:
    """Plan the pairs of an operator with its matching; `drop`: results lose their names at once."""
    matching = node.matching or Matching()
    groups = signatures(left, right, matching)
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many_labels, one_labels = (right, left) if swapped else (left, right)
    many_codes, one_codes = (groups.right, groups.left) if swapped else (groups.left, groups.right)
    # with group_right too, fill_left fills the "many" side: Prometheus swaps the operands first
    fill_many, fill_one = matching.fill_left, matching.fill_right
    members: dict[int, list[int]] = {}
    for row, code in enumerate(one_codes.tolist()):
        members.setdefault(code, []).append(row)
    many_rows: list[int] = []
    one_rows: list[int] = []
    labels: list[Labels] = []
    codes: list[int] = []
    rivals: list[int] = []
    numbers: dict[Labels, int] = {}
    one_to_one = matching.cardinality is Cardinality.ONE_TO_ONE

    def note(many_row: int, one_row: int, code: int) -> None:
        key = groups.keys[code]
        many_one = many_labels[many_row] if many_row >= 0 else key
        one_one = one_labels[one_row] if one_row >= 0 else key
        result = _result(many_one, one_one, node, matching, drop=drop)
        many_rows.append(many_row)
        one_rows.append(one_row)
        labels.append(result)
        codes.append(code)
        rivals.append(code if one_to_one else numbers.setdefault(result, len(numbers)))

    for row, code in enumerate(many_codes.tolist()):
        for other in members.get(code, ()):
            note(row, other, code)
        if fill_one is not None:
            note(row, -1, code)
    if fill_many is not None:
        for row, code in enumerate(one_codes.tolist()):
            note(-1, row, code)
    # with fillers a pair is ruled out by the presence of its rival, so only plain matching can be simple
    unique = all(len(rows) == 1 for rows in members.values()) and len(set(rivals)) == len(rivals)
    simple = unique and fill_one is None and fill_many is None
    return Pairing(
        groups,
        np.array(many_rows, dtype=np.int64),
        np.array(one_rows, dtype=np.int64),
        labels,
        simple,
        np.array(codes, dtype=np.int64),
        many_codes,
        one_codes,
        np.array(rivals, dtype=np.int64),
    )


def _result(many: Labels, one: Labels, node: Binary, matching: Matching, *, drop: bool) -> Labels:
    labels = many
    if drop:
        labels = labels.without(*RESERVED)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        labels = labels.only(matching.labels) if matching.on else labels.without(*matching.labels)
    if matching.include:
        labels = labels.merged({name: one.get(name, "") for name in matching.include})
    return labels


def operate(node: Binary, left: Block, right: Block, pairing: Pairing, *, mark: bool) -> Block:
    """Apply the operator to all pairs that are present. Raises EvaluationError when the matching is not unique."""
    matching = node.matching or Matching()
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    fill_many, fill_one = matching.fill_left, matching.fill_right
    there = _alive(many, one, pairing)
    if not pairing.simple and there is not None:
        _refuse_ambiguous(many, one, there, pairing, matching)
    many_values = _side(many, pairing.many, fill_many)
    one_values = _side(one, pairing.one, fill_one)
    first, second = (one_values, many_values) if swapped else (many_values, one_values)
    marked = np.ones(len(pairing.labels), dtype=bool) if mark else _marks(many, pairing.many)
    if node.op in COMPARISON:
        with np.errstate(all="ignore"):
            holds = COMPARISON[node.op](first, second)
        if node.return_bool:
            block = Block(pairing.labels, holds.astype(np.float64), there, marked)
        else:
            block = Block(pairing.labels, first, holds if there is None else there & holds, marked)
    else:
        block = Block(pairing.labels, calculate(node.op, first, second), there, marked)
    return block if pairing.simple else merged(block)


def _side(block: Block, rows: Ints, filler: float | None) -> Floats:
    if filler is None:
        return block.values[rows]
    padded = np.concatenate([block.values, np.full((1, block.values.shape[1]), filler)])
    return padded[rows]


def _marks(block: Block, rows: Ints) -> Bools | None:
    if block.marked is None:
        return None
    return np.concatenate([block.marked, [False]])[rows]


def _alive(many: Block, one: Block, pairing: Pairing) -> Bools | None:
    """(P, N) which pairs exist; a filler stands in only where its side has nobody of the group."""
    if pairing.simple:
        sides = [
            block.present[rows]
            for block, rows in ((many, pairing.many), (one, pairing.one))
            if block.present is not None
        ]
        return None if not sides else sides[0] if len(sides) == 1 else sides[0] & sides[1]
    out = np.ones((len(pairing.many), many.values.shape[1]), dtype=bool)
    count = len(pairing.groups.keys)
    for block, rows, codes in ((many, pairing.many, pairing.many_codes), (one, pairing.one, pairing.one_codes)):
        here = np.concatenate([block.mask, np.zeros((1, block.values.shape[1]), dtype=bool)])[rows]
        filled = rows < 0
        if bool(filled.any()):
            here[filled] = ~_present_groups(block, codes, count)[pairing.codes[filled]]
        out &= here
    return out


def _refuse_ambiguous(many: Block, one: Block, there: Bools, pairing: Pairing, matching: Matching) -> None:
    """Each step must be unambiguous; the error is that of the first step that is not."""
    doubled = _doubled(many, one, pairing, filled=matching.fill_left is not None or matching.fill_right is not None)
    rivals = np.zeros((int(pairing.rivals.max(initial=-1)) + 1, there.shape[1]), dtype=np.int64)
    np.add.at(rivals, pairing.rivals, there.astype(np.int64))
    first, second = _first_step(doubled), _first_step(rivals > 1)
    if first is not None and (second is None or first <= second):
        _refuse_doubled(one, pairing, first, swapped=matching.cardinality is Cardinality.ONE_TO_MANY)
    if second is not None:
        reason = (
            "many-to-one matching must be explicit (group_left/group_right)"
            if matching.cardinality is Cardinality.ONE_TO_ONE
            else "grouping labels must ensure unique matches"
        )
        raise EvaluationError(f"multiple matches for labels: {reason}")


def _first_step(wrong: Bools) -> int | None:
    steps = np.flatnonzero(wrong.any(axis=0))
    return int(steps[0]) if len(steps) else None


def _doubled(many: Block, one: Block, pairing: Pairing, *, filled: bool) -> Bools:
    """(C, N): two present series of the one side in one match group. At steps where a side has nobody it is no matter, unless
    fillers stand in."""
    counts = np.zeros((len(pairing.groups.keys), one.values.shape[1]), dtype=np.int64)
    np.add.at(counts, pairing.one_codes, one.mask.astype(np.int64))
    return counts > 1 if filled else (counts > 1) & many.mask.any(axis=0) & one.mask.any(axis=0)


def _refuse_doubled(one: Block, pairing: Pairing, step: int, *, swapped: bool) -> None:
    rows = np.flatnonzero(one.mask[:, step]).tolist()
    first, second = _first_twice(pairing.one_codes[rows].tolist())
    existing, duplicate = one.labels[rows[first]], one.labels[rows[second]]
    group = pairing.groups.keys[int(pairing.one_codes[rows[first]])]
    raise EvaluationError(
        f"found duplicate series for the match group {_braced(group)} on the {'left' if swapped else 'right'} hand-side of "
        f"the operation: [{_braced(duplicate)}, {_braced(existing)}];many-to-many matching not allowed: matching labels must "
        "be unique on one side"
    )


def _first_twice(codes: Sequence[int]) -> tuple[int, int]:
    """The places of the first code that comes again, and of its first coming again."""
    seen: dict[int, int] = {}
    for place, code in enumerate(codes):
        if code in seen:
            return seen[code], place
        seen[code] = place
    raise BugError("no code comes twice")


def _braced(labels: Labels) -> str:
    return "{" + ", ".join(f"{label_text(name)}={go_quote(value)}" for name, value in labels.pairs) + "}"
