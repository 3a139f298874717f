"""Tokens into a tree: a hand-written operator-precedence parser.

By hand, because PromQL's keywords are words like any other in most places (a metric may be called `offset`, a label `by`)
and because which error is reported, and where, is part of the language that users know. Mistakes that leave the structure
readable (`foo[0m]`) are collected and parsing goes on; a token that fits nowhere ends it. Types are checked only when
there is no such mistake (`typecheck`). The grammar is that of prometheus promql/parser/generatedParser.y.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from monitor.model.errors import QueryError
from monitor.model.times import Millis, Timestamp
from monitor.promql.features import STABLE, Features
from monitor.promql.inspect import depth
from monitor.promql.lexer import Kind, Token
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Bound,
    Call,
    Cardinality,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    Shift,
    Subquery,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.numbers import general
from monitor.promql.quoting import bytes_of, go_quote, text_of, unquote
from monitor.promql.selectors import SelectorGrammar
from monitor.promql.signatures import (
    COMPARISONS,
    EXPERIMENTAL_AGGREGATIONS,
    FUNCTIONS,
    SET_OPERATORS,
    WITH_PARAMETER,
)
from monitor.promql.tokens import Finding, Stop
from monitor.promql.typecheck import check_types

_LEVELS: Final = {
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
_POWER: Final = 6
_NESTED: Final = 100
"""How deep parentheses, arguments and signs may be nested, so that the stack suffices whoever calls."""
_LONGEST: Final = 500
"""How many operators may stand in a row, for the same reason."""
_TOO_DEEP: Final = "expression is nested too deeply"
_FAR: Final = 2.0**61
"""Milliseconds; times beyond it are as empty, and sums with it stay within 64 bits."""
_NOT_A_METRIC: Final = frozenset({"bool", "on", "ignoring", "group_left", "group_right"})
_FILL: Final = frozenset({"fill", "fill_left", "fill_right"})
_CALLABLE_KEYWORDS: Final = frozenset({"start", "end", "step", "range", "min_of", "max_of"})
_MODIFIABLE: Final = "must be preceded by an instant vector selector or range vector selector or a subquery"


class ParseError(QueryError):
    """All mistakes found in one text; message and place are the first one's."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__(findings[0].message, start=findings[0].start, end=findings[0].end)


def parse(text: str, features: Features = STABLE) -> Expr:
    """The tree of a PromQL text, type-checked. Raises ParseError."""
    data = bytes_of(text)
    parser = _Parser(data, features)
    tree = parser.whole()
    if tree is not None and not parser.findings:
        tree = check_types(tree, data, parser.findings)
        if not parser.findings and depth(tree) > _LONGEST:
            parser.fail(_TOO_DEEP, 0, len(data))
    if tree is None or parser.findings:
        raise ParseError(parser.findings)
    return tree


def parse_selector(text: str) -> VectorSelector:
    """A lone selector such as the API's `match[]`. Raises ParseError also for any other expression."""
    tree = parse(text)
    if not isinstance(tree, VectorSelector):
        raise ParseError([Finding("expected a series selector", tree.start, tree.end)])
    return tree


