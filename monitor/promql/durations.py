"""Arithmetic on durations, in `[...]` and after `offset`.

Such an expression may use the step and the range of the query; it is read once and resolved before each evaluation.
Expressions of plain numbers only are kept as trees too: the printed text must be what was written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from monitor.model.errors import QueryError
from monitor.model.times import Millis
from monitor.promql.cursor import Kind
from monitor.promql.inspect import walk
from monitor.promql.nodes import Duration, DurationExpr, Expr, MatrixSelector, Number, Subquery, VectorSelector
from monitor.promql.numbers import LONGEST_SECONDS, millis_of
from monitor.promql.tokens import Stop, Tokens

_LEVELS: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_POSITIVE: Final = "duration must be greater than 0"
_TOO_LONG: Final = "duration is out of range"
UNITS: Final = "number, duration, step(), or range()"


class DurationGrammar(Tokens):
    """The part of the grammar that reads durations."""

    def positive_duration(self) -> tuple[Millis, DurationExpr | None]:
        """A range or step in brackets: its milliseconds, or the tree they come from."""
        tree = self._sum(0)
        if tree is None:
            self.fail(_POSITIVE, 0, 0)
            return 0, None
        if isinstance(tree, DurationExpr):
            return 0, tree
        if tree.value <= 0:
            self.fail(_POSITIVE, tree.start, tree.end)
            return 0, None
        return self._millis(tree, positive=True), None

    def offset_duration(self) -> tuple[Millis, DurationExpr | None]:
        """What stands after `offset`: one number, `step()`, ... or an expression in parentheses, with any sign."""
        sign = ""
        start = self.token.start
        if self.token.kind is Kind.OPERATOR and self.token.text in ("+", "-"):
            sign = self.token.text
            self.advance()
        tree: Duration | None
        if self.token.kind in (Kind.NUMBER, Kind.DURATION):
            number = self.number()
            tree = replace(number, value=-number.value, start=start) if sign == "-" else number
        elif self.is_mark("(") or (
            self.token.kind is Kind.KEYWORD and self.token.word in ("step", "range", "min_of", "max_of")
        ):
            tree = self._unit()
            if isinstance(tree, DurationExpr) and sign and tree.op in ("min_of", "max_of") and tree.right is not None:
                # a known slip of Prometheus's grammar: the closing parenthesis is left out here
                tree = replace(tree, end=tree.right.end)
            if tree is not None and sign == "-":
                tree = DurationExpr(op="-", right=tree, start=start, end=tree.end)
        else:
            raise Stop
        if tree is None:
            return 0, None
        if isinstance(tree, DurationExpr):
            return 0, tree
        return self._millis(tree, positive=False), None

    def _millis(self, number: Number, *, positive: bool) -> Millis:
        try:
            return millis_of(number.value)
        except ValueError as error:
            self.fail(str(error), number.start, number.end)
            if positive:
                self.fail(_POSITIVE, 0, 0)
            return 0

    def _sum(self, level: int) -> Duration | None:
        left = self._signed()
        while True:
            op = self.token.text
            own = _LEVELS.get(op, 0) if self.token.kind is Kind.OPERATOR else 0
            if own == 0 or own < level:
                return left
            place = self.token
            self.advance()
            right = self._sum(own if op == "^" else own + 1)
            if op in "/%" and isinstance(right, Number) and right.value == 0:
                self.fail("division by zero" if op == "/" else "modulo by zero", place.start, place.end)
                left = None
            elif left is not None and right is not None:
                left = DurationExpr(op=op, left=left, right=right, start=left.start, end=right.end)

    def _signed(self) -> Duration | None:
        token = self.token
        if token.kind is Kind.OPERATOR and token.text in ("+", "-"):
            self.advance()
            inner = self._sum(_LEVELS["^"])
            if isinstance(inner, Number):
                return replace(inner, value=-inner.value if token.text == "-" else inner.value, start=token.start)
            if inner is None or token.text == "+":
                return inner
            return DurationExpr(op="-", right=inner, start=token.start, end=inner.end)
        return self._unit()

    def _unit(self) -> Duration | None:
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            return self.number()
        if self.is_mark("("):
            self.advance()
            inner = self._sum(0)
            self.expect_mark(")")
            if inner is None:
                return None
            if isinstance(inner, Number):
                return DurationExpr(op="+", right=inner, wrapped=True, start=inner.start, end=inner.end)
            return replace(inner, wrapped=True)
        if self.is_word("step") or self.is_word("range"):
            self.advance()
            self.expect_mark("(")
            end = self.expect_mark(")").end
            return DurationExpr(op=token.word, start=token.start, end=end)
        if self.is_word("min_of") or self.is_word("max_of"):
            self.advance()
            self.expect_mark("(")
            left = self._sum(0)
            self.expect_mark(",")
            right = self._sum(0)
            end = self.expect_mark(")").end
            if left is None or right is None:
                return None
            return DurationExpr(op=token.word, left=left, right=right, start=token.start, end=end)
        raise Stop


def durations_of(tree: Expr) -> Iterator[tuple[DurationExpr, bool]]:
    """All that is to be resolved in this expression, and whether it must be above 0."""
    for node in walk(tree):
        match node:
            case VectorSelector():
                found = ((node.shift.offset_expr, False),)
            case MatrixSelector():
                found = ((node.range_expr, True),)
            case Subquery():
                found = ((node.range_expr, True), (node.step_expr, True), (node.shift.offset_expr, False))
            case _:
                continue
        yield from ((one, positive) for one, positive in found if one is not None)


def resolve(tree: Duration, *, step: Millis, span: Millis) -> float:
    """The seconds of a duration expression in a query with this step and range. Raises QueryError."""
    if isinstance(tree, Number):
        return tree.value
    if tree.op == "step":
        return step / 1000
    if tree.op == "range":
        return span / 1000
    right = resolve(tree.right, step=step, span=span) if tree.right is not None else 0.0
    if tree.left is None:
        return -right if tree.op == "-" else right
    left = resolve(tree.left, step=step, span=span)
    match tree.op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            if right == 0:
                raise _refused(tree, "division by zero")
            return left / right
        case "%":
            if right == 0:
                raise _refused(tree, "modulo by zero")
            return math.fmod(left, right)
        case "^":
            try:
                return math.pow(left, right)
            except (OverflowError, ValueError):
                raise _refused(tree, _TOO_LONG) from None
        case "min_of":
            return min(left, right)
        case _:
            return max(left, right)


def resolve_millis(tree: Duration, *, step: Millis, span: Millis, positive: bool) -> Millis:
    """The same in whole milliseconds, what is left of one dropped. Raises QueryError if out of range, or not above 0 where it
    must be."""
    seconds = resolve(tree, step=step, span=span)
    if positive and not seconds > 0:
        raise _refused(tree, _POSITIVE)
    if not abs(seconds) < LONGEST_SECONDS:
        raise _refused(tree, _TOO_LONG)
    return math.trunc(seconds * 1000)


def _refused(tree: Duration, problem: str) -> QueryError:
    """With the place in the text itself, as Prometheus says it before it evaluates a query."""
    return QueryError(f"{tree.start}:{tree.end}: {problem}", start=tree.start, end=tree.end)
