"""Tokens into a tree: a hand-written operator-precedence parser.

By hand, because PromQL's keywords are words like any other in most places (a metric may be called `offset`, a label `by`)
and because which error is reported, and where, is part of the language that users know. Mistakes that leave the structure
readable (`foo[0m]`) are collected and parsing goes on. A token that fits nowhere raises Stop; the innermost construct that
knows what it expected there says so, leaves out tokens up to one with which it can go on, and goes on, as an error
production of yacc does. Types are checked only when there is no mistake (`typecheck`). The grammar, its error productions
included, is that of prometheus promql/parser/generatedParser.y.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.model.errors import QueryError
from monitor.promql.cursor import Kind, Token
from monitor.promql.features import STABLE, Features
from monitor.promql.inspect import depth
from monitor.promql.modifiers import LEVELS, NOT_A_METRIC, ModifierGrammar
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    Number,
    Paren,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.quoting import bytes_of, go_quote, text_of, unquote
from monitor.promql.signatures import (
    EXPERIMENTAL_AGGREGATIONS,
    FUNCTIONS,
    SET_OPERATORS,
    WITH_PARAMETER,
)
from monitor.promql.tokens import Finding, Over, Stop
from monitor.promql.typecheck import check_types

_POWER: Final = 6
_NESTED: Final = 100
"""How deep parentheses, arguments and signs may be nested, so that the stack suffices whoever calls."""
_LONGEST: Final = 500
"""How many operators may stand in a row, for the same reason."""
_TOO_DEEP: Final = "expression is nested too deeply"
_FILL: Final = frozenset({"fill", "fill_left", "fill_right"})
_CALLABLE_KEYWORDS: Final = frozenset({"start", "end", "step", "range", "min_of", "max_of"})
_NO_ARGUMENTS: Final = "no arguments for aggregate expression provided"


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


class _Parser(ModifierGrammar):
    """One run over one text."""

    def __init__(self, data: str, features: Features) -> None:
        super().__init__(data, features)
        self._depth = 0

    def whole(self) -> Expr | None:
        """The tree, or None after a token that fits nowhere; see `findings`."""
        try:
            if self.at_end:
                self.fail("no expression found in input", 0, 0)
                return None
            tree = self.expression(0)
            if self.at_end:
                return tree
            raise Stop
        except Stop:
            self._refuse_the_rest()
        except Over:
            pass
        except RecursionError:
            self.fail(_TOO_DEEP, 0, len(self.data))
        return None

    def _refuse_the_rest(self) -> None:
        """Nobody knew better. What follows is read only for the lexer's mistakes."""
        try:
            self.unexpected("", "")
            self.resume(lambda: self.at_end)
        except Over:
            pass

    def expression(self, level: int) -> Expr:
        """An expression of operators that bind at least as tightly as `level`."""
        self._depth += 1
        if self._depth > _NESTED:
            self.fail(_TOO_DEEP, 0, len(self.data))
            raise Over
        tree = self._operators(level)
        self._depth -= 1
        return tree

    def _enclosed(self, *closers: str) -> Expr:
        """An expression that one of these marks must follow."""
        outer, self.closers = self.closers, closers
        try:
            return self.expression(0)
        finally:
            self.closers = outer

    def _operators(self, level: int) -> Expr:
        left = self._prefix()
        while True:
            op = self.token.word
            own = LEVELS.get(op, 0) if self.token.kind is Kind.OPERATOR else 0
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
        return self.postfix(self._primary())

    def _primary(self) -> Expr:
        token = self.token
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            return self.number()
        if token.kind is Kind.STRING:
            self.advance()
            return Text(value=unquote(token.text), start=token.start, end=token.end)
        if self.is_mark("("):
            self.advance()
            inner = self._enclosed(")")
            return Paren(expr=inner, start=token.start, end=self.expect_mark(")").end)
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
            or (token.kind is Kind.KEYWORD and token.word not in NOT_A_METRIC)
            or (token.kind is Kind.OPERATOR and token.word in SET_OPERATORS)
        )
        if not metric:
            raise Stop
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
        if function.experimental and not self.features.experimental_functions:
            self.fail(f"function {go_quote(word)} is not enabled", name.start, name.end)
        if word == "info" and len(args) > 1 and isinstance(args[1], VectorSelector):
            args = (args[0], replace(args[1], anything=True), *args[2:])
        return Call(function=function, args=args, start=name.start, end=end)

    def _arguments(self) -> tuple[Expr, ...]:
        self.expect_mark("(")
        args: list[Expr] = []
        if not self.is_mark(")"):
            args.append(self._enclosed(",", ")"))
            while self.is_mark(","):
                comma = self.advance()
                if self._trails():
                    self.fail("trailing commas not allowed in function call args", comma.start, comma.end)
                else:
                    args.append(self._enclosed(",", ")"))
        self.expect_mark(")")
        return tuple(args)

    def _trails(self) -> bool:
        """Is there no argument behind a comma?"""
        try:
            return not self.begins()
        except Stop:
            return True

    def _aggregation(self, name: Token) -> Expr:
        grouping: tuple[str, ...] = ()
        without = modified = False
        try:
            if self.token.kind is Kind.KEYWORD:
                without, modified = self.advance().word == "without", True
                grouping = self.label_list(lambda: self.resume(lambda: self.is_mark("(")))
            args = self._arguments()
        except Stop:
            self.unexpected("aggregation", "")
            self.fail(_NO_ARGUMENTS, name.start, max(name.start, self.last_closing))
            self.resume_expression()
            return Number(value=0.0, start=name.start, end=name.end)
        if not modified and self._modified_behind():
            without = self.advance().word == "without"
            grouping = self.label_list(self.resume_expression)
        start, end, op = name.start, self.last_closing, name.word
        nothing = Number(value=0.0, start=start, end=end)
        if not args:
            self.fail(_NO_ARGUMENTS, start, end)
            return nothing
        if op in EXPERIMENTAL_AGGREGATIONS and not self.features.experimental_functions:
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

    def _modified_behind(self) -> bool:
        try:
            return self.is_word("by", "without")
        except Stop:
            return False  # the aggregation as such is complete

    def _matching(self, op: str) -> tuple[bool, Matching | None]:
        """What may stand after an operator: bool, on/ignoring, group_left/right, fill."""
        return_bool = False
        if self.is_word("bool"):
            return_bool = True
            self.advance()
        matching = Matching(cardinality=Cardinality.MANY_TO_MANY if op in SET_OPERATORS else Cardinality.ONE_TO_ONE)
        if self.is_word("on", "ignoring"):
            on = self.advance().word == "on"
            matching = replace(matching, on=on, labels=self.label_list(lambda: self.resume(self._follows_labels)))
            if self.is_word("group_left", "group_right"):
                many = Cardinality.MANY_TO_ONE if self.advance().word == "group_left" else Cardinality.ONE_TO_MANY
                bare = self.begins() and not self.is_mark("(")
                include = () if bare else self.label_list(lambda: self.resume(self.begins))
                matching = replace(matching, cardinality=many, include=include)
        while self.token.kind is Kind.KEYWORD and self.token.word in _FILL and self.follower() == "(":
            matching = self._fill(matching)
        return return_bool, matching

    def _follows_labels(self) -> bool:
        return self.is_word("group_left", "group_right") or self.begins()

    def _fill(self, matching: Matching) -> Matching:
        token = self.advance()
        if not self.features.fill_modifiers:
            self.fail("binop fill modifiers are experimental and not enabled", token.start, token.end)
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
