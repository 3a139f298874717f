"""The part of the grammar that reads what may follow an expression: `[...]`, `offset`, `@`, `anchored` and `smoothed`; and
where to go on after a token that fits nowhere.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from monitor.model.times import Millis, Timestamp
from monitor.promql.cursor import Kind
from monitor.promql.durations import UNITS
from monitor.promql.features import Features
from monitor.promql.nodes import Bound, Expr, MatrixSelector, Shift, Subquery, VectorSelector
from monitor.promql.numbers import general
from monitor.promql.selectors import SelectorGrammar
from monitor.promql.signatures import COMPARISONS, SET_OPERATORS
from monitor.promql.tokens import Over, Stop

LEVELS: Final = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(COMPARISONS, 3),
    "</": 3,
    ">/": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
"""How tightly binary operators bind."""
_FAR: Final = 2.0**61
"""Milliseconds; times beyond it are as empty, and sums with it stay within 64 bits."""
NOT_A_METRIC: Final = frozenset({"bool", "on", "ignoring", "group_left", "group_right"})
"""Keywords that no metric can be called."""
_POSTFIX: Final = frozenset({"offset", "anchored", "smoothed"})
_MODIFIABLE: Final = "must be preceded by an instant vector selector or range vector selector or a subquery"


class ModifierGrammar(SelectorGrammar):
    """Reads modifiers, and knows what may follow an expression."""

    def __init__(self, data: str, features: Features) -> None:
        super().__init__(data)
        self.features = features
        self.closers: tuple[str, ...] = ()
        """The marks that may end the expression being read; none at the top."""

    def postfix(self, node: Expr) -> Expr:
        """An expression with all its modifiers."""
        while True:
            if self.is_mark("["):
                node = self._bracket(node)
            elif self.is_word("offset"):
                node = self._offset(node)
            elif self.is_mark("@"):
                node = self._at(node)
            elif self.is_word("anchored") or self.is_word("smoothed"):
                node = self._extended(node)
            else:
                return node

    def _bracket(self, node: Expr) -> Expr:
        opening = self.advance()
        expected = ("subquery or range selector", UNITS)
        try:
            span, span_expr = self.positive_duration()
            expected = ("subquery or range", '":" or "]"')
            if self.is_mark(":"):
                self.advance()
                expected = ("subquery selector", f'{UNITS}, or "]"')
                step, step_expr = (0, None) if self.is_mark("]") else self.positive_duration()
                expected = ("subquery selector", '"]"')
                return Subquery(
                    expr=node,
                    range=span,
                    range_expr=span_expr,
                    step=step,
                    step_expr=step_expr,
                    start=node.start,
                    end=self.expect_mark("]").end,
                )
            end = self.expect_mark("]").end
        except Stop:
            self.unexpected(*expected)
            self.resume_expression()
            return node
        if not isinstance(node, VectorSelector):
            self.fail("ranges only allowed for vector selectors", opening.start, end)
            node = _Misplaced(start=node.start, end=end, name="", matchers=())
        elif node.shift.offset or node.shift.offset_expr:
            self.fail("no offset modifiers allowed before range", opening.start, end)
        elif node.shift.at is not None:
            self.fail("no @ modifiers allowed before range", opening.start, end)
        return MatrixSelector(selector=node, range=span, range_expr=span_expr, start=node.start, end=end)

    def _offset(self, node: Expr) -> Expr:
        self.advance()
        try:
            offset, expr = self.offset_duration()
        except Stop:
            self.unexpected("offset", UNITS)
            self.resume_expression()
            return node
        old = self._shift_of(node, "offset modifier")
        if old is None:
            return node
        if old.offset or old.offset_expr:
            self.fail("offset may not be set multiple times", node.start, node.end)
        return _shifted(node, replace(old, offset=offset, offset_expr=expr), self.last_closing)

    def _at(self, node: Expr) -> Expr:
        self.advance()
        at: Timestamp | Bound
        try:
            if self.is_word("start", "end"):
                at = Bound(self.advance().word)
                self.expect_mark("(")
                self.expect_mark(")")
            else:
                at = self._timestamp(self.signed_number(), node)
        except Stop:
            self.unexpected("@", "timestamp")
            self.resume_expression()
            return node
        old = self._shift_of(node, "@ modifier")
        if old is None:
            return node
        if old.at is not None:
            self.fail("@ <timestamp> may not be set multiple times", node.start, node.end)
        return _shifted(node, replace(old, at=at), self.last_closing)

    def _timestamp(self, seconds: float, node: Expr) -> Millis:
        if math.isnan(seconds) or math.isinf(seconds) or abs(seconds) >= 2.0**63:
            self.fail(f"timestamp out of bounds for @ modifier: {general(seconds)}", node.start, node.end)
            return 0
        millis = math.floor(min(abs(seconds) * 1000, _FAR) + 0.5)
        return millis if seconds >= 0 else -millis

    def _shift_of(self, node: Expr, what: str) -> Shift | None:
        match node:
            case VectorSelector() | Subquery():
                return node.shift
            case MatrixSelector():
                if isinstance(node.selector, _Misplaced):
                    self.fail("ranges only allowed for vector selectors", node.start, node.end)
                    return None
                return node.selector.shift
            case _:
                self.fail(f"{what} {_MODIFIABLE}", node.start, node.end)
                return None

    def _extended(self, node: Expr) -> Expr:
        token = self.advance()
        if not self.features.extended_ranges:
            self.fail(f"{token.word} modifier is experimental and not enabled", node.start, node.end)
        selector = node.selector if isinstance(node, MatrixSelector) else node
        if not isinstance(selector, VectorSelector):
            self.fail(f"{token.word} modifier {_MODIFIABLE.removesuffix(' or a subquery')}", node.start, node.end)
            return node
        anchored = selector.anchored or token.word == "anchored"
        smoothed = selector.smoothed or token.word == "smoothed"
        if anchored and smoothed:
            self.fail("anchored and smoothed modifiers cannot be used together", node.start, node.end)
        if isinstance(node, MatrixSelector):
            changed = replace(node.selector, anchored=anchored, smoothed=smoothed)
            return replace(node, selector=changed, end=token.end)
        return replace(selector, anchored=anchored, smoothed=smoothed, end=token.end)

    def _goes_on(self) -> bool:
        """May the token at hand follow an expression here?"""
        match self.token.kind:
            case Kind.OPERATOR:
                return self.token.word in LEVELS
            case Kind.KEYWORD:
                return self.token.word in _POSTFIX
            case Kind.MARK:
                return self.is_mark("[", "@", *self.closers)
            case Kind.END:
                return not self.closers
            case _:
                return False

    def resume_expression(self) -> None:
        """After a mistake at the end of an expression. Once its first token does not fit, only what encloses the expression
        goes on: yacc has reduced all that is inside by then."""
        try:
            if not self._goes_on():
                self.resume(self._goes_on if self.closers == (")",) else self._ends)
        except Stop:
            raise Over from None

    def _ends(self) -> bool:
        return self.is_mark(*self.closers) if self.closers else self.at_end

    def begins(self) -> bool:
        """May the token at hand begin an expression?"""
        match self.token.kind:
            case Kind.OPERATOR:
                return self.token.word in ("+", "-") or self.token.word in SET_OPERATORS
            case Kind.KEYWORD:
                return self.token.word not in NOT_A_METRIC
            case Kind.MARK:
                return self.is_mark("(", "{")
            case Kind.END:
                return False
            case _:
                return True


class _Misplaced(VectorSelector):
    """Stands for what a range was put on by mistake."""


def _shifted(node: Expr, shift: Shift, end: int) -> Expr:
    match node:
        case VectorSelector() | Subquery():
            return replace(node, shift=shift, end=end)
        case MatrixSelector():
            return replace(node, selector=replace(node.selector, shift=shift), end=end)
        case _:
            return node
