"""What the expressions of a template mean: pipelines, commands, fields, arguments. Source: Go's text/template/exec.go.

`node` is the node that an error would name; it follows the walk in the same steps as Go's does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from monitor.gotemplate import tree
from monitor.gotemplate.builtin_functions import BUILTINS, RAW
from monitor.gotemplate.moments import moment_of
from monitor.gotemplate.values import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NOTHING,
    STRING,
    Function,
    Kind,
    Object,
    Value,
    go_type,
    mapping_of,
    truth,
    zero_of,
)
from monitor.model.errors import TemplateError
from monitor.model.labels import quote


class MissingKey(Enum):
    """What a key that a map lacks stands for: Go's `missingkey` option."""

    INVALID = "invalid"
    """`<no value>`."""
    ZERO = "zero"
    """The zero value of the map's elements."""
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use."""

    steps: int = 500_000
    depth: int = 40
    """Of `template` calls within each other."""
    output: int = 1 << 20
    """Characters, of the whole and of each text a function makes."""


class _Absent(Enum):
    FINAL = "no final argument"


_ABSENT: Final = _Absent.FINAL


class Evaluation:
    """The expressions of one execution, and the state that they share with its statements."""

    def __init__(
        self,
        definition: tree.Definition,
        functions: Mapping[str, Function],
        missing: MissingKey,
        limits: Limits,
        data: Value,
    ) -> None:
        self.definition = definition
        """The template that is being walked."""
        self.functions = functions
        self.missing = missing
        self.limits = limits
        self.node: tree.AnyNode = definition.root
        self.steps = 0
        self.variables: list[tuple[str, Value]] = [("$", data)]

    # -- errors and bounds

    def _error(self, message: str) -> TemplateError:
        place = self.definition.place(self.node.at)
        return TemplateError(f"template: {place}: executing {quote(self.definition.name)} at <{self.node}>: {message}")

    def _step(self, node: tree.AnyNode) -> None:
        self.node = node
        self.steps += 1
        if self.steps > self.limits.steps:
            raise self._error(f"more than {self.limits.steps} steps")

    # -- variables

    def _assign(self, name: str, value: Value) -> None:
        for number in range(len(self.variables) - 1, -1, -1):
            if self.variables[number][0] == name:
                self.variables[number] = (name, value)
                return
        raise self._error(f"undefined variable: {name}")

    def _variable(self, name: str) -> Value:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self._error(f"undefined variable: {name}")

    # -- expressions

    def _pipe(self, pipe: tree.Pipe, dot: Value) -> Value:
        self._step(pipe)
        value: Value = _ABSENT
        for command in pipe.commands:
            value = self._command(command, dot, value)
        for variable in pipe.declared:
            if pipe.assigns:
                self._assign(variable.name, value)
            else:
                self.variables.append((variable.name, value))
        return value

    def _command(self, command: tree.Command, dot: Value, final: Value) -> Value:
        first, rest = command.operands[0], command.operands[1:]
        match first:
            case tree.Field() | tree.Chain() | tree.Variable():
                return self._fields(first, dot, rest, final)
            case tree.Identifier():
                self._step(first)
                return self._function(first.name, command, dot, rest, final)
            case tree.Pipe():
                self._no_arguments(first, rest, final)
                return self._pipe(first, dot)
            case tree.Constant() | tree.Dot() | tree.Nil():
                self._step(first)
                self._no_arguments(first, rest, final)
                if isinstance(first, tree.Constant):
                    return self._constant(first)
                if isinstance(first, tree.Dot):
                    return dot
                raise self._error("nil is not a command")

    def _no_arguments(self, node: tree.Operand, rest: Sequence[tree.Operand], final: Value) -> None:
        if rest or final is not _ABSENT:
            raise self._error(f"can't give argument to non-function {node}")

    def _constant(self, node: tree.Constant) -> Value:
        if node.ideal and isinstance(node.value, int) and not -(2**63) <= node.value < 2**63:
            raise self._error(f"{node.source} overflows int")
        return node.value

    def _fields(
        self, node: tree.Field | tree.Chain | tree.Variable, dot: Value, rest: Sequence[tree.Operand], final: Value
    ) -> Value:
        self._step(node)
        match node:
            case tree.Field():
                value = dot
            case tree.Variable():
                value = self._variable(node.name)
                if not node.names:
                    self._no_arguments(node, rest, final)
                    return value
            case tree.Chain():
                if isinstance(node.base, tree.Nil):
                    raise self._error(f"indirection through explicit nil in {node}")
                value = self._operand(node.base, dot, RAW)
        last = len(node.names) - 1
        for number, name in enumerate(node.names):
            value = self._field(
                node, name, value, dot, rest if number == last else (), final if number == last else _ABSENT
            )
        return value

    def _field(
        self,
        node: tree.Field | tree.Chain | tree.Variable,
        name: str,
        receiver: Value,
        dot: Value,
        rest: Sequence[tree.Operand],
        final: Value,
    ) -> Value:
        if receiver is None or receiver is NOTHING:
            if self.missing is MissingKey.ERROR:
                raise self._error(f'nil data; no entry for key "{name}"')
            return NOTHING
        if isinstance(receiver, datetime):
            receiver = moment_of(receiver)
        given = bool(rest) or final is not _ABSENT
        if isinstance(receiver, Object):
            method = receiver.go_methods().get(name)
            if method is not None:
                return self._call(name, method, node, dot, rest, final)
            fields = receiver.go_fields()
            if fields is not None and name in fields:
                if given:
                    raise self._error(f"{name} has arguments but cannot be invoked as function")
                return fields[name]
        mapping = mapping_of(receiver)
        if mapping is not None:
            if given:
                raise self._error(f"{name} is not a method but has arguments")
            if name in mapping:
                return mapping[name]
            match self.missing:
                case MissingKey.INVALID:
                    return NOTHING
                case MissingKey.ZERO:
                    return zero_of(mapping)
                case MissingKey.ERROR:
                    raise self._error(f'map has no entry for key "{name}"')
        raise self._error(f"can't evaluate field {name} in type {go_type(receiver)}")

    def _function(
        self, name: str, node: tree.Command | tree.Identifier, dot: Value, rest: Sequence[tree.Operand], final: Value
    ) -> Value:
        function = self.functions.get(name)
        if function is None:
            function = BUILTINS.get(name)
            if function is None:
                raise self._error(f'"{name}" is not a defined function')
            if name in ("and", "or") and (rest or final is not _ABSENT):
                return self._short_circuit(name == "or", dot, rest, final)
        return self._call(name, function, node, dot, rest, final)

    def _short_circuit(self, stop_at: bool, dot: Value, rest: Sequence[tree.Operand], final: Value) -> Value:
        value: Value = NOTHING
        for operand in rest:
            value = self._operand(operand, dot, RAW)
            if truth(value) is stop_at:
                return value
        return value if final is _ABSENT else final

    def _call(
        self,
        name: str,
        function: Function,
        node: tree.AnyNode,
        dot: Value,
        rest: Sequence[tree.Operand],
        final: Value,
    ) -> Value:
        given = len(rest) + (final is not _ABSENT)
        wanted = len(function.parameters)
        if function.rest is not None:
            if given < wanted:
                raise self._error(f"wrong number of args for {name}: want at least {wanted} got {len(rest)}")
        elif given != wanted:
            raise self._error(f"wrong number of args for {name}: want {wanted} got {given}")
        if function.results != 1:
            raise self._error(f"can't call method/function {quote(name)} with {function.results} results")
        extra = function.rest or ANY
        arguments = [
            self._operand(operand, dot, function.parameters[number] if number < wanted else extra)
            for number, operand in enumerate(rest)
        ]
        if final is not _ABSENT:
            kind = function.parameters[given - 1] if given - 1 < wanted else extra
            arguments.append(self._fit(final, kind))
        try:
            value = function.call(*arguments)
        except ValueError as error:
            self.node = node
            raise self._error(f"error calling {name}: {error}") from error
        if isinstance(value, str) and len(value) > self.limits.output:
            raise self._error(f"text longer than {self.limits.output} characters")
        return value

    def _operand(self, node: tree.Operand, dot: Value, kind: Kind) -> Value:
        """An argument of a function that wants this kind."""
        self._step(node)
        match node:
            case tree.Constant():
                return self._constant_as(node, kind)
            case tree.Dot():
                return self._fit(dot, kind)
            case tree.Nil():
                if kind is ANY or kind is RAW:
                    return None
                if kind.nil is not None:
                    return kind.nil()
                raise self._error(f"cannot assign nil to {kind.name}")
            case tree.Field() | tree.Chain() | tree.Variable():
                return self._fit(self._fields(node, dot, (), _ABSENT), kind)
            case tree.Pipe():
                return self._fit(self._pipe(node, dot), kind)
            case tree.Identifier():
                return self._fit(self._function(node.name, node, dot, (), _ABSENT), kind)

    def _constant_as(self, node: tree.Constant, kind: Kind) -> Value:
        value = self._constant(node)
        if kind is FLOAT and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if kind.accepts(value):
            return value
        if isinstance(value, float) and value.is_integer() and kind.accepts(int(value)):
            return int(value)
        name = _CONSTANT_KINDS.get(kind)
        if name is not None:
            raise self._error(f"expected {name}; found {node}")
        raise self._error(f"can't handle {node} for arg of type {kind.name}")

    def _fit(self, value: Value, kind: Kind) -> Value:
        if kind is RAW:
            return value
        if value is None or value is NOTHING:
            if kind is ANY:
                return None
            if kind.nil is not None:
                return kind.nil()
            raise self._error(f"invalid value; expected {kind.name}")
        if isinstance(value, datetime):
            value = moment_of(value)
        if kind.accepts(value):
            return value
        raise self._error(f"wrong type for value; expected {kind.name}; got {go_type(value)}")


_CONSTANT_KINDS: Final = {STRING: "string", BOOL: "bool", INT: "integer", FLOAT: "float"}
