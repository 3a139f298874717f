"""Walking a tree with data. Source of the rules and of the error texts: Go's text/template/exec.go.

The walk is bounded: steps (nodes, commands and loop turns), depth of `template` calls, and characters, both of the output
and of any text a function makes. What passes a bound fails as a template that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

from monitor.gotemplate import tree
from monitor.gotemplate.builtin_functions import BUILTINS, RAW
from monitor.gotemplate.format import sorted_keys, text_of
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
    sequence_of,
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


DEFAULT_LIMITS: Final = Limits()


class Writer(Protocol):
    """Turns what a template writes into what goes out: the seam for escaping."""

    def text(self, text: str) -> str:
        """The template's own text."""
        ...

    def value(self, value: Value) -> str:
        """What an action gives. Raises TemplateError."""
        ...


def execute(
    definition: tree.Definition,
    definitions: Mapping[str, tree.Definition],
    functions: Mapping[str, Function],
    data: Value,
    *,
    missing_key: MissingKey = MissingKey.INVALID,
    limits: Limits = DEFAULT_LIMITS,
    writer: Writer | None = None,
) -> str:
    """The text. `definitions` are the templates that `template` may call. Without a `writer`, values are printed as Go
    prints them. Raises TemplateError, and whatever a function raises beside ValueError."""
    return _Run(definitions, functions, missing_key, limits, writer).start(definition, data)


class _Leave(Enum):
    BREAK = "break"
    CONTINUE = "continue"


class _Absent(Enum):
    FINAL = "no final argument"


_ABSENT: Final = _Absent.FINAL


class _Run:
    __slots__ = (
        "definition",
        "definitions",
        "depth",
        "functions",
        "limits",
        "missing",
        "node",
        "out",
        "size",
        "steps",
        "variables",
        "writer",
    )

    def __init__(
        self,
        definitions: Mapping[str, tree.Definition],
        functions: Mapping[str, Function],
        missing: MissingKey,
        limits: Limits,
        writer: Writer | None,
    ) -> None:
        self.definitions = definitions
        self.functions = functions
        self.missing = missing
        self.limits = limits
        self.writer = writer
        self.out: list[str] = []
        self.size = 0
        self.steps = 0
        self.depth = 0
        self.variables: list[tuple[str, Value]] = []

    def start(self, definition: tree.Definition, data: Value) -> str:
        self.definition = definition
        self.node: tree.AnyNode = definition.root
        self.variables = [("$", data)]
        self._block(definition.root, data)
        return "".join(self.out)

    # -- errors and bounds

    def _error(self, message: str) -> TemplateError:
        place = self.definition.place(self.node.at)
        return TemplateError(f"template: {place}: executing {quote(self.definition.name)} at <{self.node}>: {message}")

    def _step(self, node: tree.AnyNode) -> None:
        self.node = node
        self.steps += 1
        if self.steps > self.limits.steps:
            raise self._error(f"more than {self.limits.steps} steps")

    def _emit(self, text: str) -> None:
        self.size += len(text)
        if self.size > self.limits.output:
            raise self._error(f"output longer than {self.limits.output} characters")
        self.out.append(text)

    # -- statements

    def _block(self, block: tree.Block, dot: Value) -> _Leave | None:
        for node in block.nodes:
            leave = self._walk(node, dot)
            if leave is not None:
                return leave
        return None

    def _walk(self, node: tree.Node, dot: Value) -> _Leave | None:
        self._step(node)
        match node:
            case tree.Text(text=text):
                self._emit(text if self.writer is None else self.writer.text(text))
            case tree.Action(pipe=pipe):
                value = self._pipe(pipe, dot)
                if not pipe.declared:
                    self.node = node
                    self._print(node, value)
            case tree.If() | tree.With():
                mark = len(self.variables)
                value = self._pipe(node.pipe, dot)
                leave = None
                if truth(value):
                    leave = self._block(node.body, value if isinstance(node, tree.With) else dot)
                elif node.otherwise is not None:
                    leave = self._block(node.otherwise, dot)
                del self.variables[mark:]
                return leave
            case tree.Range():
                return self._range(node, dot)
            case tree.Break():
                return _Leave.BREAK
            case tree.Continue():
                return _Leave.CONTINUE
            case tree.Invoke():
                self._invoke(node, dot)
            case tree.Block():
                return self._block(node, dot)
        return None

    def _print(self, node: tree.Action, value: Value) -> None:
        if isinstance(value, Function):
            raise self._error(f"can't print {node} of type func")
        if self.writer is not None:
            try:
                self._emit(self.writer.value(value))
            except TemplateError as error:
                raise self._error(str(error)) from error
        else:
            self._emit(value if isinstance(value, str) else text_of("<no value>" if value is None else value))

    def _range(self, node: tree.Range, dot: Value) -> _Leave | None:
        outer = len(self.variables)
        value = self._pipe(node.pipe, dot)
        pairs: list[tuple[Value, Value]]
        if value is None or value is NOTHING:
            pairs = []
        elif (mapping := mapping_of(value)) is not None:
            pairs = [(key, mapping[key]) for key in sorted_keys(mapping)]
        elif (sequence := sequence_of(value)) is not None:
            pairs = list(enumerate(sequence))
        elif isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.declared) > 1:
                raise self._error(f"can't use {value} to iterate over more than one variable")
            if value > self.limits.steps:
                raise self._error(f"more than {self.limits.steps} steps")
            pairs = [(number, number) for number in range(value)]
        else:
            raise self._error(f"range can't iterate over {text_of(value)}")
        mark = len(self.variables)
        leave = None
        for key, item in pairs:
            self._turn(node, key, item, mark)
            leave = self._block(node.body, item)
            del self.variables[mark:]
            if leave is _Leave.BREAK:
                break
        if not pairs and node.otherwise is not None:
            leave = self._block(node.otherwise, dot)
            del self.variables[outer:]
            return leave
        del self.variables[outer:]
        return None

    def _turn(self, node: tree.Range, key: Value, item: Value, mark: int) -> None:
        """Give the loop's variables their values: one variable is the element, of two the first is the key."""
        self._step(node)
        names = [variable.name for variable in node.pipe.declared]
        values = [item] if len(names) == 1 else [key, item]
        for number, (name, value) in enumerate(zip(names, values, strict=False)):
            if node.pipe.assigns:
                self._assign(name, value)
            else:
                self.variables[mark - len(names) + number] = (name, value)

    def _invoke(self, node: tree.Invoke, dot: Value) -> None:
        called = self.definitions.get(node.name)
        if called is None:
            raise self._error(f"template {quote(node.name)} not defined")
        if self.depth >= self.limits.depth:
            raise self._error(f"exceeded maximum template depth ({self.limits.depth})")
        value = self._pipe(node.pipe, dot) if node.pipe is not None else NOTHING
        outer = self.definition, self.variables
        self.definition, self.variables = called, [("$", value)]
        self.depth += 1
        self._block(called.root, value)
        self.depth -= 1
        self.definition, self.variables = outer

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
        if kind is INT and isinstance(value, float) and value.is_integer():
            return int(value)
        if kind.accepts(value):
            return value
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
            raise self._error(f"invalid value; expected {kind.name}")
        if isinstance(value, datetime):
            value = moment_of(value)
        if kind.accepts(value):
            return value
        raise self._error(f"wrong type for value; expected {kind.name}; got {go_type(value)}")


_CONSTANT_KINDS: Final = {STRING: "string", BOOL: "bool", INT: "integer", FLOAT: "float"}