class _Parser(SelectorGrammar):
    """One run over one text."""

    def __init__(self, data: str, features: Features) -> None:
        super().__init__(data)
        self._features = features
        self._depth = 0

    def whole(self) -> Expr | None:
        """The tree, or None after a mistake that ends parsing; see `findings`."""
        try:
            self.advance()
            if self.at_end:
                self.fail("no expression found in input", 0, 0)
                return None
            tree = self.expression(0)
            if not self.at_end:
                self.unexpected("", "")
        except Stop:
            return None
        except RecursionError:
            self.fail(_TOO_DEEP, 0, len(self.data))
            return None
        return tree

    def expression(self, level: int) -> Expr:
        """An expression of operators that bind at least as tightly as `level`."""
        self._depth += 1
        if self._depth > _NESTED:
            self.fail(_TOO_DEEP, 0, len(self.data))
            raise Stop
        tree = self._operators(level)
        self._depth -= 1
        return tree

    def _operators(self, level: int) -> Expr:
        left = self._prefix()
        while True:
            op = self.token.word
            own = _LEVELS.get(op, 0) if self.token.kind is Kind.OPERATOR else 0
            if own == 0 or own < level:
                return left
            self.advance()
            return_bool, matching = self._matching(op)
            right = self.expression(own if own == _POWER else own + 1)
            left = Binary(
                op=op,
                left=left,
                right=right,
                matching=matching,
                return_bool=return_bool,
                start=left.start,
                end=right.end,
            )

    def _prefix(self) -> Expr:
        token = self.token
        if token.kind is Kind.OPERATOR and token.word in ("+", "-"):
            self.advance()
            inner = self.expression(_POWER)
            if isinstance(inner, Number):
                return replace(inner, value=-inner.value if token.word == "-" else inner.value, start=token.start)
            return Unary(op=token.word, expr=inner, start=token.start, end=inner.end)
        return self._postfix(self._primary())

    def _primary(self) -> Expr:
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            return self.number()
        if token.kind is Kind.STRING:
            self.advance()
            return Text(value=unquote(token.text), start=token.start, end=token.end)
        if self.is_mark("("):
            self.advance()
            inner = self.expression(0)
            end = self.token.end
            self.expect_mark(")")
            return Paren(expr=inner, start=token.start, end=end)
        if self.is_mark("{"):
            return self.selector(None)
        return self._word()

    def _word(self) -> Expr:
        token = self.token
        if token.kind is Kind.AGGREGATION:
            self.advance()
            if self.is_mark("(") or (self.token.kind is Kind.KEYWORD and self.token.word in ("by", "without")):
                return self._aggregation(token)
            return self.selector(token)
        callable_word = token.kind is Kind.IDENTIFIER or token.word in _CALLABLE_KEYWORDS
        metric = (
            token.kind in (Kind.IDENTIFIER, Kind.METRIC)
            or (token.kind is Kind.KEYWORD and token.word not in _NOT_A_METRIC)
            or (token.kind is Kind.OPERATOR and token.word in SET_OPERATORS)
        )
        if not metric:
            self.unexpected("", "")
        self.advance()
        if callable_word and self.is_mark("("):
            return self._call(token)
        return self.selector(token)

    def _call(self, name: Token) -> Expr:
        word = name.text if name.kind is Kind.IDENTIFIER else name.word
        function = FUNCTIONS.get(word)
        args = self._arguments()
        end = self.last_closing
        if function is None:
            self.fail(f"unknown function with name {go_quote(text_of(word))}", name.start, name.end)
            return Number(value=0.0, start=name.start, end=end)
        if function.experimental and not self._features.experimental_functions:
            self.fail(f"function {go_quote(word)} is not enabled", name.start, name.end)
        if word == "info" and len(args) > 1 and isinstance(args[1], VectorSelector):
            args = (args[0], replace(args[1], anything=True), *args[2:])
        return Call(function=function, args=args, start=name.start, end=end)

    def _arguments(self) -> tuple[Expr, ...]:
        self.expect_mark("(")
        args: list[Expr] = []
        if not self.is_mark(")"):
            args.append(self.expression(0))
            while self.is_mark(","):
                comma = self.token
                try:
                    self.advance()
                except Stop:
                    self._trailing_comma(comma)
                    raise
                if self.is_mark(")"):
                    self._trailing_comma(comma)
                    break
                args.append(self.expression(0))
        self.expect_mark(")")
        return tuple(args)

    def _trailing_comma(self, comma: Token) -> None:
        self.fail("trailing commas not allowed in function call args", comma.start, comma.end)

    def _aggregation(self, name: Token) -> Expr:
        grouping: tuple[str, ...] = ()
        without = modified = False
        if self.token.kind is Kind.KEYWORD:
            without, modified = self.token.word == "without", True
            self.advance()
            grouping = self.label_list()
        args = self._aggregated()
        if not modified and self.token.kind is Kind.KEYWORD and self.token.word in ("by", "without"):
            without = self.token.word == "without"
            self.advance()
            grouping = self.label_list()
        start, end, op = name.start, self.last_closing, name.word
        nothing = Number(value=0.0, start=start, end=end)
        if not args:
            self.fail("no arguments for aggregate expression provided", start, end)
            return nothing
        if op in EXPERIMENTAL_AGGREGATIONS and not self._features.experimental_functions:
            flag = "--enable-feature=promql-experimental-functions"
            self.fail(f"{op}() is experimental and must be enabled with {flag}", start, end)
            return nothing
        wanted = 2 if op in WITH_PARAMETER else 1
        if len(args) != wanted:
            problem = "wrong number of arguments for aggregate expression provided"
            self.fail(f"{problem}, expected {wanted}, got {len(args)}", start, end)
            return nothing
        return Aggregation(
            op=op,
            expr=args[-1],
            param=args[0] if wanted == 2 else None,
            grouping=grouping,
            without=without,
            start=start,
            end=end,
        )

    def _aggregated(self) -> tuple[Expr, ...]:
        """The arguments; a mistake inside counts as "no arguments" too, once."""
        outer, self.context = self.context, "aggregation"
        try:
            return self._arguments()
        except Stop as stop:
            if not stop.told:
                stop.told = True
                self.fail("no arguments for aggregate expression provided", 0, 0)
            raise
        finally:
            self.context = outer

    def _matching(self, op: str) -> tuple[bool, Matching | None]:
        """What may stand after an operator: bool, on/ignoring, group_left/right, fill."""
        return_bool = False
        if self.is_word("bool"):
            return_bool = True
            self.advance()
        matching = Matching(cardinality=Cardinality.MANY_TO_MANY if op in SET_OPERATORS else Cardinality.ONE_TO_ONE)
        if self.is_word("on") or self.is_word("ignoring"):
            on = self.is_word("on")
            self.advance()
            matching = replace(matching, on=on, labels=self.label_list())
            if self.is_word("group_left") or self.is_word("group_right"):
                many = Cardinality.MANY_TO_ONE if self.is_word("group_left") else Cardinality.ONE_TO_MANY
                self.advance()
                include = self.label_list() if self.is_mark("(") else ()
                matching = replace(matching, cardinality=many, include=include)
        while self.token.kind is Kind.KEYWORD and self.token.word in _FILL and self.follower() == "(":
            matching = self._fill(matching)
        return return_bool, matching

    def _fill(self, matching: Matching) -> Matching:
        token = self.token
        if not self._features.fill_modifiers:
            self.fail("binop fill modifiers are experimental and not enabled", token.start, token.end)
        self.advance()
        self.expect_mark("(")
        value = self.signed_number()
        self.expect_mark(")")
        match token.word:
            case "fill_left":
                return replace(matching, fill_left=value)
            case "fill_right":
                return replace(matching, fill_right=value)
            case _:
                return replace(matching, fill_left=value, fill_right=value)

    def _postfix(self, node: Expr) -> Expr:
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
        opening = self.token
        self.advance()
        span, span_expr = self.positive_duration("subquery or range selector")
        if self.is_mark(":"):
            self.advance()
            step, step_expr = 0, None
            if not self.is_mark("]"):
                step, step_expr = self.positive_duration("subquery selector")
            end = self.token.end
            if not self.is_mark("]"):
                self.unexpected("subquery selector", '"]"')
            self.advance()
            return Subquery(
                expr=node,
                range=span,
                range_expr=span_expr,
                step=step,
                step_expr=step_expr,
                start=node.start,
                end=end,
            )
        if not self.is_mark("]"):
            self.unexpected("subquery or range", '":" or "]"')
        end = self.token.end
        self.advance()
        if not isinstance(node, VectorSelector):
            self.fail("ranges only allowed for vector selectors", opening.start, end)
            node = _Misplaced(start=node.start, end=end, name="", matchers=())
        elif node.shift.at is not None:
            self.fail("no @ modifiers allowed before range", opening.start, end)
        elif node.shift.offset or node.shift.offset_expr:
            self.fail("no offset modifiers allowed before range", opening.start, end)
        return MatrixSelector(selector=node, range=span, range_expr=span_expr, start=node.start, end=end)

    def _offset(self, node: Expr) -> Expr:
        self.advance()
        offset, expr = self.offset_duration()
        old = self._shift_of(node, "offset modifier")
        if old is None:
            return node
        if old.offset or old.offset_expr:
            self.fail("offset may not be set multiple times", node.start, node.end)
        return _shifted(node, replace(old, offset=offset, offset_expr=expr), self.last_closing)

    def _at(self, node: Expr) -> Expr:
        self.advance()
        at: Timestamp | Bound | None
        if self.is_word("start") or self.is_word("end"):
            at = Bound(self.token.word)
            self.advance()
            self.expect_mark("(")
            self.expect_mark(")")
        elif self.token.kind in (Kind.NUMBER, Kind.DURATION) or self.token.text in ("+", "-"):
            at = self._timestamp(self.signed_number(), node)
        else:
            self.unexpected("@", "timestamp")
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
        token = self.token
        self.advance()
        if not self._features.extended_ranges:
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
