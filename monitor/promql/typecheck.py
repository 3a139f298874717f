"""Types and argument counts, after the text has been read.

Source of rules, texts and their order: prometheus promql/parser/parse.go, checkAST.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.model.labels import METRIC_NAME
from monitor.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Text,
    Unary,
    VectorSelector,
)
from monitor.promql.quoting import go_quote
from monitor.promql.signatures import COMPARISONS, SET_OPERATORS, WITH_PARAMETER, ValueType
from monitor.promql.tokens import Finding


def type_of(node: Expr) -> ValueType:
    """The type of an expression's value."""
    match node:
        case Number():
            return ValueType.SCALAR
        case Text():
            return ValueType.STRING
        case VectorSelector() | Aggregation():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call():
            return node.function.result
        case Paren() | Unary():
            return type_of(node.expr)
        case Binary():
            scalars = type_of(node.left) is ValueType.SCALAR and type_of(node.right) is ValueType.SCALAR
            return ValueType.SCALAR if scalars else ValueType.VECTOR


def check_types(tree: Expr, data: str, findings: list[Finding]) -> Expr:
    """The tree with matching settled (none between scalars), mistakes added to `findings`. `data` is the text as
    bytes."""
    return _Checker(data, findings).check(tree)[0]


class _Checker:
    def __init__(self, data: str, findings: list[Finding]) -> None:
        self._data = data
        self._findings = findings

    def check(self, node: Expr) -> tuple[Expr, ValueType]:
        """The settled node and its type. Walks down the left edge without recursion: `a + a + a + ...` may be long."""
        spine: list[Subquery | Paren | Unary | Binary] = []
        while isinstance(node, Subquery | Paren | Unary | Binary):
            spine.append(node)
            node = node.left if isinstance(node, Binary) else node.expr
        settled, kind = self._leaf(node)
        for parent in reversed(spine):
            settled, kind = self._on_spine(parent, settled, kind)
        return settled, kind

    def _leaf(
        self, node: Number | Text | VectorSelector | MatrixSelector | Aggregation | Call
    ) -> tuple[Expr, ValueType]:
        match node:
            case Number():
                return node, ValueType.SCALAR
            case Text():
                return node, ValueType.STRING
            case VectorSelector():
                self._selector(node)
                return node, ValueType.VECTOR
            case MatrixSelector():
                self._selector(node.selector)
                return node, ValueType.MATRIX
            case Aggregation():
                return self._aggregation(node), ValueType.VECTOR
            case Call():
                return self._call(node), node.function.result

    def _on_spine(
        self, node: Subquery | Paren | Unary | Binary, inner: Expr, kind: ValueType
    ) -> tuple[Expr, ValueType]:
        """A node whose left or only operand has been checked already."""
        match node:
            case Subquery():
                if kind is not ValueType.VECTOR:
                    self._fail(f"subquery is only allowed on instant vector, got {kind.value} instead", node)
                return replace(node, expr=inner), ValueType.MATRIX
            case Paren():
                return replace(node, expr=inner), kind
            case Unary():
                if kind not in (ValueType.SCALAR, ValueType.VECTOR):
                    problem = "unary expression only allowed on expressions of type scalar or instant vector"
                    self._fail(f"{problem}, got {go_quote(kind.spoken)}", node)
                return replace(node, expr=inner), kind
            case Binary():
                return self._binary(node, inner, kind)

    def _fail(self, message: str, node: Expr) -> None:
        self._findings.append(Finding(message, node.start, node.end))

    def _expect(self, node: Expr, wanted: ValueType, context: str) -> Expr:
        settled, kind = self.check(node)
        if kind is not wanted:
            self._fail(f"expected type {wanted.spoken} in {context}, got {kind.spoken}", node)
        return settled

    def _selector(self, node: VectorSelector) -> None:
        if node.name:
            for matcher in node.matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    names = f"{go_quote(node.name)} or {go_quote(matcher.value)}"
                    self._fail(f"metric name must not be set twice: {names}", node)
        elif not node.anything and all(matcher.matches("") for matcher in node.matchers):
            self._fail("vector selector must contain at least one non-empty matcher", node)

    def _aggregation(self, node: Aggregation) -> Aggregation:
        inner = self._expect(node.expr, ValueType.VECTOR, "aggregation expression")
        param = node.param
        if param is not None and node.op in WITH_PARAMETER:
            wanted = ValueType.STRING if node.op == "count_values" else ValueType.SCALAR
            param = self._expect(param, wanted, "aggregation parameter")
        return replace(node, expr=inner, param=param)

    def _call(self, node: Call) -> Call:
        wanted, name = node.function.arguments, go_quote(node.function.name)
        given = len(node.args)
        if node.function.variadic == 0:
            if given != len(wanted):
                self._fail(f"expected {len(wanted)} argument(s) in call to {name}, got {given}", node)
        else:
            least = len(wanted) - 1
            most = least + node.function.variadic
            if given < least:
                self._fail(f"expected at least {least} argument(s) in call to {name}, got {given}", node)
            elif node.function.variadic > 0 and given > most:
                self._fail(f"expected at most {most} argument(s) in call to {name}, got {given}", node)
        if node.function.name == "info" and given > 1:
            second = node.args[1]
            if not isinstance(second, VectorSelector):
                self._fail("expected label selectors only", second)
                return node
            if second.name or any(matcher.name == METRIC_NAME and matcher.value == "" for matcher in second.matchers):
                self._fail("expected label selectors only, got vector selector instead", second)
                return node
        settled: list[Expr] = []
        for place, argument in enumerate(node.args):
            if place >= len(wanted) and node.function.variadic == 0:
                break
            kind = wanted[min(place, len(wanted) - 1)]
            settled.append(self._expect(argument, kind, f"call to function {name}"))
        return replace(node, args=tuple(settled))

    def _binary(self, node: Binary, left: Expr, left_type: ValueType) -> tuple[Expr, ValueType]:
        right, right_type = self.check(node.right)
        scalar = (left_type is ValueType.SCALAR, right_type is ValueType.SCALAR)
        if node.return_bool and node.op not in COMPARISONS:
            self._fail_at_operator("bool modifier can only be used on comparison operators", node)
        if node.op in COMPARISONS and not node.return_bool and all(scalar):
            self._fail_at_operator("comparisons between scalars must use BOOL modifier", node)
        matching = node.matching
        if matching is not None and matching.on:
            for label in matching.labels:
                if label in matching.include:
                    problem = "must not occur in ON and GROUP clause at once"
                    self._fail_at_operator(f"label {go_quote(label)} {problem}", node)
        for kind, side in ((left_type, node.left), (right_type, node.right)):
            if kind not in (ValueType.SCALAR, ValueType.VECTOR):
                self._fail("binary expression must contain only scalar and instant vector types", side)
        quoted = go_quote(node.op)
        both = left_type is ValueType.VECTOR and right_type is ValueType.VECTOR
        if matching is not None:
            filled = matching.fill_left is not None or matching.fill_right is not None
            if not both:
                if matching.labels:
                    self._fail("vector matching only allowed between instant vectors", node)
                elif filled:
                    self._fail("filling in missing series only allowed between instant vectors", node)
                matching = None
            elif node.op in SET_OPERATORS:
                if matching.cardinality is not Cardinality.MANY_TO_MANY:
                    self._fail(f"no grouping allowed for {quoted} operation", node)
                    self._fail("set operations must always be many-to-many", node)
                if filled:
                    self._fail("filling in missing series not allowed for set operators", node)
        if any(scalar) and node.op in SET_OPERATORS:
            self._fail(f"set operator {quoted} not allowed in binary scalar expression", node)
        settled = replace(node, left=left, right=right, matching=matching)
        return settled, ValueType.SCALAR if all(scalar) else ValueType.VECTOR

    def _fail_at_operator(self, message: str, node: Binary) -> None:
        """Such mistakes point at the operator with its modifiers; Prometheus leaves the last byte out."""
        start = node.left.end
        while self._data[start] in " \t\n\r":
            start += 1
        end = node.right.start - 1
        while self._data[end] in " \t\n\r":
            end -= 1
        self._findings.append(Finding(message, start, end))
